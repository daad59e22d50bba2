// SPDX-License-Identifier: Apache-2.0
#include "connectors/text_template.hpp"

#include "base/limits.hpp"

namespace slipway::connectors {

namespace {

// The length of the jq program at the start of `text`, up to its closing brace, or npos.
std::size_t program_length(std::string_view text) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (quoted) {
            if (text[i] == '\\')
                ++i;
            else if (text[i] == '"')
                quoted = false;
        } else if (text[i] == '"') {
            quoted = true;
        } else if (text[i] == '{') {
            ++depth;
        } else if (text[i] == '}' && depth-- == 0) {
            return i;
        }
    }
    return std::string_view::npos;
}

tl::unexpected<Error> unbalanced(std::string_view text) {
    return fail(
        ErrorCode::invalid_input,
        "a brace without its partner in '" + std::string(text) + "'; write {{ or }} for a brace"
    );
}

bool is_plain_path(std::string_view program) {
    bool name_begins = false;
    for (std::size_t i = 0; i < program.size(); ++i) {
        const char c = program[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (c == '.' && !name_begins)
            name_begins = true;
        else if (letter || (!name_begins && i > 0 && c >= '0' && c <= '9'))
            name_begins = false;
        else
            return false;
    }
    return !program.empty() && program.front() == '.' && !name_begins;
}

} // namespace

Result<Json>
evaluate_program(const std::string& program, const Json& document, ExpressionCache& expressions) {
    if (is_plain_path(program)) {
        const Json* at = &document;
        std::string_view rest(program);
        static const Json nothing;
        while (!rest.empty() && (at->is_object() || at->is_null())) {
            const auto dot = rest.find('.', 1);
            const auto* member = find(*at, rest.substr(1, dot == rest.npos ? dot : dot - 1));
            at = member == nullptr ? &nothing : member;
            rest.remove_prefix(dot == rest.npos ? rest.size() : dot);
        }
        if (rest.empty())
            return *at;
    }
    return TRY(expressions.get(program)).run(document, {limits::connector_mapping_timeout});
}

Result<std::vector<TemplatePart>> parse_template(std::string_view text) {
    std::vector<TemplatePart> parts;
    std::string literal;
    const auto keep_literal = [&] {
        if (!literal.empty())
            parts.push_back({false, std::move(literal)});
        literal.clear();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool doubled = i + 1 < text.size() && text[i + 1] == text[i];
        if (text[i] == '}' && !doubled)
            return unbalanced(text);
        if ((text[i] == '{' || text[i] == '}') && doubled) {
            literal += text[i++];
        } else if (text[i] == '{') {
            const auto length = program_length(text.substr(i + 1));
            if (length == std::string_view::npos)
                return unbalanced(text);
            keep_literal();
            parts.push_back({true, std::string(text.substr(i + 1, length))});
            i += length + 1;
        } else {
            literal += text[i];
        }
    }
    keep_literal();
    return parts;
}

Result<std::string> plain_text(const Json& value, std::string_view where) {
    if (value.is_string())
        return std::string(view(value.get_string()));
    if (value.is_number() || value.is_bool())
        return to_text(value);
    return fail(
        ErrorCode::invalid_input, "'" + std::string(where) +
                                      "' gave no text, number or boolean but " +
                                      (value.is_null() ? "null" : "a list or object")
    );
}

Result<Json> render(
    std::string_view text, const Json& document, ExpressionCache& expressions,
    const ValueFilter& filter
) {
    const auto parts = TRY(parse_template(text));
    if (parts.size() == 1 && parts.front().expression && !filter)
        return evaluate_program(parts.front().text, document, expressions);
    std::string out;
    for (const auto& part : parts) {
        if (!part.expression) {
            out += part.text;
            continue;
        }
        const auto value = TRY(evaluate_program(part.text, document, expressions));
        if (value.is_null())
            return value;
        auto plain = TRY(plain_text(value, part.text));
        out += filter ? TRY(filter(std::move(plain))) : plain;
    }
    return Json(out);
}

Result<std::string> render_text(
    std::string_view text, const Json& document, ExpressionCache& expressions,
    const ValueFilter& filter
) {
    return plain_text(TRY(render(text, document, expressions, filter)), text);
}

} // namespace slipway::connectors
