// SPDX-License-Identifier: Apache-2.0
// A smoke report as JUnit XML, for the systems that show test results of a pipeline: one
// <testsuite> with a <testcase> for each check, in the order of the report. A silent agent or a new
// alert is a failed case as well, since the report does not pass with it. Whatever a message holds,
// the XML is well-formed: characters that XML 1.0 does not allow become U+FFFD. Pure. The way back
// is runner/junit.hpp, which reads the same names, verdicts and durations.
#pragma once

#include <string>

#include "domain/change/change.hpp"

namespace slipway::domain {

std::string junit_xml(const SmokeReport& report);

} // namespace slipway::domain
