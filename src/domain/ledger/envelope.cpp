// SPDX-License-Identifier: Apache-2.0
#include "domain/ledger/envelope.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace slipway::domain {

namespace {

bool take_literal(std::string_view& rest, std::string_view literal) {
    if (!rest.starts_with(literal))
        return false;
    rest.remove_prefix(literal.size());
    return true;
}

// Quote, backslash and control characters.
constexpr auto ends_text = [] {
    std::array<bool, 256> ends{};
    std::fill_n(ends.begin(), 0x20, true);
    ends['"'] = ends['\\'] = true;
    return ends;
}();

// Up to the closing quote, which is taken as well. Empty texts, escapes and control characters are
// refused.
bool take_text(std::string_view& rest, std::string_view& text) {
    std::size_t length = 0;
    while (length < rest.size() && !ends_text[static_cast<unsigned char>(rest[length])])
        ++length;
    if (length == 0 || length == rest.size() || rest[length] != '"')
        return false;
    text = rest.substr(0, length);
    rest.remove_prefix(length + 1);
    return true;
}

bool take_number(std::string_view& rest, std::uint64_t& number) {
    const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (failed != std::errc{} || rest.front() == '0')
        return false;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return true;
}

bool is_plain(std::string_view text) {
    std::string quoted = fmt::format("{}\"", text);
    std::string_view rest = quoted;
    std::string_view taken;
    return take_text(rest, taken) && taken == text;
}

} // namespace

std::optional<Envelope> scan_envelope(std::string_view entry) {
    Envelope e;
    std::string_view rest = entry;
    if (!take_literal(rest, R"({"v":1,"tenant":")"))
        return std::nullopt;
    const char* const key = rest.data();
    if (!take_text(rest, e.tenant) || !take_literal(rest, R"(,"kind":")") ||
        !take_text(rest, e.kind) || !take_literal(rest, R"(,"stream":")") ||
        !take_text(rest, e.stream))
        return std::nullopt;
    e.stream_key = {key, static_cast<std::size_t>(rest.data() - key)};
    if (!take_literal(rest, R"(,"version":)") || !take_number(rest, e.version) ||
        !take_literal(rest, R"(,"type":")") || !take_text(rest, e.type) ||
        !take_literal(rest, R"(,"at":")") || !take_text(rest, e.at) ||
        !take_literal(rest, R"(,"actor":")") || !take_text(rest, e.actor))
        return std::nullopt;
    if (!rest.starts_with(',') && rest != "}")
        return std::nullopt;
    return e;
}

std::string write_envelope(const Envelope& e) {
    for (const auto text : {e.tenant, e.kind, e.stream, e.type, e.at, e.actor})
        ASSERT(is_plain(text));
    ASSERT(e.version > 0);
    return fmt::format(
        R"({{"v":1,"tenant":"{}","kind":"{}","stream":"{}","version":{},)"
        R"("type":"{}","at":"{}","actor":"{}")",
        e.tenant, e.kind, e.stream, e.version, e.type, e.at, e.actor
    );
}

} // namespace slipway::domain
