// SPDX-License-Identifier: Apache-2.0
#include "http/problem.hpp"

#include <array>

#include <fmt/format.h>

#include "base/schema.hpp"

namespace slipway::http {

namespace {

struct CodeRow {
    std::string_view name;
    std::string_view title;
    int status;
};

// In the order of ErrorCode.
constexpr std::array codes{
    CodeRow{"invalid_input", "The request is not valid", 400},
    CodeRow{"unauthenticated", "Sign in first", 401},
    CodeRow{"forbidden", "Not permitted", 403},
    CodeRow{"not_found", "There is no such thing", 404},
    CodeRow{"conflict", "It has changed meanwhile", 409},
    CodeRow{"blocked", "A gate or a rule refuses this", 409},
    CodeRow{"limit_exceeded", "A limit was exceeded", 413},
    CodeRow{"unavailable", "Not available at this moment", 503},
    CodeRow{"timeout", "It took too long", 504},
    CodeRow{"internal", "Something went wrong inside", 500},
};

struct FieldProblem {
    std::string field;
    std::string message;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("field", self.field, always("path of the field; empty: all", limits::reason_max));
        visit("message", self.message, always("what is expected", limits::reason_max));
    }
};

struct Problem {
    std::string type;
    std::string title;
    int status = 0;
    std::string detail;
    std::string instance;
    std::string code;
    std::vector<FieldProblem> field_problems;
    std::vector<Reason> reasons;
    std::optional<std::int64_t> retry_after;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("type", self.type, required("urn:slipway:problem: and the code"));
        visit("title", self.title, required("the kind of problem in words"));
        visit("status", self.status, required("the HTTP status"));
        visit("detail", self.detail, optional("what went wrong here", limits::paragraph_max));
        visit("instance", self.instance, optional("path or correlation id", limits::target_max));
        visit("code", self.code, required("one of a closed list"));
        visit("fields", self.field_problems, optional("what is wrong with each field"));
        visit("reasons", self.reasons, optional("why a gate or a rule refuses"));
        visit("retry_after", self.retry_after, optional("seconds to wait before trying again"));
    }
};

const CodeRow& row_of(ErrorCode code) {
    return codes[static_cast<std::size_t>(code)];
}

} // namespace

std::string_view code_name(ErrorCode code) {
    return row_of(code).name;
}

int status_of(const Error& error, bool conditional) {
    if (error.code == ErrorCode::conflict && conditional)
        return 412;
    if (error.code == ErrorCode::limit_exceeded && error.retry_after_ms > 0)
        return 429;
    return row_of(error.code).status;
}

Response problem(const Error& error, int status, std::string_view instance) {
    const auto& row = row_of(error.code);
    Problem document;
    document.type = fmt::format("urn:slipway:problem:{}", row.name);
    document.title = row.title;
    document.status = status;
    document.instance = instance;
    document.code = row.name;
    if (error.code != ErrorCode::internal) {
        document.detail = error.message;
        document.reasons = error.reasons;
        for (const auto& field : error.fields)
            document.field_problems.push_back({field.field, field.message});
    } else if (!error.reasons.empty()) {
        const auto& reason = error.reasons.front();
        document.detail = fmt::format("{}: {}", error.message, reason.remedy);
    }
    Response response;
    response.status = status;
    response.content_type = "application/problem+json";
    if (status == 429 || status == 503) {
        document.retry_after = std::max<std::int64_t>(1, (error.retry_after_ms + 999) / 1000);
        response.with("Retry-After", std::to_string(*document.retry_after));
    }
    if (status == 401)
        response.with("WWW-Authenticate", "Bearer realm=\"slipway\"");
    response.body = encode_answer(document);
    return response;
}

Response problem(const Error& error, std::string_view instance, bool conditional) {
    return problem(error, status_of(error, conditional), instance);
}

Json problem_schema() {
    return schema_of<Problem>();
}

} // namespace slipway::http
