-- SPDX-License-Identifier: Apache-2.0
-- The schema of the store, SQLite. Its twin for PostgreSQL has the same tables and columns.
-- Times are milliseconds since 1970 (UTC), digests are 64 hexadecimal digits.
-- Every key begins with the tenant. In the index of changes the key is the slot: the tenant's
-- number in the upper bits and the change's number in the lower 40, so that one whole number
-- separates tenants, orders newest first, and serves as the row id of the full-text index.

create table ledger_head (
    id integer primary key,
    size integer not null,
    frontier text not null
);
insert into ledger_head (id, size, frontier) values (1, 0, '');

create table event (
    seq integer primary key,
    tenant text not null,
    kind text not null,
    stream text not null,
    version integer not null,
    type text not null,
    at integer not null,
    leaf text not null,
    body text not null
);
create unique index event_stream on event (tenant, kind, stream, version);
create index event_tenant on event (tenant, seq);

create table ledger_node (
    level integer not null,
    position integer not null,
    hash text not null,
    primary key (level, position)
) without rowid;

create table checkpoint (
    size integer primary key,
    at integer not null,
    note text not null
);

create table stream (
    tenant text not null,
    kind text not null,
    id text not null,
    version integer not null,
    removed integer not null,
    state text not null,
    primary key (tenant, kind, id)
);

create table kind_version (
    tenant text not null,
    kind text not null,
    version integer not null,
    primary key (tenant, kind)
) without rowid;

create table tenant (
    tenant text primary key,
    number integer not null unique
) without rowid;

create table counter (
    tenant text not null,
    name text not null,
    value integer not null,
    primary key (tenant, name)
) without rowid;

create table change_index (
    slot integer primary key,
    tenant text not null,
    id text not null,
    state text not null,
    type text not null,
    requester text not null,
    change_owner text not null,
    meeting text not null,
    window_start integer,
    window_end integer,
    wake_at integer,
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
    tenant text not null,
    ci text not null,
    slot integer not null,
    primary key (tenant, ci, slot)
) without rowid;
create index change_ci_slot on change_ci (slot);

-- The words come from src/store/search.cpp: lower case, one space between them. The ascii
-- tokenizer splits nothing further, so both databases find the same.
create virtual table search using fts5 (words, tokenize = 'ascii', detail = none, prefix = '1 2 3');

create table task (
    id integer primary key autoincrement,
    tenant text not null,
    kind text not null,
    change text not null,
    payload text not null,
    due_at integer not null,
    lease text not null,
    attempts integer not null,
    dead integer not null,
    last_error text not null
);
create index task_due on task (due_at, id) where dead = 0;
create index task_change on task (tenant, change, id);

-- A secret is presented before its tenant is known, so here the digest is the key.
create table bearer (
    digest text primary key,
    tenant text not null,
    person text not null,
    id text not null,
    kind text not null,
    scopes text not null,
    label text not null,
    created_at integer not null,
    expires_at integer not null
) without rowid;
create index bearer_person on bearer (tenant, person, id);
create index bearer_expires on bearer (expires_at);

create table credential (
    tenant text not null,
    person text not null,
    password_hash text not null,
    failures integer not null,
    locked_until integer,
    primary key (tenant, person)
) without rowid;

create table answer (
    tenant text not null,
    person text not null,
    name text not null,
    request text not null,
    status integer not null,
    body text not null,
    etag text not null,
    at integer not null,
    primary key (tenant, person, name)
);
create index answer_at on answer (at);

create table blob (
    tenant text not null,
    digest text not null,
    upload integer not null,
    size integer not null,
    primary key (tenant, digest)
) without rowid;

create table blob_upload (
    tenant text not null,
    upload integer not null,
    seen_at integer,
    primary key (tenant, upload)
) without rowid;

create table blob_chunk (
    tenant text not null,
    upload integer not null,
    position integer not null,
    data text not null,
    primary key (tenant, upload, position)
);

create table setting (
    name text primary key,
    value text not null
) without rowid;
