// SPDX-License-Identifier: Apache-2.0
#include "domain/change/approved_ring.hpp"

#include <algorithm>

#include "domain/change/decision.hpp"
#include "domain/change/way_back.hpp"
#include "domain/records/ring_contents.hpp"

namespace slipway::domain {

namespace {

// The way out wherever production was not touched yet.
constexpr const char* put_back_or_approve =
    "Put the ring back as it was, or run compare_ring and have the change approved with what the "
    "ring holds now";

const RingRecord* kept_ring(const Change& change, const std::string& ring, const Digest& contents) {
    const auto& kept = change.ring_record;
    return kept && ring_contents(ring, *kept) == contents ? &*kept : nullptr;
}

std::string last_write(const Facts& facts, const std::string& ring) {
    const auto found = facts.records->ring_writes.find(ring);
    return found == facts.records->ring_writes.end()
               ? std::string{}
               : fmt::format(
                     "; its record was last written {} by {}", to_text(found->second.at),
                     found->second.by.value
                 );
}

// In which fields the ring differs from what it held, and who wrote it last. Of what the change
// does not keep there are only the digests.
std::string
edit_since(const Change& change, const std::string& ring, const Digest& then, const Facts& facts) {
    const auto now = facts.records->rings.find(ring);
    if (now == facts.records->rings.end())
        return "the ring is gone";
    const auto* kept = kept_ring(change, ring, then);
    const auto edit =
        kept ? ring_edits(*kept, now->second)
             : fmt::format(
                   "it held {}, and holds {}", then.hex(), ring_contents(ring, now->second).hex()
               );
    return edit + last_write(facts, ring);
}

bool is_as_it_was(const Run& run, const Facts& facts) {
    return run.ring_contents == Digest{} || ring_contents_now(facts, run.ring) == run.ring_contents;
}

std::string way_out(const Change& change, const Run& run) {
    const std::string put_back = "Put the ring back as it was";
    if (!on_production(run.purpose))
        return put_back + (is_active(run) ? ", or abort the run (decide_run) and start it again"
                                          : ", or start the run again (start_run)");
    if (run.purpose == RunPurpose::deployment && kept_ring(change, run))
        return put_back + or_go_back(change);
    return put_back + (is_active(run) ? ", or abort the run (decide_run)" : "");
}

} // namespace

Digest ring_contents_now(const Facts& facts, const std::string& ring) {
    const auto found = facts.records->rings.find(ring);
    return found == facts.records->rings.end() ? Digest{} : ring_contents(ring, found->second);
}

Digest approved_ring_contents(const Change& change) {
    if (type_of(change) == ChangeType::standard || !change.decision)
        return change.ring_contents;
    const auto approved = change.decision->sections.find(std::string(to_text(Section::ring)));
    return approved == change.decision->sections.end() ? Digest{} : approved->second;
}

void record_ring(Decider& decider) {
    const auto& change = decider.change();
    const auto& facts = decider.facts();
    if (deployment_begun(change) || !has_step(change, facts, StepKind::execute))
        return;
    const auto& ring = change.production_ring;
    const auto now = facts.records->rings.find(ring);
    if (now == facts.records->rings.end())
        return;
    const auto contents = ring_contents(ring, now->second);
    decider.say(fmt::format(
        "the ring {} holds {}{}", ring, ring_in_words(now->second), last_write(facts, ring)
    ));
    if (contents == change.ring_contents && change.ring_record)
        return;
    const bool other = change.ring_contents != Digest{} && contents != change.ring_contents;
    if (other)
        decider.say(
            "it is not as it was recorded before: " +
            edit_since(change, ring, change.ring_contents, facts)
        );
    decider.emit(RingRecorded{ring, contents, contents_of(now->second)});
    if (ring_not_pre_approved(decider.change(), facts))
        decider.classify_anew("the ring holds something else than its catalogue entry is for");
}

const RingRecord* kept_ring(const Change& change, const Run& run) {
    return kept_ring(change, run.ring, run.ring_contents);
}

std::optional<Reason>
ring_not_as_recorded(const Change& change, const Facts& facts, std::string_view gate) {
    if (!has_step(change, facts, StepKind::execute))
        return {};
    const auto& ring = change.production_ring;
    const auto now = ring_contents_now(facts, ring);
    if (now == Digest{})
        return Reason{
            std::string(gate), "production_ring", "the change names no known production ring",
            ring.empty() ? "none is named" : "ring " + ring,
            "Name the production ring with assign"};
    if (now == change.ring_contents)
        return {};
    return Reason{
        std::string(gate), "production_ring",
        fmt::format("the ring {} is not as it was recorded", ring),
        change.ring_contents == Digest{} ? "nothing was recorded"
                                         : edit_since(change, ring, change.ring_contents, facts),
        put_back_or_approve};
}

std::optional<Reason> ring_not_as_approved(const Change& change, const Facts& facts) {
    const auto& ring = change.production_ring;
    const auto approved = approved_ring_contents(change);
    if (approved == Digest{})
        return Reason{
            "run-exact", "production_ring",
            ring.empty() ? "what the production ring holds was never approved"
                         : fmt::format("what the ring {} holds was never approved", ring),
            ring.empty() ? "no ring is named" : "nothing was recorded",
            "Run compare_ring and have the change approved with what the ring holds now"};
    if (approved == ring_contents_now(facts, ring))
        return {};
    return Reason{
        "run-exact", "production_ring", fmt::format("the ring {} is not as it was approved", ring),
        edit_since(change, ring, approved, facts), put_back_or_approve};
}

std::optional<Reason> ring_not_pre_approved(const Change& change, const Facts& facts) {
    if (type_of(change) != ChangeType::standard || !has_step(change, facts, StepKind::execute))
        return {};
    const auto& id = change.classification->catalogue_entry;
    const auto entry = facts.records->catalogue.find(id);
    if (entry == facts.records->catalogue.end())
        return {};
    const auto& ring = change.production_ring;
    const auto contents =
        change.ring_contents != Digest{} ? change.ring_contents : ring_contents_now(facts, ring);
    const auto& rings = entry->second.rings;
    if (std::find(rings.begin(), rings.end(), contents) != rings.end())
        return {};
    if (contents == Digest{})
        return Reason{
            "classification", "production_ring", "the change names no known production ring",
            ring.empty() ? "none is named" : "ring " + ring,
            "Name the production ring with assign"};
    const auto now = facts.records->rings.find(ring);
    const std::string holds = change.ring_record ? ring_in_words(*change.ring_record)
                              : now != facts.records->rings.end() ? ring_in_words(now->second)
                                                                  : "something else";
    return Reason{
        "classification", "production_ring",
        fmt::format("the catalogue entry is not for the ring {} as it is recorded", ring),
        fmt::format(
            "{} holds {}, contents {}; the entry {} names {}", ring, holds, contents.hex(), id,
            rings.empty() ? "no ring" : "others"
        ),
        "Put the ring back as it was and run compare_ring, have the entry approved anew with these "
        "contents in rings, or classify it with classify --type normal"};
}

Result<void> require_no_production(const std::string& test_ring, const Facts& facts) {
    const auto ring = facts.records->rings.find(test_ring);
    if (ring == facts.records->rings.end() || ring->second.kind != RingKind::production)
        return {};
    return fail_blocked(
        "a test never runs on production",
        {{"run-exact", "test_ring", "the test ring is a production ring", test_ring,
          "Name another test ring with assign"}}
    );
}

std::optional<std::string>
edit_that_stops(const Change& change, const Run& run, const Facts& facts) {
    const bool goes_by_record = run.purpose != RunPurpose::rollback || !kept_ring(change, run);
    if (!goes_by_record || is_as_it_was(run, facts))
        return {};
    return edit_since(change, run.ring, run.ring_contents, facts);
}

Result<void>
require_ring_of(const Change& change, const Run& run, const Facts& facts, std::string_view gate) {
    auto edit = edit_that_stops(change, run, facts);
    if (!edit)
        return {};
    return fail_blocked(
        "the ring was edited",
        {{std::string(gate), on_production(run.purpose) ? "production_ring" : "test_ring",
          fmt::format("the ring {} is not as it was when {} began", run.ring, run.id.value),
          *std::move(edit), way_out(change, run)}}
    );
}

void send_back(Run& rollback, const Change& change, const Facts& facts) {
    const auto* deployed = last_run(change, RunPurpose::deployment);
    if (deployed == nullptr || !kept_ring(change, *deployed))
        return;
    rollback.ring = deployed->ring;
    rollback.ring_contents = deployed->ring_contents;
    if (!is_as_it_was(rollback, facts))
        rollback.ring_edits = edit_since(change, rollback.ring, rollback.ring_contents, facts);
}

} // namespace slipway::domain
