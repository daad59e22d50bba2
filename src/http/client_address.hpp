// SPDX-License-Identifier: Apache-2.0
// Whose request it is, by address: the peer of the connection, or, when that is a proxy that was
// configured as trusted, whom it says that it speaks for (X-Forwarded-For). Each proxy adds at the
// end the address from which it was asked, so the list is read from there, through those that are
// trusted; what stands before the first other one is whatever somebody sent.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::http {

// `trusted` are networks as domain/records/networks.hpp has them; `forwarded` the values of the
// field in their order, with commas. What a trusted proxy says that is no address is given as it
// is: nobody knows where that is.
std::string client_address(
    std::string_view peer, std::string_view forwarded, const std::vector<std::string>& trusted
);

// Whether a request that came in the clear was sent over TLS all the same: a trusted proxy ends it,
// unless its X-Forwarded-Proto says http.
bool came_over_tls_to_proxy(
    std::string_view peer, std::string_view forwarded_proto, const std::vector<std::string>& trusted
);

} // namespace slipway::http
