// SPDX-License-Identifier: Apache-2.0
// Says on a terminal that long work goes on, and for how long already: "admin backup  12 s",
// rewritten in place every second. For work that cannot tell how much of it is left; what is
// transferred shows its percentage (Context::progress_line). Nothing with --quiet or --json.
#pragma once

#include <string>
#include <thread>

#include "cli/context.hpp"

namespace slipway::cli {

class Working {
  public:
    Working(const Context& context, std::string name);
    ~Working(); // wipes the line
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

  private:
    std::jthread thread_;
};

} // namespace slipway::cli
