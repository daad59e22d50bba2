-- SPDX-License-Identifier: Apache-2.0
-- The board, standard change, rings and roster that a change uses until it is over stand in its
-- row, so that none is removed beneath it. Here as its document has them, which may lack its last
-- 16 events: the next command on the change, or slipway admin rebuild, adds what those say.

alter table change_index add column records text not null default '[]';
update change_index set records = coalesce((
    select '[' || substr(
        coalesce(',"board/' ||
            coalesce(nullif(json_extract(d.state, '$.queue.board'), ''),
                nullif(json_extract(d.state, '$.decision.board'), '')) || '"', '') ||
        coalesce(',"catalogue_entry/' ||
            nullif(json_extract(d.state, '$.classification.catalogue_entry'), '') || '"', '') ||
        coalesce(',"ring/' ||
            nullif(json_extract(d.state, '$.production_ring'), '') || '"', '') ||
        coalesce(',"ring/' ||
            nullif(json_extract(d.state, '$.test_ring'), '') || '"', '') ||
        coalesce(',"roster/' ||
            nullif(json_extract(d.state, '$.roster'), '') || '"', ''), 2) || ']'
    from document d where d.tenant = change_index.tenant and d.kind = 'change'
    and d.id = change_index.id), '[]')
    where state not in ('closed', 'cancelled');
