-- SPDX-License-Identifier: Apache-2.0
-- To whom the open steps of a change are assigned stands in its row until it is over, and who owns
-- an action of it that is open, longer. Here as its document has them, which may lack its last 16
-- events, so what is stale is written down: a server that starts makes it anew of the entries.

update change_index set records = '[' || substr(
    case when records = '[]' then '' else ',' || substr(records, 2, length(records) - 2) end ||
    coalesce((
        select string_agg(part, '' order by part collate "C") from (
            select distinct ',"assignee/' || (step.value #>> '{assignee}') || '"' as part
            from document d, json_each(cast(d.state as json) #> '{steps}') step
            where d.tenant = change_index.tenant and d.kind = 'change' and d.id = change_index.id
            and change_index.state not in ('closed', 'cancelled')
            and step.value #>> '{state}' = 'open'
            and step.value #>> '{assignee}' <> '') assigned), '') ||
    coalesce((
        select string_agg(part, '' order by part collate "C") from (
            select distinct ',"action_owner/' || (action.value #>> '{owner}') || '"' as part
            from document d, json_array_elements(cast(d.state as json) #> '{actions}') action
            where d.tenant = change_index.tenant and d.kind = 'change' and d.id = change_index.id
            and action.value #>> '{done_at}' is null
            and action.value #>> '{owner}' <> '') owned), ''), 2) || ']';

create table if not exists stale (what text primary key);
insert into stale (what) select 'states' where exists (select 1 from event) on conflict do nothing;
