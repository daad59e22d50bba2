// SPDX-License-Identifier: Apache-2.0
// A TaskId is the row's number as text. A text that is none gives 0, which is no row.
#pragma once

#include <charconv>
#include <cstdint>

#include "base/id.hpp"

namespace slipway::store {

inline std::uint64_t task_number(const TaskId& id) {
    std::uint64_t number = 0;
    const auto* end = id.value.data() + id.value.size();
    const auto [stop, failed] = std::from_chars(id.value.data(), end, number);
    return failed == std::errc{} && stop == end && number <= INT64_MAX ? number : 0;
}

} // namespace slipway::store
