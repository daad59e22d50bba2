// SPDX-License-Identifier: Apache-2.0
// Randomness is injected as time is. The production source is the operating system's, by libsodium.
#pragma once

#include <cstddef>
#include <string>

namespace slipway {

class Random {
  public:
    virtual ~Random() = default;
    virtual std::string bytes(std::size_t count) = 0;
};

class SystemRandom final : public Random {
  public:
    std::string bytes(std::size_t count) override;
};

// Letters and digits that cannot be misread; 32 of them, so five bits each.
std::string readable_token(Random& random, std::size_t characters);

} // namespace slipway
