// SPDX-License-Identifier: Apache-2.0
// The preflight: a look, before the window, at all that both runbooks need.
#include "domain/change/approved_ring.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/tasks.hpp"

namespace slipway::domain::decide {

namespace {

Result<void> require_carrier(const Change& change, const Facts& facts) {
    if (change.implementer.empty() || facts.actor == change.implementer ||
        facts.actor == change.change_owner)
        return {};
    return fail_blocked(
        "the preflight is its implementer's",
        {{"preflight", "implementer", "who carries the change out looks before he does",
          "implementer " + change.implementer.value,
          change.implementer.value + " or the change owner starts it"}}
    );
}

} // namespace

Result<Decision> preflight(const Change& change, const Nothing&, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_carrier(change, facts));
    const auto digest_of = [&](RunbookPurpose purpose) {
        const auto* runbook = runbook_of(change, purpose);
        return runbook ? runbook->digest : Digest{};
    };
    const auto deployment = digest_of(RunbookPurpose::deployment);
    const auto rollback = digest_of(RunbookPurpose::rollback);
    if (deployment == Digest{} && rollback == Digest{})
        return fail_blocked(
            "there is nothing to look for", {{"preflight", "runbooks", "no runbook is pinned",
                                              "no file", "Pin both runbooks with pin_runbook"}}
        );
    if (!facts.records->rings.contains(change.production_ring))
        return fail_blocked(
            "there is no ring to look at",
            {{"preflight", "production_ring", "the change names no known ring",
              change.production_ring, "Name it with assign"}}
        );
    for (const auto& task : facts.tasks)
        if (task.kind == "preflight")
            return fail_in_hand("a preflight is being made already", "preflight", task);
    Decider decider(change, facts);
    decider.ask(
        "preflight",
        PreflightTask{
            change.id, change.production_ring, ring_contents_now(facts, change.production_ring),
            deployment, rollback, change.window ? change.window->end : facts.now, facts.actor}
    );
    decider.say("every host is asked; what is found follows");
    return decider.finish();
}

Result<Decision>
record_preflight(const Change& change, const RecordPreflight& body, const Facts& facts) {
    TRY(require_open(change));
    Decider decider(change, facts);
    PreflightReported reported{body.preflight};
    reported.preflight.at = facts.now;
    decider.emit(reported);
    return decider.finish();
}

} // namespace slipway::domain::decide
