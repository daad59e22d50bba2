// SPDX-License-Identifier: Apache-2.0
// Ids are distinct types over text, so that a person cannot stand where a change is meant.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace slipway {

template <class Tag>
struct Id {
    std::string value;

    Id() = default;

    explicit Id(std::string text) : value(std::move(text)) {}

    bool empty() const { return value.empty(); }

    auto operator<=>(const Id&) const = default;
};

using TenantId = Id<struct TenantTag>;
using ChangeId = Id<struct ChangeTag>; // "CHG-12"
using PersonId = Id<struct PersonTag>;
using CiId = Id<struct CiTag>;
using StepId = Id<struct StepTag>; // the id of a step in its workflow, such as "scope"
using RunId = Id<struct RunTag>;   // "run-3", counted within its change
using TaskId = Id<struct TaskTag>;

// The rule for ids that people choose: 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', beginning with a
// letter or digit. No slash, no space, nothing that a path or a URL could misread.
inline bool is_slug(std::string_view text) {
    if (text.empty() || text.size() > 64)
        return false;
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    if (!letter(text.front()))
        return false;
    for (const char c : text)
        if (!letter(c) && c != '.' && c != '_' && c != '-')
            return false;
    return true;
}

} // namespace slipway

template <class Tag>
struct std::hash<slipway::Id<Tag>> {
    std::size_t operator()(const slipway::Id<Tag>& id) const noexcept {
        return std::hash<std::string>{}(id.value);
    }
};
