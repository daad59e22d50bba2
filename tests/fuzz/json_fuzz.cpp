// SPDX-License-Identifier: Apache-2.0
// JSON: whatever parses is written and parsed again to the same bytes.
#include <cstdint>
#include <cstdlib>

#include "base/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto value = slipway::parse_json({reinterpret_cast<const char*>(data), size});
    if (!value)
        return 0;
    const auto text = slipway::to_text(*value);
    const auto again = slipway::parse_json(text);
    if (!again || slipway::to_text(*again) != text)
        std::abort();
    return 0;
}
