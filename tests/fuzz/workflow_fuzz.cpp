// SPDX-License-Identifier: Apache-2.0
// Workflow files: a refusal names file and line; what is read is stored and restored unchanged, and
// its forms can be checked.
#include <cstdint>
#include <cstdlib>

#include "domain/workflow/workflow.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace slipway;
    const auto workflow =
        domain::read_workflow({reinterpret_cast<const char*>(data), size}, "w.yaml");
    if (!workflow) {
        if (!workflow.error().message.starts_with("w.yaml:"))
            std::abort();
        return 0;
    }
    const auto bytes = encode(*workflow);
    const auto restored = restore<domain::Workflow>(bytes);
    if (!restored || encode(*restored) != bytes)
        std::abort();
    for (const auto* step : domain::steps_of(*workflow))
        if (!domain::check_fields(*step, domain::with_defaults(*step, {}), false).empty())
            std::abort();
    return 0;
}
