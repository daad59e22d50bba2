// SPDX-License-Identifier: Apache-2.0
// JSON Schema (2020-12) of a type, made from the same fields() list that reads and writes it, so
// that the documentation, the API description and the decoder cannot disagree. Limits that a field
// does not name are those that the codec applies. Lengths of texts are limits in bytes; a schema
// counts characters, so a schema never refuses what the decoder accepts. Nested objects stand
// inline; a type must not contain itself.
#pragma once

#include <limits>

#include "base/codec.hpp"

namespace slipway {

namespace schema {

JsonObject text_schema(FieldDoc doc);
JsonObject id_schema(FieldDoc doc);
JsonObject time_schema(FieldDoc doc);
JsonObject span_schema(FieldDoc doc);
JsonObject digest_schema(FieldDoc doc);
// `name` is a JSON Schema type: "boolean", "integer", "number".
JsonObject plain_schema(std::string_view name, FieldDoc doc);
JsonObject any_schema(FieldDoc doc);
JsonObject enum_schema(const std::vector<std::string_view>& names, FieldDoc doc);
JsonObject list_schema(JsonObject element, bool unique, FieldDoc doc);
JsonObject map_schema(JsonObject element, FieldDoc doc);
JsonObject object_schema(JsonObject properties, JsonArray required_names, FieldDoc doc);

template <class T>
JsonObject of(FieldDoc doc);

// Collects the members of one object.
struct Collector {
    JsonObject& properties;
    JsonArray& required_names;

    template <class T>
    void operator()(std::string_view name, const T&, FieldDoc doc = {}) {
        const boost::json::string_view key{name.data(), name.size()};
        properties[key] = of<T>(doc);
        if (doc.required || doc.always)
            required_names.emplace_back(key);
    }
};

template <class T>
JsonObject integer_schema(FieldDoc doc) {
    JsonObject schema = plain_schema("integer", doc);
    if constexpr (std::is_unsigned_v<T>)
        schema["minimum"] = 0;
    if constexpr (sizeof(T) <= 4) {
        schema["minimum"] = static_cast<std::int64_t>(std::numeric_limits<T>::min());
        schema["maximum"] = static_cast<std::int64_t>(std::numeric_limits<T>::max());
    }
    return schema;
}

template <class T>
JsonObject of(FieldDoc doc) {
    if constexpr (std::same_as<T, std::string>) {
        return text_schema(doc);
    } else if constexpr (codec::is_id<T>::value) {
        return id_schema(doc);
    } else if constexpr (std::same_as<T, bool>) {
        return plain_schema("boolean", doc);
    } else if constexpr (std::integral<T>) {
        return integer_schema<T>(doc);
    } else if constexpr (std::floating_point<T>) {
        return plain_schema("number", doc);
    } else if constexpr (NamedEnum<T>) {
        const auto names = enum_names(T{});
        return enum_schema({names.begin(), names.end()}, doc);
    } else if constexpr (std::same_as<T, Time>) {
        return time_schema(doc);
    } else if constexpr (std::same_as<T, Span>) {
        return span_schema(doc);
    } else if constexpr (std::same_as<T, Digest>) {
        return digest_schema(doc);
    } else if constexpr (std::same_as<T, Json>) {
        return any_schema(doc);
    } else if constexpr (codec::is_a<T, std::optional> || codec::is_a<T, SharedOptional>) {
        return of<typename T::value_type>(doc);
    } else if constexpr (codec::is_a<T, std::vector> || codec::is_a<T, std::set>) {
        return list_schema(of<typename T::value_type>(FieldDoc{}), codec::is_a<T, std::set>, doc);
    } else if constexpr (codec::is_a<T, Shared>) {
        return of<std::decay_t<decltype(std::declval<T>().get())>>(doc);
    } else if constexpr (codec::is_a<T, std::map>) {
        return map_schema(of<typename T::mapped_type>(FieldDoc{}), doc);
    } else {
        static_assert(codec::Described<T>, "give the type a fields() list");
        JsonObject properties;
        JsonArray required_names;
        const T value{};
        T::fields(value, Collector{properties, required_names});
        return object_schema(std::move(properties), std::move(required_names), doc);
    }
}

} // namespace schema

// The schema of the documents that decode<T>() accepts.
template <class T>
Json schema_of() {
    return schema::of<T>(FieldDoc{});
}

} // namespace slipway
