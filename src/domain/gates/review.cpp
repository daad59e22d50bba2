// SPDX-License-Identifier: Apache-2.0
// Gates of phase 3: cab-lead-time, cab-decision, notice, oncall.
#include <algorithm>

#include "domain/calendar/zone.hpp"
#include "domain/change/board_meeting.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/notices.hpp"
#include "domain/change/oncall_cover.hpp"
#include "domain/gates/deliveries.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::gates {

namespace {

// Whose groups a vote stands for: those that he voted for and still belongs to.
void add_groups(const Vote& vote, const Facts& facts, std::set<std::string>& groups) {
    const auto voter = facts.records->people.find(vote.person);
    for (const auto& group : vote.groups)
        if (voter != facts.records->people.end() &&
            std::find(voter->second.groups.begin(), voter->second.groups.end(), group) !=
                voter->second.groups.end())
            groups.insert(group);
}

// Quorum and required groups, of the votes that count now: both boards, whoever sat on them when
// the votes were given.
void look_at_votes(
    const Change& change, const Facts& facts, const CabDecision& decision, GateFindings& findings
) {
    const auto found = facts.records->boards.find(decision.board);
    const auto* board = found == facts.records->boards.end() ? nullptr : &found->second;
    std::uint32_t approving = 0;
    std::uint32_t rejecting = 0;
    std::set<std::string> groups;
    std::string left_out;
    for (const auto& vote : decision.votes) {
        if (const auto why = why_not_counted(change, facts, board, vote.person); !why.empty()) {
            left_out += fmt::format("; {} does not count: {}", vote.person.value, why);
            findings.warn(fmt::format("the vote of {} does not count: {}", vote.person.value, why));
            continue;
        }
        rejecting += vote.choice == VoteChoice::reject ? 1 : 0;
        if (!is_approving(vote))
            continue;
        if (vote.choice == VoteChoice::approve_with_conditions && decision.conditions.empty())
            findings.refuse(
                "decision.conditions", vote.person.value + " approved with conditions only",
                vote.comment, "Record approved_with_conditions, and name the conditions"
            );
        ++approving;
        add_groups(vote, facts, groups);
    }
    const auto least = quorum_of(board, *facts.policy, decision.emergency);
    const std::string again =
        decision.emergency ? "More members of the ECAB vote (vote)"
                           : "More members of the board vote (vote), and it decides anew (decide)";
    if (approving < least)
        findings.refuse(
            "decision.votes", "the quorum is not reached",
            fmt::format("{} of {} votes approve{}", approving, least, left_out), again
        );
    if (rejecting > 0 && rejecting >= approving)
        findings.refuse(
            "decision.votes", "no majority approves it",
            fmt::format("{} approve, {} reject{}", approving, rejecting, left_out),
            "Answer what the board asked for and have it vote again"
        );
    for (const auto& group : board ? board->required_groups : std::vector<std::string>{})
        if (!groups.contains(group))
            findings.refuse(
                "decision.votes", "a required group has not approved", group + left_out,
                "Somebody of this group votes (vote), and the board decides anew"
            );
}

void look_at_decision_owners(const Change& change, const Facts& facts, GateFindings& findings) {
    if (change.rollback_owner.empty() || change.rollback_backup.empty() ||
        change.rollback_owner == change.rollback_backup)
        return findings.refuse(
            "rollback_owner", "the owner of the rollback decision and a backup must be named",
            fmt::format(
                "owner {}, backup {}",
                change.rollback_owner.empty() ? "nobody" : change.rollback_owner.value,
                change.rollback_backup.empty() ? "nobody" : change.rollback_backup.value
            ),
            "Name two people (assign --rollback_owner ID --rollback_backup ID)"
        );
    const auto roster = facts.records->rosters.find(change.roster);
    if (!change.window || roster == facts.records->rosters.end())
        return findings.refuse(
            "roster", "nobody knows who is on call in the window",
            change.roster.empty() ? "no roster" : "no roster " + change.roster,
            "Name the on-call roster of the change with assign"
        );
    const Interval window{change.window->start, change.window->end};
    const auto shifts = active_shifts(roster->second, *facts.records);
    const auto report = cover(shifts, window);
    if (!report)
        return findings.refuse(
            "roster", "the roster cannot be evaluated", report.error().message, "Mend the roster"
        );
    findings.looked_at("roster", change.roster, facts.now);
    for (const auto& [person, field] :
         {std::pair{change.rollback_owner, "rollback_owner"},
          {change.rollback_backup, "rollback_backup"}})
        if (!is_active_person(*facts.records, person))
            findings.refuse(
                field, person.value + " is not an active person of the tenant", person.value,
                fmt::format("Name somebody else who is on call, with assign --{} PERSON", field)
            );
        else if (std::none_of(
                     report->held.begin(), report->held.end(),
                     [&who = person](const RoleHold& held) { return held.person == who; }
                 ))
            findings.refuse(
                "rollback_owner", person.value + " is not on call in the window",
                "roster " + change.roster, "Name somebody who is on call, or change the roster"
            );
    // Each of them may hand over to the other, so that the rollback is decided at any time.
    std::vector<Interval> reachable;
    for (const auto& held : report->held)
        if (held.person == change.rollback_owner || held.person == change.rollback_backup)
            reachable.push_back(held.interval);
    for (const auto& gap : subtract(window, std::move(reachable)))
        findings.refuse(
            "rollback_owner",
            fmt::format(
                "nobody who decides on a rollback is on call from {} to {}",
                to_spoken_text(gap.start, change.window->zone),
                to_spoken_text(gap.end, change.window->zone)
            ),
            fmt::format(
                "owner {}, backup {}, roster {}", change.rollback_owner.value,
                change.rollback_backup.value, change.roster
            ),
            "Name people of whom one is on call at any time of the window (assign), or change the "
            "roster"
        );
}

// The roster as it is now must still give the people who were paged.
void look_at_roster(
    const Change& change, const Facts& facts, const Oncall& checked, GateFindings& findings
) {
    const auto roster = facts.records->rosters.find(change.roster);
    if (checked.roster != change.roster || roster == facts.records->rosters.end())
        return findings.refuse(
            "oncall.roster", "the cover was checked with another roster than the change names",
            fmt::format("checked {}, named {}", checked.roster, change.roster),
            "Run check_oncall again"
        );
    const auto now = oncall_cover(roster->second, *change.window, *facts.records);
    if (!now)
        return findings.refuse(
            "oncall.roster", "the roster cannot be evaluated", now.error().message,
            "Mend the roster"
        );
    findings.looked_at("roster", change.roster, facts.now);
    std::vector<std::pair<OncallRole, PersonId>> paged;
    bool left = false;
    for (const auto& page : checked.pages) {
        paged.emplace_back(page.role, page.person);
        if (is_active_person(*facts.records, page.person))
            continue;
        left = true;
        findings.refuse(
            "oncall." + page.person.value,
            fmt::format("{} ({}) is inactive", page.person.value, to_text(page.role)),
            "roster " + change.roster,
            "Put somebody else on call in the roster (roster put), then run check_oncall again"
        );
    }
    if (!left && (paged != now->holders || checked.gaps != now->gaps))
        findings.refuse(
            "oncall.roster", "the roster was edited since the cover was checked",
            "checked " + to_text(checked.checked_at), "Run check_oncall again"
        );
}

std::string roles_of(const std::vector<const Page*>& pages) {
    std::string roles;
    for (const auto* page : pages)
        roles += fmt::format("{}{}", roles.empty() ? "" : ", ", to_text(page->role));
    return roles;
}

// One reason a person, however many roles he has: he acknowledges once for all of them.
void look_at_pages(
    const Change& change, const Facts& facts, const Oncall& checked, GateFindings& findings
) {
    std::map<PersonId, std::vector<const Page*>> ours; // the client's contact may be one of them
    std::map<PersonId, std::vector<const Page*>> silent;
    for (const auto& page : checked.pages) {
        if (page.role != OncallRole::client)
            ours[page.person].push_back(&page);
        if (!page.acknowledged_at && is_active_person(*facts.records, page.person))
            silent[page.person].push_back(&page);
    }
    for (const auto& [person, pages] : ours)
        if (pages.size() > 1)
            findings.refuse(
                "oncall." + person.value,
                fmt::format("{} stands in several roles: {}", person.value, roles_of(pages)),
                "roster " + change.roster,
                "Leave him one of them and give the others to other people in the roster, then run "
                "check_oncall again"
            );
    for (const auto& [person, pages] : silent)
        findings.refuse(
            "oncall." + person.value,
            fmt::format("{} ({}) has not acknowledged", person.value, roles_of(pages)),
            "paged " + to_text(pages.front()->paged_at),
            person.value + " acknowledges with acknowledge_page"
        );
}

} // namespace

