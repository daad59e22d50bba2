// SPDX-License-Identifier: Apache-2.0
// Commands of phase 3: CAB, notices, on-call.
#include <algorithm>

#include "domain/calendar/zone.hpp"
#include "domain/change/approved_ring.hpp"
#include "domain/change/board_meeting.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/notices.hpp"
#include "domain/change/oncall_cover.hpp"
#include "domain/change/tasks.hpp"
#include "domain/change/vote_calls.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::decide {

namespace {

void add_condition(CabDecision& decision, const std::string& text) {
    decision.conditions.push_back(
        {fmt::format("C-{}", decision.conditions.size() + 1), text, {}, {}, {}}
    );
}

using Board = std::pair<const std::string, BoardRecord>;

// The board that the change goes to: the named one, else the only one of its kind.
Result<const Board*> find_board(const Facts& facts, const std::string& named, bool emergency) {
    const Board* only = nullptr;
    for (const auto& board : facts.records->boards) {
        if (board.first == named && board.second.emergency != emergency)
            return fail_blocked(
                "this board does not decide on such changes",
                {{"cab-decision", "board",
                  emergency ? "only an ECAB decides on emergencies"
                            : "an ECAB decides on emergencies only",
                  "board " + named, emergency ? "Name an ECAB" : "Name a CAB"}}
            );
        if (board.first == named)
            return &board;
        if (board.second.emergency == emergency) {
            if (only && emergency)
                return fail_blocked(
                    "nobody can tell which board decides",
                    {{"cab-decision", "board", "there are several ECABs, and a vote names none",
                      fmt::format("boards {} and {}", only->first, board.first),
                      "Have a change manager remove one of them, or put it without emergency "
                      "(board "
                      "put)"}}
                );
            if (only && named.empty())
                return fail_field("board", "there are several boards: name one");
            only = &board;
        }
    }
    if (!named.empty())
        return fail_field("board", "there is no board " + named);
    if (only == nullptr)
        return fail_blocked(
            "there is no board to decide",
            {{"cab-decision", "board", emergency ? "no ECAB is set up" : "no CAB is set up",
              "boards of the tenant", "Put a board record with its members"}}
        );
    return only;
}

// A checklist without runbooks has none to show to the board, and a way back that was waived is
// none either.
bool is_asked_for(Section section, const Change& change, const Facts& facts) {
    if (section == Section::rollback_runbook)
        return has_step(change, facts, StepKind::runbook) &&
               evaluate(*find_gate("rollback-runbook"), change, facts).verdict != Verdict::waived;
    if (section == Section::deployment_runbook)
        return has_step(change, facts, StepKind::deploy) ||
               has_step(change, facts, StepKind::execute);
    return true;
}

// A late edit goes to the next meeting, unless somebody of the board's side, and not of the
// change's, says why the board can judge it all the same.
Result<CabQueue> keep_meeting(
    const Change& change, const std::string& board, const Submit& body, const Facts& facts
) {
    std::string why;
    if (!change.queue || change.queue->board != board)
        why = "the RFC is not on this board's agenda";
    else if (!facts.has_role(Role::cab_chair) && !facts.has_role(Role::change_manager))
        why = "only a chair of the CAB or a change manager keeps an edited RFC on the agenda";
    else
        why = conflict_of_duty(change, facts, facts.actor);
    if (!why.empty())
        return fail_blocked(
            "it cannot stay on the agenda",
            {{"cab-lead-time", "keep_meeting_because", why, "you are " + facts.actor.value,
              "Ask the chair of the board, or submit it without: it goes to the next meeting"}}
        );
    auto queue = *change.queue;
    queue.sections = sections_to_read(change);
    queue.kept_because = body.keep_meeting_because;
    return queue;
}

// Only a normal change is submitted; what the others do instead depends on their type.
Reason not_in_queue(const Change& change) {
    Reason reason{
        "cab-decision", "queue", "the RFC is not in the CAB's queue", "not submitted",
        "Submit it with submit"};
    switch (type_of(change)) {
    case ChangeType::normal:
        break;
    case ChangeType::unclassified:
        reason.remedy = "Classify it with classify; a normal change is then submitted with submit";
        break;
    case ChangeType::standard:
        reason.message = "a standard change waits for no board";
        reason.evidence = "it is standard";
        reason.remedy = "Nobody votes on it: its catalogue entry was approved before";
        break;
    case ChangeType::emergency:
        reason.message = "an emergency waits in no queue";
        reason.evidence = "it is an emergency";
        reason.remedy = "Members of the ECAB vote with vote; their votes decide by themselves";
        break;
    }
    return reason;
}

Reason approval_stands(const Change& change) {
    const auto& decision = *change.decision;
    return {
        "cab-decision", "decision", "the approval stands",
        fmt::format("{} decided at {}", decision.board, to_text(decision.at)),
        "Nothing is left to vote on or to decide"};
}

std::string_view how_to_complete(Section section) {
    switch (section) {
    case Section::window:
        return "Schedule it with schedule, then submit";
    case Section::rollback_runbook:
        return "Pin it with pin_runbook --purpose rollback, then submit";
    case Section::deployment_runbook:
        return "Pin it with pin_runbook --purpose deployment, then submit";
    default:
        break;
    }
    return "Write it with describe, then submit";
}

// What the board is asked to judge and has not got yet.
std::vector<Reason> missing_for_board(const Change& change, const Facts& facts) {
    std::vector<Reason> reasons;
    for (const auto section :
         {Section::scope, Section::window, Section::rollback_runbook, Section::deployment_runbook})
        if (is_asked_for(section, change, facts) &&
            !section_digests(change).contains(std::string(to_text(section))))
            reasons.push_back(
                {"cab-lead-time", std::string(to_text(section)),
                 fmt::format("the board cannot judge an RFC without its {}", to_text(section)),
                 "not there yet", std::string(how_to_complete(section))}
            );
    if (auto reason = ring_not_as_recorded(change, facts, "cab-lead-time"))
        reasons.push_back(*std::move(reason));
    if (const auto* gate = find_gate("rfc-specific")) {
        auto result = evaluate(*gate, change, facts);
        if (result.verdict == Verdict::fail)
            reasons.insert(reasons.end(), result.reasons.begin(), result.reasons.end());
    }
    return reasons;
}

// An approval whose votes do not count any more, or that another board gave than its type asks for,
// is nothing that the board could not decide anew.
bool votes_suffice(const Change& change, const Facts& facts) {
    GateFindings findings("cab-decision");
    gates::cab_decision(change, facts, findings);
    return std::none_of(findings.reasons.begin(), findings.reasons.end(), [](const Reason& reason) {
        return reason.field == "decision.votes" || reason.field == "decision.board";
    });
}

// Two named authorisers suffice in an emergency: the second vote decides, unless as many reject it.
// What a vote is conditional on becomes a condition; nobody is there to word it otherwise.
void decide_emergency(Decider& decider, const Board& board) {
    const auto& change = decider.change();
    const auto& facts = decider.facts();
    CabDecision decision{CabOutcome::approved,
                         board.first,
                         true,
                         facts.actor,
                         facts.now,
                         "decided by the ECAB",
                         {},
                         {},
                         section_digests(change)};
    std::uint32_t approving = 0;
    std::uint32_t rejecting = 0;
    for (const auto& vote : change.votes) {
        decision.votes.push_back(vote);
        if (!why_not_counted(change, facts, &board.second, vote.person).empty())
            continue;
        approving += is_approving(vote) ? 1 : 0;
        rejecting += vote.choice == VoteChoice::reject ? 1 : 0;
        if (vote.choice != VoteChoice::approve_with_conditions)
            continue;
        decision.outcome = CabOutcome::approved_with_conditions;
        add_condition(decision, vote.comment);
    }
    if (approving < quorum_of(&board.second, *facts.policy, true) || rejecting >= approving)
        return;
    decider.keep_approvers();
    decider.emit(CabDecided{std::move(decision)});
    // Who approves it once more gives the review no more time.
    const auto* owed = retrospective_review(change);
    if (owed == nullptr || owed->fell_away)
        decider.emit(ReviewOwed{facts.now + facts.policy->retrospective_review_within});
    decider.say(
        "the ECAB has approved it; a retrospective review is owed by " +
        to_text(retrospective_review(change)->due_at)
    );
}

// Whom no connector calls, a person does.
void call_to_window(Decider& decider, const Page& page, const std::string& connector) {
    const auto& change = decider.change();
    const auto who = fmt::format("{} ({})", page.person.value, to_text(page.role));
    if (connector.empty() || connector == "external")
        return decider.say(fmt::format(
            "tell {} of the window, then say so: slipway change report_page {} --person {} --state "
            "delivered",
            who, change.id.value, page.person.value
        ));
    decider.say(fmt::format("{} is being called", who));
    decider.ask(
        "page",
        PageTask{
            change.id, page.person, connector,
            fmt::format("On call for {} as {}", change.id.value, to_text(page.role)),
            oncall_text(change), false}
    );
}

} // namespace

