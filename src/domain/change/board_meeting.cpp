// SPDX-License-Identifier: Apache-2.0
#include "domain/change/board_meeting.hpp"

#include "domain/calendar/zone.hpp"

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

} // namespace slipway::domain