void cab_lead_time(const Change& change, const Facts&, GateFindings& findings) {
    if (type_of(change) == ChangeType::emergency)
        return findings.warn("an emergency waits for no meeting; the CAB reviews it afterwards");
    if (!change.queue)
        return findings.refuse(
            "queue", "the RFC is not in the CAB's queue", "not submitted", "Submit it with submit"
        );
    const auto& queue = *change.queue;
    findings.looked_at("queue", "board " + queue.board, queue.submitted_at);
    if (queue.missed_meeting_at)
        findings.warn(queue.deferred_because);
    if (!queue.kept_because.empty())
        findings.warn("edited late and kept on the agenda: " + queue.kept_because);
    if (const auto edited = edited_since_submission(change); !edited.empty())
        findings.refuse(
            "queue.sections", "the RFC was edited since it was submitted", edited,
            "Submit it again: it goes to the next meeting that its lead time allows, or the chair "
            "of the board keeps it on the agenda with keep_meeting_because"
        );
    if (begins_before_meeting(change))
        findings.refuse(
            "window.start", "the window begins before the CAB meets",
            fmt::format(
                "meeting {}, window {}", to_text(queue.meeting_at), to_text(change.window->start)
            ),
            fmt::format(
                "Move the window behind the meeting of {}, with schedule --start TIME --end TIME "
                "--zone {}",
                to_spoken_text(queue.meeting_at, change.window->zone), change.window->zone
            )
        );
}

