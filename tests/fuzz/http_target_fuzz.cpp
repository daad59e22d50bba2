// SPDX-License-Identifier: Apache-2.0
// Paths, queries and the header values that our own code reads: any bytes are either refused or
// give segments that cannot be misread.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/json.hpp"
#include "http/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace slipway;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto target = http::parse_target(text))
        for (const auto& segment : target->segments)
            if (segment.empty() || segment == ".." || segment.find('/') != std::string::npos ||
                !is_valid_text(segment))
                std::abort();
    if (const auto version = http::parse_etag("If-Match", text))
        if (!http::etag_matches(text, text))
            std::abort();
    static_cast<void>(http::cookie_value(text, "slipway_session"));
    static_cast<void>(http::accepts(text, "application/json"));
    static_cast<void>(http::media_type(text));
    return 0;
}
