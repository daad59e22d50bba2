// SPDX-License-Identifier: Apache-2.0
// The forms in which programs say a secret back. Each is one way of writing a text that some format
// has; the ways stand in the tables of secret_forms.cpp. What masks secrets looks for all of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::connectors {

// The secret itself, as a URL, JSON, HTML, XML or a shell has it in quotes, and in Base64, alone or
// within a longer text. Where the secret is percent-encoded, the same of what it stands for. Of one
// of several lines also each line of secret_line_min bytes or more, as it is. Each once, the
// longest first, and none below secret_shown_min bytes: that would blank out ordinary text.
std::vector<std::string> secret_forms(std::string_view secret);

} // namespace slipway::connectors
