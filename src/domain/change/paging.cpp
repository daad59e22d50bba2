// SPDX-License-Identifier: Apache-2.0
#include "domain/change/paging.hpp"

#include <algorithm>

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

// Somebody has to decide, and soon: a run on production is going on or stands, what it left there
// does not work, or it is to be rolled back.
bool is_production_touched(const Change& change) {
    if (is_over(change))
        return false;
    const bool runs = std::any_of(change.runs.begin(), change.runs.end(), [](const Run& run) {
        return is_active(run) && on_production(run.purpose);
    });
    if (change.failed_because.empty())
        return runs || is_seen_to_fail(change, SmokeOccasion::production);
    return runs || !rolled_back_at(change) || is_seen_to_fail(change, SmokeOccasion::rollback);
}

} // namespace

std::string calling_connector(const Change& change, const Facts& facts) {
    const auto roster = facts.records->rosters.find(change.roster);
    if (roster == facts.records->rosters.end() || roster->second.connector == "external")
        return {};
    return roster->second.connector;
}

void page(
    Decider& decider, const PersonId& person, std::string subject, std::string body,
    std::vector<PersonId> tried, std::optional<Time> window_start
) {
    const auto& change = decider.change();
    auto connector = calling_connector(change, decider.facts());
    if (person.empty())
        return decider.say("nobody is named who could be called: " + subject);
    if (connector.empty()) {
        // What the server decides nobody reads the answer of; the record is where it is seen.
        if (decider.facts().system)
            return decider.emit(CallFailed{
                person, std::move(subject), "no connector of an on-call roster calls"});
        return decider.say(fmt::format(
            "no connector of an on-call roster calls {}, tell him yourself: {}", person.value,
            subject
        ));
    }
    decider.ask(
        "page",
        PageTask{
            change.id, person, std::move(connector), std::move(subject), std::move(body), true,
            std::move(tried), window_start}
    );
}

namespace decide {

// Also of a change that is over: its actions and snapshots are still called about.
Result<Decision> report_call(const Change& change, const ReportCall& body, const Facts& facts) {
    Decider decider(change, facts);
    decider.emit(CallFailed{body.person, body.subject, body.detail});
    auto tried = body.tried;
    tried.push_back(body.person);
    if (!is_production_touched(change))
        return decider.finish();
    for (const auto& next : {change.change_owner, change.rollback_owner, change.rollback_backup})
        if (!next.empty() && std::find(tried.begin(), tried.end(), next) == tried.end()) {
            page(
                decider, next, body.subject,
                fmt::format("{} was called and not reached.\n{}", body.person.value, body.body),
                tried
            );
            break;
        }
    return decider.finish();
}

} // namespace decide

} // namespace slipway::domain
