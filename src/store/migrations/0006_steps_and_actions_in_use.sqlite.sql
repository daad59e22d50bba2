-- SPDX-License-Identifier: Apache-2.0
-- To whom the open steps of a change are assigned stands in its row until it is over, and who owns
-- an action of it that is open, longer. Here as its document has them, which may lack its last 16
-- events, so what is stale is written down: a server that starts makes it anew of the entries.

update change_index set records = '[' || substr(
    case when records = '[]' then '' else ',' || substr(records, 2, length(records) - 2) end ||
    coalesce((
        select group_concat(part, '') from (
            select distinct ',"assignee/' || json_extract(step.value, '$.assignee') || '"' as part
            from document d, json_each(d.state, '$.steps') step
            where d.tenant = change_index.tenant and d.kind = 'change' and d.id = change_index.id
            and change_index.state not in ('closed', 'cancelled')
            and json_extract(step.value, '$.state') = 'open'
            and json_extract(step.value, '$.assignee') <> ''
            order by part)), '') ||
    coalesce((
        select group_concat(part, '') from (
            select distinct ',"action_owner/' || json_extract(action.value, '$.owner') || '"' as part
            from document d, json_each(d.state, '$.actions') action
            where d.tenant = change_index.tenant and d.kind = 'change' and d.id = change_index.id
            and json_extract(action.value, '$.done_at') is null
            and json_extract(action.value, '$.owner') <> ''
            order by part)), ''), 2) || ']';

create table if not exists stale (what text primary key);
insert into stale (what) select 'states' where exists (select 1 from event) on conflict do nothing;
