// SPDX-License-Identifier: Apache-2.0
#include "domain/change/timers.hpp"

#include <algorithm>

#include "domain/calendar/zone.hpp"
#include "domain/change/abort_clock.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/paging.hpp"
#include "domain/change/reverts.hpp"
#include "domain/change/steps.hpp"
#include "domain/change/tasks.hpp"

namespace slipway::domain {

namespace {

// In older ledgers, marks a snapshot whose removal is under way; no provider's words equal it.
constexpr std::string_view removal_asked_for = "expired; its removal was asked for";

using Fire = void (*)(Decider&, const std::string& about);

struct Timer {
    Time at{};
    std::string about;
    Fire fire = nullptr;
    // False for a step whose condition did not hold when the facts were gathered. The very command
    // that is decided may have changed that, and no condition is asked here: the worker wakes for
    // it and asks then.
    bool certain = true;
};

PersonId responsible(const Change& change, const StepId& step) {
    const auto record = change.steps.find(step);
    return record != change.steps.end() && !record->second.assignee.empty()
               ? record->second.assignee
               : change.change_owner;
}

std::optional<Time> due_of(const Decider& decider, const std::string& step) {
    const auto* found = find_step(*decider.facts().workflow, step);
    return found ? due_at(*found, decider.change(), decider.facts()) : std::nullopt;
}

void remind_step(Decider& decider, const std::string& about) {
    decider.emit(Reminded{ReminderKind::step_due, about, due_of(decider, about)});
    page(
        decider, responsible(decider.change(), StepId(about)),
        fmt::format("{}: {} is due soon", decider.change().id.value, about),
        "Please complete the step " + about + " of " + decider.change().title + ".\n"
    );
}

void note_overdue(Decider& decider, const std::string& about) {
    decider.emit(Reminded{ReminderKind::step_overdue, about, due_of(decider, about)});
    page(
        decider, responsible(decider.change(), StepId(about)),
        fmt::format("{}: {} is overdue", decider.change().id.value, about),
        "The step " + about + " of " + decider.change().title + " is overdue.\n"
    );
}

void remind_action(Decider& decider, const std::string& about) {
    decider.emit(Reminded{ReminderKind::action_due, about, {}});
    for (const auto& action : decider.change().actions)
        if (action.id == about)
            page(
                decider, action.owner,
                fmt::format("{}: action {} is open", decider.change().id.value, about),
                action.title + "\n"
            );
}

void note_owed(Decider& decider, const std::string& about) {
    decider.emit(Reminded{ReminderKind::owed_overdue, about, {}});
    page(
        decider, decider.change().change_owner,
        fmt::format("{}: {} is owed and overdue", decider.change().id.value, about),
        "The emergency change still owes it and cannot be closed before.\n"
    );
}

// Both who decides and who carries it out must know, each by name; one person is called once.
void call_both(Decider& decider, const std::string& subject, const std::string& body) {
    const auto& change = decider.change();
    page(decider, change.change_owner, subject, body);
    if (change.implementer != change.change_owner)
        page(decider, change.implementer, subject, body);
}

// As those who are called read it off the clock where they are.
std::string on_the_wall(const Decider& decider, Time time) {
    return to_spoken_text(time, decider.change().window->zone);
}

void warn_of_abort_by(Decider& decider, const std::string& about) {
    const auto clock = *abort_clock(decider.change(), decider.facts());
    const auto id = decider.change().id.value;
    decider.emit(Reminded{ReminderKind::abort_by_near, about, clock.abort_by});
    call_both(
        decider,
        fmt::format(
            "{}: {} must turn round by {}", id, about, on_the_wall(decider, clock.abort_by)
        ),
        fmt::format(
            "{}\nIt ends, with its smoke test, at {} if it goes on now. The window ends {}.\n"
            "Finish, ask a change manager for more time (slipway change extend_window {}), or roll "
            "back (slipway change roll_back {}).\n",
            decider.change().title, on_the_wall(decider, clock.expected_end.value()),
            on_the_wall(decider, clock.window_end), id, id
        )
    );
}

void note_abort_by_passed(Decider& decider, const std::string& about) {
    const auto clock = *abort_clock(decider.change(), decider.facts());
    const auto id = decider.change().id.value;
    decider.emit(Reminded{ReminderKind::abort_by_passed, about, clock.abort_by});
    call_both(
        decider,
        fmt::format("{}: {} is past abort-by, {}", id, about, on_the_wall(decider, clock.abort_by)),
        fmt::format(
            "{}\nNo further step begins. Roll back (slipway change roll_back {}), or have a change "
            "manager give it more time (slipway change extend_window {}).\n",
            decider.change().title, id, id
        )
    );
}

void defer(Decider& decider, const std::string&) {
    const auto& queue = *decider.change().queue;
    const auto board = decider.facts().records->boards.find(queue.board);
    if (board == decider.facts().records->boards.end())
        return;
    const auto next = choose_meeting(board->second.schedule, decider.facts().now);
    if (next)
        decider.emit(ChangeSubmitted{
            {queue.board,
             queue.submitted_at,
             queue.submitted_by,
             next->meeting.start,
             queue.meeting_at,
             "the meeting ended without a decision",
             sections_to_read(decider.change()),
             {}}});
}

void remind_snapshot(Decider& decider, const std::string& about) {
    for (const auto& snapshot : std::vector(decider.change().snapshots))
        if (snapshot.host == about && is_there(snapshot) &&
            snapshot.reminded_for != snapshot.expires_at) {
            decider.emit(Reminded{ReminderKind::snapshot_due, about, snapshot.expires_at});
            const auto& change = decider.change();
            page(
                decider, change.change_owner,
                fmt::format("{}: the snapshot of {} ends soon", change.id.value, about),
                fmt::format(
                    "{}\nIt {} after {}.\nTo keep it: slipway change extend_snapshot {} --host "
                    "{}\n",
                    change.title, is_automatic(snapshot) ? "is removed" : "is to be removed",
                    to_text(snapshot.expires_at), change.id.value, about
                )
            );
        }
}

SnapshotTask task_for(const Change& change, const Snapshot& snapshot) {
    return {change.id,       snapshot.connector,  snapshot.host,
            change.id.value, snapshot.expires_at, snapshot.id};
}

void measure_snapshot(Decider& decider, const std::string& about) {
    for (auto snapshot : std::vector(decider.change().snapshots))
        if (snapshot.id == about && snapshot.state == SnapshotState::taken) {
            snapshot.measured_at = decider.facts().now;
            decider.emit(SnapshotReported{snapshot});
            decider.ask("snapshot_look", task_for(decider.change(), snapshot));
        }
}

void remove_snapshot(Decider& decider, const std::string& about) {
    for (auto snapshot : std::vector(decider.change().snapshots))
        if (snapshot.id == about && is_there(snapshot)) {
            snapshot.removal_asked_at = decider.facts().now;
            decider.emit(SnapshotReported{snapshot});
            decider.ask("snapshot_remove", task_for(decider.change(), snapshot));
        }
}

// When it is to be removed: after its end, and a day after a provider that could not, and not while
// its host is to go back to it. Never one that does not carry our tag: it is somebody else's,
// whatever named it.
std::optional<Time> removal_at(const Change& change, const Snapshot& snapshot) {
    if (!is_automatic(snapshot) || snapshot.tag != change.id.value || snapshot.removal_asked_at ||
        snapshot.detail == removal_asked_for || is_to_be_reverted(change, snapshot))
        return std::nullopt;
    if (snapshot.removal_failed_at)
        return std::max(snapshot.expires_at, *snapshot.removal_failed_at + std::chrono::hours(24));
    return snapshot.expires_at;
}

void snapshot_timers(const Change& change, const Facts& facts, std::vector<Timer>& timers) {
    for (const auto& snapshot : change.snapshots) {
        if (!is_there(snapshot))
            continue;
        const auto removal = removal_at(change, snapshot);
        if (removal)
            timers.push_back({*removal, snapshot.id, remove_snapshot});
        // Who comes too late for it need not be told that it ends soon.
        if (facts.now >= snapshot.expires_at)
            continue;
        if (snapshot.reminded_for != snapshot.expires_at)
            timers.push_back(
                {snapshot.expires_at - facts.policy->snapshot_reminder_ahead, snapshot.host,
                 remind_snapshot}
            );
        const auto measured = snapshot.measured_at ? snapshot.measured_at : snapshot.taken_at;
        if (removal && measured && snapshot.state == SnapshotState::taken)
            timers.push_back(
                {*measured + facts.policy->snapshot_measured_every, snapshot.id, measure_snapshot}
            );
    }
}

void add_reminders(
    const Step& step, const StepRecord& record, Time due, bool certain, std::vector<Timer>& timers
) {
    // What was said of another date has to be said again.
    const bool same = !record.reminded_for || record.reminded_for == due;
    const auto reminders = same ? record.reminders : 0;
    auto ahead = step.reminders;
    std::sort(ahead.rbegin(), ahead.rend());
    if (reminders < ahead.size())
        timers.push_back({due - ahead[reminders], step.id.value, remind_step, certain});
    if (!same || !record.overdue_noted)
        timers.push_back({due, step.id.value, note_overdue, certain});
}

void step_timers(const Change& change, const Facts& facts, std::vector<Timer>& timers) {
    for (const auto* step : steps_of(*facts.workflow)) {
        const auto found = change.steps.find(step->id);
        static const StepRecord untouched;
        const auto& record = found == change.steps.end() ? untouched : found->second;
        if (record.state != StepState::open || !step->due)
            continue;
        const bool certain = applies(*step, change, facts);
        const bool possible = !step->when.empty() && applies_to(*step, type_of(change));
        if (!certain && !possible)
            continue;
        if (const auto due = due_at(*step, change, facts))
            add_reminders(*step, record, *due, certain, timers);
    }
}

// One call while there is time, one when there is none left; an extension begins anew.
void clock_timers(const Change& change, const Facts& facts, std::vector<Timer>& timers) {
    const auto& alarm = change.abort_alarm;
    if (deployment_under_way(change, facts) == nullptr || (alarm && alarm->passed_at))
        return;
    const auto clock = abort_clock(change, facts);
    if (!clock || !clock->point_of_no_return)
        return;
    const auto near = [&](const AbortClock& then) {
        return then.point_of_no_return.value() - facts.policy->abort_by_lead;
    };
    const auto passed = [](const AbortClock& then) { return then.abort_by; };
    if (!alarm && facts.now < clock->abort_by)
        timers.push_back({reached_at(change, facts, near), clock->run.value, warn_of_abort_by});
    timers.push_back({reached_at(change, facts, passed), clock->run.value, note_abort_by_passed});
}

std::vector<Timer> timers_of(const Change& change, const Facts& facts) {
    std::vector<Timer> timers;
    for (const auto& action : change.actions)
        if (!action.done_at && action.due_at) {
            // A day before, on the day, then daily for a week: a PIR without follow-through is
            // theatre, and so is a reminder that never ends.
            constexpr std::uint32_t reminders_max = 9;
            if (action.reminders < reminders_max)
                timers.push_back(
                    {*action.due_at + std::chrono::hours(24) * action.reminders -
                         std::chrono::hours(24),
                     action.id, remind_action}
                );
        }
    snapshot_timers(change, facts, timers);
    if (is_over(change))
        return timers;
    step_timers(change, facts, timers);
    clock_timers(change, facts, timers);
    for (const auto& owed : change.owed)
        if (!owed.settled_at && !owed.overdue_noted)
            timers.push_back({owed.due_at, owed.id, note_owed});
    if (change.queue && !change.decision && type_of(change) == ChangeType::normal)
        timers.push_back({change.queue->meeting_at + std::chrono::hours(24), {}, defer});
    return timers;
}

} // namespace

std::optional<Time> wake_at(const Change& change, const Facts& facts) {
    std::optional<Time> earliest;
    for (const auto& timer : timers_of(change, facts)) {
        // What is only possible wakes nobody for a time that has passed: it would never end.
        if (!timer.certain && timer.at <= facts.now)
            continue;
        if (!earliest || timer.at < *earliest)
            earliest = timer.at;
    }
    return earliest;
}

namespace decide {

Result<Decision> tick(const Change& change, const Nothing&, const Facts& facts) {
    // What fires may leave something else due, such as the second reminder after a long sleep.
    Decider decider(change, facts);
    for (std::size_t round = 0; round < limits::timer_rounds_max; ++round) {
        const auto events = decider.events();
        for (const auto& timer : timers_of(decider.change(), facts))
            if (timer.certain && timer.at <= facts.now)
                timer.fire(decider, timer.about);
        if (decider.events() == events)
            break;
    }
    return decider.finish();
}

} // namespace decide

} // namespace slipway::domain
