// SPDX-License-Identifier: Apache-2.0
// Choices in properties.
#pragma once

#include <rapidcheck.h>

namespace slipway::domain::testing {

// Every number is as likely in the first case as in the last; rapidcheck would begin with small
// ones.
inline std::size_t below(std::size_t end) {
    return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::size_t>(0, end));
}

} // namespace slipway::domain::testing
