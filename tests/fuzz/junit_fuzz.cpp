// SPDX-License-Identifier: Apache-2.0
// Any bytes as a JUnit report: no crash, and what is read can be stored and restored.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "runner/junit.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto report = slipway::runner::read_junit({reinterpret_cast<const char*>(data), size});
    if (!report)
        return 0;
    ASSERT(!report->results.empty());
    for (const auto& result : report->results) {
        const auto restored =
            slipway::restore<slipway::domain::CheckResult>(slipway::encode(result));
        ASSERT(restored.has_value() && *restored == result);
    }
    return 0;
}
