// SPDX-License-Identifier: Apache-2.0
#include "domain/change/paging.hpp"

#include <algorithm>

#include "domain/change/decide.hpp"
#include "domain/change/tasks.hpp"

namespace slipway::domain {

namespace {

// Somebody has to decide, and soon: a run on production is going on or stands, or it is to be
// rolled back.
bool is_production_touched(const Change& change) {
    const bool runs = std::any_of(change.runs.begin(), change.runs.end(), [](const Run& run) {
        return is_active(run) && on_production(run.purpose);
    });
    return runs || (!change.failed_because.empty() && !rolled_back_at(change) && !is_over(change));
}

} // namespace

void page(
    Decider& decider, const PersonId& person, std::string subject, std::string body,
    std::vector<PersonId> tried
) {
    const auto& change = decider.change();
    const auto roster = decider.facts().records->rosters.find(change.roster);
    if (person.empty())
        return decider.say("nobody is named who could be called: " + subject);
    if (roster == decider.facts().records->rosters.end() || roster->second.connector.empty() ||
        roster->second.connector == "external") {
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
            change.id, person, roster->second.connector, std::move(subject), std::move(body), true,
            std::move(tried)}
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
