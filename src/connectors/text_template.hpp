// SPDX-License-Identifier: Apache-2.0
// Text with jq expressions in braces: "/items/{.input.id}". "{{" and "}}" stand for the braces
// themselves. A text that is one expression and nothing else gives the expression's value as it is;
// in all others each value must be a text, a number or a boolean. Null anywhere makes the whole
// template null, which means "leave this out" where something may be left out, and is an error
// elsewhere. Never evaluates a value it has put in.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/jq.hpp"

namespace slipway::connectors {

struct TemplatePart {
    bool expression = false;
    std::string text = {};
};

// Errors: invalid_input for a brace without its partner.
Result<std::vector<TemplatePart>> parse_template(std::string_view text);

// The program's first output. A plain path such as `.input.id` is followed here, since compiling a
// program takes 30 ms and most expressions of a manifest are plain paths.
Result<Json>
evaluate_program(const std::string& program, const Json& document, ExpressionCache& expressions);

using ValueFilter = std::function<Result<std::string>(std::string)>;

// The value of a template; `filter`, if given, changes each expression's text (to encode it).
Result<Json> render(
    std::string_view text, const Json& document, ExpressionCache& expressions,
    const ValueFilter& filter = {}
);

// As render, but null is an error, and numbers and booleans are written out.
Result<std::string> render_text(
    std::string_view text, const Json& document, ExpressionCache& expressions,
    const ValueFilter& filter = {}
);

// A text, number or boolean as text. Errors: invalid_input for all else.
Result<std::string> plain_text(const Json& value, std::string_view where);

} // namespace slipway::connectors
