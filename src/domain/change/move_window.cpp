// SPDX-License-Identifier: Apache-2.0
#include "domain/change/move_window.hpp"

#include "domain/calendar/zone.hpp"
#include "domain/change/board_meeting.hpp"
#include "domain/change/impact.hpp"
#include "domain/change/notices.hpp"
#include "domain/change/steps.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain {

namespace {

// A remedy names a command as programs know it; what an answer names is typed as it stands.
std::string typed_acknowledgement(std::string remedy, const ChangeId& id) {
    constexpr std::string_view name = "acknowledge_impact";
    if (const auto at = remedy.find(name); at != std::string::npos)
        remedy.replace(at, name.size(), fmt::format("slipway change {} {}", name, id.value));
    return remedy;
}

// The trace was made before anybody knew the window: what runs in it is looked for now, and who
// owns it answers for that.
Result<void> trace_for_window(Decider& decider) {
    decider.emit(ImpactTraced{TRY(domain::trace_impact(decider.change(), decider.facts()))});
    GateFindings findings("impact-traced");
    gates::impact_traced(decider.change(), decider.facts(), findings);
    if (findings.reasons.empty())
        return {};
    const auto events = decider.events();
    decider.reopen(StepKind::impact, "the window changes what is impacted");
    const auto& id = decider.change().id;
    for (const auto& reason : findings.reasons)
        decider.say(fmt::format(
            "{}: {}. {}", reason.message, reason.evidence, typed_acknowledgement(reason.remedy, id)
        ));
    if (decider.events() > events)
        decider.say(fmt::format(
            "the step {0} is open again; then complete it: slipway change complete_step {1} --step "
            "{0}",
            find_step(*decider.facts().workflow, StepKind::impact)->id.value, id.value
        ));
    return {};
}

// Who was told of another time comes at that time.
void say_which_notices_are_stale(Decider& decider) {
    const auto& change = decider.change();
    const auto* last = last_announcement(change);
    if (last == nullptr || names_window(*last, change))
        return;
    for (const auto& notice : change.notices)
        if (notice.kind == NoticeKind::maintenance && notice.start && !names_window(notice, change))
            decider.say(fmt::format(
                "{} announced {}", notice.id, to_spoken_text(*notice.start, change.window->zone)
            ));
    decider.say(fmt::format(
        "announce the new time: slipway change send_notice {} --kind maintenance", change.id.value
    ));
}

} // namespace

Result<void> move_window(Decider& decider, const Change& before, const ChangeWindow& wanted) {
    const bool moved =
        !before.window || before.window->start != wanted.start || before.window->end != wanted.end;
    decider.emit(WindowScheduled{wanted});
    decider.reopen(StepKind::window, moved ? "the window was moved" : "the window was edited");
    if (moved)
        for (const auto kind : {StepKind::notice, StepKind::oncall})
            decider.reopen(kind, "the window was moved");
    if (decider.change().impact)
        TRY(trace_for_window(decider));
    decider.void_edited();
    decider.say_what_is_open_again();
    say_what_the_meeting_does_to_the_window(decider);
    say_which_notices_are_stale(decider);
    return {};
}

} // namespace slipway::domain
