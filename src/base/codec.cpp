// SPDX-License-Identifier: Apache-2.0
#include "base/codec.hpp"

#include <algorithm>

#include "base/plain_text.hpp"

namespace slipway::codec {

std::string Path::text() const {
    std::string before = parent ? parent->text() : std::string{};
    if (name.empty())
        return parent ? fmt::format("{}[{}]", before, index) : before;
    return before.empty() ? std::string(name) : fmt::format("{}.{}", before, name);
}

std::string cut_short(std::string_view text, std::size_t max) {
    constexpr std::string_view ellipsis = "…";
    return cut_text(text, max - ellipsis.size()) + std::string(ellipsis);
}

void Findings::add(const Path& path, std::string message) {
    if (errors.size() < limits::list_max)
        errors.push_back({path.text(), std::move(message)});
}

void read_text(
    const Json& json, std::string& value, const Path& path, Findings& findings, FieldDoc doc
) {
    const auto* text = json.if_string();
    if (text == nullptr)
        return findings.add(path, "expected a text");
    const auto max = doc.max ? doc.max : limits::title_max;
    if (findings.strict && text->size() > max)
        return findings.add(
            path, fmt::format("is {} bytes long, the limit is {}", text->size(), max)
        );
    if (findings.strict && std::find(text->begin(), text->end(), '\0') != text->end())
        return findings.add(path, "contains a NUL character");
    if (findings.plain && !doc.printed) {
        const auto kind = max < limits::text_max ? TextKind::line : TextKind::paragraph;
        if (auto wrong = text_finding(view(*text), kind); !wrong.empty())
            return findings.add(path, std::move(wrong));
    }
    value.assign(text->data(), text->size());
}

void refuse_unknown(
    const JsonObject& object, const std::vector<std::string_view>& known, const Path& path,
    Findings& findings
) {
    for (const auto& member : object) {
        const std::string_view key{member.key().data(), member.key().size()};
        if (std::find(known.begin(), known.end(), key) == known.end())
            findings.add(
                Path{path.parent || !path.name.empty() ? &path : nullptr, key},
                "is not a field of this document"
            );
    }
}

Error invalid(std::vector<FieldError> errors) {
    Error error{ErrorCode::invalid_input, {}};
    for (std::size_t i = 0; i < errors.size() && i < 3; ++i)
        error.message += fmt::format(
            "{}{}: {}", i ? "; " : "", errors[i].field.empty() ? "body" : errors[i].field,
            errors[i].message
        );
    if (errors.size() > 3)
        error.message += fmt::format("; and {} more", errors.size() - 3);
    error.fields = std::move(errors);
    return error;
}

} // namespace slipway::codec
