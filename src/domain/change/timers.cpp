// SPDX-License-Identifier: Apache-2.0
#include "domain/change/timers.hpp"

#include <algorithm>
#include <set>

#include "domain/calendar/zone.hpp"
#include "domain/change/abort_clock.hpp"
#include "domain/change/board_meeting.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/paging.hpp"
#include "domain/change/reverts.hpp"
#include "domain/change/steps.hpp"
#include "domain/change/tasks.hpp"
#include "domain/change/waiver_ends.hpp"

namespace slipway::domain {

namespace {

// In older ledgers, marks a snapshot whose removal is under way; no provider's words equal it.
constexpr std::string_view removal_asked_for = "expired; its removal was asked for";

// One thing that somebody is reminded of.
struct Reminder {
    PersonId person;
    std::string subject;
    std::string text;       // with the command that settles it
    bool of_window = false; // it says nothing any more once the window was moved
};

// What falls due at the same time for one person becomes one mail.
struct Firing {
    Decider& decider;
    std::vector<Reminder> reminders = {};
};

using Fire = void (*)(Firing&, const std::string& about);

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

// As those who are told read it off the clock where they are.
std::string on_the_wall(const Decider& decider, Time time) {
    const auto& window = decider.change().window;
    return to_spoken_text(time, window ? window->zone : decider.facts().records->organisation.zone);
}

std::string completed_with(const Decider& decider, const Step& step) {
    const auto& id = decider.change().id.value;
    return step.kind == StepKind::closure
               ? fmt::format("slipway change close {} --outcome OUTCOME --summary TEXT", id)
               : fmt::format("slipway change complete_step {} --step {}", id, step.id.value);
}

bool is_due_by_window(const Step& step) {
    return step.due && step.due->relative_to.starts_with("window_");
}

void tell_of_step(
    Firing& firing, const std::string& about, ReminderKind kind, std::string_view subject,
    std::string_view verb
) {
    auto& decider = firing.decider;
    const auto* step = find_step(*decider.facts().workflow, about);
    const auto due = step ? due_at(*step, decider.change(), decider.facts()) : std::nullopt;
    decider.emit(Reminded{kind, about, due});
    if (!step || !due)
        return;
    firing.reminders.push_back(
        {responsible(decider.change(), step->id), fmt::format("{}: {}", subject, step->title),
         fmt::format(
             "{} {} due by {}: {}", step->title, verb, on_the_wall(decider, *due),
             completed_with(decider, *step)
         ),
         is_due_by_window(*step)}
    );
}

void remind_step(Firing& firing, const std::string& about) {
    tell_of_step(firing, about, ReminderKind::step_due, "due soon", "is");
}

void note_overdue(Firing& firing, const std::string& about) {
    tell_of_step(firing, about, ReminderKind::step_overdue, "overdue", "was");
}

void remind_action(Firing& firing, const std::string& about) {
    auto& decider = firing.decider;
    decider.emit(Reminded{ReminderKind::action_due, about, {}});
    for (const auto& action : decider.change().actions)
        if (action.id == about)
            firing.reminders.push_back(
                {action.owner, fmt::format("action {} is open", about),
                 fmt::format(
                     "{} is due by {}: slipway change complete_action {} --id {}", action.title,
                     on_the_wall(decider, *action.due_at), decider.change().id.value, about
                 )}
            );
}

// Who owns the change may ask its owner, or have a change manager complete it.
void tell_of_open_action(Firing& firing, const std::string& about) {
    auto& decider = firing.decider;
    decider.emit(Reminded{ReminderKind::action_due, about, {}});
    const auto& change = decider.change();
    for (const auto& action : change.actions)
        if (action.id == about)
            firing.reminders.push_back(
                {change.change_owner, fmt::format("action {} is still open", about),
                 fmt::format(
                     "{} was due by {}, and {} is not reminded any more. He or a change manager "
                     "completes it: slipway change complete_action {} --id {}",
                     action.title, on_the_wall(decider, *action.due_at), action.owner.value,
                     change.id.value, about
                 )}
            );
}

void note_owed(Firing& firing, const std::string& about) {
    auto& decider = firing.decider;
    decider.emit(Reminded{ReminderKind::owed_overdue, about, {}});
    const auto& change = decider.change();
    const auto* step = find_step(*decider.facts().workflow, about);
    for (const auto& owed : change.owed)
        if (owed.id == about && !owed.settled_at)
            firing.reminders.push_back(
                {change.change_owner, about + " is owed and overdue",
                 fmt::format(
                     "{} was owed by {}, and the change cannot be closed until it is settled: {}",
                     step ? step->title : "The retrospective review",
                     on_the_wall(decider, owed.due_at),
                     step ? completed_with(decider, *step)
                          : fmt::format(
                                "slipway change settle_owed {} --id {} --note NOTE",
                                change.id.value, about
                            )
                 )}
            );
}

void note_waiver_ended(Firing& firing, const std::string& about) {
    auto& decider = firing.decider;
    decider.emit(Reminded{ReminderKind::waiver_ended, about, {}});
    const auto& waivers = decider.change().waivers;
    const auto waiver = *std::find_if(waivers.begin(), waivers.end(), [&](const Waiver& known) {
        return known.id == about;
    });
    const bool begun = has_work_begun(decider.change(), decider.facts());
    const auto why = why_missed(decider, waiver.gate, begun, "its waiver has ended");
    if (!why)
        return;
    const auto& change = decider.change();
    firing.reminders.push_back(
        {change.change_owner, fmt::format("the waiver of {} has ended", waiver.gate),
         gone_waiver(change, waiver, "has ended", *why)}
    );
}

// Both who decides and who carries it out must know, each by name; one person is called once.
void call_both(Decider& decider, const std::string& subject, const std::string& body) {
    const auto& change = decider.change();
    call(decider, change.change_owner, subject, body);
    if (who_is_called(decider, change.implementer) != who_is_called(decider, change.change_owner))
        call(decider, change.implementer, subject, body);
}

void warn_of_abort_by(Firing& firing, const std::string& about) {
    auto& decider = firing.decider;
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
            "Finish, ask a change manager for more time (slipway change extend_window {} --until "
            "TIME "
            "--reason WHY), or roll back (slipway change roll_back {} --reason WHY).\n",
            decider.change().title, on_the_wall(decider, clock.expected_end.value()),
            on_the_wall(decider, clock.window_end), id, id
        )
    );
}

