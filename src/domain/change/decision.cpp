// SPDX-License-Identifier: Apache-2.0
#include "domain/change/decision.hpp"

#include <fmt/ranges.h>

namespace slipway::domain {

namespace {

std::string whose_it_is_now(const Change& change) {
    const auto& id = change.id.value;
    switch (type_of(change)) {
    case ChangeType::emergency:
        return fmt::format(
            "the ECAB decides on an emergency: slipway change vote {} --choice approve", id
        );
    case ChangeType::standard:
        return "a standard change is approved by its catalogue entry";
    case ChangeType::unclassified:
    case ChangeType::normal:
        break;
    }
    const bool queued = change.queue && edited_since_submission(change).empty();
    return fmt::format(
        "a CAB decides on a normal change: slipway change {} {}{}", queued ? "vote" : "submit", id,
        queued ? " --choice approve" : ""
    );
}

} // namespace

void Decider::reopen(StepKind kind, std::string reason) {
    for (const auto* step : steps_of(*facts_.workflow)) {
        const auto record = change().steps.find(step->id);
        if (step->kind == kind && record != change().steps.end() &&
            record->second.state == StepState::completed)
            emit(StepReopened{step->id, reason});
    }
}

void Decider::say_what_is_open_again() {
    std::vector<std::string> open;
    for (const auto* step : steps_of(*facts_.workflow)) {
        const auto was = before_.steps.find(step->id);
        const auto is = change().steps.find(step->id);
        if (was != before_.steps.end() && was->second.state == StepState::completed &&
            is->second.state != StepState::completed)
            open.push_back(step->id.value);
    }
    if (!open.empty())
        say(fmt::format("open again: {}", fmt::join(open, ", ")));
}

bool Decider::sections_touched() const {
    const auto& now = change();
    const auto start = [](const Change& of) { return of.window ? of.window->start : Time{}; };
    const auto end = [](const Change& of) { return of.window ? of.window->end : Time{}; };
    return !now.scope.is_same_as(before_.scope) || !now.runbooks.is_same_as(before_.runbooks) ||
           now.production_ring != before_.production_ring ||
           now.ring_contents != before_.ring_contents || start(now) != start(before_) ||
           end(now) != end(before_) || now.owed.size() != before_.owed.size() || form_read_;
}

bool Decider::board_changed() const {
    const auto is_emergency = [](const Change& of) { return type_of(of) == ChangeType::emergency; };
    return is_emergency(before_) != is_emergency(change());
}

void Decider::void_edited() {
    const bool other_board = board_changed();
    if (!sections_touched() && !other_board)
        return;
    const auto sections = section_digests(change());
    const auto seen = digest_of_sections(sections);
    std::vector<Section> edited;
    const bool approving = change().decision && is_approving(*change().decision);
    if (approving && change().decision->sections != sections)
        for (const auto name : enum_names(Section{})) {
            const auto& approved = change().decision->sections;
            const auto before = approved.find(std::string(name));
            const auto after = sections.find(std::string(name));
            const bool same = (before == approved.end()) == (after == sections.end()) &&
                              (before == approved.end() || before->second == after->second);
            if (!same)
                edited.push_back(*from_text<Section>(name));
        }
    if (approving && !is_of_its_board(change(), *change().decision))
        edited.push_back(Section::classification);
    std::uint32_t stale_votes = 0;
    for (const auto& vote : change().votes)
        stale_votes += vote.of != seen || other_board ? 1 : 0;
    if (!edited.empty() || stale_votes > 0) {
        const bool decided = !edited.empty();
        const bool by_ecab = decided && change().decision->emergency;
        if (decided)
            keep_approvers();
        emit(ApprovalVoided{edited, decided, stale_votes});
        const std::string what =
            decided ? fmt::format("the {}'s approval is void", by_ecab ? "ECAB" : "CAB")
                    : std::string("votes are void");
        if (other_board)
            say(what + ": " + whose_it_is_now(change()));
        else
            say(what + (decided ? ": what it approved was edited"
                                : ": what they were given for was edited"));
        const auto so_far = events();
        if (decided)
            reopen(StepKind::cab_decision, "the approval was voided");
        if (events() > so_far)
            say(fmt::format(
                "the step {} is open again",
                find_step(*facts_.workflow, StepKind::cab_decision)->id.value
            ));
    }
}

void Decider::keep_approvers() {
    if (!change().decision || !is_approving(*change().decision))
        return;
    ApproversKept kept;
    for (const auto& vote : change().decision->votes)
        kept.parts.voters.insert(vote.person);
    kept.parts.recorders.insert(change().decision->recorded_by);
    emit(kept);
}

void Decider::keep_authoriser() {
    const auto& classification = change().classification;
    if (type_of(change()) != ChangeType::emergency || classification->authoriser.empty())
        return;
    const auto& decision = change().decision;
    if (!classification->accepted && !(decision && is_approving(*decision)))
        return;
    ApproversKept kept;
    kept.parts.authorisers.insert(classification->authoriser);
    emit(kept);
}

void Decider::classify_anew(std::string reason) {
    auto again = *change().classification;
    again.accepted = false;
    keep_authoriser();
    emit(ChangeClassified{std::move(again)});
    reopen(StepKind::classification, std::move(reason));
}

Decision Decider::finish() {
    void_edited();
    return std::move(decision_);
}

Result<void> require_open(const Change& change) {
    if (is_over(change))
        return fail_blocked(
            fmt::format("{} is {}", change.id.value, to_text(change.state)),
            {{"closure", "state", "the change is over: its record stands still",
              std::string(to_text(change.state)), "Open a new change"}}
        );
    return {};
}

Result<void> require_untouched(const Change& change, std::string_view what) {
    TRY(require_open(change));
    if (deployment_begun(change))
        return fail_blocked(
            fmt::format("the {} stands still since production was touched", what),
            {{"run-exact", std::string(what), "the deployment has begun",
              "state " + std::string(to_text(change.state)),
              "Record a deviation (decide_run), or open a new change"}}
        );
    return {};
}

Result<void> require_reporter(
    const Facts& facts, std::string_view connector, std::string_view gate, std::string field
) {
    if (facts.system || connector.empty() || connector == "external")
        return {};
    return fail_blocked(
        "a connector's evidence comes from the connector",
        {{std::string(gate), std::move(field), "only the connector reports what it did",
          "connector " + std::string(connector),
          "Wait for its report, or ask it again; people report for external"}}
    );
}

void say_if_unable(
    Decider& decider, const PersonId& person, std::string_view part,
    std::initializer_list<Permission> needed
) {
    const auto& people = decider.facts().records->people;
    const auto found = people.find(person);
    if (found == people.end())
        return;
    std::vector<std::string_view> missing;
    for (const auto permission : needed)
        if (!grants(found->second.roles, permission))
            missing.push_back(to_text(permission));
    if (!missing.empty())
        decider.say(fmt::format(
            "{} cannot act as {}: no role of his gives {}; name another, or have an administrator "
            "give him one that does",
            person.value, part, fmt::join(missing, " and ")
        ));
}

tl::unexpected<Error> fail_conflict(std::string field, std::string message) {
    Error error{ErrorCode::conflict, message};
    error.fields.push_back({std::move(field), std::move(message)});
    return tl::unexpected(std::move(error));
}

tl::unexpected<Error> fail_full(std::string field, std::string_view things, std::size_t limit) {
    auto message = fmt::format("a change holds at most {} {}", limit, things);
    Error error{ErrorCode::limit_exceeded, message};
    error.fields.push_back({std::move(field), std::move(message)});
    return tl::unexpected(std::move(error));
}

tl::unexpected<Error>
fail_in_hand(std::string message, std::string_view gate, const TaskInHand& task) {
    auto evidence = fmt::format("task {}", task.id.value);
    if (const auto payload = parse_json(task.payload))
        if (const auto by = text_or_empty(*payload, "asked_by"); !by.empty())
            evidence += fmt::format(", asked for by {}", by);
    if (!task.last_error.empty())
        evidence += ", the attempt before failed: " + task.last_error;
    return fail_blocked(
        std::move(message),
        {{std::string(gate), task.kind, "it is done once at a time", std::move(evidence),
          "Wait for its report; if it is given up before (task list --dead), ask for it again"}}
    );
}

Result<void> require_reason(std::string_view reason, std::string_view field) {
    if (reason.find_first_not_of(" \t\r\n") == std::string_view::npos)
        return fail_field(std::string(field), "is required: say why");
    return {};
}

} // namespace slipway::domain
