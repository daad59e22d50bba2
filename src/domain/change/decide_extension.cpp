// SPDX-License-Identifier: Apache-2.0
// More time for a deployment that overruns. It is refused unless there is a reason, somebody who
// may give it, room in the calendar, and something to be gained by it.
#include "domain/calendar/zone.hpp"
#include "domain/change/abort_clock.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/impact.hpp"
#include "domain/change/oncall_cover.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/seen_failure.hpp"
#include "domain/change/way_back.hpp"

namespace slipway::domain::decide {

namespace {

tl::unexpected<Error> refuse(Reason reason) {
    return fail_blocked("the window is not extended", {std::move(reason)});
}

Result<const Run*> deployment_to_extend(const Change& change, const Facts& facts) {
    const auto* run = deployment_under_way(change, facts);
    if (run != nullptr && change.window)
        return run;
    const bool begun = deployment_begun(change);
    return refuse(
        {"window", "runs", "only a deployment that is under way gets more time",
         std::string(to_text(change.state)),
         begun ? "What is left to do needs no window"
               : "Schedule another window with schedule and have it approved"}
    );
}

// Whoever may not approve the change does not give it more time either.
Result<void> require_may_extend(const Change& change, const Facts& facts) {
    const auto why = may_waive(facts) ? conflict_of_duty(change, facts, facts.actor)
                                      : std::string("only certain roles extend a window");
    if (why.empty())
        return {};
    return refuse(
        {"window", "extensions", why,
         fmt::format(
             "implementer {}, owner {}", change.implementer.value, change.change_owner.value
         ),
         "Another change manager, or the chair of the CAB, extends it"}
    );
}

Result<void> require_within_policy(const Change& change, Time until, const Facts& facts) {
    const auto longest = facts.policy->window_extension_max;
    const Span asked = until - change.window->end;
    if (asked <= longest)
        return {};
    return refuse(
        {"window", "until",
         fmt::format("a window is extended by at most {} in all", to_text(longest)),
         fmt::format(
             "agreed end {}, asked for {} more", to_text(change.window->end), to_text(asked)
         ),
         fmt::format(
             "Extend it to {} at the latest{}", to_text(change.window->end + longest),
             or_go_back(change)
         )}
    );
}

// Gives what is only warned about.
Result<std::vector<std::string>>
require_free_calendar(const Change& change, const Interval& more, const Facts& facts) {
    const auto touched = touched_items(change);
    const auto hits = blackout_hits(facts.records->blackouts, more, {touched, touched});
    if (!hits)
        return refuse(
            {"window", "until", "the calendar cannot be evaluated", hits.error().message,
             "Mend the blackout's rule" + or_go_back(change)}
        );
    std::vector<std::string> warnings;
    for (const auto& hit : *hits) {
        const auto said = fmt::format("{} begins {}", hit.name, to_text(hit.occurrence.start));
        if (hit.kind == BlackoutKind::hard)
            return refuse(
                {"window", "until", said, "blackout " + hit.blackout + ": " + hit.reason,
                 fmt::format(
                     "Extend it to {} at the latest{}", to_text(hit.overlap.start),
                     or_go_back(change)
                 )}
            );
        warnings.push_back(said + ": " + hit.reason);
    }
    if (!facts.others)
        return refuse(
            {"window", "until", "other changes were not looked at",
             "none was gathered for this command",
             "Report a fault of the server" + or_go_back(change)}
        );
    for (const auto& other : *facts.others)
        if (overlaps(other.window, more))
            return refuse(
                {"window", "until",
                 fmt::format("{} ({}) has the same items then", other.id.value, other.title),
                 fmt::format(
                     "its window is {} to {}", to_text(other.window.start),
                     to_text(other.window.end)
                 ),
                 "Move the other change" + or_go_back(change)}
            );
    return warnings;
}

// A step, or the way back, would fail in the added time with a key that is dead by then. What ends
// before that was looked at with the window.
Result<void> require_good_credentials(
    const Change& change, const Run& run, const Interval& more, const Facts& facts
) {
    const auto ring = facts.records->rings.find(run.ring);
    if (ring == facts.records->rings.end())
        return {};
    for (const auto& credential : ring->second.credentials)
        if (credential.expires_at && contains(more, *credential.expires_at))
            return refuse(
                {"window", "credentials." + credential.name,
                 "a credential ends before the extended window does",
                 fmt::format("{} expires {}", credential.name, to_text(*credential.expires_at)),
                 fmt::format(
                     "Rotate it and write into the ring {} when the new one ends{}{}", run.ring,
                     *credential.expires_at > more.start
                         ? fmt::format(
                               ", extend it to {} at the latest", to_text(*credential.expires_at)
                           )
                         : "",
                     or_go_back(change)
                 )}
            );
    return {};
}

// Who is missing then. Nobody can wait for a roster in a window that overruns.
void say_who_is_not_there(Decider& decider, const Interval& more) {
    const auto& change = decider.change();
    const auto& records = *decider.facts().records;
    const auto roster = records.rosters.find(change.roster);
    if (roster == records.rosters.end())
        return decider.say("no roster says who is on call in the added time");
    auto added = *change.window;
    added.start = more.start;
    added.end = more.end;
    const auto found = oncall_cover(roster->second, added, records);
    if (!found)
        return decider.say(fmt::format(
            "the roster {} does not say who is on call in the added time: {}", change.roster,
            found.error().message
        ));
    for (const auto& gap : found->gaps)
        decider.say(fmt::format("in the added time {} (roster {})", gap, change.roster));
}

// What runs by itself on what the deployment is at work on; its owners were asked about the window.
void say_which_jobs_run(Decider& decider, const Interval& more) {
    const auto& change = decider.change();
    const auto& facts = decider.facts();
    const auto impact = trace_impact(
        *facts.records, change.scope ? change.scope->cis : std::vector<ScopedCi>{}, *facts.policy,
        facts.now, more
    );
    if (!impact)
        return decider.say("which jobs run then is not known: " + impact.error().message);
    std::string jobs;
    for (const auto& hit : impact->hits)
        if (hit.next_run && *hit.next_run < more.end && hit.direction == TraceDirection::downstream)
            jobs += fmt::format(
                "{}{} at {} ({})", jobs.empty() ? "" : ", ", hit.ci.value,
                to_spoken_text(*hit.next_run, change.window->zone),
                hit.owner.empty() ? "no owner" : hit.owner.value
            );
    if (!jobs.empty())
        decider.say(cut_text("jobs run in the added time: " + jobs, limits::text_max));
}

// Time that is over before it begins would help nobody.
Result<void> require_gain(const Change& extended, const Facts& facts) {
    const auto clock = abort_clock(extended, facts);
    if (!clock || facts.now < clock->abort_by)
        return {};
    const Time enough = facts.now + (clock->window_end - clock->abort_by) + std::chrono::minutes(1);
    return refuse(
        {"window", "until", "abort-by would have passed all the same",
         fmt::format("abort-by would be {}, now {}", to_text(clock->abort_by), to_text(facts.now)),
         fmt::format("Extend it beyond {}{}", to_text(enough), or_go_back(extended))}
    );
}

// Where it stands; a run that has ended is waiting for its smoke test.
std::string place_of(const Run& run) {
    const auto* next = next_step(run);
    return next ? next->name : "smoke";
}

// Where it waits for nobody's confirmation it stopped, and that is its owner's to end.
std::string how_it_goes_on(const Change& change, const Run& run) {
    const auto* next = next_step(run);
    const bool to_confirm = next && waits_to_be_confirmed(change, run, *next);
    return fmt::format(
        "{} still waits{} {}", run.id.value,
        to_confirm ? " for a person:" : ": its owner lets it go on:",
        next ? how_to_go_on(change, run, *next) : "decide_run"
    );
}

} // namespace

Result<Decision> extend_window(const Change& change, const ExtendWindow& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.reason));
    const auto* run = TRY(deployment_to_extend(change, facts));
    TRY(require_may_extend(change, facts));
    const Interval more{window_end(change), body.until};
    if (more.empty())
        return fail_field("until", "must be later than the window's end, " + to_text(more.start));
    TRY(require_within_policy(change, body.until, facts));
    const auto warnings = TRY(require_free_calendar(change, more, facts));
    TRY(require_good_credentials(change, *run, more, facts));
    if (change.extensions.size() >= limits::list_max ||
        change.deviations.size() >= limits::list_max)
        return fail_full("until", "extensions and decisions on runs", limits::list_max);
    Decider decider(change, facts);
    decider.emit(WindowExtended{
        {more.start, body.until, body.reason, facts.actor, facts.now},
        {run->id, place_of(*run),
         fmt::format(
             "the window was extended from {} to {}", to_text(more.start), to_text(body.until)
         ),
         DeviationChoice::more_time, body.reason, facts.actor, facts.now}});
    TRY(require_gain(decider.change(), facts));
    for (const auto& warning : warnings)
        decider.say(warning);
    say_who_is_not_there(decider, more);
    say_which_jobs_run(decider, more);
    if (run->state == RunState::waiting)
        decider.say(how_it_goes_on(change, *run));
    decider.say(fmt::format(
        "tell who was told of the maintenance: slipway change send_notice {} --kind update",
        change.id.value
    ));
    return decider.finish();
}

} // namespace slipway::domain::decide
