// SPDX-License-Identifier: Apache-2.0
// The settings of a configured connector, checked against its manifest: types, required members,
// nothing unknown, and secrets as references that the server's policy allows.
#pragma once

#include "connectors/manifest.hpp"
#include "connectors/secrets.hpp"

namespace slipway::connectors {

// The settings with defaults filled in and absent ones null, in the manifest's order. Errors:
// invalid_input with every setting that is wrong.
Result<Json>
checked_settings(const Manifest& manifest, const Json& settings, const SecretPolicy& policy);

// As checked_settings gave it, with each secret resolved and replaced by its mark.
Result<Json> resolved_settings(
    const Manifest& manifest, const Json& checked, const SecretPolicy& policy,
    const std::stop_token& stop, Secrets& secrets
);

} // namespace slipway::connectors
