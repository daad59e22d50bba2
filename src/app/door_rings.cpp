// SPDX-License-Identifier: Apache-2.0
// Rings, through the door: that none for tests is production, and what is found on their hosts:
// asking for it, importing it, keeping it.
#include <algorithm>

#include "app/door_inside.hpp"
#include "app/event.hpp"
#include "app/unreadable.hpp"
#include "domain/change/decision.hpp"
#include "domain/change/tasks.hpp"
#include "domain/records/host_facts.hpp"
#include "domain/records/ring_machines.hpp"

namespace slipway::app {

namespace {

using domain::Permission;

Result<domain::RingRecord> ring_of(const StoredStream& stored) {
    if (stored.removed)
        return fail(ErrorCode::not_found, "there is no ring " + stored.key.id);
    auto ring = restore<domain::RingRecord>(std::string_view(stored.state));
    if (!ring)
        return unreadable_state(stored.key, ring.error());
    return ring;
}

Result<StoredStream> load_ring(Store& store, const TenantId& tenant, const std::string& ring) {
    auto stored = store.load({tenant, "ring", ring});
    if (!stored && stored.error().code == ErrorCode::not_found)
        return fail(ErrorCode::not_found, "there is no ring " + ring.substr(0, 64));
    return stored;
}

domain::RingHost* find_host(domain::RingRecord& ring, const HostFound& found) {
    const auto host = std::find_if(ring.hosts.begin(), ring.hosts.end(), [&](const auto& known) {
        return known.host == found.host && known.address == found.address;
    });
    return host == ring.hosts.end() ? nullptr : &*host;
}

Result<Digest> keep_facts(Store& store, const TenantId& tenant, const domain::HostFacts& facts) {
    auto blob = TRY(store.new_blob(tenant));
    TRY(blob->write(domain::write_facts(facts)));
    return blob->finish();
}

Result<domain::HostFacts> read_facts(Store& store, const TenantId& tenant, const Digest& document) {
    std::string bytes;
    TRY(store.read_blob(tenant, document, [&](std::string_view chunk) {
        bytes += chunk;
        return Result<void>{};
    }));
    return TRY(domain::read_fact_document(bytes)).facts;
}

// Errors name the place in the request.
Result<domain::FactDocument> read_document(const Json& printed) {
    auto document = domain::read_fact_document(to_text(printed));
    if (!document)
        for (auto& field : document.error().fields)
            field.field = "document." + field.field;
    return document;
}

// A host as people and programs see it: what is known of it and where that comes from.
struct ShownHost {
    std::string host;
    std::string role;
    std::string address;
    std::optional<domain::FactsFound> found;
    std::optional<Time> facts_at;
    domain::HostFacts facts;

    SLIPWAY_FIELDS {
        visit("host", self.host);
        visit("role", self.role);
        visit("address", self.address);
        visit("found", self.found);
        visit("facts_at", self.facts_at);
        visit("facts", self.facts);
    }
};

// Says who wanted a ring looked at, in the ledger; the task carries it out.
struct GatherAsked {
    std::string ring;
    std::uint32_t hosts = 0;

