// SPDX-License-Identifier: Apache-2.0
// One list of fields per type serves everything that needs one: events and state documents, request
// bodies, the OpenAPI schemas and the CLI's options.
//
//     struct Vote {
//         PersonId person;
//         Choice choice{};
//         template <class Self, class Visitor>
//         static void fields(Self& self, Visitor&& visit)
//         {
//             visit("person", self.person, required("who votes"));
//             visit("choice", self.choice, required("the vote"));
//         }
//     };
//
// encode() writes the members in the order of the list and leaves empty ones out, so equal values
// have equal bytes: the ledger and digests rest on that, and on its never changing. Who reads an
// answer must not have to know what was left out: encode_answer() writes every truth value, also
// false, and the texts that are marked always(). decode() is for what others send: unknown members,
// wrong types, missing required members and exceeded limits are errors that name the field.
// restore() is for what we wrote.
#pragma once

#include <concepts>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "base/enums.hpp"
#include "base/field_doc.hpp"
#include "base/hash.hpp"
#include "base/id.hpp"
#include "base/json.hpp"
#include "base/limits.hpp"
#include "base/shared.hpp"
#include "base/time.hpp"

namespace slipway {

// The head of a type's list of fields: SLIPWAY_FIELDS { visit("name", self.name); ... }
#define SLIPWAY_FIELDS                                                                             \
    template <class Self, class Visitor>                                                           \
    static void fields([[maybe_unused]] Self& self, [[maybe_unused]] Visitor&& visit)

namespace codec {

struct NullVisitor {
    template <class... Arguments>
    void operator()(Arguments&&...) const {}
};

template <class T>
concept Described = requires(T& value, NullVisitor visitor) {
    T::fields(value, visitor);
};

template <class T>
struct is_id : std::false_type {};

template <class Tag>
struct is_id<Id<Tag>> : std::true_type {};

template <class T, template <class...> class Template>
struct is_instance : std::false_type {};

template <template <class...> class Template, class... Arguments>
struct is_instance<Template<Arguments...>, Template> : std::true_type {};

template <class T, template <class...> class Template>
constexpr bool is_a = is_instance<T, Template>::value;

template <class T>
constexpr bool is_text_like = std::same_as<T, std::string> || is_id<T>::value;

template <class T>
bool is_empty(const T& value) {
    if constexpr (std::same_as<T, std::string> || is_id<T>::value || is_a<T, std::vector> || is_a<T, std::map> || is_a<T, std::set>)
        return value.empty();
    else if constexpr (is_a<T, std::optional> || is_a<T, SharedOptional>)
        return !value.has_value();
    else if constexpr (is_a<T, Shared>)
        return value.empty();
    else if constexpr (std::same_as<T, Digest>)
        return value == Digest{};
    else if constexpr (std::same_as<T, bool>)
        return !value;
    else if constexpr (std::same_as<T, Json>)
        return value.is_null();
    else
        return false;
}

// `kept` is what ledger and database hold, `answer` what clients get.
enum class Form : unsigned char { kept, answer };

template <Form form = Form::kept, class T>
void write(std::string& out, const T& value);

// The beginning of a longer text, with an ellipsis; `max` bytes at most.
std::string cut_short(std::string_view text, std::size_t max);

template <Form form>
struct Writer {
    std::string& out;
    bool first = true;