Result<Decision> submit(const Change& change, const Submit& body, const Facts& facts) {
    TRY(require_untouched(change, "CAB queue"));
    if (type_of(change) != ChangeType::normal)
        return fail_blocked(
            "only a normal change waits for the CAB",
            {{"cab-lead-time", "classification", fmt::format("it is {}", to_text(type_of(change))),
              "type",
              type_of(change) == ChangeType::unclassified
                  ? "Classify it with classify --type normal, then submit it"
                  : "A standard change needs no CAB; an emergency goes to the ECAB (vote)"}}
        );
    const auto* board = TRY(find_board(facts, body.board, false));
    if (auto reason = composed_by_its_own(change, facts, board->first))
        return fail_blocked("this board does not decide on the change", {*std::move(reason)});
    Decider decider(change, facts);
    record_ring(decider);
    const auto& shown = decider.change();
    auto reasons = missing_for_board(shown, facts);
    if (!reasons.empty())
        return fail_blocked("the RFC is not ready for the CAB", std::move(reasons));
    const auto choice = TRY(choose_meeting(board->second.schedule, facts.now));
    CabQueue queue{board->first,
                   facts.now,
                   facts.actor,
                   choice.meeting.start,
                   {},
                   {},
                   sections_to_read(shown),
                   {}};
    if (!body.keep_meeting_because.empty()) {
        TRY(require_reason(body.keep_meeting_because, "keep_meeting_because"));
        queue = TRY(keep_meeting(shown, board->first, body, facts));
    } else if (!choice.missed.empty()) {
        queue.missed_meeting_at = choice.missed.front().meeting.start;
        queue.deferred_because = choice.explanation;
    }
    // Whoever submits again what the board has already changes nothing.
    const bool known = change.queue && change.queue->board == queue.board &&
                       change.queue->meeting_at == queue.meeting_at &&
                       change.queue->sections == queue.sections;
    decider.emit(ChangeSubmitted{queue});
    if (!known)
        ask_cab_for_votes(decider);
    decider.say(fmt::format(
        "on the agenda of {} at {}", board->second.name,
        to_spoken_text(queue.meeting_at, board->second.schedule.meetings.zone)
    ));
    if (!queue.deferred_because.empty())
        decider.say(queue.deferred_because);
    say_what_the_meeting_does_to_the_window(decider);
    return decider.finish();
}

