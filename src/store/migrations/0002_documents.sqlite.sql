-- SPDX-License-Identifier: Apache-2.0
-- The state document of a stream leaves the row of its version: a command writes the small row
-- always, the large document now and then. `version` says which events a document contains; those
-- after it are applied when it is loaded. The items of a change get the end of its window, so that
-- the changes that may be in its way are found by one range of an index.

create table document (
    tenant text not null,
    kind text not null,
    id text not null,
    version integer not null,
    state text not null,
    primary key (tenant, kind, id)
);
insert into document (tenant, kind, id, version, state)
    select tenant, kind, id, version, state from stream;
alter table stream drop column state;

alter table change_ci add column window_end integer;
update change_ci set window_end =
    (select i.window_end from change_index i where i.slot = change_ci.slot);
create index change_ci_window on change_ci (tenant, ci, window_end) where window_end is not null;
