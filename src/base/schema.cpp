// SPDX-License-Identifier: Apache-2.0
#include "base/schema.hpp"

namespace slipway::schema {

namespace {

boost::json::string_view as_json(std::string_view text) {
    return {text.data(), text.size()};
}

JsonObject typed(std::string_view type, FieldDoc doc) {
    JsonObject schema;
    schema["type"] = as_json(type);
    if (!doc.help.empty())
        schema["description"] = as_json(doc.help);
    return schema;
}

// A pattern's meaning in words follows the field's own help.
JsonObject patterned(std::string_view pattern, std::string_view meaning, FieldDoc doc) {
    JsonObject schema = typed("string", doc);
    const std::string description =
        doc.help.empty() ? std::string(meaning) : fmt::format("{}; {}", doc.help, meaning);
    schema["description"] = as_json(description);
    schema["pattern"] = as_json(pattern);
    return schema;
}

} // namespace

JsonObject text_schema(FieldDoc doc) {
    JsonObject schema = typed("string", doc);
    if (doc.required)
        schema["minLength"] = 1;
    schema["maxLength"] = doc.max ? doc.max : limits::title_max;
    return schema;
}

JsonObject id_schema(FieldDoc doc) {
    JsonObject schema = typed("string", doc);
    schema["pattern"] = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";
    return schema;
}

JsonObject time_schema(FieldDoc doc) {
    JsonObject schema = typed("string", doc);
    schema["format"] = "date-time";
    return schema;
}

JsonObject span_schema(FieldDoc doc) {
    return patterned(
        "^([0-9]+(ms|s|m|h|d))+$", "a span such as \"48h\" or \"1h30m\" (ms, s, m, h, d)", doc
    );
}

JsonObject digest_schema(FieldDoc doc) {
    return patterned("^[0-9a-f]{64}$", "a SHA-256 in lower-case hexadecimal", doc);
}

JsonObject plain_schema(std::string_view name, FieldDoc doc) {
    return typed(name, doc);
}

JsonObject any_schema(FieldDoc doc) {
    JsonObject schema;
    schema["description"] = doc.help.empty() ? "any JSON value" : as_json(doc.help);
    return schema;
}

JsonObject enum_schema(const std::vector<std::string_view>& names, FieldDoc doc) {
    JsonObject schema = typed("string", doc);
    JsonArray values;
    for (const auto name : names)
        values.emplace_back(as_json(name));
    schema["enum"] = std::move(values);
    return schema;
}

JsonObject list_schema(JsonObject element, bool unique, FieldDoc doc) {
    JsonObject schema = typed("array", doc);
    schema["items"] = std::move(element);
    schema["maxItems"] = doc.max ? doc.max : limits::list_max;
    if (unique)
        schema["uniqueItems"] = true;
    return schema;
}

JsonObject map_schema(JsonObject element, FieldDoc doc) {
    JsonObject schema = typed("object", doc);
    JsonObject names;
    names["maxLength"] = limits::name_max;
    schema["propertyNames"] = std::move(names);
    schema["maxProperties"] = doc.max ? doc.max : limits::list_max;
    schema["additionalProperties"] = std::move(element);
    return schema;
}

JsonObject object_schema(JsonObject properties, JsonArray required_names, FieldDoc doc) {
    JsonObject schema = typed("object", doc);
    schema["properties"] = std::move(properties);
    if (!required_names.empty())
        schema["required"] = std::move(required_names);
    schema["additionalProperties"] = false;
    return schema;
}

} // namespace slipway::schema
