// SPDX-License-Identifier: Apache-2.0
// A complete tenant for tests: people with every duty, a small CMDB, boards, rings, a roster, and
// runbooks that lint clean. Everything that a gate looks at is in order here, so that a test breaks
// one thing and sees exactly that refused. Nothing here is linked into a program.
#pragma once

#include <string>
#include <string_view>

#include "domain/policy/policy.hpp"
#include "domain/records/records.hpp"
#include "domain/runbook/runbook.hpp"
#include "domain/workflow/workflow.hpp"

namespace slipway::domain::testing {

// "2026-11-23T10:00Z"; seconds may be left out. Ends the test program on anything else.
Time at(std::string_view text);
Json json(std::string_view text);

// The clock of the stories: opened on a Thursday, CAB on the next Wednesday, window on Thursday.
inline constexpr std::string_view opening = "2026-11-19T09:00Z";
inline constexpr std::string_view meeting = "2026-11-25T10:00Z";
inline constexpr std::string_view window_start = "2026-11-26T10:00Z";
inline constexpr std::string_view window_end = "2026-11-26T12:00Z";

struct RunbookFile {
    std::string name;
    std::string bytes;
    Digest digest;
};

RunbookFile runbook_file(std::string name, std::string bytes);
const RunbookFile& deployment_file();
const RunbookFile& edited_deployment_file(); // other bytes, other smoke list
const RunbookFile& rollback_file();
const RunbookFile& edited_rollback_file();

// rosa requests, jonas writes the runbooks, ina implements, otto owns; cora (chair), mika and lena
// are the CAB; eva, emil and mika the ECAB; petra manages changes; pia, sven and etta are on call;
// alma administers (and sits on both boards), zoe is inactive, vic only looks.
Records complete_records();
// After editing `cis`: who depends on whom, and the versions.
void renew(Records& records);

const Workflow& release_workflow();
const Workflow& decommission_workflow();
// The `when:` conditions of those two workflows, without a jq for each of thousands of commands.
bool holds(const std::string& when, const Json& context);

} // namespace slipway::domain::testing
