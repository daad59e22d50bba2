// SPDX-License-Identifier: Apache-2.0
// jq: a program, a line with three dashes, and its input. It must end, and in its memory.
#include <cstdint>

#include "base/jq.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace std::chrono_literals;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto cut = text.find("\n---\n");
    const auto program = slipway::JqProgram::compile(text.substr(0, cut));
    if (!program)
        return 0;
    const auto input = slipway::parse_json(
        cut == std::string_view::npos ? std::string_view("null") : text.substr(cut + 5)
    );
    if (input)
        static_cast<void>(program->run_all(*input, {50ms, 100}));
    return 0;
}
