// SPDX-License-Identifier: Apache-2.0
#include "domain/change/board_meeting.hpp"

#include <algorithm>

#include "domain/calendar/zone.hpp"
#include "domain/change/paging.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain {

namespace {

SlotMeeting meeting_of(const BoardRecord& board, Time time) {
    return {
        time, fmt::format(
                  "{} meets at {}", board.name, to_spoken_text(time, board.schedule.meetings.zone)
              )};
}

constexpr std::string_view ended_undecided = "the meeting ended without a decision";
constexpr std::string_view was_deferred = "deferred: ";

// `kept`: the meeting that it is at already.
void go_to_next_meeting(
    Decider& decider, const std::string& because, Time after, std::optional<Time> kept = {}
) {
    const auto queue = *decider.change().queue;
    const auto& boards = decider.facts().records->boards;
    const auto board = boards.find(queue.board);
    if (board == boards.end())
        return;
    const auto& schedule = board->second.schedule;
    if (!kept) {
        const auto next = choose_meeting(schedule, after);
        if (!next)
            return decider.say(next.error().message);
        kept = next->meeting.start;
    }
    decider.emit(ChangeSubmitted{
        {queue.board,
         queue.submitted_at,
         queue.submitted_by,
         *kept,
         *kept == queue.meeting_at ? queue.missed_meeting_at : queue.meeting_at,
         because,
         sections_to_read(decider.change()),
         {}}});
    const auto& change = decider.change();
    auto subject = fmt::format(
        "{} is on the agenda of {} at {} now", change.id.value, board->second.name,
        to_spoken_text(*kept, schedule.meetings.zone)
    );
    const auto window = what_the_meeting_does_to_the_window(change, decider.facts());
    if (!window.empty())
        decider.reopen(StepKind::cab_queue, "the window begins before the next meeting");
    decider.say(subject);
    if (!window.empty())
        decider.say(window);
    const auto body =
        fmt::format("{}\n{}\n{}{}", change.title, because, window, window.empty() ? "" : ".\n");
    page(decider, change.change_owner, std::move(subject), body);
}

} // namespace

std::optional<SlotMeeting> first_meeting(const Change& change, const Records& records, Time now) {
    if (type_of(change) != ChangeType::normal || is_approved(change))
        return std::nullopt;
    std::optional<SlotMeeting> first;
    for (const auto& [id, board] : records.boards) {
        if (board.emergency)
            continue;
        if (change.queue && change.queue->board == id)
            return meeting_of(board, change.queue->meeting_at);
        // What is wrong with a board, or that it does not meet, submit says.
        const auto choice = choose_meeting(board.schedule, now);
        if (choice && (!first || choice->meeting.start < first->at))
            first = meeting_of(board, choice->meeting.start);
    }
    return first;
}

bool begins_before_meeting(const Change& change) {
    return change.queue && change.window && change.queue->meeting_at >= change.window->start;
}

std::string
what_the_meeting_does_to_the_window(const Change& change, const Facts& facts, bool approved) {
    if (!begins_before_meeting(change) || type_of(change) != ChangeType::normal ||
        evaluate(*find_gate("cab-lead-time"), change, facts).verdict == Verdict::waived)
        return {};
    const auto& window = *change.window;
    const auto& id = change.id.value;
    return fmt::format(
        "The window of {} begins before the meeting of {} and {}: slipway change schedule {} "
        "--start TIME --end TIME --zone {}{}",
        to_spoken_text(window.start, window.zone),
        to_spoken_text(change.queue->meeting_at, window.zone),
        approved ? "cab-lead-time refuses it; to move it voids this approval"
                 : "must move behind it",
        id, window.zone,
        approved ? fmt::format(
                       "; to keep both, have it waived: slipway change request_waiver {} --gate "
                       "cab-lead-time --reason TEXT",
                       id
                   )
                 : ""
    );
}

void pass_undecided(Decider& decider) {
    go_to_next_meeting(decider, std::string(ended_undecided), decider.facts().now);
}

void put_off(Decider& decider, const std::string& minutes) {
    const auto& queue = *decider.change().queue;
    const bool moved = queue.deferred_because == ended_undecided ||
                       queue.deferred_because.starts_with(was_deferred);
    const auto now = decider.facts().now;
    // Who puts it off ahead of the meeting does not mean that meeting.
    go_to_next_meeting(
        decider, std::string(was_deferred) + minutes, moved ? now : std::max(now, queue.meeting_at),
        moved && now < queue.meeting_at ? queue.meeting_at : std::optional<Time>{}
    );
}

} // namespace slipway::domain
