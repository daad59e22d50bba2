// SPDX-License-Identifier: Apache-2.0
// ASSERT(condition): what only a mistake of ours can make false. Always compiled in; it stops the
// process with its place, because state is durable and a restart is the safe answer. Never on
// input.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace slipway {

[[noreturn]] inline void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "slipway: assertion failed: %s (%s:%d)\n", expression, file, line);
    std::abort();
}

} // namespace slipway

#define ASSERT(condition)                                                                          \
    ((condition) ? static_cast<void>(0)                                                            \
                 : ::slipway::assertion_failed(#condition, __FILE__, __LINE__))
