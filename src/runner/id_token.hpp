// SPDX-License-Identifier: Apache-2.0
// An ID token of OpenID Connect Core 1.0 (section 2), which is a JSON Web Token (RFC 7519) signed
// with RS256 (RFC 7515, RFC 7518), and the keys that a provider publishes (RFC 7517). Other
// algorithms, "none" above all, are refused: RS256 is the one that every provider must have. A
// reason quotes nothing of the token but what it is judged by. Internal to src/runner.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/time.hpp"

namespace slipway::runner {

struct IdTokenDemands {
    std::string issuer;
    std::string client; // in the audience
    std::string nonce;  // empty: none was sent
};

// The claims, when the signature is by one of the keys and each demand is met. `keys` is a JWK set.
// Errors: invalid_input saying what is wrong.
Result<Json>
verify_id_token(std::string_view token, const Json& keys, const IdTokenDemands& demands, Time now);

} // namespace slipway::runner