void note_abort_by_passed(Firing& firing, const std::string& about) {
    auto& decider = firing.decider;
    const auto clock = *abort_clock(decider.change(), decider.facts());
    const auto id = decider.change().id.value;
    decider.emit(Reminded{ReminderKind::abort_by_passed, about, clock.abort_by});
    call_both(
        decider,
        fmt::format("{}: {} is past abort-by, {}", id, about, on_the_wall(decider, clock.abort_by)),
        fmt::format(
            "{}\nNo further step begins. Roll back (slipway change roll_back {} --reason WHY), or "
            "have "
            "a change manager give it more time (slipway change extend_window {} --until TIME "
            "--reason WHY).\n",
            decider.change().title, id, id
        )
    );
}

// Also when the board has put it off, or rejected what was submitted before.
bool awaits_meeting(const Change& change) {
    if (!change.queue || type_of(change) != ChangeType::normal)
        return false;
    const auto& decision = change.decision;
    return !decision || decision->outcome == CabOutcome::deferred ||
           (decision->outcome == CabOutcome::rejected && decision->at < change.queue->submitted_at);
}

void defer(Firing& firing, const std::string&) {
    pass_undecided(firing.decider);
}

// Each has an end of its own, also beside another one of its host. Who comes too late for it need
// not be told that it ends soon.
std::optional<Time> snapshot_reminder_at(const Snapshot& snapshot, const Facts& facts) {
    if (!is_there(snapshot) || facts.now >= snapshot.expires_at ||
        snapshot.reminded_for == snapshot.expires_at)
        return std::nullopt;
    return snapshot.expires_at - facts.policy->snapshot_reminder_ahead;
}

