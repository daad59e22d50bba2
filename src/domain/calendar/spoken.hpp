// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/time.hpp"

namespace slipway::domain {

// A measured time as people say it: "430ms", "12.5s", "3m7s", "1h20m". Rounded; for figures that a
// rule rests on to the millisecond there is to_text().
std::string spoken(Span span);

} // namespace slipway::domain
