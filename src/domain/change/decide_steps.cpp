// SPDX-License-Identifier: Apache-2.0
// Commands on the checklist itself: forms, completion with its gates, postponement.
#include <algorithm>

#include <fmt/ranges.h>

#include "domain/change/article.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/steps.hpp"
#include "domain/change/way_back.hpp"
#include "domain/gates/gate.hpp"
#include "domain/workflow/form_values.hpp"

namespace slipway::domain::decide {

namespace {

Result<const Step*>
known_step(const Facts& facts, const StepId& id, std::string_view field = "step") {
    const auto* step = find_step(*facts.workflow, id.value);
    if (step == nullptr)
        return fail_field(std::string(field), not_a_step(*facts.workflow));
    return step;
}

bool is_owed(const Change& change, const StepId& id) {
    return std::any_of(change.owed.begin(), change.owed.end(), [&](const Owed& owed) {
        return owed.id == id.value && !owed.settled_at;
    });
}

// What tells whether a version works can be done late; of a version that was taken back nobody
// needs to know it, and one that is broken would never pass.
bool validates_version(StepKind kind) {
    return kind == StepKind::deploy || kind == StepKind::smoke || kind == StepKind::rehearsal;
}

void let_validation_fall_away(Decider& decider) {
    const auto back = rolled_back_at(decider.change());
    if (!back) // the rollback was waived
        return;
    const auto note = fmt::format(
        "the version was taken back at {}: {}", to_text(*back), decider.change().failed_because
    );
    for (const auto* step : steps_of(*decider.facts().workflow))
        if (validates_version(step->kind) && is_owed(decider.change(), step->id)) {
            decider.emit(OwedSettled{step->id.value, cut_text(note, limits::text_max), true});
            decider.say(step->id.value + " is not owed any more: the version was taken back");
        }
}

// What follows when the step is complete.
void follow_up(Decider& decider, const Step& step) {
    const auto& change = decider.change();
    const auto& facts = decider.facts();
    // After a rollback there is nothing new to settle, unless the workflow asks for it.
    const bool begins =
        (step.kind == StepKind::smoke_production && change.failed_because.empty()) ||
        (step.kind == StepKind::rollback && has_step(change, facts, StepKind::stabilise));
    if (begins && !is_stabilising(change)) {
        const Time until = facts.now + facts.policy->stabilisation;
        decider.emit(StabilisationStarted{until});
        decider.say("stabilisation until " + to_text(until));
    }
    if (is_owed(change, step.id))
        decider.emit(OwedSettled{step.id.value, "the step was completed"});
    if (step.kind == StepKind::rollback)
        let_validation_fall_away(decider);
}

// Completes one step, if its gates let it.
Result<void> complete(Decider& decider, const StepId& id, const std::string& field) {
    const auto& change = decider.change();
    const auto& facts = decider.facts();
    const auto* step = TRY(known_step(facts, id, field));
    if (step->kind == StepKind::closure)
        return fail_field(field, "the change is closed with the command close");
    const auto record = change.steps.find(id);
    if (record != change.steps.end() && record->second.state == StepState::completed)
        return fail_conflict(field, id.value + " is complete already");
    TRY(may_complete(*step, change, facts));
    std::vector<Reason> reasons;
    StepCompleted event{id, {}, {}, facts.policy->digest};
    for (const auto& gate : gate_table()) {
        if (gate.step != step->kind)
            continue;
        auto result = evaluate(gate, change, facts);
        // A postponed step is completed by passing its gate now.
        const bool says_no = result.verdict == Verdict::fail ||
                             result.verdict == Verdict::postponed ||
                             (result.verdict == Verdict::not_applicable && !result.reasons.empty());
        if (says_no)
            std::move(result.reasons.begin(), result.reasons.end(), std::back_inserter(reasons));
        else
            event.gates.emplace_back(gate.id);
        std::move(
            result.warnings.begin(), result.warnings.end(), std::back_inserter(event.warnings)
        );
        if (result.verdict != Verdict::waived)
            continue;
        event.warnings.push_back(fmt::format("{} was waived by {}", gate.id, result.waiver));
        if (is_owed(change, id) && may_postpone(*step, type_of(change)))
            reasons.push_back(
                {std::string(gate.id), "owed." + id.value,
                 "what an emergency owes is done; a waiver does not settle it",
                 "waiver " + result.waiver, "Do now what the gate asks for, then complete the step"}
            );
    }
    if (!reasons.empty())
        return fail_blocked("the gate says no", std::move(reasons));
    const bool filled = record != change.steps.end() && record->second.values.is_object();
    if (auto values = values_of(*step, change); !filled && !values.empty())
        decider.emit(StepFilled{id, Json(std::move(values)), is_read_by_board(*step, facts)});
    decider.emit(event);
    follow_up(decider, *step);
    return {};
}

// An emergency is reviewed by somebody of the board who neither wanted it, nor decided on it, nor
// carried it out.
Result<void> may_review(const Change& change, const Facts& facts) {
    const auto refuse = [&](std::string message, std::string why, std::string evidence) {
        return fail_blocked(
            std::move(message), {{"cab-decision", "owed", std::move(why), std::move(evidence),
                                  how_to_review(change, facts)}}
        );
    };
    const auto you = "you are " + facts.actor.value;
    if (!reviews_emergencies(facts.roles))
        return refuse(
            "the CAB reviews an emergency afterwards",
            "only a member of the CAB, its chair or a change manager reviews it", you
        );
    if (const auto part = part_in_approval(change, facts, facts.actor))
        return refuse(
            "who decided on an emergency does not review it", "you " + part->what, part->evidence
        );
    if (auto why = conflict_of_duty(change, facts, facts.actor); !why.empty())
        return refuse("who had a part in an emergency does not review it", std::move(why), you);
    return {};
}

// Until then nobody knows whether what failed was taken back.
Result<void> require_known_end(const Change& change, const Facts& facts) {
    const auto way = way_back_of(change, facts);
    if (way != WayBack::open && way != WayBack::under_way)
        return {};
    return fail_blocked(
        "there is nothing to review yet",
        {{"rollback-done", "owed", "the deployment failed and nobody has gone back yet",
          change.failed_because,
          way == WayBack::open ? how_to_go_back_or_stay(change)
                               : "Review it when going back has ended"}}
    );
}

// Until then nobody knows whether what is reviewed was a success or a failure.
Result<void> require_tested(const Change& change, const Facts& facts) {
    if (!has_step(change, facts, StepKind::smoke_production))
        return {};
    const auto result = evaluate(*find_gate("smoke-production"), change, facts);
    if (result.verdict != Verdict::fail)
        return {};
    auto reason = result.reasons.front();
    reason.message = "production's smoke test has not passed: " + reason.message;
    reason.remedy += ". Review it afterwards";
    return fail_blocked("there is nothing to review yet", {std::move(reason)});
}

// What a form names must be there: an evidence that nobody has attached is none.
std::string
why_unknown(FieldType type, std::string_view value, const Change& change, const Facts& facts) {
    const auto& records = *facts.records;
    if (type == FieldType::ci && !records.cis.contains(CiId(std::string(value))))
        return fmt::format("there is no configuration item {}: put it first (ci put)", value);
    if (type == FieldType::person && !records.people.contains(PersonId(std::string(value))))
        return fmt::format("there is no person {}", value);
    const auto is_it = [&](const auto& attachment) { return attachment.digest.hex() == value; };
    if (type == FieldType::file &&
        std::none_of(change.attachments.begin(), change.attachments.end(), is_it))
        return fmt::format(
            "{} is no attachment of this change: upload it (attachment upload), then attach it "
            "(change attach)",
            value
        );
    return {};
}

std::vector<FieldError> unknown_in_form(
    const Step& step, const JsonObject& values, const Change& change, const Facts& facts
) {
    std::vector<FieldError> errors;
    const auto look = [&](const FieldSpec& spec, const Json& value) {
        if (!value.is_string() || value.get_string().empty())
            return;
        if (auto why = why_unknown(spec.type, view(value.get_string()), change, facts);
            !why.empty())
            errors.push_back({spec.name, std::move(why)});
    };
    for (const auto& spec : step.form) {
        const auto* value = values.if_contains(spec.name);
        if (value == nullptr)
            continue;
        if (!value->is_array())
            look(spec, *value);
        else
            for (const auto& element : value->get_array())
                look(spec, element);
    }
    return errors;
}

// The fields that had a value and get none: whoever fills in one field means to keep the others.
std::vector<std::string> emptied_by(const JsonObject& values, const Json& before) {
    std::vector<std::string> names;
    if (const auto* held = before.if_object())
        for (const auto& member : *held)
            if (!is_empty_value(member.value()) && !values.contains(member.key()))
                names.emplace_back(member.key());
    return names;
}

} // namespace

Result<Decision> fill_step(const Change& change, const FillStep& body, const Facts& facts) {
    TRY(require_open(change));
    const auto* step = TRY(known_step(facts, body.step));
    TRY(may_fill(*step, change, facts));
    const bool read = is_read_by_board(*step, facts);
    if (read && !is_owed(change, step->id))
        TRY(require_untouched(change, "form"));
    if (!body.values.is_object())
        return fail_field("values", "expected an object");
    const auto values = with_defaults(*step, body.values.get_object());
    auto wrong = check_fields(*step, values, false);
    for (auto& unknown : unknown_in_form(*step, values, change, facts))
        if (std::none_of(wrong.begin(), wrong.end(), [&](const FieldError& known) {
                return known.field == unknown.field;
            }))
            wrong.push_back(std::move(unknown));
    if (!wrong.empty()) {
        for (auto& error : wrong)
            error.field = "values." + error.field;
        return tl::unexpected(codec::invalid(std::move(wrong)));
    }
    Decider decider(change, facts);
    decider.emit(StepFilled{body.step, Json(values), read});
    const auto record = change.steps.find(body.step);
    if (record == change.steps.end())
        return decider.finish();
    if (const auto emptied = emptied_by(values, record->second.values); !emptied.empty())
        decider.say(fmt::format(
            "not given, so no longer set: {}; the values are those of the whole form",
            fmt::join(emptied, ", ")
        ));
    if (record->second.state == StepState::completed) {
        decider.emit(StepReopened{body.step, "its form was edited"});
        decider.say(fmt::format(
            "the step {0} is open again; then complete it: slipway change complete_step {1} --step "
            "{0}",
            body.step.value, change.id.value
        ));
    }
    return decider.finish();
}

Result<Decision> complete_step(const Change& change, const CompleteStep& body, const Facts& facts) {
    TRY(require_open(change));
    Decider decider(change, facts);
    TRY(complete(decider, body.step, "step"));
    for (std::size_t i = 0; i < body.also.size(); ++i) {
        const auto field = fmt::format("also[{}]", i);
        // Conditions were asked before the command; what it does may change their answer.
        if (!TRY(known_step(facts, body.also[i], field))->when.empty())
            return fail_field(field, "has a condition: complete it by itself");
        TRY(complete(decider, body.also[i], field));
    }
    return decider.finish();
}

Result<Decision> reopen_step(const Change& change, const ReopenStep& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.reason));
    TRY(known_step(facts, body.step));
    const auto record = change.steps.find(body.step);
    if (record == change.steps.end() || record->second.state == StepState::open)
        return fail_conflict("step", "the step is open already");
    Decider decider(change, facts);
    decider.emit(StepReopened{body.step, body.reason});
    return decider.finish();
}

