// SPDX-License-Identifier: Apache-2.0
#include "connectors/secret_forms.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/limits.hpp"
#include "base/secret_lines.hpp"

namespace slipway::connectors {

namespace {

using Forms = std::vector<std::string>;

constexpr std::array<std::string_view, 2> hex_digits = {"0123456789ABCDEF", "0123456789abcdef"};

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Which bytes beside letters and digits a URL keeps, and what stands for a blank.
struct UrlStyle {
    std::string_view kept;
    std::string_view blank;
};

constexpr std::array url_styles = {
    UrlStyle{"-._~", "%20"},       // RFC 3986
    UrlStyle{"-._~/", "%20"},      // a path of several segments
    UrlStyle{"-._~", "+"},         // a query
    UrlStyle{"-._~/", "+"},        // a query whose slashes stay
    UrlStyle{"*-._", "+"},         // a form as browsers and Java send it
    UrlStyle{"-._~!'()*", "%20"}}; // encodeURIComponent of JavaScript

std::string in_url(std::string_view text, const UrlStyle& style, std::string_view digits) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == ' ')
            out += style.blank;
        else if (is_letter_or_digit(c) || style.kept.find(c) != std::string_view::npos)
            out += c;
        else
            out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
    return out;
}

// What JSON writes as \uXXXX beside the controls: these bytes, and all that is not ASCII.
struct JsonStyle {
    std::string_view escaped;
    bool ascii_only;
};

constexpr std::array json_styles = {
    JsonStyle{"", false},         // RFC 8259
    JsonStyle{"", true},          // Python, PHP
    JsonStyle{"<>&", false},      // Go
    JsonStyle{"<>&'\"+`", true}}; // .NET

// A character of valid UTF-8 and its size in bytes.
struct Character {
    char32_t code;
    std::size_t size;
};

Character first_character(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80)
        return {first, 1};
    const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    char32_t code = first & (0xffU >> (size + 1));
    for (const char c : text.substr(1, size - 1))
        code = code << 6 | (static_cast<unsigned char>(c) & 0x3fU);
    return {code, size};
}

void append_unit(std::string& out, char32_t unit, std::string_view digits) {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4)
        out += digits[unit >> shift & 15];
}

// The letter behind the backslash, for bytes that JSON has a short way to write.
std::optional<char> short_escape(char32_t code, bool escape_slash) {
    constexpr std::string_view bytes = "\"\\\b\f\n\r\t";
    constexpr std::string_view letters = "\"\\bfnrt";
    if (code == '/' && escape_slash)
        return '/';
    const auto at = code < 0x80 ? bytes.find(static_cast<char>(code)) : std::string_view::npos;
    return at == std::string_view::npos ? std::nullopt : std::optional(letters[at]);
}

std::string
in_json(std::string_view text, const JsonStyle& style, bool escape_slash, std::string_view digits) {
    std::string out;
    while (!text.empty()) {
        const auto [code, size] = first_character(text);
        const bool ascii = code < 0x80;
        if (ascii && style.escaped.find(static_cast<char>(code)) != std::string_view::npos) {
            append_unit(out, code, digits);
        } else if (const auto letter = short_escape(code, escape_slash)) {
            out.append({'\\', *letter});
        } else if (code > 0xffff && style.ascii_only) { // a surrogate pair
            append_unit(out, 0xd800 + ((code - 0x10000) >> 10), digits);
            append_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ff), digits);
        } else if (code < 0x20 || (!ascii && style.ascii_only)) {
            append_unit(out, code, digits);
        } else {
            out += text.substr(0, size);
        }
        text.remove_prefix(size);
    }
    return out;
}

// What a byte becomes between quotes or tags. The rows that a style does not need are empty.
struct Replacement {
    char byte;
    std::string_view text;
};

using Quoting = std::array<Replacement, 5>;

