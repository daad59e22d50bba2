// SPDX-License-Identifier: Apache-2.0
#include "app/probes/probe_work.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace slipway::app {

using domain::SmokeCheck;

namespace {

std::vector<std::string> outside_names(const std::vector<SmokeCheck>& checks) {
    std::vector<std::string> names;
    for (const auto& check : checks)
        if (check.outside)
            names.push_back(check.name);
    return names;
}

} // namespace

Span longest_time(const std::vector<SmokeCheck>& checks) {
    Span time{};
    for (const auto& check : checks) {
        if (!check.outside)
            continue;
        const auto patience = check.patience.value_or(domain::SmokePatience{});
        const auto one =
            check.timeout > Span::zero() ? check.timeout : domain::smoke_timeout_default;
        time += patience.settle + (patience.retries + 1) * one + patience.retries * patience.every;
    }
    return time;
}

ProbeWork
make_probe_work(const std::vector<SmokeCheck>& checks, const domain::Variables& variables) {
    ProbeWork work;
    work.list = domain::smoke_list_digest(checks);
    work.checks = checks;
    std::string outside;
    for (const auto& check : checks)
        if (check.outside)
            outside += encode(check);
    for (const auto& [name, value] : variables)
        if (outside.find(fmt::format("${{{}}}", name)) != std::string::npos)
            work.variables.emplace(name, value);
    return work;
}

Result<void> check_report(const ProbeWork& work, const ProbeReport& report) {
    if (report.list != work.list)
        return fail_blocked(
            "the probe ran another list",
            {{"smoke-production", "list", "the list that the probe ran is not the one it was given",
              "ran " + report.list.hex().substr(0, 12) + ", given " + work.list.hex().substr(0, 12),
              "Let server and probe be of the same version, and run the list again"}}
        );
    auto wanted = outside_names(work.checks);
    for (std::size_t i = 0; i < report.results.size(); ++i) {
        const auto& name = report.results[i].name;
        const auto found = std::find(wanted.begin(), wanted.end(), name);
        if (found == wanted.end())
            return fail_field(
                fmt::format("results[{}].name", i), "is no check for the outside, or comes twice"
            );
        wanted.erase(found);
    }
    if (!wanted.empty())
        return fail_field("results", fmt::format("lacks the check {}", wanted.front()));
    return {};
}

} // namespace slipway::app