    template <class T>
    void operator()(std::string_view name, const T& value, FieldDoc doc = {}) {
        const bool always = form == Form::answer && (std::same_as<T, bool> || doc.always);
        if (is_empty(value) && !always)
            return;
        out += first ? "\"" : ",\"";
        first = false;
        out += name;
        out += "\":";
        if constexpr (form == Form::answer && std::same_as<T, std::string>)
            if (doc.always && value.size() > doc.max)
                return write(out, cut_short(value, doc.max));
        write<form>(out, value);
    }
};

template <Form form, class T>
void write(std::string& out, const T& value) {
    if constexpr (std::same_as<T, std::string>) {
        append_quoted(out, value);
    } else if constexpr (is_id<T>::value) {
        append_quoted(out, value.value);
    } else if constexpr (std::same_as<T, bool>) {
        out += value ? "true" : "false";
    } else if constexpr (std::integral<T>) {
        fmt::format_to(std::back_inserter(out), "{}", value);
    } else if constexpr (std::floating_point<T>) {
        append_text(out, Json(value));
    } else if constexpr (NamedEnum<T>) {
        append_quoted(out, to_text(value));
    } else if constexpr (std::same_as<T, Time> || std::same_as<T, Span>) {
        append_quoted(out, to_text(value));
    } else if constexpr (std::same_as<T, Digest>) {
        append_quoted(out, value.hex());
    } else if constexpr (std::same_as<T, Json>) {
        append_text(out, value);
    } else if constexpr (is_a<T, std::optional> || is_a<T, SharedOptional>) {
        if (value)
            write<form>(out, *value);
        else
            out += "null";
    } else if constexpr (is_a<T, Shared>) {
        write<form>(out, value.get());
    } else if constexpr (is_a<T, std::vector> || is_a<T, std::set>) {
        out += '[';
        bool first = true;
        for (const auto& element : value) {
            if (!first)
                out += ',';
            first = false;
            write<form>(out, element);
        }
        out += ']';
    } else if constexpr (is_a<T, std::map>) {
        out += '{';
        bool first = true;
        for (const auto& [key, element] : value) {
            if (!first)
                out += ',';
            first = false;
            write(out, key);
            out += ':';
            write<form>(out, element);
        }
        out += '}';
    } else {
        static_assert(Described<T>, "give the type a fields() list");
        out += '{';
        T::fields(value, Writer<form>{out});
        out += '}';
    }
}

// Where a value stands in the document, for messages: "cis[2].version_to".
struct Path {
    const Path* parent = nullptr;
    std::string_view name = {};
    std::size_t index = 0;
    std::string text() const;
};

// What is wrong so far. `strict` is for input from outside, `plain` for what people write.
struct Findings {
    bool strict = true;
    bool plain = false;
    std::vector<FieldError> errors = {};
    void add(const Path& path, std::string message);
};

template <class T>
void read(const Json& json, T& value, const Path& path, Findings& findings, FieldDoc doc);

void read_text(
    const Json& json, std::string& value, const Path& path, Findings& findings, FieldDoc doc
);
void refuse_unknown(
    const JsonObject& object, const std::vector<std::string_view>& known, const Path& path,
    Findings& findings
);

struct Reader {
    const JsonObject& object;
    const Path& path;
    Findings& findings;
    std::vector<std::string_view>& known;

