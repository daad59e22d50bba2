// SPDX-License-Identifier: Apache-2.0
// What `slipway probe` runs checks with: the same runner as a server's.
#pragma once

#include <string>

#include "cli/cli.hpp"

namespace slipway {

// `data` is the folder of what the references of smoke variables may name, secrets/ and programs/,
// as in the data directory of a server; empty: only the places that are allowed anyway.
cli::RunCheck make_check_runner(const std::string& data);

} // namespace slipway
