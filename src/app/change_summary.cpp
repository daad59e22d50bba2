// SPDX-License-Identifier: Apache-2.0
#include "app/change_summary.hpp"

#include <charconv>
#include <set>

#include <fmt/format.h>

#include "base/ascii.hpp"

namespace slipway::app {

std::uint64_t change_number(std::string_view id) {
    constexpr std::string_view prefix = "CHG-";
    if (!id.starts_with(prefix))
        return 0;
    std::uint64_t number = 0;
    const auto* end = id.data() + id.size();
    const auto [stop, failed] = std::from_chars(id.data() + prefix.size(), end, number);
    return failed == std::errc{} && stop == end ? number : 0;
}

std::string no_change_called(std::string_view text) {
    const auto message = fmt::format("there is no change {}", text.substr(0, limits::name_max));
    const bool prefixed = text.size() > 3 && same_ascii_folded(text.substr(0, 3), "chg");
    if (prefixed)
        text.remove_prefix(text[3] == '-' ? 4 : 3);
    const auto meant = fmt::format("CHG-{}", text);
    return change_number(meant) == 0 ? message
                                     : fmt::format("{}; did you mean {}?", message, meant);
}

std::string search_text(const domain::Change& change) {
    std::string text = change.id.value + " " + change.title;
    if (change.scope) {
        for (const auto& scoped : change.scope->cis) {
            text += fmt::format(" {} {} {}", scoped.ci.value, scoped.host, scoped.version_to);
        }
        for (const auto* part :
             {&change.scope->summary, &change.scope->business_driver,
              &change.scope->customer_impact, &change.scope->external_ticket,
              &change.scope->incident})
            text += " " + *part;
    }
    for (const auto& defect : change.defects)
        text += " " + defect.title;
    for (const auto& comment : change.comments)
        text += " " + comment.text;
    if (change.closure)
        text += " " + change.closure->summary;
    return text;
}

std::vector<std::pair<std::string, std::string>> records_used(const domain::Change& change) {
    std::vector<std::pair<std::string, std::string>> records;
    if (domain::is_over(change))
        return records;
    const auto add = [&](const char* kind, const std::string& id) {
        if (!id.empty())
            records.emplace_back(kind, id);
    };
    // In this order: migration 0003 writes the same. An emergency is decided without a queue.
    if (change.queue)
        add("board", change.queue->board);
    else if (change.decision)
        add("board", change.decision->board);
    if (change.classification)
        add("catalogue_entry", change.classification->catalogue_entry);
    add("ring", change.production_ring);
    add("ring", change.test_ring);
    add("roster", change.roster);
    return records;
}

namespace {

std::set<PersonId> assignees_of_open_steps(const domain::Change& change) {
    std::set<PersonId> people;
    for (const auto& [id, step] : change.steps)
        if (step.state == domain::StepState::open)
            people.insert(step.assignee);
    return people;
}

std::set<PersonId> owners_of_open_actions(const domain::Change& change) {
    std::set<PersonId> people;
    for (const auto& action : change.actions)
        if (!action.done_at)
            people.insert(action.owner);
    return people;
}

} // namespace

std::vector<std::pair<std::string, PersonId>> people_assigned(const domain::Change& change) {
    std::vector<std::pair<std::string, PersonId>> people;
    const auto add = [&](const char* part, const PersonId& person) {
        if (!person.empty())
            people.emplace_back(part, person);
    };
    const auto add_each = [&](const char* part, const std::set<PersonId>& of_part) {
        for (const auto& person : of_part)
            add(part, person);
    };
    // In this order: migrations 0005 and 0006 write the same.
    if (!domain::is_over(change)) {
        add("implementer", change.implementer);
        add("rollback_owner", change.rollback_owner);
        add("rollback_backup", change.rollback_backup);
        add_each("assignee", assignees_of_open_steps(change));
    }
    add_each("action_owner", owners_of_open_actions(change));
    return people;
}

ChangeSummary summarise(const domain::Change& change, std::optional<Time> wake_at) {
    ChangeSummary summary;
    summary.id = change.id.value;
    summary.number = change_number(change.id.value);
    summary.title = change.title;
    summary.state = to_text(change.state);
    summary.type = to_text(domain::type_of(change));
    summary.outcome = change.closure ? to_text(change.closure->outcome) : "";
    summary.workflow = change.workflow.name;
    summary.risk = to_text(change.risk);
    summary.requester = change.requester.value;
    summary.change_owner = change.change_owner.value;
    if (change.queue)
        summary.meeting =
            fmt::format("{}@{}", change.queue->board, to_text(change.queue->meeting_at));
    if (change.window) {
        summary.window_start = change.window->start;
        summary.window_end = domain::window_end(change);
    }
    summary.opened_at = change.opened_at;
    summary.updated_at = change.updated_at;
    summary.wake_at = wake_at;
    if (change.scope)
        for (const auto& scoped : change.scope->cis)
            summary.cis.push_back(scoped.ci.value);
    for (const auto& [kind, id] : records_used(change))
        summary.records.push_back(kind + "/" + id);
    for (const auto& [part, person] : people_assigned(change))
        summary.records.push_back(part + "/" + person.value);
    summary.overridden = change.classification && change.classification->overridden;
    summary.search_text = search_text(change);
    return summary;
}

} // namespace slipway::app
