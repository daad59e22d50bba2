// SPDX-License-Identifier: Apache-2.0
#include "cli/body.hpp"

#include <algorithm>
#include <filesystem>
#include <istream>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "base/limits.hpp"
#include "cli/session.hpp"

namespace slipway::cli {

namespace {

constexpr std::string_view digest_pattern = "^[0-9a-f]{64}$";

std::vector<std::string> choices_of(const Json& property) {
    const auto* items = find(property, "items");
    const auto* names = find(items ? *items : property, "enum");
    std::vector<std::string> out;
    if (names != nullptr && names->is_array())
        for (const auto& name : names->get_array())
            out.emplace_back(view(name.as_string()));
    return out;
}

std::string file_option(std::string_view field) {
    return field == "digest" ? std::string("file") : fmt::format("{}_file", field);
}

std::string placeholder(FieldKind kind, const Json& property) {
    const auto format = text_or_empty(property, "format");
    if (const auto choices = choices_of(property); !choices.empty()) {
        std::string all;
        for (const auto& name : choices)
            all += (all.empty() ? "" : "|") + name;
        return all.size() <= 32 ? all : "NAME";
    }
    switch (kind) {
    case FieldKind::truth:
        return {};
    case FieldKind::number:
        return "N";
    case FieldKind::digest:
        return "SHA256";
    case FieldKind::document:
        return "JSON";
    default:
        return format == "date-time" ? "TIME" : "TEXT";
    }
}

bool is_required(const Json& schema, std::string_view name) {
    const auto* required = find(schema, "required");
    if (required == nullptr || !required->is_array())
        return false;
    const auto& names = required->get_array();
    return std::any_of(names.begin(), names.end(), [&](const Json& one) {
        return one.is_string() && view(one.get_string()) == name;
    });
}

// Beside an uploaded file's digest a name is that file's.
bool takes_name_of_file(const Json& schema) {
    const auto* properties = find(schema, "properties");
    const auto* digest = properties ? find(*properties, "digest") : nullptr;
    return digest != nullptr && text_or_empty(*digest, "pattern") == digest_pattern;
}

// "such as 2026-11-30T18:00" of a description; empty where it has no example.
std::string example_in(std::string_view description) {
    constexpr std::string_view mark = "such as ";
    const auto at = description.find(mark);
    if (at == std::string_view::npos)
        return {};
    auto text = description.substr(at + mark.size());
    text = text.substr(0, text.find(' '));
    while (!text.empty() && std::string_view(",;.)\"").find(text.back()) != std::string_view::npos)
        text.remove_suffix(1);
    return std::string(text.starts_with('"') ? text.substr(1) : text);
}

const Json* members_of(const Json& property) {
    const auto* items = find(property, "items");
    const auto* members = find(items ? *items : property, "properties");
    return members && members->is_object() && !members->get_object().empty() ? members : nullptr;
}

// A value of this shape, with what must be in it; a guess at its texts.
Json example_of(const Json& property) {
    const auto type = text_or_empty(property, "type");
    if (type == "array") {
        const auto* items = find(property, "items");
        return items ? Json(JsonArray{example_of(*items)}) : Json(JsonArray{});
    }
    if (type == "boolean")
        return true;
    if (type == "integer" || type == "number")
        return 1;
    if (type == "string") {
        if (const auto choices = choices_of(property); !choices.empty())
            return Json(choices.front());
        const auto found = example_in(text_or_empty(property, "description"));
        const bool is_time = text_or_empty(property, "format") == "date-time";
        return Json(!found.empty() ? found : is_time ? "2026-12-01T09:00:00Z" : "TEXT");
    }
    JsonObject out;
    const auto* members = members_of(property);
    for (const auto& [name, member] : members ? members->get_object() : JsonObject{})
        if (is_required(property, {name.data(), name.size()}))
            out[name] = example_of(member);
    if (out.empty() && members != nullptr) {
        const auto& first = *members->get_object().begin();
        out[first.key()] = example_of(first.value());
    }
    return Json(std::move(out));
}

// "; fields: from, to, duration"
std::string named_members(const Json& property) {
    const auto* members = members_of(property);
    std::string out;
    for (const auto& member : members ? members->get_object() : JsonObject{})
        out +=
            fmt::format("{}{}", out.empty() ? "; fields: " : ", ", std::string_view(member.key()));
    return out;
}

Option option_of(std::string_view name, const Json& property) {
    const auto kind = kind_of(property);
    Option option = valued(std::string(name), placeholder(kind, property), "");
    option.help = text_or_empty(property, "description");
    if (const auto cut = option.help.find("; a SHA-256"); cut != std::string::npos)
        option.help.resize(cut);
    option.choices = choices_of(property);
    option.repeated = kind == FieldKind::list;
    if (kind == FieldKind::text_file || (kind == FieldKind::digest && name != "digest"))
        option.help = fmt::format("or --{} PATH: {}", file_option(name), option.help);
    if (kind == FieldKind::document)
        option.help += named_members(property) + " (or @FILE)";
    if (kind == FieldKind::list)
        option.help += " (repeat for more)";
    return option;
}

std::vector<std::pair<std::string_view, const Json*>>
properties_of(const Json& schema, const std::vector<std::string_view>& except) {
    std::vector<std::pair<std::string_view, const Json*>> out;
    const auto* properties = find(schema, "properties");
    if (properties == nullptr || !properties->is_object())
        return out;
    for (const auto& member : properties->get_object()) {
        const std::string_view name{member.key().data(), member.key().size()};
        if (std::find(except.begin(), except.end(), name) == except.end())
            out.emplace_back(name, &member.value());
    }
    return out;
}

std::string name_of_file(const std::string& path) {
    return path == "-" ? "standard input" : path;
}

// "@file" and "-" name a file; anything else is the JSON itself.
// `example` is shown when it is no JSON at all.
Result<Json> read_json(
    const std::string& name, const std::string& text, std::istream& in,
    const std::function<Json()>& example
) {
    if (text.starts_with("@") || text == "-") {
        const auto path = text == "-" ? text : text.substr(1);
        auto json = parse_json(TRY(read_file(path, limits::request_body_max, in)));
        if (!json)
            return fail_field(name_of_file(path), json.error().message);
        return json;
    }
    auto json = parse_json(text);
    if (!json)
        return fail_option(
            name, fmt::format(
                      "expected JSON such as '{}', or @FILE with it: {}", to_text(example()),
                      json.error().message
                  )
        );
    return json;
}

// Whatever is written into the body's JSON is text; the body's own bytes are nothing people know.
Result<Json> text_of(const std::string& name, const std::string& text) {
    if (const auto wrong = encoding_finding(text); !wrong.empty())
        return fail_option(name, wrong);
    return Json(text);
}

Result<Json> text_file_of(const std::string& path, std::istream& in) {
    auto text = TRY(read_file(path, limits::request_body_max, in));
    if (const auto wrong = encoding_finding(text); !wrong.empty())
        return fail_field(name_of_file(path), wrong);
    return Json(std::move(text));
}

Result<Json> number_of(const std::string& name, const std::string& text) {
    auto json = parse_json(text);
    if (!json || !json->is_number())
        return fail_option(name, fmt::format("expected a number, not \"{}\"", text));
    return json;
}

Result<Json>
list_of(const std::string& name, const Json& property, const std::vector<std::string>& texts) {
    const auto* items = find(property, "items");
    const auto type = items ? text_or_empty(*items, "type") : std::string_view{};
    const bool digests = items && text_or_empty(*items, "pattern") == digest_pattern;
    JsonArray out;
    for (const auto& text : texts)
        if (digests && !digest_from_hex(text))
            return fail_option(
                name, fmt::format(
                          "expected 64 lower-case hexadecimal digits, not \"{}\": {}", text,
                          text_or_empty(property, "description")
                      )
            );
    for (const auto& text : texts)
        out.push_back(
            type == "integer" || type == "number" ? TRY(number_of(name, text))
                                                  : TRY(text_of(name, text))
        );
    return Json(std::move(out));
}

Result<Json> value_of(
    const std::string& name, const Json& property, const Arguments& arguments, std::istream& in
) {
    switch (kind_of(property)) {
    case FieldKind::truth:
        return Json(arguments.text(name) != "false");
    case FieldKind::number:
        return number_of(name, arguments.text(name));
    case FieldKind::list:
        return list_of(name, property, arguments.all(name));
    case FieldKind::document:
        return read_json(name, arguments.text(name), in, [&] { return example_of(property); });
    default:
        return text_of(name, arguments.text(name));
    }
}

// One field, given in two ways: neither of them is the one that was meant.
Result<void> check_once(const std::string& name, FieldKind kind, const Arguments& arguments) {
    const bool filed = kind == FieldKind::text_file || kind == FieldKind::digest;
    const auto other = filed ? file_option(name) : "no_" + name;
    if ((filed || kind == FieldKind::truth) && arguments.has(name) && arguments.has(other))
        return fail_option(other, fmt::format("--{} is given too; give one of them", name));
    return {};
}

// What is left out of the options comes from elsewhere, such as the id from the address.
Result<void> check_complete(
    const Json& schema, const JsonObject& body, const std::vector<std::string_view>& except
) {
    Error error{ErrorCode::invalid_input, ""};
    const auto* required = find(schema, "required");
    if (required == nullptr || !required->is_array())
        return {};
    for (const auto& name : required->get_array()) {
        if (body.contains(name.as_string()) ||
            std::find(except.begin(), except.end(), view(name.get_string())) != except.end())
            continue;
        const auto* property = find(*find(schema, "properties"), view(name.get_string()));
        const auto help = property ? text_or_empty(*property, "description") : std::string_view{};
        const auto option = "--" + std::string(view(name.get_string()));
        error.message += (error.message.empty() ? "the command needs " : ", ") + option;
        error.fields.push_back({option, std::string(help)});
    }
    if (error.fields.empty())
        return {};
    return tl::unexpected(std::move(error));
}

} // namespace

FieldKind kind_of(const Json& property) {
    const auto type = text_or_empty(property, "type");
    if (type == "boolean")
        return FieldKind::truth;
    if (type == "integer" || type == "number")
        return FieldKind::number;
    if (type == "array") {
        const auto* items = find(property, "items");
        const auto element = items ? text_or_empty(*items, "type") : std::string_view{};
        const bool scalar = element == "string" || element == "integer" || element == "number";
        return scalar ? FieldKind::list : FieldKind::document;
    }
    if (type != "string")
        return FieldKind::document;
    if (text_or_empty(property, "pattern") == digest_pattern)
        return FieldKind::digest;
    const auto* most = find(property, "maxLength");
    const bool is_long = most != nullptr && most->is_number() &&
                         most->to_number<std::uint64_t>() >= limits::text_max;
    return is_long ? FieldKind::text_file : FieldKind::text;
}

std::vector<Option> body_options(const Json& schema, const std::vector<std::string_view>& except) {
    std::vector<Option> out;
    std::vector<Option> hidden;
    for (const auto& [name, property] : properties_of(schema, except)) {
        auto option = option_of(name, *property);
        option.needed = is_required(schema, name);
        const auto kind = kind_of(*property);
        if (name == "digest" && kind == FieldKind::digest)
            option.help = fmt::format("or --file PATH: {}", option.help);
        if (name == "name" && takes_name_of_file(schema)) {
            option.help += "; --file fills it in";
            option.needed = false;
        }
        out.push_back(std::move(option));
        if (kind == FieldKind::truth) {
            hidden.push_back(flag(fmt::format("no_{}", name), "the opposite"));
        } else if (kind == FieldKind::digest || kind == FieldKind::text_file) {
            const bool uploaded = kind == FieldKind::digest;
            Option file = valued(
                file_option(name), "PATH",
                uploaded ? "file to upload; its digest is filled in" : "file to read it from"
            );
            (name == "digest" ? out : hidden).push_back(std::move(file));
        }
    }
    for (auto& option : hidden) {
        option.hidden = true;
        out.push_back(std::move(option));
    }
    if (!out.empty())
        out.push_back(valued("json_body", "@FILE|-|JSON", "the whole body; options go over it"));
    return out;
}

Result<Json> body_of(
    const Json& schema, const Arguments& arguments, std::istream& in, const Upload& upload,
    const std::vector<std::string_view>& except
) {
    JsonObject body;
    if (arguments.has("json_body")) {
        auto json = TRY(read_json("json_body", arguments.text("json_body"), in, [&] {
            return example_of(schema);
        }));
        if (!json.is_object())
            return fail_option("json_body", "expected a JSON object");
        body = std::move(json.get_object());
    }
    for (const auto& [view_of_name, property] : properties_of(schema, except)) {
        const std::string name(view_of_name);
        const auto kind = kind_of(*property);
        const auto from_file = file_option(name);
        TRY(check_once(name, kind, arguments));
        if (arguments.has(name))
            body[name] = TRY(value_of(name, *property, arguments, in));
        else if (kind == FieldKind::truth && arguments.has("no_" + name))
            body[name] = false;
        else if (kind == FieldKind::text_file && arguments.has(from_file))
            body[name] = TRY(text_file_of(arguments.text(from_file), in));
        else if (kind == FieldKind::digest && arguments.has(from_file)) {
            const auto path = arguments.text(from_file);
            body[name] = TRY(upload(path));
            const auto* properties = find(schema, "properties");
            if (name == "digest" && find(*properties, "name") && !arguments.has("name") &&
                !body.contains("name"))
                body["name"] = std::filesystem::path(path).filename().string();
        }
    }
    TRY(check_complete(schema, body, except));
    return Json(std::move(body));
}

} // namespace slipway::cli