Result<Decision> postpone_step(const Change& change, const ReopenStep& body, const Facts& facts) {
    TRY(require_untouched(change, "step"));
    TRY(require_reason(body.reason));
    const auto* step = TRY(known_step(facts, body.step));
    if (!may_postpone(*step, type_of(change)))
        return fail_blocked(
            "this step cannot be postponed",
            {{"run-exact", "steps." + body.step.value,
              fmt::format(
                  "the workflow does not allow it for {} change",
                  with_article(to_text(type_of(change)))
              ),
              "postpone in the workflow",
              "Complete it with complete_step --step " + body.step.value}}
        );
    const auto record = change.steps.find(body.step);
    if (record != change.steps.end() && record->second.state != StepState::open)
        return fail_conflict("step", "the step is not open");
    Time due = facts.now + step->owed_within.value_or(facts.policy->owed_step_within);
    // Who reopens what he owes, and puts it off again, gains no time.
    for (const auto& owed : change.owed)
        if (owed.id == body.step.value && !owed.settled_at)
            due = owed.due_at;
    Decider decider(change, facts);
    decider.emit(StepPostponed{body.step, body.reason, due});
    decider.say("owed by " + to_text(due) + "; the change cannot be closed until it is settled");
    return decider.finish();
}

Result<Decision> assign_step(const Change& change, const AssignStep& body, const Facts& facts) {
    TRY(require_open(change));
    const auto* step = TRY(known_step(facts, body.step));
    const auto person = facts.records->people.find(body.person);
    if (person == facts.records->people.end() || person->second.inactive)
        return fail_field("person", "there is no active person " + body.person.value);
    // Whoever asks for the change does not give another's agreement in his place.
    const auto record = change.steps.find(body.step);
    if (step->only_assignee && body.person == change.requester && record != change.steps.end() &&
        !record->second.assignee.empty() && record->second.assignee != body.person)
        return fail_blocked(
            "this step is another's to complete, not the requester's",
            {{body.step.value, "steps." + body.step.value,
              "only who it is assigned to completes it, and that was not the requester",
              fmt::format(
                  "assigned to {}, requester {}", record->second.assignee.value,
                  change.requester.value
              ),
              "Assign it to somebody else who can answer for it"}}
        );
    Decider decider(change, facts);
    decider.emit(StepAssigned{body.step, body.person});
    say_if_unable(
        decider, body.person, "assignee of " + body.step.value, {Permission::change_write}
    );
    return decider.finish();
}

