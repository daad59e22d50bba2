// SPDX-License-Identifier: Apache-2.0
#include "domain/change/approved_ring.hpp"

#include "domain/change/decision.hpp"
#include "domain/records/ring_contents.hpp"

namespace slipway::domain {

namespace {

std::string hex_or_nothing(const Digest& contents) {
    return contents == Digest{} ? "nothing" : contents.hex();
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
    const auto now = ring_contents_now(facts, change.production_ring);
    if (now != Digest{} && now != change.ring_contents)
        decider.emit(RingRecorded{change.production_ring, now});
}

std::optional<Reason>
ring_not_as_recorded(const Change& change, const Facts& facts, std::string_view gate) {
    if (!has_step(change, facts, StepKind::execute))
        return {};
    const auto now = ring_contents_now(facts, change.production_ring);
    if (now == Digest{})
        return Reason{
            std::string(gate), "production_ring", "the change names no known production ring",
            change.production_ring.empty() ? "none is named" : "ring " + change.production_ring,
            "Name the production ring with assign"};
    if (now == change.ring_contents)
        return {};
    return Reason{
        std::string(gate), "production_ring",
        fmt::format("the ring {} is not as it was recorded", change.production_ring),
        fmt::format("recorded {}, now {}", hex_or_nothing(change.ring_contents), now.hex()),
        type_of(change) == ChangeType::normal
            ? "Put the ring back as it was, or submit the RFC again (submit)"
            : "Put the ring back as it was, or run compare_ring"};
}

std::optional<Reason> ring_not_as_approved(const Change& change, const Facts& facts) {
    const auto approved = approved_ring_contents(change);
    const auto now = ring_contents_now(facts, change.production_ring);
    if (approved != Digest{} && approved == now)
        return {};
    const bool standard = type_of(change) == ChangeType::standard;
    const std::string again =
        standard ? "run compare_ring" : "run compare_ring and have the change approved again";
    const std::string_view known = standard ? "recorded" : "approved";
    if (approved == Digest{})
        return Reason{
            "run-exact", "production_ring",
            fmt::format("what the ring {} holds was never {}", change.production_ring, known),
            "now " + hex_or_nothing(now), "First " + again};
    return Reason{
        "run-exact", "production_ring",
        fmt::format("the ring {} is not as it was {}", change.production_ring, known),
        fmt::format("{} {}, now {}", known, approved.hex(), hex_or_nothing(now)),
        fmt::format("Put the ring back as it was {}, or {}", known, again)};
}

bool ring_was_edited(const Run& run, const Facts& facts) {
    return run.ring_contents != Digest{} && ring_contents_now(facts, run.ring) != run.ring_contents;
}

Result<void> require_ring_of(const Run& run, const Facts& facts, std::string_view gate) {
    if (!ring_was_edited(run, facts))
        return {};
    return fail_blocked(
        "the ring was edited",
        {{std::string(gate), on_production(run.purpose) ? "production_ring" : "test_ring",
          fmt::format("the ring {} is not as it was when {} began", run.ring, run.id.value),
          fmt::format(
              "then {}, now {}", run.ring_contents.hex(),
              hex_or_nothing(ring_contents_now(facts, run.ring))
          ),
          is_active(run) ? "Put the ring back as it was then, or abort the run (decide_run)"
                         : "Put the ring back as it was then"}}
    );
}

} // namespace slipway::domain
