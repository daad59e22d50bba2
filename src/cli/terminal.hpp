// SPDX-License-Identifier: Apache-2.0
// What only the operating system knows of the terminal. The one file with ioctl and termios.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace slipway::cli {

bool is_terminal(int descriptor);
// Columns; 80 when it cannot be told.
std::size_t terminal_width();
// True after `span`; false when a signal came first.
bool wait_for_span(Span span);
// One line from the terminal itself, not from a redirected input, and not shown. Errors:
// unavailable without a terminal or when it is broken off, limit_exceeded beyond
// limits::password_max.
Result<std::string> read_hidden(std::string_view prompt);

} // namespace slipway::cli
