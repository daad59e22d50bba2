// SPDX-License-Identifier: Apache-2.0
// SLIPWAY_ENUM(Type, a, b, ...) declares an enum class whose enumerators are their own wire, SQL
// and CLI values: one grep finds all of them. to_text and from_text convert; there is no second
// table to keep in step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway {

template <std::size_t Count>
constexpr std::array<std::string_view, Count> split_enumerators(std::string_view list) {
    std::array<std::string_view, Count> names{};
    for (std::size_t i = 0; i < Count; ++i) {
        const auto comma = list.find(',');
        names[i] = list.substr(0, comma);
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        while (!list.empty() && list.front() == ' ')
            list.remove_prefix(1);
    }
    return names;
}

constexpr std::size_t count_enumerators(std::string_view list) {
    std::size_t count = 1;
    for (const char c : list)
        count += c == ',' ? 1 : 0;
    return count;
}

template <class E>
concept NamedEnum = requires(E e) {
    enum_names(e);
};

template <NamedEnum E>
constexpr std::string_view to_text(E value) {
    return enum_names(value)[static_cast<std::size_t>(value)];
}

template <NamedEnum E>
constexpr std::optional<E> from_text(std::string_view text) {
    constexpr auto names = enum_names(E{});
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == text)
            return static_cast<E>(i);
    return std::nullopt;
}

} // namespace slipway

#define SLIPWAY_ENUM(Type, ...)                                                                    \
    enum class Type : std::uint8_t { __VA_ARGS__ };                                                \
    constexpr auto enum_names(Type) {                                                              \
        return ::slipway::split_enumerators<::slipway::count_enumerators(#__VA_ARGS__)>(           \
            #__VA_ARGS__                                                                           \
        );                                                                                         \
    }
