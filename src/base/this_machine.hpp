// SPDX-License-Identifier: Apache-2.0
// Which host names mean the machine that the server runs on: "localhost", 127.0.0.1, ::1, and no
// host at all. The machine's own name does not: it goes through SSH as any other name does, with
// the user and the rights that ssh_config gives it.
#pragma once

#include <string_view>

namespace slipway {

inline bool is_this_machine(std::string_view host) {
    return host.empty() || host == "localhost" || host == "127.0.0.1" || host == "::1";
}

} // namespace slipway
