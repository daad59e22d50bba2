// SPDX-License-Identifier: Apache-2.0
// Any bytes as a runbook: no crash, and what the linter lets pass today can be read when it is
// pinned (rules that came since are for what is pinned from now on, so not the reverse).
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "domain/runbook/runbook.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto runbook = slipway::domain::parse_runbook(bytes);
    const auto report = slipway::domain::lint_text(bytes);
    ASSERT(runbook.has_value() || !report.runbook.has_value());
    ASSERT(report.runbook.has_value() || !report.passed());
    ASSERT(runbook.has_value() || !report.passed());
    if (runbook) {
        const auto stored = slipway::encode(*runbook);
        const auto restored = slipway::restore<slipway::domain::Runbook>(stored);
        ASSERT(restored.has_value() && *restored == *runbook);
    }
    return 0;
}
