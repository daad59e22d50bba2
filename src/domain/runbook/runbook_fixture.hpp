// SPDX-License-Identifier: Apache-2.0
// Runbooks of a few lines, for tests.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "domain/runbook/runbook.hpp"

namespace slipway::domain::samples {

inline const std::string front = "---\ntitle: T\npurpose: deployment\nengineer: anna\n"
                                 "backup_engineer: ben\ntime_limit: 45m\n---\n"; // seven lines
inline const std::string smoke = "```smoke\n- name: s\n  http: http://x/\n```\n";

inline std::string block(const std::string& info, const std::string& body = "true\n") {
    return "```" + info + "\n" + body + "```\n";
}

inline Runbook parsed(const std::string& body) {
    auto runbook = parse_runbook(front + body);
    EXPECT_TRUE(runbook) << (runbook ? "" : runbook.error().message);
    return runbook ? *std::move(runbook) : Runbook{};
}

} // namespace slipway::domain::samples