Result<Decision> settle_owed(const Change& change, const SettleOwed& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.note, "note"));
    for (const auto& owed : change.owed) {
        if (owed.id != body.id || owed.settled_at)
            continue;
        if (owed.kind == OwedKind::step)
            return fail_field(
                "id",
                "a postponed step is settled by completing it: complete_step --step " + owed.id
            );
        TRY(may_review(change, facts));
        if (!deployment_begun(change) && has_step(change, facts, StepKind::execute))
            return fail_blocked(
                "there is nothing to review yet",
                {{"cab-decision", "owed", "production was not touched",
                  std::string(to_text(change.state)), "Review it afterwards"}}
            );
        for (const auto& run : change.runs)
            if (on_production(run.purpose) && !run.ended_at)
                return fail_blocked(
                    "there is nothing to review yet",
                    {{"cab-decision", "owed", run.id.value + " has not ended",
                      std::string(to_text(run.state)), "Review it afterwards"}}
                );
        TRY(require_tested(change, facts));
        TRY(require_known_end(change, facts));
        Decider decider(change, facts);
        decider.emit(OwedSettled{body.id, body.note});
        return decider.finish();
    }
    return fail_field("id", "nothing of this name is owed");
}

Result<Decision> comment(const Change& change, const AddComment& body, const Facts& facts) {
    if (change.comments.size() >= limits::comments_per_change_max)
        return fail_full("text", "comments", limits::comments_per_change_max);
    Decider decider(change, facts);
    decider.emit(Commented{body.text});
    return decider.finish();
}

} // namespace slipway::domain::decide
