// SPDX-License-Identifier: Apache-2.0
// Which networks are a tenant's own, and whether an address lies outside all of them. Networks are
// written as CIDR (RFC 4632, RFC 4291): "10.0.0.0/8", "2001:db8::/32", or one address. An IPv4
// address that is mapped into IPv6 counts as itself. Nothing is looked up.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/records/records.hpp"

namespace slipway::domain {

// Errors: invalid_input naming `field`, for what is no network, and for one with bits behind its
// prefix, because nobody knows which network was meant.
Result<void> check_network(std::string_view network, const std::string& field);

// The first of the networks that the address lies in, as it is written there.
std::optional<std::string>
network_of_address(const std::vector<std::string>& networks, std::string_view address);

// Whether what comes from this address looks from the outside. An address of the machine itself
// never does, unless `one_machine`: on a training server everything is on one. Errors: blocked.
Result<void>
require_outside(const OrganisationRecord& organisation, std::string_view address, bool one_machine);

} // namespace slipway::domain
