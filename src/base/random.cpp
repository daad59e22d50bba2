// SPDX-License-Identifier: Apache-2.0
#include "base/random.hpp"

#include <sodium.h>

#include "base/assert.hpp"

namespace slipway {

std::string SystemRandom::bytes(std::size_t count) {
    ASSERT(sodium_init() >= 0);
    std::string out(count, '\0');
    randombytes_buf(out.data(), out.size());
    return out;
}

std::string readable_token(Random& random, std::size_t characters) {
    constexpr char alphabet[] = "abcdefghjkmnpqrstuvwxyz23456789_";
    static_assert(sizeof(alphabet) == 33);
    std::string token = random.bytes(characters);
    for (char& c : token)
        c = alphabet[static_cast<unsigned char>(c) & 31];
    return token;
}

} // namespace slipway
