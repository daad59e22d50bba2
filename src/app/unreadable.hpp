// SPDX-License-Identifier: Apache-2.0
// What to say when something that was stored cannot be read: that is no fault of the caller, so it
// is `internal`, whatever the reader called it. The reason has the mend, which the answer shows.
#pragma once

#include <fmt/format.h>

#include "app/ports/store.hpp"

namespace slipway::app {

inline tl::unexpected<Error> unreadable(std::string message, const Error& why, std::string mend) {
    Error error{ErrorCode::internal, std::move(message), why.message + " " + why.detail};
    error.reasons.push_back({"integrity", {}, error.message, {}, std::move(mend)});
    return tl::unexpected(std::move(error));
}

// The state of a record or a change.
inline tl::unexpected<Error> unreadable_state(const StreamKey& key, const Error& why) {
    return unreadable(
        fmt::format("the stored state of {} {} cannot be read", key.kind, key.id), why,
        "stop the server and run slipway admin rebuild, which makes it anew of its entries; then "
        "run slipway verify"
    );
}

} // namespace slipway::app
