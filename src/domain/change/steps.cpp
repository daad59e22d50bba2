// SPDX-License-Identifier: Apache-2.0
#include "domain/change/steps.hpp"

#include <algorithm>

#include "domain/calendar/business_time.hpp"

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
        return change.window->end;
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

} // namespace

std::vector<const Step*> open_before(const Step& step, const Change& change, const Facts& facts) {
    std::vector<const Step*> open;
    for (const auto& before : step.after) {
        const auto* earlier = find_step(*facts.workflow, before.value);
        if (earlier == nullptr || !applies(*earlier, change, facts) || !earlier->is_required())
            continue;
        const auto* done = record_of(change, before);
        if (done == nullptr || done->state == StepState::open)
            open.push_back(earlier);
    }
    return open;
}

Result<void> may_complete(const Step& step, const Change& change, const Facts& facts) {
    std::vector<Reason> reasons;
    const auto* record = record_of(change, step.id);
    const std::string field = "steps." + step.id.value;
    const auto gate = step.id.value;
    const auto refuse = [&](std::string message, std::string evidence, std::string remedy) {
        reasons.push_back({gate, field, std::move(message), std::move(evidence), std::move(remedy)}
        );
    };
    if (!applies(step, change, facts))
        refuse(
            "this step does not apply to the change as it is",
            fmt::format("type {}", to_text(type_of(change))), "There is nothing to complete"
        );
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
            "Assign it with assign_step"
        );
    for (const auto* earlier : open_before(step, change, facts))
        refuse(
            "an earlier step is not complete: " + earlier->title, "open",
            "Complete " + earlier->id.value + " first"
        );
    static const JsonObject none;
    const auto* values = record ? record->values.if_object() : nullptr;
    for (const auto& wrong : check_fields(step, values ? *values : none, true))
        reasons.push_back(
            {gate, field + "." + wrong.field, wrong.message, "the step's form",
             "Fill it in with fill_step"}
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
