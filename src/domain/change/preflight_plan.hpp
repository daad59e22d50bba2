// SPDX-License-Identifier: Apache-2.0
// What a preflight looks for, worked out from both runbooks and the ring before anything is asked;
// and what to make of what a host says. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "domain/change/change.hpp"
#include "domain/records/records.hpp"
#include "domain/runbook/run_result.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::domain {

struct HostNeeds {
    std::set<std::string> tools;
    std::map<std::string, std::uint64_t> disk; // KiB by path
};

struct PreflightPlan {
    std::map<std::string, HostNeeds> hosts; // by the name that SSH is given; empty: this machine
    // References of the ring's variables to secrets, to be asked for one by one.
    Variables secrets;
    std::vector<PreflightCheck> known; // what nobody has to be asked
};

// `variables` are those that the steps get. A credential must be good until `needed_until`.
PreflightPlan plan_preflight(
    const std::vector<Runbook>& runbooks, const RingRecord& ring, const Variables& variables,
    Time needed_until
);

// The environment of probes/preflight.sh.
Variables preflight_variables(const HostNeeds& needs);

// A check of the host itself, and when it answered one for each thing that it needs: what it says
// nothing about was not there.
std::vector<PreflightCheck> judge_host(
    const std::string& host, const HostNeeds& needs, const StepResult& result,
    const std::vector<std::string>& lines
);

} // namespace slipway::domain
