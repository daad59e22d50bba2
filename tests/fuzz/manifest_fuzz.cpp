// SPDX-License-Identifier: Apache-2.0
// Any bytes as a connector manifest: no crash, a refusal names the file, and what was accepted can
// be described, has only known operations, and its templates parse.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "connectors/manifest.hpp"
#include "connectors/text_template.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace connectors = slipway::connectors;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    (void)connectors::parse_template(bytes);
    const auto manifest = connectors::parse_manifest(bytes, "fuzz.yaml");
    if (!manifest) {
        ASSERT(manifest.error().message.starts_with("fuzz.yaml"));
        return 0;
    }
    ASSERT(!connectors::expressions_of(*manifest).empty() || manifest->operations().empty());
    const auto stored = slipway::encode(*manifest);
    const auto restored = slipway::restore<connectors::Manifest>(stored);
    ASSERT(restored.has_value() && slipway::encode(*restored) == stored);
    return 0;
}
