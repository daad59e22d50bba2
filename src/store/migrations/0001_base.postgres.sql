-- SPDX-License-Identifier: Apache-2.0
-- The schema of the store, PostgreSQL. Its twin for SQLite has the same tables and columns. Keys are
-- compared by byte (collation "C"), as SQLite does, whatever the locale of the database.
-- Times are milliseconds since 1970 (UTC), digests are 64 hexadecimal digits.
-- Every key begins with the tenant. In the index of changes the key is the slot: the tenant's
-- number in the upper bits and the change's number in the lower 40, so that one whole number
-- separates tenants, orders newest first, and serves as the row id of the full-text index.

create table ledger_head (
    id bigint primary key,
    size bigint not null,
    frontier text not null
);
insert into ledger_head (id, size, frontier) values (1, 0, '');

create table event (
    seq bigint primary key,
    tenant text collate "C" not null,
    kind text collate "C" not null,
    stream text collate "C" not null,
    version bigint not null,
    type text not null,
    at bigint not null,
    leaf text not null,
    body text not null
);
create unique index event_stream on event (tenant, kind, stream, version);
create index event_tenant on event (tenant, seq);

create table ledger_node (
    level bigint not null,
    position bigint not null,
    hash text not null,
    primary key (level, position)
);

create table checkpoint (
    size bigint primary key,
    at bigint not null,
    note text not null
);

create table stream (
    tenant text collate "C" not null,
    kind text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    removed bigint not null,
    state text collate "C" not null,
    primary key (tenant, kind, id)
);

create table kind_version (
    tenant text collate "C" not null,
    kind text collate "C" not null,
    version bigint not null,
    primary key (tenant, kind)
);

create table tenant (
    tenant text collate "C" primary key,
    number bigint not null unique
);

create table counter (
    tenant text collate "C" not null,
    name text collate "C" not null,
    value bigint not null,
    primary key (tenant, name)
);

create table change_index (
    slot bigint primary key,
    tenant text collate "C" not null,
    id text collate "C" not null,
    state text collate "C" not null,
    type text not null,
    requester text collate "C" not null,
    change_owner text collate "C" not null,
    meeting text collate "C" not null,
    window_start bigint,
    window_end bigint,
    wake_at bigint,
    cis text not null,
    summary text not null
);
create index change_state on change_index (state, slot);
create index change_requester on change_index (requester, slot);
create index change_owner on change_index (change_owner, slot);
create index change_meeting on change_index (meeting, slot) where meeting <> '';
create index change_window on change_index (tenant, window_end, window_start)
    where window_end is not null;
create index change_wake on change_index (wake_at) where wake_at is not null;

create table change_ci (
    tenant text collate "C" not null,
    ci text collate "C" not null,
    slot bigint not null,
    primary key (tenant, ci, slot)
);
create index change_ci_slot on change_ci (slot);

-- The words come from src/store/search.cpp: lower case, one space between them. They go into the
-- vector as they are, without a parser or a dictionary, so both databases find the same.
create table search (
    rowid bigint primary key,
    words text not null,
    vector tsvector not null
        generated always as (array_to_tsvector(string_to_array(words, ' '))) stored
);
create index search_vector on search using gin (vector);

create table task (
    id bigint generated always as identity primary key,
    tenant text collate "C" not null,
    kind text collate "C" not null,
    change text collate "C" not null,
    payload text not null,
    due_at bigint not null,
    lease text not null,
    attempts bigint not null,
    dead bigint not null,
    last_error text not null
);
create index task_due on task (due_at, id) where dead = 0;
create index task_change on task (tenant, change, id);

-- A secret is presented before its tenant is known, so here the digest is the key.
create table bearer (
    digest text collate "C" primary key,
    tenant text collate "C" not null,
    person text collate "C" not null,
    id text collate "C" not null,
    kind text collate "C" not null,
    scopes text not null,
    label text not null,
    created_at bigint not null,
    expires_at bigint not null
);
create index bearer_person on bearer (tenant, person, id);
create index bearer_expires on bearer (expires_at);

create table credential (
    tenant text collate "C" not null,
    person text collate "C" not null,
    password_hash text not null,
    failures bigint not null,
    locked_until bigint,
    primary key (tenant, person)
);

create table answer (
    tenant text collate "C" not null,
    person text collate "C" not null,
    name text collate "C" not null,
    request text not null,
    status bigint not null,
    body text not null,
    etag text not null,
    at bigint not null,
    primary key (tenant, person, name)
);
create index answer_at on answer (at);

create table blob (
    tenant text collate "C" not null,
    digest text collate "C" not null,
    upload bigint not null,
    size bigint not null,
    primary key (tenant, digest)
);

create table blob_upload (
    tenant text collate "C" not null,
    upload bigint not null,
    seen_at bigint,
    primary key (tenant, upload)
);

create table blob_chunk (
    tenant text collate "C" not null,
    upload bigint not null,
    position bigint not null,
    data text not null,
    primary key (tenant, upload, position)
);

create table setting (
    name text collate "C" primary key,
    value text not null
);
