// SPDX-License-Identifier: Apache-2.0
#include "connectors/settings.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/codec.hpp"
#include "connectors/http_transport.hpp"

namespace slipway::connectors {

namespace {

using Problem = std::string; // empty: none

Problem text_problem(const Setting& setting, const std::string& text, const SecretPolicy& policy) {
    if (text.size() > limits::text_max)
        return fmt::format("is longer than {} bytes", limits::text_max);
    if (setting.required && text.empty())
        return "must not be empty: " + setting.help;
    if (setting.type == SettingType::url) {
        const auto checked = check_address(text, {"http", "https", "smtp", "smtps"});
        return checked ? "" : checked.error().message;
    }
    if (setting.type == SettingType::choice)
        return std::find(setting.choices.begin(), setting.choices.end(), text) !=
                       setting.choices.end()
                   ? ""
                   : fmt::format("expected one of: {}", fmt::join(setting.choices, ", "));
    if (setting.type == SettingType::path || setting.type == SettingType::program) {
        const std::filesystem::path path(text);
        if (!path.is_absolute() || path.lexically_normal() != path || text.ends_with('/'))
            return "expected an absolute path without '.', '..' or a slash at the end";
        if (setting.type == SettingType::program && !is_below(text, policy.program_folders))
            return "the program must stand below a folder that the server allows";
    }
    return "";
}

Problem list_problem(const Json& value) {
    const auto* list = value.if_array();
    if (list == nullptr || list->size() > limits::list_max)
        return fmt::format("expected a list of at most {} texts", limits::list_max);
    const bool texts = std::all_of(list->begin(), list->end(), [](const Json& element) {
        return element.is_string() && element.get_string().size() <= limits::text_max;
    });
    return texts ? "" : "expected a list of texts";
}

Problem problem_of(const Setting& setting, const Json& value, const SecretPolicy& policy) {
    if (setting.secret) {
        if (!value.is_string())
            return "expected a reference to the secret";
        const auto checked = check_reference(view(value.get_string()), policy);
        return checked ? "" : checked.error().message;
    }
    switch (setting.type) {
    case SettingType::boolean:
        return value.is_bool() ? "" : "expected true or false";
    case SettingType::number:
        return value.is_number() ? "" : "expected a number";
    case SettingType::list:
        return list_problem(value);
    case SettingType::map:
        return value.is_object() ? "" : "expected an object";
    default:
        if (!value.is_string())
            return "expected a text";
        return text_problem(setting, std::string(view(value.get_string())), policy);
    }
}

} // namespace

Result<Json>
checked_settings(const Manifest& manifest, const Json& settings, const SecretPolicy& policy) {
    if (!settings.is_object() && !settings.is_null())
        return fail_field("settings", "expected an object");
    const JsonObject given = settings.is_null() ? JsonObject{} : settings.get_object();
    std::vector<FieldError> errors;
    for (const auto& member : given)
        if (std::none_of(
                manifest.settings.begin(), manifest.settings.end(),
                [&](const Setting& setting) { return setting.name == member.key(); }
            ))
            errors.push_back(
                {"settings." + std::string(member.key()).substr(0, 64),
                 "is no setting of " + manifest.system}
            );
    JsonObject out;
    for (const auto& setting : manifest.settings) {
        const auto* found = given.if_contains(setting.name);
        const bool absent = found == nullptr || found->is_null();
        const auto& value = absent ? setting.default_value : *found;
        const auto field = "settings." + setting.name;
        if (value.is_null()) {
            if (setting.required)
                errors.push_back({field, "is required: " + setting.help});
        } else if (auto problem = problem_of(setting, value, policy); !problem.empty()) {
            errors.push_back({field, std::move(problem)});
        }
        out[setting.name] = value;
    }
    if (!errors.empty())
        return tl::unexpected(codec::invalid(std::move(errors)));
    return Json(std::move(out));
}

Result<Json> resolved_settings(
    const Manifest& manifest, const Json& checked, const SecretPolicy& policy,
    const std::stop_token& stop, Secrets& secrets
) {
    JsonObject out = checked.get_object();
    for (const auto& setting : manifest.settings) {
        auto& value = out[setting.name];
        if (!setting.secret || !value.is_string())
            continue;
        auto secret = resolve_reference(view(value.get_string()), policy, stop);
        if (!secret) {
            secret.error().message = "settings." + setting.name + ": " + secret.error().message;
            return tl::unexpected(std::move(secret).error());
        }
        value = secrets.add(setting.name, *std::move(secret));
    }
    return Json(std::move(out));
}

} // namespace slipway::connectors