void remind_snapshot(Firing& firing, const std::string& about) {
    auto& decider = firing.decider;
    for (const auto& snapshot : std::vector(decider.change().snapshots)) {
        const auto due = snapshot_reminder_at(snapshot, decider.facts());
        if (snapshot.host == about && due && *due <= decider.facts().now) {
            decider.emit(Reminded{ReminderKind::snapshot_due, about, snapshot.expires_at});
            const auto& change = decider.change();
            firing.reminders.push_back(
                {change.change_owner, fmt::format("the snapshot of {} ends soon", about),
                 fmt::format(
                     "The snapshot of {} {} after {}. To keep it: slipway change extend_snapshot "
                     "{} --host {} --id {} --until TIME --reason WHY",
                     about, is_automatic(snapshot) ? "is removed" : "is to be removed",
                     on_the_wall(decider, snapshot.expires_at), change.id.value, about, snapshot.id
                 )}
            );
        }
    }
}

SnapshotTask task_for(const Change& change, const Snapshot& snapshot) {
    return {change.id,       snapshot.connector,  snapshot.host,
            change.id.value, snapshot.expires_at, snapshot.id};
}

void measure_snapshot(Firing& firing, const std::string& about) {
    auto& decider = firing.decider;
    for (auto snapshot : std::vector(decider.change().snapshots))
        if (snapshot.id == about && snapshot.state == SnapshotState::taken) {
            snapshot.measured_at = decider.facts().now;
            decider.emit(SnapshotReported{snapshot});
            decider.ask("snapshot_look", task_for(decider.change(), snapshot));
        }
}

void remove_snapshot(Firing& firing, const std::string& about) {
    auto& decider = firing.decider;
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
        if (const auto due = snapshot_reminder_at(snapshot, facts))
            timers.push_back({*due, snapshot.host, remind_snapshot});
        if (facts.now >= snapshot.expires_at)
            continue;
        const auto measured = snapshot.measured_at ? snapshot.measured_at : snapshot.taken_at;
        if (removal && measured && snapshot.state == SnapshotState::taken)
            timers.push_back(
                {*measured + facts.policy->snapshot_measured_every, snapshot.id, measure_snapshot}
            );
    }
}

// Behind its due date a step is overdue, and no longer due soon.
void add_reminders(
    const Step& step, const StepRecord& record, Time due, bool certain, Time now,
    std::vector<Timer>& timers
) {
    // What was said of another date has to be said again.
    const bool same = !record.reminded_for || record.reminded_for == due;
    const auto reminders = same ? record.reminders : 0;
    auto ahead = step.reminders;
    std::sort(ahead.rbegin(), ahead.rend());
    if (reminders < ahead.size() && now < due)
        timers.push_back({due - ahead[reminders], step.id.value, remind_step, certain});
    if (!same || !record.overdue_noted)
        timers.push_back({due, step.id.value, note_overdue, certain});
}

bool is_open(const Change& change, const StepId& step) {
    const auto record = change.steps.find(step);
    return record == change.steps.end() || record->second.state == StepState::open;
}

// perhaps: only a step whose condition was asked before the command is in the way.
enum class Turn { not_yet, perhaps, now };

// The checklist as far as reminders need it, looked at once for all steps.
class Order {
  public:
    Order(const Change& change, const Facts& facts) : change_(change), facts_(facts) {
        const auto* execute = find_step(*facts.workflow, StepKind::execute);
        const auto* window = find_step(*facts.workflow, StepKind::window);
        if (window != nullptr)
            window_ = turn_after(*window);
        if (execute == nullptr || deployment_begun(change))
            return;
        if (change.window && change.window->end <= facts.now)
            window_ = Turn::not_yet;
        for (const auto& phase : facts.workflow->phases) {
            for (const auto& step : phase.steps)
                if (step.kind == StepKind::execute)
                    production_ = &phase;
            if (production_ != nullptr)
                break;
            for (const auto& step : phase.steps)
                prepared_ = std::min(prepared_, turn_after(step));
        }
    }

    // Nobody is reminded of what nobody can do yet: a step before it is open; the window was not
    // accepted, or has passed unused; or production is touched with it, and not everything before
    // that is done.
    Turn turn_of(const Step& step) const {
        auto turn = is_due_by_window(step) ? window_ : Turn::now;
        if (is_of_production(step))
            turn = std::min(turn, prepared_);
        for (const auto& before : step.after)
            if (const auto* earlier = find_step(*facts_.workflow, before.value))
                turn = std::min(turn, turn_after(*earlier));
        return turn;
    }

