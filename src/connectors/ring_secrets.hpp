// SPDX-License-Identifier: Apache-2.0
// Whose secrets a ring may name. An engineer writes the record of a ring, and on a test ring he
// runs what nobody approved. So no record may say which secrets a ring has: the place in which an
// administrator keeps a secret says it, by the kind and the id of the one ring that it is for.
// Below each folder for secrets and for programs that is production/harbor, and variables of the
// server's environment begin with SLIPWAY_SECRET_PRODUCTION_HARBOR__. The kind is part of it
// because it is written by an engineer too: the secrets of a production ring are none of a test
// ring of its name. Nothing has to be looked up, so the rule is the same when a ring is put and
// when a reference of it is resolved, here and on the machine of a probe. Connectors keep to all
// that the server allows: only administrators write them.
#pragma once

#include "connectors/secrets.hpp"
#include "domain/records/records.hpp"

namespace slipway::connectors {

// What of that a ring may name.
SecretPolicy
policy_of_ring(const SecretPolicy& server, domain::RingKind kind, const std::string& ring);

} // namespace slipway::connectors
