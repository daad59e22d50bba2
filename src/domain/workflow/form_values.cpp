// SPDX-License-Identifier: Apache-2.0
#include "domain/workflow/form_values.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/plain_text.hpp"

namespace slipway::domain {

namespace {

using Finding = std::optional<std::string>;

Finding check_bounds(const FieldSpec& spec, double value, std::string_view unit) {
    if (spec.min && value < *spec.min)
        return fmt::format("must be at least {}{}", *spec.min, unit);
    if (spec.max && value > *spec.max)
        return fmt::format("must be at most {}{}", *spec.max, unit);
    return std::nullopt;
}

Finding check_length(const FieldSpec& spec, std::string_view text) {
    if (!is_valid_text(text))
        return "is not valid UTF-8, or contains a NUL character";
    const auto limit = length_max(spec.type);
    if (text.size() > limit)
        return fmt::format("is {} bytes long, the limit is {}", text.size(), limit);
    if (spec.type == FieldType::text || spec.type == FieldType::paragraph)
        return text.empty() ? std::nullopt
                            : check_bounds(spec, static_cast<double>(text.size()), " bytes long");
    return std::nullopt;
}

Finding check_url(std::string_view text) {
    constexpr std::string_view expected = "expected a URL that begins with https:// or http://";
    const auto scheme = text.starts_with("https://") ? 8u : text.starts_with("http://") ? 7u : 0u;
    const auto bad = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= 0x20 || byte == 0x7f || c == '"' || c == '<' || c == '>' || c == '\\';
    };
    if (scheme == 0 || std::any_of(text.begin(), text.end(), bad))
        return std::string(expected);
    const auto authority = text.substr(scheme, text.find_first_of("/?#", scheme) - scheme);
    if (authority.empty() || authority.front() == ':')
        return "the URL names no host";
    if (authority.find('@') != std::string_view::npos)
        return "the URL must not carry a user name or a password";
    return std::nullopt;
}

Finding check_option(const FieldSpec& spec, std::string_view text) {
    if (std::find(spec.options.begin(), spec.options.end(), text) != spec.options.end())
        return std::nullopt;
    std::string names;
    for (const auto& option : spec.options)
        names += (names.empty() ? "" : ", ") + option;
    return "expected one of: " + names;
}

Finding check_file(std::string_view text) {
    if (digest_from_hex(text))
        return std::nullopt;
    return "expected the SHA-256 of an attachment, 64 lower-case hexadecimal digits";
}

Finding check_text(const FieldSpec& spec, std::string_view text) {
    if (auto finding = check_length(spec, text); finding || text.empty())
        return finding;
    const auto plain = [&](TextKind kind) {
        auto finding = text_finding(text, kind);
        return finding.empty() ? std::nullopt : std::optional(std::move(finding));
    };
    switch (spec.type) {
    case FieldType::text:
        return plain(TextKind::line);
    case FieldType::paragraph:
        return plain(TextKind::paragraph);
    case FieldType::list:
        return check_option(spec, text);
    case FieldType::datetime:
        if (auto time = time_from_text(text); !time)
            return time.error().message;
        return std::nullopt;
    case FieldType::file:
        return check_file(text);
    case FieldType::person:
    case FieldType::ci:
        if (!is_slug(text))
            return "expected an id: 1 to 64 letters, digits, '.', '_' or '-', "
                   "beginning with a letter or digit";
        return std::nullopt;
    case FieldType::url:
        return check_url(text);
    case FieldType::number:
    case FieldType::multi_list:
    case FieldType::checkbox:
        break;
    }
    return std::nullopt;
}

Finding check_list(const FieldSpec& spec, const JsonArray& values) {
    if (values.size() > limits::list_max)
        return fmt::format("has {} elements, the limit is {}", values.size(), limits::list_max);
    for (auto at = values.begin(); at != values.end(); ++at) {
        if (!at->is_string())
            return "expected a list of texts";
        if (std::find(values.begin(), at, *at) != at)
            return fmt::format("names {} twice", view(at->get_string()));
        auto finding = spec.type == FieldType::file ? check_file(view(at->get_string()))
                                                    : check_option(spec, view(at->get_string()));
        if (finding)
            return finding;
    }
    if (spec.type == FieldType::file || values.empty())
        return std::nullopt;
    return check_bounds(spec, static_cast<double>(values.size()), " choices");
}

Finding check_number(const FieldSpec& spec, const Json& value) {
    if (!value.is_number())
        return "expected a number";
    const auto number = value.to_number<double>();
    if (!std::isfinite(number))
        return "expected a finite number";
    return check_bounds(spec, number, "");
}

} // namespace

std::size_t length_max(FieldType type) {
    switch (type) {
    case FieldType::paragraph:
        return limits::paragraph_max;
    case FieldType::url:
        return limits::url_max;
    case FieldType::text:
        return limits::text_max;
    default:
        return limits::name_max;
    }
}

bool is_empty_value(const Json& value) {
    if (const auto* text = value.if_string())
        return text->empty();
    if (const auto* list = value.if_array())
        return list->empty();
    return value.is_null() || (value.is_bool() && !value.get_bool());
}

Finding check_value(const FieldSpec& spec, const Json& value) {
    if (value.is_null())
        return std::nullopt;
    switch (spec.type) {
    case FieldType::number:
        return check_number(spec, value);
    case FieldType::checkbox:
        return value.is_bool() ? Finding{} : "expected true or false";
    case FieldType::multi_list:
        return value.is_array() ? check_list(spec, value.get_array()) : "expected a list";
    case FieldType::file:
        if (value.is_array())
            return check_list(spec, value.get_array());
        break;
    default:
        break;
    }
    return value.is_string() ? check_text(spec, view(value.get_string())) : "expected a text";
}

std::vector<FieldError> check_fields(const Step& step, const JsonObject& values, bool complete) {
    std::vector<FieldError> errors;
    const auto add = [&](std::string field, std::string message) {
        if (errors.size() < limits::list_max)
            errors.push_back({std::move(field), std::move(message)});
    };
    for (const auto& member : values) {
        const std::string name(member.key().data(), member.key().size());
        const auto* spec = find_field(step, name);
        if (spec == nullptr)
            add(cut_text(name, limits::name_max),
                fmt::format("is not a field of step {}", step.id.value));
        else if (auto finding = check_value(*spec, member.value()))
            add(name, *std::move(finding));
    }
    if (!complete)
        return errors;
    for (const auto& spec : step.form) {
        const auto* value = values.if_contains(spec.name);
        if (spec.required && (value == nullptr || is_empty_value(*value)))
            add(spec.name, spec.type == FieldType::checkbox
                               ? fmt::format("must be ticked: {}", spec.label)
                               : fmt::format("must be filled in: {}", spec.label));
    }
    return errors;
}

} // namespace slipway::domain