  private:
    Turn turn_after(const Step& earlier) const {
        if (!earlier.is_required() || !is_open(change_, earlier.id) ||
            !applies(earlier, change_, facts_))
            return Turn::now;
        return earlier.when.empty() ? Turn::not_yet : Turn::perhaps;
    }

    bool is_of_production(const Step& step) const {
        return production_ != nullptr && std::any_of(
                                             production_->steps.begin(), production_->steps.end(),
                                             [&](const Step& known) { return &known == &step; }
                                         );
    }

    const Change& change_;
    const Facts& facts_;
    Turn window_ = Turn::now;           // what is due by it
    const Phase* production_ = nullptr; // the phase that is still to touch it
    Turn prepared_ = Turn::now;         // what stands before that phase
};

void step_timers(const Change& change, const Facts& facts, std::vector<Timer>& timers) {
    const Order order(change, facts);
    for (const auto* step : steps_of(*facts.workflow)) {
        const auto found = change.steps.find(step->id);
        static const StepRecord untouched;
        const auto& record = found == change.steps.end() ? untouched : found->second;
        if (record.state != StepState::open || !step->due)
            continue;
        const bool applying = applies(*step, change, facts);
        const bool possible = !step->when.empty() && applies_to(*step, type_of(change));
        if (!applying && !possible)
            continue;
        const auto turn = order.turn_of(*step);
        if (turn == Turn::not_yet)
            continue;
        if (const auto due = due_at(*step, change, facts))
            add_reminders(*step, record, *due, applying && turn == Turn::now, facts.now, timers);
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
            // theatre, and so is a reminder that never ends. The last is for who owns the change.
            constexpr std::uint32_t reminders_max = 9;
            if (action.reminders <= reminders_max)
                timers.push_back(
                    {*action.due_at + std::chrono::hours(24) * action.reminders -
                         std::chrono::hours(24),
                     action.id,
                     action.reminders < reminders_max ? remind_action : tell_of_open_action}
                );
        }
    snapshot_timers(change, facts, timers);
    if (is_over(change))
        return timers;
    for (const auto& waiver : change.waivers)
        if (waiver.state == WaiverState::granted && !waiver.end_noted)
            timers.push_back({waiver.expires_at, waiver.id, note_waiver_ended});
    step_timers(change, facts, timers);
    clock_timers(change, facts, timers);
    for (const auto& owed : change.owed)
        if (!owed.settled_at && !owed.overdue_noted)
            timers.push_back({owed.due_at, owed.id, note_owed});
    if (awaits_meeting(change))
        timers.push_back({change.queue->meeting_at + std::chrono::hours(24), {}, defer});
    return timers;
}

void send_to(Firing& firing, const PersonId& person) {
    std::vector<const Reminder*> his;
    for (const auto& reminder : firing.reminders)
        if (reminder.person == person &&
            std::none_of(his.begin(), his.end(), [&](const Reminder* known) {
                return known->text == reminder.text;
            }))
            his.push_back(&reminder);
    const auto& change = firing.decider.change();
    auto subject = fmt::format("{}: {}", change.id.value, his.front()->subject);
    if (his.size() > 1)
        subject += fmt::format(", and {} more", his.size() - 1);
    auto body = change.title + "\n";
    bool of_window = true;
    for (const auto* reminder : his) {
        body += "\n" + reminder->text + "\n";
        of_window = of_window && reminder->of_window;
    }
    page(
        firing.decider, person, std::move(subject), std::move(body),
        of_window ? std::optional(change.window->start) : std::nullopt
    );
}

void send_reminders(Firing& firing) {
    std::set<PersonId> people;
    for (const auto& reminder : firing.reminders)
        people.insert(reminder.person);
    for (const auto& person : people)
        send_to(firing, person);
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
    Firing firing{decider};
    for (std::size_t round = 0; round < limits::timer_rounds_max; ++round) {
        const auto events = decider.events();
        for (const auto& timer : timers_of(decider.change(), facts))
            if (timer.certain && timer.at <= facts.now)
                timer.fire(firing, timer.about);
        if (decider.events() == events)
            break;
    }
    send_reminders(firing);
    return decider.finish();
}

} // namespace decide

} // namespace slipway::domain
