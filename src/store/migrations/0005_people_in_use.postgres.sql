-- SPDX-License-Identifier: Apache-2.0
-- Who carries a change out, and who decides on its way back, stand in its row until it is over, so
-- that none of them is removed meanwhile. Here as its document has them, which may lack its last 16
-- events: the next command on the change, or slipway admin rebuild, adds what those say.

update change_index set records = coalesce((
    select '[' || substr(
        case when change_index.records = '[]' then ''
            else ',' || substr(change_index.records, 2, length(change_index.records) - 2) end ||
        coalesce(',"implementer/' ||
            nullif(cast(d.state as json) #>> '{implementer}', '') || '"', '') ||
        coalesce(',"rollback_owner/' ||
            nullif(cast(d.state as json) #>> '{rollback_owner}', '') || '"', '') ||
        coalesce(',"rollback_backup/' ||
            nullif(cast(d.state as json) #>> '{rollback_backup}', '') || '"', ''), 2) || ']'
    from document d where d.tenant = change_index.tenant and d.kind = 'change'
    and d.id = change_index.id), records)
    where state not in ('closed', 'cancelled');
