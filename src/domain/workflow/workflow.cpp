// SPDX-License-Identifier: Apache-2.0
#include "domain/workflow/workflow.hpp"

#include <algorithm>

namespace slipway::domain {

std::vector<const Step*> steps_of(const Workflow& workflow) {
    std::vector<const Step*> steps;
    for (const auto& phase : workflow.phases)
        for (const auto& step : phase.steps)
            steps.push_back(&step);
    return steps;
}

const Step* find_step(const Workflow& workflow, std::string_view id) {
    for (const auto& phase : workflow.phases)
        for (const auto& step : phase.steps)
            if (step.id.value == id)
                return &step;
    return nullptr;
}

std::string not_a_step(const Workflow& workflow) {
    std::string ids;
    for (const auto* step : steps_of(workflow))
        ids += (ids.empty() ? "" : ", ") + step->id.value;
    return "is not a step of this change's workflow; its steps are: " + ids;
}

const Step* find_step(const Workflow& workflow, StepKind kind) {
    for (const auto& phase : workflow.phases)
        for (const auto& step : phase.steps)
            if (step.kind == kind)
                return &step;
    return nullptr;
}

const FieldSpec* find_field(const Step& step, std::string_view name) {
    for (const auto& spec : step.form)
        if (spec.name == name)
            return &spec;
    return nullptr;
}

const Phase* phase_of(const Workflow& workflow, std::string_view step) {
    for (const auto& phase : workflow.phases)
        for (const auto& member : phase.steps)
            if (member.id.value == step)
                return &phase;
    return nullptr;
}

bool applies_to(const Step& step, ChangeType type) {
    return step.types.empty() || type == ChangeType::unclassified ||
           std::find(step.types.begin(), step.types.end(), type) != step.types.end();
}

bool board_decides_on_all(const Workflow& workflow) {
    const auto steps = steps_of(workflow);
    return std::any_of(steps.begin(), steps.end(), [](const Step* step) {
        return step->kind == StepKind::cab_decision && step->is_required() &&
               applies_to(*step, ChangeType::standard);
    });
}

bool may_postpone(const Step& step, ChangeType type) {
    return std::find(step.postpone.begin(), step.postpone.end(), type) != step.postpone.end();
}

JsonObject with_defaults(const Step& step, JsonObject values) {
    for (const auto& spec : step.form)
        if (!spec.default_value.is_null() && !values.contains(spec.name))
            values[spec.name] = spec.default_value;
    return values;
}

Result<Span> offset_from_text(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+'))
        text.remove_prefix(1);
    const auto span = TRY(span_from_text(text));
    return negative ? -span : span;
}

std::optional<Time>
due_at(const DueRule& rule, const DateLookup& date, const BusinessAdder& add_business) {
    const auto from = date(rule.relative_to);
    if (!from)
        return std::nullopt;
    const auto offset = rule.offset.empty() ? Result<Span>(Span{0}) : offset_from_text(rule.offset);
    if (!offset)
        return std::nullopt;
    if (rule.time == DueTime::calendar)
        return *from + *offset;
    constexpr std::chrono::days day(1);
    if (!rule.offset.ends_with('d') || *offset % day != Span::zero())
        return add_business(*from, *offset);
    return add_business(*from, WorkingDays{static_cast<int>(*offset / day)});
}

} // namespace slipway::domain
