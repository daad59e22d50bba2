// SPDX-License-Identifier: Apache-2.0
// YAML: a refusal names a line of the file; what parses is JSON within its limits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/yaml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto document = slipway::parse_yaml(text, "f");
    if (!document) {
        if (!document.error().message.starts_with("f:") || document.error().fields.size() != 1)
            std::abort();
        return 0;
    }
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) +
                       static_cast<std::size_t>(std::count(text.begin(), text.end(), '\r')) + 2;
    for (const auto& [path, line] : document->lines)
        if (line == 0 || line > lines)
            std::abort();
    if (!slipway::parse_json(slipway::to_text(document->value)))
        std::abort();
    return 0;
}