Result<Decision> vote(const Change& change, const CastVote& body, const Facts& facts) {
    TRY(require_untouched(change, "vote"));
    const bool emergency = type_of(change) == ChangeType::emergency;
    if (!emergency && !change.queue)
        return fail_blocked("there is nothing to vote on yet", {not_in_queue(change)});
    const auto edited = emergency ? std::string{} : edited_since_submission(change);
    if (!edited.empty())
        return fail_blocked(
            "the board has not got this RFC to read",
            {{"cab-lead-time", "queue.sections", "it was edited since it was submitted", edited,
              "Submit it again (submit)"}}
        );
    // An emergency is not submitted, so that nobody has asked for the window yet.
    if (!change.window)
        return fail_blocked(
            "the board cannot judge an RFC without its window",
            {{"cab-decision", "window", "no maintenance window is scheduled", "no window",
              "Schedule it with schedule, then vote"}}
        );
    const auto* board = TRY(find_board(facts, emergency ? "" : change.queue->board, emergency));
    if (const auto why = conflict_of_duty(change, facts, facts.actor); !why.empty())
        return fail_blocked(
            "you must not vote on this change",
            {{"cab-decision", "votes", why, "you are " + facts.actor.value,
              "Another member of the board votes"}}
        );
    if (!is_member(board->second, facts.actor))
        return fail_blocked(
            "you are not on this board",
            {{"cab-decision", "votes", "only members of the board vote", "board " + board->first,
              "Have a member vote, or join the board"}}
        );
    if (auto reason = composed_by_its_own(change, facts, board->first))
        return fail_blocked("this board does not decide on the change", {*std::move(reason)});
    // An approval of another ring than there is now is none to rest on, nor to vote on.
    if (is_approved(change))
        if (auto reason = ring_not_as_recorded(change, facts, "cab-decision"))
            return fail_blocked("the board cannot judge the ring", {*std::move(reason)});
    if (is_approved(change) && votes_suffice(change, facts))
        return fail_blocked("the board has decided", {approval_stands(change)});
    if (body.choice != VoteChoice::approve)
        TRY(require_reason(body.comment, "comment"));
    // Without votes nothing is approved, and what is not approved is not voided.
    if (change.voided.size() >= limits::list_max)
        return fail_full("choice", "voided approvals", limits::list_max);
    Decider decider(change, facts);
    // Nobody submits an emergency: what its first voter sees is what the board decides on.
    if (emergency)
        record_ring(decider);
    if (auto reason = ring_not_as_recorded(decider.change(), facts, "cab-decision"))
        return fail_blocked("the board cannot judge the ring", {*std::move(reason)});
    decider.void_edited();
    const auto groups = facts.records->people.at(facts.actor).groups;
    decider.emit(VoteCast{
        {facts.actor, body.choice, body.comment, groups,
         digest_of_sections(section_digests(decider.change())), facts.now}});
    if (emergency)
        decide_emergency(decider, *board);
    return decider.finish();
}

