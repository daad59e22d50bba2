// SPDX-License-Identifier: Apache-2.0
// Commands about waivers of gates.
#include <algorithm>

#include "domain/change/decide.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/paging.hpp"
#include "domain/change/steps.hpp"
#include "domain/change/waiver_ends.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::decide {

namespace {

Result<const Waiver*> find_waiver(const Change& change, const std::string& id) {
    for (const auto& waiver : change.waivers)
        if (waiver.id == id)
            return &waiver;
    return fail_field("id", "is not a waiver of this change");
}

// A gate is asked more than once: when its step is completed, before the deployment begins, and
// some again when the change is closed.
std::string when_it_ends(const Change& change, const Waiver& waiver, const Facts& facts) {
    const auto ends = fmt::format("{} ends at {}", waiver.id, to_text(waiver.expires_at));
    const auto* gate = find_gate(waiver.gate);
    if (change.window && !has_work_begun(change, facts) && is_before_execution(*gate) &&
        waiver.expires_at < change.window->start)
        return fmt::format(
            "{}, before the window begins: the gate is asked again when the deployment starts, and "
            "then needs one that lasts until {} (--valid_for {})",
            ends, to_text(change.window->end),
            to_text(std::chrono::ceil<std::chrono::hours>(change.window->end - facts.now))
        );
    return is_asked_at_closure(*gate)
               ? ends + "; the gate is asked again when the change is closed, and then needs one "
                        "that lasts until then"
               : ends;
}

} // namespace

Result<Decision>
request_waiver(const Change& change, const RequestWaiver& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.reason));
    if (find_gate(body.gate) == nullptr)
        return fail_field("gate", "there is no such gate");
    const auto& never = facts.policy->never_waived;
    if (std::find(never.begin(), never.end(), body.gate) != never.end())
        return fail_blocked(
            "this gate is never waived",
            {{body.gate, "gate", "the policy does not allow a waiver of it",
              "never_waived in policy " + facts.policy->name, "Do what the gate asks for"}}
        );
    if (body.valid_for <= Span::zero())
        return fail_field("valid_for", "must be longer than zero");
    if (body.valid_for > facts.policy->waiver_longest)
        return fail_field("valid_for", "at most " + to_text(facts.policy->waiver_longest));
    if (change.waivers.size() >= limits::list_max)
        return fail_full("gate", "waivers", limits::list_max);
    Decider decider(change, facts);
    decider.emit(WaiverRequested{
        {fmt::format("W-{}", change.waivers.size() + 1),
         body.gate,
         body.reason,
         WaiverState::requested,
         facts.actor,
         facts.now,
         {},
         facts.now + body.valid_for}});
    const auto& waiver = decider.change().waivers.back();
    decider.say(when_it_ends(change, waiver, facts));
    decider.say(fmt::format("a second person grants it with grant_waiver --id {}", waiver.id));
    return decider.finish();
}

Result<Decision> grant_waiver(const Change& change, const WaiverId& body, const Facts& facts) {
    TRY(require_open(change));
    const auto* waiver = TRY(find_waiver(change, body.id));
    if (waiver->state != WaiverState::requested)
        return fail_conflict("id", fmt::format("the waiver is {}", to_text(waiver->state)));
    if (waiver->expires_at <= facts.now)
        return fail_blocked(
            "this waiver would never hold",
            {{waiver->gate, "waivers." + waiver->id, "it has ended before it was granted",
              "ended at " + to_text(waiver->expires_at),
              fmt::format(
                  "Ask anew, for longer: request_waiver --gate {} --reason TEXT --valid_for 24h",
                  waiver->gate
              )}}
        );
    std::string why;
    if (!may_waive(facts))
        why = "only certain roles waive a gate";
    else if (facts.actor == waiver->requested_by)
        why = "who asks for a waiver does not grant it";
    else
        why = conflict_of_duty(change, facts, facts.actor);
    if (!why.empty())
        return fail_blocked(
            "you must not grant this waiver",
            {{waiver->gate, "waivers." + waiver->id, why,
              "asked for by " + waiver->requested_by.value,
              "A change manager or the chair of the CAB grants it"}}
        );
    Decider decider(change, facts);
    decider.emit(WaiverGranted{body.id});
    decider.say(when_it_ends(change, *waiver, facts));
    return decider.finish();
}

Result<Decision> revoke_waiver(const Change& change, const RevokeWaiver& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.reason));
    const auto* waiver = TRY(find_waiver(change, body.id)); // of `change`, which stays as it is
    if (waiver->state == WaiverState::revoked)
        return fail_conflict("id", "the waiver is revoked already");
    if (!may_waive(facts) && facts.actor != waiver->requested_by)
        return fail_blocked(
            "this waiver is not yours to revoke",
            {{waiver->gate, "waivers." + waiver->id, "only certain roles revoke it",
              "asked for by " + waiver->requested_by.value, "Ask a change manager"}}
        );
    Decider decider(change, facts);
    const bool held = waiver->state == WaiverState::granted && facts.now < waiver->expires_at;
    decider.emit(WaiverRevoked{body.id, body.reason});
    if (!held)
        return decider.finish();
    const bool begun = deployment_begun(change);
    const auto why = why_missed(decider, waiver->gate, begun, "its waiver was revoked");
    if (!why)
        return decider.finish();
    decider.say(fmt::format("without it the gate {} says no: {}", waiver->gate, *why));
    if (const auto owner = who_is_called(decider, change.change_owner); owner != facts.actor)
        page(
            decider, owner, fmt::format("the waiver of {} was revoked", waiver->gate),
            gone_waiver(
                change, *waiver,
                fmt::format("was revoked by {} ({})", facts.actor.value, body.reason), *why
            )
        );
    return decider.finish();
}

} // namespace slipway::domain::decide
