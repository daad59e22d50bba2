// SPDX-License-Identifier: Apache-2.0
// Runs of different changes on one ring, through the door: which are under way there, and that of
// two that begin at the same moment one is decided anew. Every run takes its ring, and the rings
// that share a machine with it, by writing a stream of each; its version is how many did so far.
// Nothing is written when a run ends: whether it has, and whether it left a step at work, its
// change says.
#include <algorithm>

#include "app/door_inside.hpp"
#include "app/event.hpp"
#include "app/unreadable.hpp"
#include "domain/change/aborted_steps.hpp"
#include "domain/change/ring_use.hpp"
#include "domain/records/ring_machines.hpp"

namespace slipway::app {

namespace {

struct RunThere {
    std::string change;
    std::string run;

    SLIPWAY_FIELDS {
        visit("change", self.change);
        visit("run", self.run);
    }
};

// Who was at work on the ring when it was taken last, who took it among them.
struct RingTaken {
    std::vector<RunThere> runs;

    SLIPWAY_FIELDS { visit("runs", self.runs); }
};

StreamKey ring_use_key(const TenantId& tenant, const std::string& ring) {
    return {tenant, "ring_use", ring};
}

// The ring itself first.
std::vector<std::string> rings_touched(const std::string& ring, const domain::Records& records) {
    std::vector<std::string> touched{ring};
    const auto known = records.rings.find(ring);
    if (known == records.rings.end())
        return touched;
    for (const auto& [id, other] : records.rings)
        if (id != ring && domain::share_machine(known->second, other))
            touched.push_back(id);
    return touched;
}

bool touches_ring(const std::string& ring, const std::string& other, const domain::Records& known) {
    const auto touched = rings_touched(ring, known);
    return std::find(touched.begin(), touched.end(), other) != touched.end();
}

// The last one has taken the ring; those before it still have it by the steps that they left.
std::vector<RunThere>
own_runs(const domain::Change& change, const std::string& ring, const domain::Facts& facts) {
    std::vector<RunThere> own;
    for (const auto& [run, left] : domain::steps_left(change, facts.now))
        if (touches_ring(run->ring, ring, *facts.records))
            own.push_back({change.id.value, run->id.value});
    own.push_back({change.id.value, change.runs.back().id.value});
    return own;
}

// What the store holds under this digest, when that is something else.
Result<std::optional<std::string>>
stored_instead(Store& store, const TenantId& tenant, const Digest& digest) {
    Sha256 hash;
    const auto read = store.read_blob(tenant, digest, [&](std::string_view chunk) {
        hash.update(chunk);
        return Result<void>{};
    });
    if (!read && read.error().code != ErrorCode::not_found &&
        read.error().code != ErrorCode::invalid_input && read.error().code != ErrorCode::internal)
        return tl::unexpected(read.error()); // nobody knows now
    if (!read)
        return std::optional(read.error().message);
    const auto stored = hash.finish();
    return stored == digest ? std::nullopt : std::optional(stored.hex());
}

} // namespace

Result<domain::RingUse> Door::Inside::ring_use(
    const domain::Change& change, const std::string& ring, const domain::Facts& facts,
    const RingUseAsked& asked
) {
    domain::RingUse use;
    use.ring = ring;
    const auto stored = parts.store.load(ring_use_key(change.tenant, ring));
    if (!stored && stored.error().code == ErrorCode::not_found)
        return use;
    if (!stored)
        return tl::unexpected(stored.error());
    use.turns = stored->version;
    const auto taken = restore<RingTaken>(std::string_view(stored->state));
    // What cannot be read of others never holds up the way back.
    if (!taken && asked.goes_back)
        return use;
    if (!taken)
        return unreadable_state(stored->key, taken.error());
    for (const auto& there : taken->runs) {
        if (there.change == change.id.value)
            continue;
        // The cache may be a moment behind what was just read of the ring.
        const auto loaded = load(change.tenant, there.change, Trust::store);
        if (!loaded && (asked.goes_back || loaded.error().code == ErrorCode::not_found))
            continue;
        const auto& other = *TRY(loaded).change;
        const auto* run = domain::find_run(other, RunId(there.run));
        if (run == nullptr)
            continue;
        auto left = domain::step_left(other, *run, facts.now);
        if (left || (domain::is_active(*run) && !domain::is_over(other)))
            use.under_way.push_back(
                {other.id, run->id, run->ring, run->started_at, other.change_owner,
                 asked.on_production ? domain::touched_on_production(other, *facts.records)
                                     : std::set<std::string>{},
                 std::move(left)}
            );
    }
    return use;
}

Result<void> Door::Inside::gather_ring_uses(
    const std::string& command, const Json& body, const domain::Change& change, domain::Facts& facts
) {
    const auto ring = domain::ring_concerned(change, command, body);
    if (ring.empty())
        return {};
    const RingUseAsked asked{
        ring == change.production_ring,
        command == "roll_back" ||
            text_or_empty(body, "purpose") == to_text(domain::RunPurpose::rollback)};
    for (const auto& id : rings_touched(ring, *facts.records))
        facts.ring_uses.push_back(TRY(ring_use(change, id, facts, asked)));
    return {};
}

Result<void> Door::Inside::gather_altered_runbooks(
    const std::string& command, const Json& body, const domain::Change& change, domain::Facts& facts
) const {
    const bool begins = command == "start_run" || command == "roll_back";
    if (!begins || text_or_empty(body, "executor") == to_text(domain::Executor::external))
        return {};
    for (const auto& [purpose, runbook] : change.runbooks)
        if (auto stored = TRY(stored_instead(parts.store, change.tenant, runbook.digest)))
            facts.altered_runbooks.push_back({runbook.digest, *std::move(stored)});
    return {};
}

std::vector<StreamWrite> Door::Inside::take_rings(
    const Actor& actor, const domain::Change& next, const domain::Facts& facts
) const {
    std::vector<StreamWrite> writes;
    for (const auto& use : facts.ring_uses) {
        RingTaken taken;
        for (const auto& run : use.under_way)
            taken.runs.push_back({run.change.value, run.run.value});
        for (auto& run : own_runs(next, use.ring, facts))
            taken.runs.push_back(std::move(run));
        const auto document = encode(taken);
        StreamWrite write{
            ring_use_key(next.tenant, use.ring), use.turns, {}, document, false, {}, false};
        write.events.push_back(
            make_event({write.key, use.turns + 1, facts.now, actor}, "ring_taken", document)
        );
        writes.push_back(std::move(write));
    }
    return writes;
}

} // namespace slipway::app