Result<Decision> decide(const Change& change, const RecordDecision& body, const Facts& facts) {
    TRY(require_untouched(change, "decision"));
    // The votes on an emergency decide by themselves, also where it was in a CAB's queue before.
    const bool in_queue = change.queue && type_of(change) != ChangeType::emergency;
    if (!in_queue && is_approved(change) && is_of_its_board(change, *change.decision))
        return fail_blocked("the board has decided", {approval_stands(change)});
    if (!in_queue)
        return fail_blocked("there is nothing to decide yet", {not_in_queue(change)});
    if (const auto why = conflict_of_duty(change, facts, facts.actor); !why.empty())
        return fail_blocked(
            "you must not record this decision",
            {{"cab-decision", "decision", why, "you are " + facts.actor.value,
              "The chair or another change manager records it"}}
        );
    const bool conditional = body.outcome == CabOutcome::approved_with_conditions;
    const bool approves = conditional || body.outcome == CabOutcome::approved;
    // Counting votes for another ring would only say that they are missing.
    if (approves)
        if (auto reason = ring_not_as_recorded(change, facts, "cab-decision"))
            return fail_blocked("the board cannot judge the ring", {*std::move(reason)});
    if (conditional != !body.conditions.empty())
        return fail_field(
            "conditions",
            conditional ? "name at least one condition" : "only approved_with_conditions has them"
        );
    if (body.outcome == CabOutcome::deferred || body.outcome == CabOutcome::rejected)
        TRY(require_reason(body.minutes, "minutes"));
    CabDecision decision{body.outcome,
                         change.queue->board,
                         false,
                         facts.actor,
                         facts.now,
                         body.minutes,
                         change.votes,
                         {},
                         section_digests(change)};
    for (const auto& text : body.conditions) {
        TRY(require_reason(text, "conditions"));
        add_condition(decision, text);
    }
    // Whoever is counted as approving under a condition has his condition kept.
    const auto board = facts.records->boards.find(change.queue->board);
    const bool known = board != facts.records->boards.end();
    const auto* judge = known ? &board->second : nullptr;
    for (const auto& vote : change.votes) {
        if (!why_not_counted(change, facts, judge, vote.person).empty())
            continue;
        const auto said = [&](const Condition& condition) {
            return condition.text == vote.comment;
        };
        if (conditional && vote.choice == VoteChoice::approve_with_conditions &&
            std::none_of(decision.conditions.begin(), decision.conditions.end(), said))
            add_condition(decision, vote.comment);
    }
    Decider decider(change, facts);
    if (known && facts.now < change.queue->meeting_at && body.outcome != CabOutcome::deferred &&
        !(approves && begins_before_meeting(change)))
        decider.say(fmt::format(
            "decided ahead of the meeting of {} at {}: a board that has its votes together need "
            "not wait for it",
            judge->name, to_spoken_text(change.queue->meeting_at, judge->schedule.meetings.zone)
        ));
    decider.keep_approvers();
    decider.emit(CabDecided{std::move(decision)});
    if (body.outcome == CabOutcome::rejected || body.outcome == CabOutcome::deferred)
        decider.reopen(StepKind::cab_decision, "the board has decided anew");
    if (approves) {
        GateFindings findings("cab-decision");
        gates::cab_decision(decider.change(), facts, findings);
        for (auto& warning : findings.warnings)
            decider.say(std::move(warning));
        if (!findings.reasons.empty())
            return fail_blocked("this is not an approval", std::move(findings.reasons));
        say_what_the_meeting_does_to_the_window(decider, true);
    } else if (body.outcome == CabOutcome::deferred) {
        put_off(decider, body.minutes);
    }
    return decider.finish();
}

