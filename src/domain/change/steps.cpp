// SPDX-License-Identifier: Apache-2.0
#include "domain/change/steps.hpp"

#include <algorithm>
#include <set>

#include <fmt/ranges.h>

#include "domain/calendar/business_time.hpp"
#include "domain/change/way_back.hpp"

namespace slipway::domain {

namespace {

bool plays(StepRole role, const Change& change, const Facts& facts) {
    switch (role) {
    case StepRole::initiator:
        return facts.actor == change.requester;
    case StepRole::change_owner:
        return facts.actor == change.change_owner;
    case StepRole::implementer:
        return facts.actor == change.implementer;
    case StepRole::change_manager:
        return facts.has_role(Role::change_manager);
    case StepRole::cab_chair:
        return facts.has_role(Role::cab_chair);
    case StepRole::cab_member:
        return facts.has_role(Role::cab_member);
    case StepRole::engineer:
        return facts.has_role(Role::engineer);
    case StepRole::on_call:
        return facts.has_role(Role::on_call);
    case StepRole::auditor:
        return facts.has_role(Role::auditor);
    }
    return false;
}

const StepRecord* record_of(const Change& change, const StepId& id) {
    const auto found = change.steps.find(id);
    return found == change.steps.end() ? nullptr : &found->second;
}

std::optional<Time> date_of(const Change& change, std::string_view name) {
    if (name == "opened_at")
        return change.opened_at;
    if (name == "submitted_at" && change.queue)
        return change.queue->submitted_at;
    if (name == "meeting_at" && change.queue)
        return change.queue->meeting_at;
    if (name == "window_start" && change.window)
        return change.window->start;
    if (name == "window_end" && change.window)
        return window_end(change);
    if (name == "deployed_at") {
        const auto* run = last_run(change, RunPurpose::deployment);
        return run ? run->ended_at : std::nullopt;
    }
    if (name.starts_with("step:")) {
        const auto* record = record_of(change, StepId(std::string(name.substr(5))));
        return record ? record->completed_at : std::nullopt;
    }
    if (name.starts_with("field:")) {
        const auto path = name.substr(6);
        const auto dot = path.find('.');
        const auto* record = record_of(change, StepId(std::string(path.substr(0, dot))));
        if (record == nullptr || dot == std::string_view::npos)
            return {};
        const auto time = time_from_text(text_or_empty(record->values, path.substr(dot + 1)));
        return time ? std::optional(*time) : std::nullopt;
    }
    return {};
}

// Whether `step` comes after `earlier`, be it through others.
bool comes_after(const Step& step, const StepId& earlier, const Workflow& workflow) {
    std::set<StepId> seen;
    std::vector<const Step*> todo{&step};
    while (!todo.empty()) {
        const auto* later = todo.back();
        todo.pop_back();
        for (const auto& before : later->after) {
            if (before == earlier)
                return true;
            if (const auto* next = find_step(workflow, before.value);
                next && seen.insert(before).second)
                todo.push_back(next);
        }
    }
    return false;
}

template <class Is>
bool any_decision(const Workflow& workflow, const Is& is) {
    const auto steps = steps_of(workflow);
    return std::any_of(steps.begin(), steps.end(), [&](const Step* step) {
        return step->kind == StepKind::cab_decision && is(*step);
    });
}

} // namespace

bool is_read_by_board(const Step& step, const Facts& facts) {
    return any_decision(*facts.workflow, [&](const Step& decision) {
        return comes_after(decision, step.id, *facts.workflow);
    });
}

std::vector<const Step*> open_before(const Step& step, const Change& change, const Facts& facts) {
    std::vector<const Step*> open;
    std::set<StepId> seen;
    std::vector<const Step*> complete{&step};
    const bool decided = any_decision(*facts.workflow, [&](const Step& decision) {
        return comes_after(step, decision.id, *facts.workflow);
    });
    while (!complete.empty()) {
        const auto* later = complete.back();
        complete.pop_back();
        for (const auto& before : later->after) {
            const auto* earlier = find_step(*facts.workflow, before.value);
            if (earlier == nullptr || !seen.insert(before).second ||
                !applies(*earlier, change, facts) || !earlier->is_required())
                continue;
            const auto* done = record_of(change, before);
            if (done == nullptr || done->state == StepState::open)
                open.push_back(earlier);
            else if (decided && done->state == StepState::completed)
                complete.push_back(earlier);
        }
    }
    return open;
}

namespace {

// The step whose form a condition looks at: "retention" in `.fields.retention.obligations`.
std::string form_in(std::string_view condition) {
    constexpr std::string_view fields = ".fields.";
    const auto at = condition.find(fields);
    if (at == std::string_view::npos)
        return {};
    const auto rest = condition.substr(at + fields.size());
    return std::string(rest.substr(0, rest.find_first_of(". ")));
}

std::vector<std::string_view> texts_of(const std::vector<ChangeType>& types) {
    std::vector<std::string_view> texts;
    for (const auto type : types)
        texts.push_back(to_text(type));
    return texts;
}

// A refusal that names the step.
Reason reason_of(const Step& step, std::string message, std::string evidence, std::string remedy) {
    return {
        step.id.value, "steps." + step.id.value, std::move(message), std::move(evidence),
        std::move(remedy)};
}

// What of the change keeps the step away, and what would bring it.
Reason does_not_apply(const Step& step, const Change& change) {
    const std::string message = "this step does not apply to the change as it is";
    if (!applies_to(step, type_of(change)))
        return reason_of(
            step, message,
            fmt::format(
                "type {}; the step is for {}", to_text(type_of(change)),
                fmt::join(texts_of(step.types), ", ")
            ),
            "There is nothing to complete"
        );
    std::string remedy = "There is nothing to complete while the condition does not hold";
    const bool failed = !change.failed_because.empty();
    if (step.kind == StepKind::rollback && !failed)
        remedy = "It applies after a failure: abort a run that goes on (decide_run)" +
                 or_go_back(change);
    else if (step.kind == StepKind::stabilise && failed)
        remedy = "The deployment failed, so nothing new is watched: complete rollback instead";
    else if (const auto form = form_in(step.when); !form.empty())
        remedy = fmt::format(
            "Look at what is filled in, on which it depends: slipway change steps {} --step {}",
            change.id.value, form
        );
    return reason_of(
        step, message,
        fmt::format(
            "its condition does not hold: {}{}", step.when,
            failed ? " (failed: " + change.failed_because + ")" : ""
        ),
        std::move(remedy)
    );
}

std::vector<Reason> why_not_yours(const Step& step, const Change& change, const Facts& facts) {
    std::vector<Reason> reasons;
    const auto* record = record_of(change, step.id);
    const auto refuse = [&](std::string message, std::string evidence, std::string remedy) {
        reasons.push_back(
            reason_of(step, std::move(message), std::move(evidence), std::move(remedy))
        );
    };
    if (!step.roles.empty() && !facts.system &&
        std::none_of(step.roles.begin(), step.roles.end(), [&](StepRole role) {
            return plays(role, change, facts);
        })) {
        std::string roles;
        for (const auto role : step.roles)
            roles += fmt::format("{}{}", roles.empty() ? "" : ", ", to_text(role));
        refuse(
            "this step is somebody else's", "you are " + facts.actor.value,
            "It is completed by: " + roles
        );
    }
    if (step.only_assignee && (!record || record->assignee != facts.actor))
        refuse(
            "only who it is assigned to completes it",
            record && !record->assignee.empty() ? "assigned to " + record->assignee.value
                                                : "assigned to nobody",
            fmt::format("Assign it with assign_step --step {} --person NAME", step.id.value)
        );
    return reasons;
}

std::vector<Reason> why_not_done(const Step& step, const Change& change, const Facts& facts) {
    std::vector<Reason> reasons;
    if (!applies(step, change, facts))
        reasons.push_back(does_not_apply(step, change));
    for (auto& reason : why_not_yours(step, change, facts))
        reasons.push_back(std::move(reason));
    for (const auto* earlier : open_before(step, change, facts))
        reasons.push_back(reason_of(
            step, "an earlier step is not complete: " + earlier->title, "open",
            "Complete " + earlier->id.value + " first"
        ));
    return reasons;
}

} // namespace

Result<void> may_fill(const Step& step, const Change& change, const Facts& facts) {
    if (!applies(step, change, facts))
        return fail_blocked("this form is not there", {does_not_apply(step, change)});
    if (auto reasons = why_not_yours(step, change, facts); !reasons.empty())
        return fail_blocked("this form is not yours to fill in", std::move(reasons));
    return {};
}

Result<void> may_do(const Step& step, const Change& change, const Facts& facts) {
    if (auto reasons = why_not_done(step, change, facts); !reasons.empty())
        return fail_blocked("this is not done now, or not by you", std::move(reasons));
    return {};
}

JsonObject values_of(const Step& step, const Change& change) {
    const auto* record = record_of(change, step.id);
    const auto* values = record ? record->values.if_object() : nullptr;
    return values ? *values : with_defaults(step, {});
}

Result<void> may_complete(const Step& step, const Change& change, const Facts& facts) {
    auto reasons = why_not_done(step, change, facts);
    for (const auto& wrong : check_fields(step, values_of(step, change), true))
        reasons.push_back(
            {step.id.value, fmt::format("steps.{}.{}", step.id.value, wrong.field), wrong.message,
             "the step's form", fmt::format("Fill it in with fill_step --step {}", step.id.value)}
        );
    if (!reasons.empty())
        return fail_blocked("the step cannot be completed", std::move(reasons));
    return {};
}

std::optional<Time> due_at(const Step& step, const Change& change, const Facts& facts) {
    if (!step.due)
        return {};
    const auto& hours = facts.records->organisation.business_hours;
    const auto due = due_at(
        *step.due, [&](std::string_view name) { return date_of(change, name); },
        [&](Time from, std::variant<Span, WorkingDays> offset) -> std::optional<Time> {
            const auto* days = std::get_if<WorkingDays>(&offset);
            const auto span = days ? Span::zero() : std::get<Span>(offset);
            auto moved = days                  ? add_working_days(from, days->number, hours)
                         : span < Span::zero() ? subtract_business(from, -span, hours)
                                               : add_business(from, span, hours);
            return moved ? std::optional(*moved) : std::nullopt;
        }
    );
    // What a rule wants 48 hours before a meeting that is tomorrow is wanted at once; nothing was
    // due before there was a change.
    return due ? std::optional(std::max(*due, change.opened_at)) : due;
}

bool is_overdue(const Step& step, const Change& change, const Facts& facts) {
    const auto* record = record_of(change, step.id);
    if (is_over(change) || (record != nullptr && record->state != StepState::open) ||
        !applies(step, change, facts))
        return false;
    const auto due = due_at(step, change, facts);
    return due && *due < facts.now;
}

bool is_followed(const Change& change, const Facts& facts) {
    return deployment_begun(change) || has_step(change, facts, StepKind::execute);
}

bool has_work_begun(const Change& change, const Facts& facts) {
    return is_followed(change, facts) ? deployment_begun(change)
                                      : change.window && facts.now >= change.window->start;
}

std::string when_context(const Change& change) {
    std::string text = fmt::format(
        R"({{"type":"{}","state":"{}","risk":"{}","database":{},"customer_facing":{},"failed":{})",
        to_text(type_of(change)), to_text(change.state), to_text(change.risk),
        change.scope && change.scope->database, change.scope && change.scope->customer_facing,
        !change.failed_because.empty()
    );
    text += ",\"tenant\":";
    append_quoted(text, change.tenant.value);
    text += ",\"fields\":{";
    bool first = true;
    for (const auto& [id, record] : change.steps)
        if (record.values.is_object()) {
            text += first ? "" : ",";
            first = false;
            append_quoted(text, id.value);
            text += ':';
            append_text(text, record.values);
        }
    return text + "}}";
}

} // namespace slipway::domain
