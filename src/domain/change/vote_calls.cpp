// SPDX-License-Identifier: Apache-2.0
#include "domain/change/vote_calls.hpp"

#include <algorithm>

#include "domain/calendar/zone.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/paging.hpp"

namespace slipway::domain {

namespace {

using Board = std::pair<const std::string, BoardRecord>;

std::vector<PersonId> whose_votes_are_wanted(const Decider& decider, const Board& board) {
    const auto& change = decider.change();
    const auto& facts = decider.facts();
    const auto now = digest_of_sections(section_digests(change));
    auto people = board.second.members;
    people.push_back(board.second.chair);
    std::vector<PersonId> wanted;
    for (const auto& person : people) {
        const bool voted =
            std::any_of(change.votes.begin(), change.votes.end(), [&](const Vote& vote) {
                return vote.person == person && vote.of == now;
            });
        const bool known = std::find(wanted.begin(), wanted.end(), person) != wanted.end();
        if (!voted && !known && person != facts.actor &&
            why_not_counted(change, facts, &board.second, person).empty())
            wanted.push_back(person);
    }
    return wanted;
}

void ask_for_votes(Decider& decider, const Board& board, const std::string& about) {
    const auto& change = decider.change();
    const auto& facts = decider.facts();
    if (composed_by_its_own(change, facts, board.first))
        return; // it does not decide on this change
    const auto people = whose_votes_are_wanted(decider, board);
    if (people.empty())
        return;
    if (calling_connector(change, facts).empty()) {
        std::string names;
        for (const auto& person : people)
            names += (names.empty() ? "" : ", ") + person.value;
        return decider.say(
            "no connector of an on-call roster tells the board, tell them yourself that their "
            "votes are wanted: " +
            names
        );
    }
    const auto id = change.id.value;
    for (const auto& person : people)
        page(
            decider, person, fmt::format("{}: your vote is wanted", id),
            fmt::format(
                "{}\n{}\nRead it: slipway change show {} --all\n"
                "Vote: slipway change vote {} --choice approve\n"
                "Or --choice approve_with_conditions, defer or reject, with --comment WHY.\n",
                change.title, about, id, id
            )
        );
}

} // namespace

void ask_cab_for_votes(Decider& decider) {
    const auto& queue = *decider.change().queue;
    const auto board = decider.facts().records->boards.find(queue.board);
    if (board == decider.facts().records->boards.end())
        return;
    ask_for_votes(
        decider, *board,
        fmt::format(
            "It is on the agenda of {} at {}; a vote counts before the meeting too.",
            board->second.name,
            to_spoken_text(queue.meeting_at, board->second.schedule.meetings.zone)
        )
    );
}

void ask_ecab_for_votes(Decider& decider) {
    const auto& boards = decider.facts().records->boards;
    const auto is_ecab = [](const Board& board) { return board.second.emergency; };
    if (std::count_if(boards.begin(), boards.end(), is_ecab) != 1)
        return;
    const auto& change = decider.change();
    const auto& why = change.classification->reason;
    ask_for_votes(
        decider, *std::find_if(boards.begin(), boards.end(), is_ecab),
        fmt::format(
            "It is an emergency{}{}{}", why.empty() ? "" : ": ", why,
            change.window ? "." : ". You can vote as soon as its window is scheduled."
        )
    );
}

} // namespace slipway::domain