Result<Decision>
meet_condition(const Change& change, const MeetCondition& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.evidence, "evidence"));
    const bool known = change.decision &&
                       std::any_of(
                           change.decision->conditions.begin(), change.decision->conditions.end(),
                           [&](const Condition& condition) { return condition.id == body.id; }
                       );
    if (!known)
        return fail_field("id", "is not a condition of this change");
    Decider decider(change, facts);
    decider.emit(ConditionMet{body.id, body.evidence});
    return decider.finish();
}

Result<Decision> send_notice(const Change& change, const SendNotice& body, const Facts& facts) {
    if (!tells_the_end(change, body.kind))
        TRY(require_open(change));
    if (!change.window)
        return fail_blocked(
            "there is nothing to announce yet", {{"notice", "window", "the change has no window",
                                                  "no window", "Schedule the window first"}}
        );
    if (change.notices.size() >= limits::list_max)
        return fail_full("kind", "notices", limits::list_max);
    TRY(require_true(change, body.kind, facts));
    auto notice = TRY(compose_notice(change, body, facts));
    Decider decider(change, facts);
    if (const auto* same = sent_within_the_hour(change, notice))
        decider.say(fmt::format(
            "{} said the very same at {}: whoever reads both asks what is new", same->id,
            to_spoken_text(same->sent_at, change.window->zone)
        ));
    std::vector<NoticeTask> tasks;
    for (const auto& delivery : notice.deliveries)
        tasks.push_back({change.id, notice.id, delivery.channel});
    decider.emit(NoticeSent{std::move(notice)});
    for (const auto& task : tasks)
        if (facts.records->channels.at(task.channel).connector != "external")
            decider.ask("notice", task);
        else
            decider.say(fmt::format(
                "tell {0} yourself, then: slipway change report_delivery {1} --notice {2} "
                "--channel "
                "{0} --state delivered",
                task.channel, change.id.value, task.notice
            ));
    return decider.finish();
}

