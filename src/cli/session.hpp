// SPDX-License-Identifier: Apache-2.0
// The stored session: which server, which person, and the bearer token, in one file that only its
// owner may read (mode 0600). A file that others may read is refused rather than trusted. It is
// written beside and renamed, so a crash leaves the old one or the new one.
#pragma once

#include <optional>
#include <string>

#include "base/codec.hpp"

namespace slipway::cli {

struct Session {
    std::string server;
    TenantId tenant;
    PersonId person;
    std::string token;
    std::optional<Time> expires_at;

    SLIPWAY_FIELDS {
        visit("server", self.server, required("address of the server", limits::url_max));
        visit("tenant", self.tenant);
        visit("person", self.person);
        visit("token", self.token, required("bearer token", limits::text_max));
        visit("expires_at", self.expires_at);
    }
};

// Nothing when there is no such file. Errors: invalid_input when it is not a session, forbidden
// when others may read it, unavailable when it cannot be read.
Result<std::optional<Session>> read_session(const std::string& path);
Result<void> write_session(const std::string& path, const Session& session);
// True when there was one.
Result<bool> remove_session(const std::string& path);

// The whole of a file, or of the stream when the name is "-". Errors: not_found, unavailable,
// limit_exceeded naming the limit.
Result<std::string> read_file(const std::string& path, std::size_t limit, std::istream& in);

} // namespace slipway::cli
