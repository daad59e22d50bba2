-- SPDX-License-Identifier: Apache-2.0
-- An auditor lists the changes whose classification is not what the rules proposed. That stands in
-- the summary from now on; here it is taken from the last classification among a change's events.

update change_index
    set summary = substr(summary, 1, length(summary) - 1) || ',"overridden":true}'
    where exists (
        select 1 from event e
        where e.tenant = change_index.tenant and e.kind = 'change' and e.stream = change_index.id
        and e.type = 'change_classified' and replace(e.body, '"overridden"', '') <> e.body
        and not exists (
            select 1 from event later
            where later.tenant = e.tenant and later.kind = e.kind and later.stream = e.stream
            and later.version > e.version and later.type = e.type
        )
    );