Result<Decision>
report_delivery(const Change& change, const ReportDelivery& body, const Facts& facts) {
    const auto sent =
        std::find_if(change.notices.begin(), change.notices.end(), [&](const Notice& known) {
            return known.id == body.notice;
        });
    if (sent == change.notices.end() || !tells_the_end(change, sent->kind))
        TRY(require_open(change));
    if (body.state == DeliveryState::pending)
        return fail_field("state", "expected delivered or failed");
    for (const auto& notice : change.notices)
        for (const auto& delivery : notice.deliveries)
            if (notice.id == body.notice && delivery.channel == body.channel) {
                const auto channel = facts.records->channels.find(body.channel);
                const bool known = channel != facts.records->channels.end();
                TRY(require_reporter(
                    facts, known ? channel->second.connector : "of a channel that is gone",
                    "notice", "notice." + body.channel
                ));
                Decider decider(change, facts);
                decider.emit(NoticeDelivered{
                    body.notice, {body.channel, body.state, body.receipt, facts.now}});
                return decider.finish();
            }
    return fail_field("notice", "this change has no such notice on such a channel");
}

Result<Decision> check_oncall(const Change& change, const Nothing&, const Facts& facts) {
    TRY(require_open(change));
    const auto roster = facts.records->rosters.find(change.roster);
    if (!change.window || roster == facts.records->rosters.end())
        return fail_blocked(
            "the cover cannot be checked",
            {{"oncall", change.window ? "roster" : "window",
              change.window ? "the change names no known roster" : "the change has no window",
              "roster " + change.roster, "Schedule the window and name the roster with assign"}}
        );
    const auto& window = *change.window;
    if (facts.now >= window.end)
        return fail_blocked(
            "the window is over",
            {{"oncall", "window", "nobody is called for a window that is over",
              "it ended " + to_spoken_text(window.end, window.zone),
              fmt::format(
                  "Move it with schedule --start TIME --end TIME --zone {}, then run check_oncall",
                  window.zone
              )}}
        );
    auto found = TRY(oncall_cover(roster->second, window, *facts.records));
    Oncall checked{facts.now, window.start, window.end, change.roster, std::move(found.gaps), {}};
    for (const auto& [role, person] : found.holders) {
        Page page{role, person, DeliveryState::pending, {}, facts.now, {}};
        // An acknowledgement for this very window stays good.
        if (change.oncall && change.oncall->from == window.start &&
            change.oncall->until == window.end)
            for (const auto& known : change.oncall->pages)
                if (known.person == person && known.role == role)
                    page = known;
        checked.pages.push_back(page);
    }
    Decider decider(change, facts);
    for (const auto& gap : checked.gaps)
        decider.say(gap);
    const auto pages = checked.pages;
    decider.emit(OncallChecked{std::move(checked)});
    for (const auto& page : pages)
        if (!page.acknowledged_at)
            call_to_window(decider, page, roster->second.connector);
    return decider.finish();
}

Result<Decision> report_page(const Change& change, const ReportPage& body, const Facts& facts) {
    TRY(require_open(change));
    if (body.state == DeliveryState::pending)
        return fail_field("state", "expected delivered or failed");
    const auto pages = change.oncall ? change.oncall->pages : std::vector<Page>{};
    if (std::none_of(pages.begin(), pages.end(), [&](const Page& page) {
            return page.person == body.person;
        }))
        return fail_field("person", "was not paged for this change");
    const auto roster = facts.records->rosters.find(change.oncall->roster);
    const bool known = roster != facts.records->rosters.end();
    TRY(require_reporter(
        facts, known ? roster->second.connector : "of a roster that is gone", "oncall",
        "oncall." + body.person.value
    ));
    Decider decider(change, facts);
    decider.emit(PageDelivered{body.person, body.state, body.receipt});
    return decider.finish();
}

Result<Decision> acknowledge_page(const Change& change, const Nothing&, const Facts& facts) {
    TRY(require_open(change));
    for (const auto& page : change.oncall ? change.oncall->pages : std::vector<Page>{})
        if (page.person == facts.actor) {
            Decider decider(change, facts);
            decider.emit(PageAcknowledged{facts.actor});
            return decider.finish();
        }
    return fail_blocked(
        "you were not paged for this change",
        {{"oncall", "pages", "only who was paged acknowledges", "you are " + facts.actor.value,
          "Check the roster (check_oncall)"}}
    );
}

} // namespace slipway::domain::decide