    SLIPWAY_FIELDS {
        visit("ring", self.ring);
        visit("hosts", self.hosts);
    }
};

} // namespace

Result<domain::FactsByDocument>
Door::Inside::gathered_facts(const TenantId& tenant, const domain::RingRecord& ring) const {
    domain::FactsByDocument gathered;
    for (const auto& host : ring.hosts)
        if (host.found && host.found->transcript != Digest{})
            gathered[host.found->transcript] =
                TRY(read_facts(parts.store, tenant, host.found->transcript));
    return gathered;
}

Result<void>
Door::Inside::require_no_gathering(const TenantId& tenant, const std::string& ring) const {
    for (const auto& task : TRY(tasks_in_hand({.tenant = tenant, .kind = "gather"}))) {
        const auto asked = restore<domain::GatherTask>(std::string_view(task.payload));
        if (asked && asked->ring == ring)
            return domain::fail_in_hand(
                fmt::format("the facts of {} are being gathered already", ring), "ring-parity", task
            );
    }
    return {};
}

Result<void> check_production_ring(
    const domain::RegisterRow& row, const StoredStream* stored, const std::string& document,
    const Actor& actor
) {
    using domain::Permission;
    if (row.name != "ring" || stored == nullptr || actor.may(Permission::system_manage))
        return {};
    const auto before = restore<domain::RingRecord>(std::string_view(stored->state));
    if (!before)
        return unreadable_state(stored->key, before.error());
    constexpr auto production = domain::RingKind::production;
    if (before->kind != production)
        return {};
    const auto kind = document.empty()
                          ? production
                          : TRY(restore<domain::RingRecord>(std::string_view(document))).kind;
    if (kind == production && actor.may(Permission::change_manage))
        return {};
    const auto message = fmt::format("{} is a production ring", stored->key.id);
    const std::string_view was = stored->removed ? "was removed as" : "is";
    if (kind == production)
        return fail_blocked(
            message,
            {{"run-exact", "ring", "who runs deployments does not edit a production ring alone",
              fmt::format(
                  "it {} production, and {} may not change_manage", was, actor.person.value
              ),
              "Have a change manager, a CAB chair or an administrator put it"}}
        );
    return fail_blocked(
        message,
        {{"run-exact", "kind", "only an administrator makes a production ring one for tests",
          fmt::format("it {} production and would be {}", was, to_text(kind)),
          "Put the test ring with another id, or have an administrator (system_manage) put this "
          "one"}}
    );
}

Result<RecordsHeld>
Door::Inside::keep_rings_apart(const TenantId& tenant, const std::vector<RingPut>& puts) {
    records.forget(tenant);
    const auto registered = TRY(records.of(tenant));
    std::map<std::string, domain::RingRecord> rings = registered->rings;
    for (const auto& put : puts)
        rings[put.id] = TRY(restore<domain::RingRecord>(std::string_view(put.document)));
    for (const auto& put : puts)
        if (auto reason = domain::ring_by_another_name(put.id, rings.at(put.id), rings)) {
            reason->field = put.place + reason->field;
            const auto message = fmt::format("{}: {}", put.id, reason->message);
            return fail_blocked(message, {*std::move(reason)});
        }
    return RecordsHeld{registered->ledger_size, {{tenant, "ring", {}}}};
}

Result<Answer> Door::gather_ring(
    const Actor& actor, const std::string& ring, const std::optional<IdempotencyKey>& idempotency
) {
    TRY(require_permission(actor, Permission::change_run));
    return answer_or_kept(
        inside_->parts.store, actor, idempotency, inside_->gather_ring(actor, ring, idempotency)
    );
}

Result<Answer> Door::Inside::gather_ring(
    const Actor& actor, const std::string& ring, const std::optional<IdempotencyKey>& idempotency
) {
    auto& store = parts.store;
    for (int attempt = 1;; ++attempt) {
        if (auto kept = TRY(kept_answer(store, actor, idempotency)))
            return *std::move(kept);
        const auto record = TRY(ring_of(TRY(load_ring(store, actor.tenant, ring))));
        if (record.hosts.empty())
            return fail_field("hosts", "the ring has none: put them into its record");
        const StreamKey key{actor.tenant, "ring_gathering", ring};
        const auto stored = store.load(key);
        if (!stored && stored.error().code != ErrorCode::not_found)
            return tl::unexpected(stored.error());
        const std::uint64_t version = stored ? stored->version : 0;
        // Looked at after the version: who asks at the same moment meets its conflict.
        TRY(require_no_gathering(actor.tenant, ring));
        const Time now = parts.clock.now();
        const auto data =
            encode(GatherAsked{ring, static_cast<std::uint32_t>(record.hosts.size())});
        Answer answer{ring, version + 1, data, 0, false, false};
        Commit commit;
        StreamWrite write{key, version, {}, data, false, {}, false};
        write.events.push_back(make_event({key, version + 1, now, actor}, "ring_gather_asked", data)
        );
        commit.writes.push_back(std::move(write));
        TaskDraft task;
        task.kind = "gather";
        task.tenant = actor.tenant;
        task.payload = encode(domain::GatherTask{ring, actor.person});
        commit.tasks.push_back(std::move(task));
        keep_answer(commit, actor, idempotency, answer, now);
        const auto receipt = store.commit(std::move(commit));
        if (receipt) {
            answer.ledger_size = receipt->next_seq;
            return answer;
        }
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max)
            return tl::unexpected(receipt.error());
    }
}

