// SPDX-License-Identifier: Apache-2.0
// Reads the smoke results of other tools from JUnit XML, as Ant, Maven Surefire, pytest, Jest and
// GitLab CI write it: <testsuites>/<testsuite>/<testcase> with <failure>, <error> or <skipped>. A
// document type declaration is refused, so no entity of the file's own is ever expanded. Limits:
// import_body_max bytes, junit_cases_max cases, junit_depth_max levels.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/runbook/run_result.hpp"

namespace slipway::runner {

// The names are "classname.name", or "name" alone; order as in the file. started is the suite's
// `timestamp` (read as UTC when it has no offset), or the epoch; ended is that plus `time`. A case
// with the status `notrun` or `disabled` counts as skipped.
struct JunitReport {
    std::vector<domain::CheckResult> results;
    // The latest moment at which the first test can have begun by the oldest `timestamp` of the
    // file: without an offset it may be local time anywhere, and most tools leave out fractions of
    // the second. Absent when the file has none.
    std::optional<Time> began;
    bool zoned = true; // false when that one had no offset
};

// Errors: invalid_input with the line; limit_exceeded. A file without a test case is an error; so
// is a `timestamp` that cannot be read (ISO 8601), and a failure that no case shows: one that
// stands outside of the cases, or one more in a total.
Result<JunitReport> read_junit(std::string_view xml);

} // namespace slipway::runner
