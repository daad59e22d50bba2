// SPDX-License-Identifier: Apache-2.0
#include "domain/change/board_meeting.hpp"

#include <algorithm>

#include "domain/calendar/zone.hpp"
#include "domain/change/paging.hpp"

namespace slipway::domain {

namespace {

SlotMeeting meeting_of(const BoardRecord& board, Time time) {
    return {
        time, fmt::format(
                  "{} meets at {}", board.name, to_spoken_text(time, board.schedule.meetings.zone)
              )};
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

std::string what_the_meeting_does_to_the_window(const Change& change) {
    if (!begins_before_meeting(change) || type_of(change) != ChangeType::normal)
        return {};
    const auto& window = *change.window;
    return fmt::format(
        "The window of {} begins before that meeting and must move behind it: slipway change "
        "schedule {} --start TIME --end TIME --zone {}",
        to_spoken_text(window.start, window.zone), change.id.value, window.zone
    );
}

void go_to_next_meeting(Decider& decider, const std::string& because) {
    const auto queue = *decider.change().queue;
    const auto& boards = decider.facts().records->boards;
    const auto board = boards.find(queue.board);
    if (board == boards.end())
        return;
    // Who puts it off ahead of the meeting does not mean that meeting.
    const auto next =
        choose_meeting(board->second.schedule, std::max(decider.facts().now, queue.meeting_at));
    if (!next)
        return decider.say(next.error().message);
    decider.emit(ChangeSubmitted{
        {queue.board,
         queue.submitted_at,
         queue.submitted_by,
         next->meeting.start,
         queue.meeting_at,
         because,
         sections_to_read(decider.change()),
         {}}});
    const auto& change = decider.change();
    auto subject = fmt::format(
        "{} is on the agenda of {} at {} now", change.id.value, board->second.name,
        to_spoken_text(next->meeting.start, board->second.schedule.meetings.zone)
    );
    const auto window = what_the_meeting_does_to_the_window(change);
    if (!window.empty())
        decider.reopen(StepKind::cab_queue, "the window begins before the next meeting");
    decider.say(subject);
    if (!window.empty())
        decider.say(window);
    const auto body =
        fmt::format("{}\n{}\n{}{}", change.title, because, window, window.empty() ? "" : ".\n");
    page(decider, change.change_owner, std::move(subject), body);
}

} // namespace slipway::domain
