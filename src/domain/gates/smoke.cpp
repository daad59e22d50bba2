// SPDX-License-Identifier: Apache-2.0
#include "domain/gates/smoke.hpp"

#include <algorithm>

#include "domain/change/smoke_subject.hpp"
#include "domain/records/networks.hpp"

namespace slipway::domain::gates {

namespace {

// Where the probe was, when that is inside by now. What is over was judged as it was then.
std::optional<std::string>
seen_from_inside(const Change& change, const SmokeResult& result, const Facts& facts) {
    constexpr std::string_view before = " at "; // "berlin at 203.0.113.7"
    const auto at = result.seen_from.rfind(before);
    if (is_over(change) || at == std::string::npos)
        return std::nullopt;
    const auto network = network_of_address(
        facts.records->organisation.inside_networks,
        std::string_view(result.seen_from).substr(at + before.size())
    );
    if (!network)
        return std::nullopt;
    return fmt::format("seen by {}, which lies in {}", result.seen_from, *network);
}

// A report may hold a check more than once, as JUnit files do; one failure of it is a failure.
void look_at_check(
    const Change& change, const Facts& facts, const SmokeReport& report, const std::string& name,
    bool from_outside, const std::string& field, const std::string& again, GateFindings& findings
) {
    bool ran = false;
    bool outside = false;
    std::string inside;
    for (const auto& result : report.results) {
        if (result.name != name)
            continue;
        ran = true;
        const auto seen_inside = seen_from_inside(change, result, facts);
        outside = outside || (result.outside && !seen_inside);
        inside = seen_inside.value_or(std::move(inside));
        if (!result.passed)
            return findings.refuse(
                field, "a smoke check failed",
                result.detail.empty()
                    ? fmt::format("{} in {} of {}", name, report.id, to_text(report.at))
                    : result.detail,
                "Mend what it found and " + again
            );
    }
    if (!ran)
        findings.refuse(field, "a check of the list did not run", name, "Run the whole list");
    else if (from_outside && !outside)
        findings.refuse(
            field, "a check that is for the outside was not seen from there",
            !inside.empty()              ? inside
            : report.not_outside.empty() ? "no result is marked outside"
                                         : report.not_outside,
            "Start a probe outside (slipway probe) and run the list again, or look from there and "
            "record it with outside"
        );
}

} // namespace

void look_at_smoke(
    const Change& change, SmokeOccasion occasion, const PinnedRunbook* runbook, const Facts& facts,
    GateFindings& findings, const std::string& way_out
) {
    const auto field = fmt::format("smoke.{}", to_text(occasion));
    const auto again =
        fmt::format("run the list again with run_smoke --occasion {}", to_text(occasion));
    if (runbook == nullptr || runbook->smoke_checks.empty())
        return findings.refuse(
            field, "there is no written smoke list",
            runbook ? "the runbook has none" : "no runbook is pinned",
            "Write the list into the runbook as a smoke block and pin it again"
        );
    const auto* report = last_smoke(change, occasion);
    if (report == nullptr)
        return findings.refuse(
            field, "the smoke list has not run", "no report",
            fmt::format(
                "Run it with run_smoke --occasion {0}, or record what was seen with record_smoke "
                "--occasion {0}",
                to_text(occasion)
            )
        );
    findings.looked_at(
        report->id, fmt::format("{} on {}", to_text(report->source), report->ring), report->at
    );
    if (report->list != runbook->smoke_digest)
        return findings.refuse(
            field, "the smoke list was changed since it ran",
            "ran " + report->list.hex().substr(0, 12) + ", pinned " +
                runbook->smoke_digest.hex().substr(0, 12),
            "Only what is pinned counts: " + again
        );
    if (auto wrong = mismatch_of(change, *report))
        return findings.refuse(
            field, std::move(wrong->message), std::move(wrong->evidence), std::move(wrong->remedy)
        );
    // Nobody outside needs to reach a test ring; what customers use is seen from where they are.
    const bool from_outside =
        occasion == SmokeOccasion::production || occasion == SmokeOccasion::rollback;
    const auto outside = from_outside ? runbook->smoke_outside : std::vector<std::string>{};
    for (const auto& name : runbook->smoke_checks)
        look_at_check(
            change, facts, *report, name,
            std::find(outside.begin(), outside.end(), name) != outside.end(), field + "." + name,
            again + way_out, findings
        );
    // Whoever looked at more than the list and saw it fail has seen a failure.
    const auto& list = runbook->smoke_checks;
    for (const auto& result : report->results)
        if (!result.passed && std::find(list.begin(), list.end(), result.name) == list.end())
            findings.refuse(
                field + "." + result.name, "a check that is not on the list failed",
                fmt::format(
                    "{} in {}{}{}", result.name, report->id, result.detail.empty() ? "" : ": ",
                    result.detail
                ),
                "Mend what it found and " + again + way_out
            );
    for (const auto& agent : report->silent_agents)
        findings.refuse(
            field + ".agents", "a monitoring agent is silent", agent,
            "Bring the agent back, then " + again + way_out
        );
    for (const auto& alert : report->new_alerts)
        findings.refuse(
            field + ".alerts", "a new alert came up", alert,
            "Mend its cause, then " + again + way_out
        );
}

} // namespace slipway::domain::gates
