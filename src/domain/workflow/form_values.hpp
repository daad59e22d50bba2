// SPDX-License-Identifier: Apache-2.0
// One value against one field's specification. Pure; the limits are those of the specification and,
// where it has none, of base/limits.hpp.
#pragma once

#include <optional>
#include <string>

#include "domain/workflow/workflow.hpp"

namespace slipway::domain {

// What is wrong with the value; nothing when it is right. An empty value is right here: whether a
// field may be empty is asked elsewhere.
std::optional<std::string> check_value(const FieldSpec& spec, const Json& value);

// Nothing there: null, an empty text, an empty list, a checkbox that is not ticked.
bool is_empty_value(const Json& value);

// The greatest length that a text of this type may have.
std::size_t length_max(FieldType type);

} // namespace slipway::domain
