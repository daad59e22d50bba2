// SPDX-License-Identifier: Apache-2.0
// Any bytes as an ID token and, behind the first line end, as the key set of a provider: no crash,
// and nothing that nobody has signed is ever good.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "runner/id_token.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace slipway;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto token = text.substr(0, text.find('\n'));
    const auto rest = token.size() < text.size() ? text.substr(token.size() + 1) : "{}";
    const auto keys = parse_json(rest);
    if (!keys)
        return 0;
    // Tokens of the corpus are for another nonce, so that even a good signature is not enough.
    const runner::IdTokenDemands demands{"https://login.example.com", "harbor-site", "fuzz"};
    ASSERT(!runner::verify_id_token(token, *keys, demands, Time(Span(1795764915000))));
    return 0;
}
