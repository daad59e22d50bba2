// SPDX-License-Identifier: Apache-2.0
// Result<T>: what a function returns that the world can make fail. An Error carries one code of a
// closed list, mapped once to an HTTP status and once to a CLI exit status; a refusal by a gate
// carries its reasons. What only we can cause is an ASSERT (base/assert.hpp), never an Error.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "base/field_doc.hpp"
#include "base/limits.hpp"

namespace slipway {

// The closed list. `blocked` is a refusal by a gate or a rule and carries reasons.
enum class ErrorCode : std::uint8_t {
    invalid_input,
    unauthenticated,
    forbidden,
    not_found,
    conflict,
    blocked,
    limit_exceeded,
    unavailable,
    timeout,
    internal,
};

// One thing wrong with one field of the input; `field` is a path such as "cis[2].version_to".
struct FieldError {
    std::string field;
    std::string message;
};

// One reason why a gate or a rule says no: which gate, what it looked at and how to mend it.
struct Reason {
    std::string gate;
    std::string field;
    std::string message;
    std::string evidence;
    std::string remedy;
    bool operator==(const Reason&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("gate", self.gate, always("the gate or rule that says no", limits::reason_max));
        visit("field", self.field, always("what it looked at", limits::reason_max));
        visit("message", self.message, always("why it says no", limits::reason_max));
        visit("evidence", self.evidence, always("what it saw there", limits::reason_max));
        visit("remedy", self.remedy, always("how to mend it", limits::reason_max));
    }
};

struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;     // safe to show to the caller
    std::string detail = {}; // for the log only
    std::vector<FieldError> fields = {};
    std::vector<Reason> reasons = {};
    std::int64_t retry_after_ms = 0; // limit_exceeded and unavailable: 0 when unknown
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  public:
    using tl::expected<T, Error>::expected;
};

template <class T>
T release_result(Result<T>&& result) {
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string detail = {}) {
    return tl::unexpected(Error{code, std::move(message), std::move(detail)});
}

// Bad input in one field; the message says what is expected and names the limit where there is one.
inline tl::unexpected<Error> fail_field(std::string field, std::string message) {
    Error error{ErrorCode::invalid_input, field + ": " + message};
    error.fields.push_back({std::move(field), std::move(message)});
    return tl::unexpected(std::move(error));
}

inline tl::unexpected<Error> fail_blocked(std::string message, std::vector<Reason> reasons) {
    Error error{ErrorCode::blocked, std::move(message)};
    error.reasons = std::move(reasons);
    return tl::unexpected(std::move(error));
}

} // namespace slipway

#define SLIPWAY_JOIN2(a, b) a##b
#define SLIPWAY_JOIN(a, b) SLIPWAY_JOIN2(a, b)
#define SLIPWAY_TRY_NAMED(name, expr)                                                              \
    __extension__({                                                                                \
        auto name = (expr);                                                                        \
        if (!name.has_value()) [[unlikely]]                                                        \
            return tl::unexpected(std::move(name).error());                                        \
        ::slipway::release_result(std::move(name));                                                \
    })
// TRY(expr) yields the value of a Result, or returns its error from the enclosing function.
// It contains `return`, so it cannot stand in a coroutine.
#define TRY(expr) SLIPWAY_TRY_NAMED(SLIPWAY_JOIN(try_result_, __COUNTER__), expr)