constexpr std::array quotings = {
    // HTML and XML, between tags and in attributes.
    Quoting{{{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}}},
    Quoting{{{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}}},
    Quoting{{{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&apos;"}}},
    Quoting{{{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}}},
    Quoting{{{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#039;"}}},
    Quoting{{{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#x27;"}}},
    Quoting{{{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&#34;"}, {'\'', "&#39;"}}},
    // Shells: set -x of bash, and that of dash (shlex.quote of Python too).
    Quoting{{{'\'', "'\\''"}}}, Quoting{{{'\'', "'\"'\"'"}}},
    Quoting{{{'"', "\\\""}, {'\\', "\\\\"}, {'$', "\\$"}, {'`', "\\`"}}},
    // repr of Python, and most other languages in single quotes.
    Quoting{{{'\\', "\\\\"}, {'\'', "\\'"}}}};

std::string in_quotes(std::string_view text, const Quoting& quoting) {
    std::string out;
    for (const char c : text) {
        const auto* found = std::find_if(quoting.begin(), quoting.end(), [c](const auto& row) {
            return row.byte == c && !row.text.empty();
        });
        if (found == quoting.end())
            out += c;
        else
            out += found->text;
    }
    return out;
}

// The Base64 of anything that holds the secret behind `before` bytes more or less a multiple of
// three: without the characters that its neighbours have a part in.
std::string inner_base64(std::string_view secret, std::size_t before) {
    const auto whole = to_base64(std::string(before, ' ') + std::string(secret));
    const auto begin = (before * 8 + 5) / 6;
    const auto end = (before + secret.size()) * 8 / 6;
    return whole.substr(begin, end - begin);
}

void add_base64(Forms& forms, std::string_view secret) {
    Forms plain{to_base64(secret)};
    for (std::size_t before = 0; before < 3; ++before)
        plain.push_back(inner_base64(secret, before));
    for (auto& form : plain) {
        forms.push_back(form);
        std::replace(form.begin(), form.end(), '+', '-'); // RFC 4648 section 5
        std::replace(form.begin(), form.end(), '/', '_');
        forms.push_back(std::move(form));
    }
}

std::optional<unsigned> hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? std::optional<unsigned>(lower - 'a' + 10) : std::nullopt;
}

// A percent sign without two hexadecimal digits stays.
std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto high =
            text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : std::nullopt;
        const auto low = high ? hex_value(text[i + 2]) : std::nullopt;
        out += low ? static_cast<char>(*high << 4 | *low) : text[i];
        i += low ? 2 : 0;
    }
    return out;
}

void add_forms(Forms& forms, const std::string& secret) {
    forms.push_back(secret);
    for (const auto digits : hex_digits) {
        for (const auto& style : url_styles)
            forms.push_back(in_url(secret, style, digits));
        // No program writes other bytes than UTF-8 into JSON.
        if (is_valid_text(secret))
            for (const auto& style : json_styles)
                for (const bool escape_slash : {false, true})
                    forms.push_back(in_json(secret, style, escape_slash, digits));
    }
    for (const auto& quoting : quotings)
        forms.push_back(in_quotes(secret, quoting));
    add_base64(forms, secret);
}

} // namespace

std::vector<std::string> secret_forms(std::string_view secret) {
    if (secret.size() < limits::secret_shown_min)
        return {};
    Forms forms;
    add_forms(forms, std::string(secret));
    // A URL needs its secret percent-encoded; the server that is called says it back decoded.
    if (auto decoded = percent_decoded(secret); decoded != secret)
        add_forms(forms, decoded);
    for (auto& line : secret_lines(secret))
        forms.push_back(std::move(line));
    std::erase_if(forms, [](const auto& form) { return form.size() < limits::secret_shown_min; });
    std::sort(forms.begin(), forms.end(), [](const auto& left, const auto& right) {
        return left.size() != right.size() ? left.size() > right.size() : left < right;
    });
    forms.erase(std::unique(forms.begin(), forms.end()), forms.end());
    return forms;
}

} // namespace slipway::connectors
