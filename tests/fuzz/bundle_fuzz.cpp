// SPDX-License-Identifier: Apache-2.0
// Evidence files from anywhere: reading and checking end within the limits, and no bytes make an
// intact bundle for a trusted key whose secret nobody has.
#include <string_view>

#include "base/assert.hpp"
#include "store/bundle/bundle.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace slipway;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto bundle = store::read_bundle_bytes(input);
    if (!bundle)
        return 0;
    (void)store::verify_bundle(*bundle, std::nullopt);
    // The public half of a key pair that was never kept.
    domain::VerifierKey stranger{"slipway.example/nobody", 1, {}};
    stranger.public_key.fill(0x5A);
    ASSERT(!store::verify_bundle(*bundle, stranger).intact());
    return 0;
}