namespace {

// What became of the last approval, if there was one.
std::string why_undecided(const Change& change) {
    if (change.voided.empty())
        return fmt::format(
            "{} vote{}, no decision", change.votes.size(), change.votes.size() == 1 ? "" : "s"
        );
    const auto& last = change.voided.back();
    const auto& parts = last.sections;
    const bool classified =
        std::find(parts.begin(), parts.end(), Section::classification) != parts.end();
    return fmt::format(
        "the approval was voided at {} by {}", to_text(last.at),
        classified ? "its classification as " + std::string(to_text(type_of(change))) : "an edit"
    );
}

std::string_view how_the_board_decides(const Change& change) {
    switch (type_of(change)) {
    case ChangeType::emergency:
        return "Members of the ECAB vote with vote; their votes decide";
    case ChangeType::standard:
        return "No board decides on a standard change: classify it as another type with classify";
    case ChangeType::unclassified:
        return "Classify it with classify; a normal change is then submitted with submit";
    case ChangeType::normal:
        break;
    }
    if (change.queue && edited_since_submission(change).empty())
        return "The board votes with vote, and its chair records the decision with decide";
    return "Submit it with submit; the board votes with vote, and its chair records the decision "
           "with decide";
}

} // namespace

void cab_decision(const Change& change, const Facts& facts, GateFindings& findings) {
    const bool emergency = type_of(change) == ChangeType::emergency;
    if (!change.decision)
        return findings.refuse(
            "decision", emergency ? "the ECAB has not decided" : "the CAB has not decided",
            why_undecided(change), std::string(how_the_board_decides(change))
        );
    const auto& decision = *change.decision;
    findings.looked_at("decision", "board " + decision.board, decision.at);
    if (!is_approving(decision))
        return findings.refuse(
            "decision.outcome", "the CAB has not approved it",
            std::string(to_text(decision.outcome)) + ": " + decision.minutes,
            emergency ? "Answer what the board asked for and have it vote again (vote)"
                      : "Answer what the board asked for and submit it again (submit)"
        );
    if (!is_approved(change))
        findings.refuse(
            "decision.sections", "something else was approved than what stands there now",
            "the digests differ", "The board decides again"
        );
    if (!is_of_its_board(change, decision))
        findings.refuse(
            "decision.board", "it was approved as a change of another type",
            decision.emergency ? "decided by the ECAB" : "decided by the CAB",
            std::string(how_the_board_decides(change))
        );
    // A vote was asked for its weight until the deployment began.
    if (deployment_begun(change))
        return;
    if (auto reason = composed_by_its_own(change, facts, decision.board))
        findings.reasons.push_back(*std::move(reason));
    look_at_votes(change, facts, decision, findings);
    look_at_decision_owners(change, facts, findings);
    for (const auto& condition : decision.conditions)
        if (!condition.met_at)
            findings.warn(fmt::format(
                "condition {} is to be met before the deployment: {}", condition.id, condition.text
            ));
}