Result<Answer> Door::record_found(
    const Actor& actor, const std::string& ring, const std::vector<HostFound>& found,
    const std::optional<IdempotencyKey>& idempotency, const std::optional<TaskEnd>& task_end
) {
    TRY(require_permission(actor, Permission::record_write));
    auto& store = inside_->parts.store;
    for (int attempt = 1;; ++attempt) {
        if (auto kept = TRY(kept_answer(store, actor, idempotency)))
            return *std::move(kept);
        const auto stored = TRY(load_ring(store, actor.tenant, ring));
        auto record = TRY(ring_of(stored));
        // A host that was taken out meanwhile, or moved to another machine, has no use for them.
        std::uint32_t hosts = 0;
        for (const auto& one : found)
            if (auto* host = find_host(record, one)) {
                host->found = one.found;
                ++hosts;
            }
        Answer answer{ring, stored.version + 1, encode(GatherAsked{ring, hosts}), 0, false, false};
        Commit commit;
        commit.writes.push_back(TRY(
            inside_->record_write(actor, stored.key, stored.version, "found", encode(record), false)
        ));
        commit.task_end = task_end;
        keep_answer(commit, actor, idempotency, answer, clock().now());
        const auto receipt = store.commit(std::move(commit));
        inside_->records.forget(actor.tenant);
        if (receipt) {
            answer.ledger_size = receipt->next_seq;
            return answer;
        }
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max)
            return tl::unexpected(receipt.error());
    }
}

Result<Answer> Door::import_facts(
    const Actor& actor, const std::string& ring, const std::string& host, const Json& printed,
    const std::optional<IdempotencyKey>& idempotency
) {
    TRY(require_permission(actor, Permission::record_write));
    const auto document = TRY(read_document(printed));
    auto& store = inside_->parts.store;
    const auto record = TRY(ring_of(TRY(load_ring(store, actor.tenant, ring))));
    const auto known =
        std::find_if(record.hosts.begin(), record.hosts.end(), [&](const domain::RingHost& one) {
            return one.host == host;
        });
    if (known == record.hosts.end())
        return fail_field("host", "is not a host of this ring");
    if (!document.gathered_at)
        return fail_field("document.gathered_at", "is required: when they were gathered");
    if (*document.gathered_at > clock().now() + limits::facts_ahead_max)
        return fail_field("document.gathered_at", "lies in the future");
    domain::FactsFound found;
    found.at = *document.gathered_at;
    found.by = actor.person;
    found.transcript = TRY(keep_facts(store, actor.tenant, document.facts));
    found.count = static_cast<std::uint32_t>(document.facts.size());
    return record_found(actor, ring, {{host, known->address, found}}, idempotency, {});
}

Result<std::string> Door::show_facts(const Actor& actor, const std::string& ring) {
    TRY(require_permission(actor, Permission::change_read));
    const auto record = TRY(ring_of(TRY(load_ring(inside_->parts.store, actor.tenant, ring))));
    const auto gathered = TRY(inside_->gathered_facts(actor.tenant, record));
    std::string hosts;
    for (const auto& host : record.hosts) {
        hosts += hosts.empty() ? "" : ",";
        hosts += encode(ShownHost{
            host.host, host.role, host.address, host.found, domain::facts_at(record, host),
            domain::facts_of(host, gathered)});
    }
    return "{\"items\":[" + hosts + "]}";
}

} // namespace slipway::app
