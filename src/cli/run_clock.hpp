// SPDX-License-Identifier: Apache-2.0
// The clock of a deployment and the times of its runs, as the record of a change holds them, for
// people who look on. Pure functions of that record; empty where it says nothing of it.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "cli/text.hpp"

namespace slipway::cli {

// "abort by 11:46:00 · expected end 11:17:00 · 4m slower than the test ring", in one line.
std::string clock_line(const Json& record, const Style& style);
// The same with what each figure rests on, a line each.
std::string clock_block(const Json& record, const Style& style);
// How long each step of this run took beside its rehearsal, and all of them together.
std::string timing_block(const Json& record, std::string_view run, const Style& style);

} // namespace slipway::cli
