// SPDX-License-Identifier: Apache-2.0
// YAML 1.2 as configuration is written: one document, read into the same Json that everything else
// uses, with the line of every node kept so that an error can name it. Plain scalars are typed by
// the core schema (YAML 1.2.2, section 10.3): `no`, `on` and `12:30` are texts. Anchors, aliases,
// explicit tags and duplicate keys are refused, so a document never grows beyond its bytes.
// Limits: limits::yaml_file_max, yaml_depth_max and yaml_nodes_max. Errors read `file:line:
// reason`.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/codec.hpp"

namespace slipway {

struct YamlDocument {
    Json value;
    std::string file_name;
    // Line, counted from 1, of each node by its path as the codec writes it: "phases[0].title".
    std::map<std::string, std::size_t, std::less<>> lines;

    // The line of the node, or of the nearest node above it that exists.
    std::size_t line_of(std::string_view path) const;
    // `file:line`, where the node stands.
    std::string place_of(std::string_view path) const;
};

// Errors: invalid_input (and limit_exceeded for size, depth and number of nodes); the message reads
// `file:line: reason`, and the one FieldError has `file:line` as its field.
Result<YamlDocument> parse_yaml(std::string_view text, std::string_view file_name);

// Gives each FieldError, whose field is a path in the document, the form `file:line` and
// `path: message`; the error's message is these, one a line, at most yaml_errors_shown_max.
Error place_errors(const YamlDocument& document, Error error);

template <class T>
Result<T> decode_yaml(const YamlDocument& document) {
    auto value = decode<T>(document.value);
    if (!value)
        return tl::unexpected(place_errors(document, std::move(value).error()));
    return value;
}

// parse_yaml and decode in one; every error reads `file:line: field: message`.
template <class T>
Result<T> read_yaml(std::string_view text, std::string_view file_name) {
    return decode_yaml<T>(TRY(parse_yaml(text, file_name)));
}

} // namespace slipway
