// SPDX-License-Identifier: Apache-2.0
// The data that ships with the program. A server writes it below its data directory at the first
// start, where the organisation edits it; what is there is never overwritten.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace slipway {

struct Resource {
    std::string path; // "workflows/release.yaml"
    std::string bytes;
};

const std::vector<Resource>& embedded_resources(); // cmake/resources.cmake

// A script that is run on other machines to look at them. It is the program's own, so that its
// digest says what ran, and is not laid out for anybody to edit.
std::string_view probe(std::string_view name);

// Writes each file that is not there yet.
Result<void> lay_out_resources(const std::string& directory);

} // namespace slipway
