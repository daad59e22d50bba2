// SPDX-License-Identifier: Apache-2.0
// jq expressions (jq 1.6 language): the one expression language of `when:` conditions, connector
// mappings and custom gates. A program is a pure function of its input: whatever would reach the
// environment, other inputs, files, the clock or the process (env, $ENV, input, debug, import, now,
// halt, ...) is refused when it is compiled. A run ends within a time of the processor and in a
// piece of memory of its own, whatever the program does; libjq's assertions and its recursion end
// the run, never the process. A machine that is busy or stands still for a moment ends none.
// Numbers are IEEE doubles, as in jq: whole numbers beyond 2^53 lose digits. Limits:
// limits::expression_max (bytes), expression_timeout, expression_compile_timeout,
// expression_memory_max, expression_outputs_max, expression_nodes_max; results nest at most
// json_depth_max levels.
// Measured on two cores at 2.5 GHz or so: see docs of bench; compile about 30 ms, run about 5 us.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.hpp"
#include "base/limits.hpp"
#include "base/time.hpp"

namespace slipway {

struct JqLimits {
    Span timeout = limits::expression_timeout; // of the processor's time
    std::size_t outputs_max = limits::expression_outputs_max;
};

// A compiled program. Copies share it; all members may be called from any thread at once.
class JqProgram {
  public:
    // Errors: invalid_input with jq's reason or the name that may not be used; limit_exceeded for a
    // text that is too long or needs too much memory; timeout.
    static Result<JqProgram> compile(std::string_view program);

    // The first output. Errors: invalid_input when the program raises an error, gives no output, or
    // its output is no JSON within the limits; timeout; limit_exceeded for memory.
    Result<Json> run(const Json& input, JqLimits limits = {}) const;
    // All outputs, none included. More than limits.outputs_max is limit_exceeded.
    Result<std::vector<Json>> run_all(const Json& input, JqLimits limits = {}) const;
    // The first output as a condition: null and false do not hold, everything else does.
    Result<bool> holds(const Json& input, JqLimits limits = {}) const;

    const std::string& text() const;

  private:
    class Pool;

    explicit JqProgram(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}

    Result<std::vector<Json>> evaluate(const Json& input, JqLimits limits, bool first_only) const;

    std::shared_ptr<Pool> pool_;
};

// Says why a program text may not be compiled, before libjq sees it: the names it must not use.
Result<void> check_jq_names(std::string_view program);

// Compiled programs by their text; the least recently used one leaves when it is full. Programs
// that do not compile are not kept.
class ExpressionCache {
  public:
    explicit ExpressionCache(std::size_t programs_max = limits::expression_cache_max)
        : programs_max_(programs_max) {}

    Result<JqProgram> get(std::string_view program);
    std::size_t size() const;

  private:
    using Order = std::list<JqProgram>;

    std::optional<JqProgram> find(std::string_view program);

    std::size_t programs_max_;
    std::mutex compile_mutex_; // before the other
    mutable std::mutex mutex_;
    Order order_; // most recently used first
    std::unordered_map<std::string_view, Order::iterator> by_text_;
};

} // namespace slipway
