-- SPDX-License-Identifier: Apache-2.0
-- The board, standard change, rings and roster that a change uses until it is over stand in its
-- row, so that none is removed beneath it. Here as its document has them, which may lack its last
-- 16 events: the next command on the change, or slipway admin rebuild, adds what those say.

alter table change_index add column records text collate "C" not null default '[]';
update change_index set records = coalesce((
    select '[' || substr(
        coalesce(',"board/' ||
            coalesce(nullif(cast(d.state as json) #>> '{queue,board}', ''),
                nullif(cast(d.state as json) #>> '{decision,board}', '')) || '"', '') ||
        coalesce(',"catalogue_entry/' ||
            nullif(cast(d.state as json) #>> '{classification,catalogue_entry}', '') || '"', '') ||
        coalesce(',"ring/' ||
            nullif(cast(d.state as json) #>> '{production_ring}', '') || '"', '') ||
        coalesce(',"ring/' ||
            nullif(cast(d.state as json) #>> '{test_ring}', '') || '"', '') ||
        coalesce(',"roster/' ||
            nullif(cast(d.state as json) #>> '{roster}', '') || '"', ''), 2) || ']'
    from document d where d.tenant = change_index.tenant and d.kind = 'change'
    and d.id = change_index.id), '[]')
    where state not in ('closed', 'cancelled');
