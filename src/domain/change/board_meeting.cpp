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

const BoardRecord* board_of(const Decider& decider) {
    const auto& boards = decider.facts().records->boards;
    const auto board = boards.find(decider.change().queue->board);
    return board == boards.end() ? nullptr : &board->second;
}

// Empty where it does nothing, or where that is waived.
std::string what_the_meeting_does_to_the_window(
    const Change& change, const Facts& facts, bool approved = false
) {
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

// Which may be the one that it is at already.
void go_to_meeting(
    Decider& decider, const BoardRecord& board, Time meeting, const std::string& because
) {
    const auto queue = *decider.change().queue;
    decider.emit(ChangeSubmitted{
        {queue.board,
         queue.submitted_at,
         queue.submitted_by,
         meeting,
         meeting == queue.meeting_at ? queue.missed_meeting_at : queue.meeting_at,
         because,
         sections_to_read(decider.change()),
         {}}});
    const auto& change = decider.change();
    auto subject = fmt::format(
        "{} is on the agenda of {} at {} now", change.id.value, board.name,
        to_spoken_text(meeting, board.schedule.meetings.zone)
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

void go_to_meeting_after(
    Decider& decider, const BoardRecord& board, Time after, const std::string& because
) {
    const auto next = choose_meeting(board.schedule, after);
    if (!next)
        return decider.say(next.error().message);
    go_to_meeting(decider, board, next->meeting.start, because);
}

} // namespace

bool begins_before_meeting(const Change& change) {
    return change.queue && change.window && change.queue->meeting_at >= change.window->start;
}

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

void say_what_the_meeting_does_to_the_window(Decider& decider, bool approved) {
    auto said = what_the_meeting_does_to_the_window(decider.change(), decider.facts(), approved);
    if (!said.empty())
        decider.say(std::move(said));
}

void pass_undecided(Decider& decider) {
    if (const auto* board = board_of(decider))
        go_to_meeting_after(decider, *board, decider.facts().now, std::string(ended_undecided));
}

void put_off(Decider& decider, const std::string& minutes) {
    const auto* board = board_of(decider);
    if (board == nullptr)
        return;
    const auto& queue = *decider.change().queue;
    const auto because = std::string(was_deferred) + minutes;
    const auto meeting = queue.meeting_at;
    const bool moved = queue.deferred_because == ended_undecided ||
                       queue.deferred_because.starts_with(was_deferred);
    if (moved && decider.facts().now < meeting)
        return go_to_meeting(decider, *board, meeting, because);
    // Who puts it off ahead of the meeting does not mean that meeting.
    go_to_meeting_after(decider, *board, std::max(decider.facts().now, meeting), because);
}

} // namespace slipway::domain
