// SPDX-License-Identifier: Apache-2.0
#include "domain/change/paging.hpp"

#include <algorithm>

#include "domain/change/abort_clock.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/smoke_subject.hpp"
#include "domain/change/tasks.hpp"

namespace slipway::domain {

namespace {

// What its last smoke test has seen of what the last run left there.
bool is_seen_to_fail(const Change& change, SmokeOccasion occasion) {
    const auto* report = last_smoke(change, occasion);
    return report && found_fault(*report) && !mismatch_of(change, *report);
}

// Somebody has to decide, and soon: a run on production is going on or stands, nobody knows yet
// whether what it left there works, that does not work, or it is to be rolled back.
bool is_production_touched(const Change& change, const Facts& facts) {
    if (is_over(change))
        return false;
    const bool runs = std::any_of(change.runs.begin(), change.runs.end(), [](const Run& run) {
        return is_active(run) && on_production(run.purpose);
    });
    if (change.failed_because.empty())
        return runs || deployment_under_way(change, facts) != nullptr ||
               is_seen_to_fail(change, SmokeOccasion::production);
    return runs || !rolled_back_at(change) || is_seen_to_fail(change, SmokeOccasion::rollback);
}

void tell(Decider& decider, PageTask task) {
    if (task.person.empty()) {
        // What the server decides nobody reads the answer of; the record is where it is seen.
        if (decider.facts().system)
            decider.emit(CallFailed{
                task.person, task.subject, "nobody is named who could be called"});
        return decider.say("nobody is named who could be called: " + task.subject);
    }
    // Only a call that found nobody else who decides comes here for somebody who has left.
    if (task.urgent && !is_active_person(*decider.facts().records, task.person)) {
        const std::string why = "has left, and nobody else is named who could be called";
        if (decider.facts().system)
            decider.emit(CallFailed{task.person, task.subject, why});
        return decider.say(fmt::format("{} {}: {}", task.person.value, why, task.subject));
    }
    task.connector = calling_connector(decider.change(), decider.facts());
    if (!task.connector.empty())
        return decider.ask("page", task);
    if (decider.facts().system)
        return decider.emit(CallFailed{
            task.person, task.subject, "no connector of an on-call roster calls"});
    decider.say(fmt::format(
        "no connector of an on-call roster calls {}, tell him yourself: {}", task.person.value,
        task.subject
    ));
}

// The first of those who decide on production who is still there and was not tried; empty: nobody.
PersonId next_who_decides(const Decider& decider, const std::vector<PersonId>& tried) {
    const auto& change = decider.change();
    for (const auto& next : {change.change_owner, change.rollback_owner, change.rollback_backup})
        if (is_active_person(*decider.facts().records, next) &&
            std::find(tried.begin(), tried.end(), next) == tried.end())
            return next;
    return {};
}

PageTask
page_task(const Decider& decider, const PersonId& person, std::string subject, std::string body) {
    return {decider.change().id, person, {}, std::move(subject), std::move(body), true};
}

} // namespace

std::string calling_connector(const Change& change, const Facts& facts) {
    const auto roster = facts.records->rosters.find(change.roster);
    if (roster == facts.records->rosters.end() || roster->second.connector == "external")
        return {};
    return roster->second.connector;
}

PersonId who_is_called(const Decider& decider, const PersonId& person) {
    if (person.empty() || is_active_person(*decider.facts().records, person))
        return person;
    const auto next = next_who_decides(decider, {});
    return next.empty() ? person : next;
}

void page(
    Decider& decider, const PersonId& person, std::string subject, std::string body,
    std::optional<Time> window_start
) {
    auto task = page_task(decider, person, std::move(subject), std::move(body));
    task.window_start = window_start;
    tell(decider, std::move(task));
}

void call(
    Decider& decider, const PersonId& person, std::string subject, std::string body,
    std::vector<PersonId> tried
) {
    const auto called = who_is_called(decider, person);
    if (called != person)
        body = fmt::format("{} has left, so you are called.\n{}", person.value, body);
    auto task = page_task(decider, called, std::move(subject), std::move(body));
    task.tried = std::move(tried);
    task.urgent = true;
    tell(decider, std::move(task));
}

namespace decide {

// Also of a change that is over: its actions and snapshots are still called about.
Result<Decision> report_call(const Change& change, const ReportCall& body, const Facts& facts) {
    Decider decider(change, facts);
    decider.emit(CallFailed{body.person, body.subject, body.detail});
    auto tried = body.tried;
    tried.push_back(body.person);
    if (!body.urgent || !is_production_touched(change, facts))
        return decider.finish();
    if (const auto next = next_who_decides(decider, tried); !next.empty())
        call(
            decider, next, body.subject,
            fmt::format("{} was called and not reached.\n{}", body.person.value, body.body), tried
        );
    return decider.finish();
}

} // namespace decide

} // namespace slipway::domain