    template <class T>
    void operator()(std::string_view name, T& value, FieldDoc doc = {}) {
        if (findings.strict)
            known.push_back(name);
        const auto* member = object.if_contains({name.data(), name.size()});
        const Path here{path.parent || !path.name.empty() ? &path : nullptr, name};
        if (member == nullptr || (member->is_null() && !std::same_as<T, Json>)) {
            if (doc.required && findings.strict)
                findings.add(here, fmt::format("is required: {}", doc.help));
            return;
        }
        const auto before = findings.errors.size();
        read(*member, value, here, findings, doc);
        const bool readable = findings.errors.size() == before;
        if (doc.required && findings.strict && readable && is_text_like<T> && is_empty(value))
            findings.add(here, fmt::format("must not be empty: {}", doc.help));
    }
};

template <class T>
void read_list(const Json& json, T& value, const Path& path, Findings& findings, FieldDoc doc) {
    const auto* array = json.if_array();
    if (array == nullptr)
        return findings.add(path, "expected a list");
    const auto max = doc.max ? doc.max : limits::list_max;
    if (findings.strict && array->size() > max)
        return findings.add(
            path, fmt::format("has {} elements, the limit is {}", array->size(), max)
        );
    value.clear(); // what is given replaces the default
    for (std::size_t i = 0; i < array->size(); ++i) {
        typename T::value_type element{};
        read((*array)[i], element, Path{&path, {}, i}, findings, FieldDoc{});
        value.insert(value.end(), std::move(element));
    }
}

template <class T>
void read_number(const Json& json, T& value, const Path& path, Findings& findings) {
    boost::system::error_code failed;
    const T number = json.is_number() ? json.to_number<T>(failed) : T{};
    if (!json.is_number() || failed)
        return findings.add(
            path, std::integral<T>
                      ? fmt::format(
                            "expected a whole number from {} to {}", std::numeric_limits<T>::min(),
                            std::numeric_limits<T>::max()
                        )
                      : "expected a number"
        );
    value = number;
}

template <class T, class Parse>
void read_parsed(const Json& json, T& value, const Path& path, Findings& findings, Parse parse) {
    if (!json.is_string())
        return findings.add(path, "expected a text");
    auto parsed = parse(view(json.get_string()));
    if (!parsed)
        return findings.add(path, parsed.error().message);
    value = *parsed;
}

template <class T>
void read_enum(const Json& json, T& value, const Path& path, Findings& findings) {
    if (json.is_string())
        if (const auto known = from_text<T>(view(json.get_string()))) {
            value = *known;
            return;
        }
    std::string names;
    for (const auto name : enum_names(T{}))
        names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
    findings.add(path, "expected one of: " + names);
}

template <class T>
void read_object(const Json& json, T& value, const Path& path, Findings& findings) {
    const auto* object = json.if_object();
    if (object == nullptr)
        return findings.add(path, "expected an object");
    std::vector<std::string_view> known;
    T::fields(value, Reader{*object, path, findings, known});
    if (findings.strict)
        refuse_unknown(*object, known, path, findings);
}

template <class T>
void read_map(const Json& json, T& value, const Path& path, Findings& findings, FieldDoc doc) {
    const auto* object = json.if_object();
    if (object == nullptr)
        return findings.add(path, "expected an object");
    const auto max = doc.max ? doc.max : limits::list_max;
    if (findings.strict && object->size() > max)
        return findings.add(
            path, fmt::format("has {} members, the limit is {}", object->size(), max)
        );
    value.clear(); // what is given replaces the default
    for (const auto& member : *object) {
        const std::string_view key{member.key().data(), member.key().size()};
        const Path here{&path, key};
        if (findings.strict && key.size() > limits::name_max) {
            findings.add(path, fmt::format("a name is longer than {} bytes", limits::name_max));
            continue;
        }
        read(
            member.value(), value[typename T::key_type(std::string(key))], here, findings,
            FieldDoc{}
        );
    }
}

template <class T>
void read(const Json& json, T& value, const Path& path, Findings& findings, FieldDoc doc) {
    if constexpr (std::same_as<T, std::string>) {
        read_text(json, value, path, findings, doc);
    } else if constexpr (is_id<T>::value) {
        read_text(json, value.value, path, findings, doc);
        if (findings.strict && !value.empty() && !is_slug(value.value))
            findings.add(
                path, "expected an id: 1 to 64 letters, digits, '.', '_' or '-', "
                      "beginning with a letter or digit"
            );
    } else if constexpr (std::same_as<T, bool>) {
        if (!json.is_bool())
            return findings.add(path, "expected true or false");
        value = json.get_bool();
    } else if constexpr (std::integral<T> || std::floating_point<T>) {
        read_number(json, value, path, findings);
    } else if constexpr (NamedEnum<T>) {
        read_enum(json, value, path, findings);
    } else if constexpr (std::same_as<T, Time>) {
        read_parsed(
            json, value, path, findings, findings.strict ? time_from_text : kept_time_from_text
        );
    } else if constexpr (std::same_as<T, Span>) {
        read_parsed(
            json, value, path, findings, findings.strict ? span_from_text : kept_span_from_text
        );
    } else if constexpr (std::same_as<T, Digest>) {
        read_parsed(json, value, path, findings, digest_from_hex);
    } else if constexpr (std::same_as<T, Json>) {
        value = json;
    } else if constexpr (is_a<T, std::optional> || is_a<T, SharedOptional>) {
        read(json, value.emplace(), path, findings, doc);
    } else if constexpr (is_a<T, Shared>) {
        read(json, value.edit(), path, findings, doc);
    } else if constexpr (is_a<T, std::vector> || is_a<T, std::set>) {
        read_list(json, value, path, findings, doc);
    } else if constexpr (is_a<T, std::map>) {
        read_map(json, value, path, findings, doc);
    } else {
        read_object(json, value, path, findings);
    }
}

Error invalid(std::vector<FieldError> errors);

} // namespace codec

template <class T>
std::string encode(const T& value) {
    std::string out;
    codec::write(out, value);
    return out;
}

// For clients, never for what is kept or hashed.
template <class T>
std::string encode_answer(const T& value) {
    std::string out;
    codec::write<codec::Form::answer>(out, value);
    return out;
}

template <class T>
Json to_json(const T& value) {
    auto parsed = parse_json(encode(value));
    return parsed ? *std::move(parsed) : Json{};
}

// Strict: for input from outside. Errors: invalid_input with every field that is wrong.
template <class T>
Result<T> decode(const Json& json, bool plain = false) {
    codec::Findings findings{true, plain};
    T value{};
    codec::read(json, value, codec::Path{}, findings, FieldDoc{});
    if (!findings.errors.empty())
        return tl::unexpected(codec::invalid(std::move(findings.errors)));
    return value;
}

// The same for what people write: a text whose limit is below text_max is one line, and none holds
// what a reader cannot see (base/plain_text.hpp), but for fields that are printed().
template <class T>
Result<T> decode_plain(const Json& json) {
    return decode<T>(json, true);
}

// For what encode() wrote. Members that a later version dropped are passed over.
template <class T>
Result<T> restore(const Json& json) {
    codec::Findings findings{false, false};
    T value{};
    codec::read(json, value, codec::Path{}, findings, FieldDoc{});
    if (!findings.errors.empty())
        return fail(
            ErrorCode::internal, "a stored record cannot be read",
            findings.errors.front().field + ": " + findings.errors.front().message
        );
    return value;
}

template <class T>
Result<T> restore(std::string_view bytes) {
    return restore<T>(TRY(parse_json(bytes)));
}

} // namespace slipway
