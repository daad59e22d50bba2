// SPDX-License-Identifier: Apache-2.0
// Where what runs for a ring may go: to the machines that the ring's record names as addresses of
// its hosts, and to the server's own. What a runbook names beside these, SSH may know as a host of
// another ring, so it is not run there. A run on a test ring, which asks no gate, is held to the
// ring that is tested; a deployment to the production ring, with the way back: once production was
// touched, nothing of this holds up what was approved.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

// What the host of a step or smoke command may name on this ring: the variables that every step
// gets, secrets aside, since hosts are shown.
Variables host_variables(const Change& change, const std::string& id, const RingRecord& ring);

// Why the test ring does not stand for itself, but for a production ring; the field is test_ring.
std::optional<Reason> test_ring_by_another_name(const std::string& test_ring, const Facts& facts);

// Each step and smoke command of both runbooks that would leave the production ring.
std::vector<Reason> hosts_beside_production(const Change& change, const Facts& facts);

// For a run on the test ring: it is none of production, and no step or smoke command leaves it.
Result<void> require_test_ring(const Change& change, RunbookPurpose purpose, const Facts& facts);

} // namespace slipway::domain