void notice(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto* found = last_announcement(change);
    if (found == nullptr)
        return findings.refuse(
            "notice", "no maintenance notice has been sent", "no notice",
            "Send it with send_notice --kind maintenance"
        );
    findings.looked_at(found->id, "maintenance notice", found->sent_at);
    if (!change.window)
        return findings.refuse(
            "window", "the notice has no window to announce", "no window", "Schedule the window"
        );
    if (found->services.empty())
        findings.refuse(
            "notice.services", "the notice names no service", "empty",
            "Send it again with the services that are affected"
        );
    if (found->report_to.empty())
        findings.refuse(
            "notice.report_to", "the notice does not say where to report problems", "empty",
            "Send it again with report_to"
        );
    if (!names_window(*found, change))
        findings.refuse(
            "notice.window", "the notice announces another window than the change has",
            fmt::format(
                "announced {} to {}, window {} to {}", found->start ? to_text(*found->start) : "?",
                found->end ? to_text(*found->end) : "?", to_text(change.window->start),
                to_text(change.window->end)
            ),
            "Send the notice again for the window as it is now"
        );
    const auto ahead = notice_ahead(change, *facts.policy);
    if (found->sent_at > change.window->start - ahead)
        findings.refuse(
            "notice.sent_at", "the notice was sent too late",
            fmt::format(
                "sent {}, the window begins {}", to_text(found->sent_at),
                to_text(change.window->start)
            ),
            "Send it at least " + to_text(ahead) + " before; move the window if need be"
        );
    if (found->deliveries.empty())
        findings.refuse(
            "notice.deliveries", "the notice went to no channel", "no channel",
            "Set up a notice channel and send it again"
        );
    for (const auto& delivery : found->deliveries)
        if (delivery.state != DeliveryState::delivered)
            findings.refuse(
                "notice." + delivery.channel,
                fmt::format("a channel has not confirmed the notice {}", found->id),
                fmt::format("{} {}", to_text(delivery.state), delivery.receipt),
                how_to_deliver(*found, delivery, facts)
            );
}

void oncall(const Change& change, const Facts& facts, GateFindings& findings) {
    if (!change.oncall)
        return findings.refuse(
            "oncall", "the on-call cover has not been checked", "no check", "Run check_oncall"
        );
    const auto& checked = *change.oncall;
    findings.looked_at("cover", "roster " + change.roster, checked.checked_at);
    if (!change.window || checked.from != change.window->start ||
        checked.until != change.window->end)
        return findings.refuse(
            "oncall", "the cover was checked for another window",
            fmt::format("{} to {}", to_text(checked.from), to_text(checked.until)),
            "Run check_oncall again"
        );
    look_at_roster(change, facts, checked, findings);
    for (const auto& gap : checked.gaps)
        findings.refuse(
            "oncall.cover", gap, "roster " + change.roster,
            "Fill the roster, then run check_oncall again"
        );
    look_at_pages(change, facts, checked, findings);
}

} // namespace slipway::domain::gates
