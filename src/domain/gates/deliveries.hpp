// SPDX-License-Identifier: Apache-2.0
// What is to be done about a channel that has not confirmed a notice: the gates notice and
// rollback-done both ask for that.
#pragma once

#include "domain/gates/gate.hpp"

namespace slipway::domain::gates {

// The remedy for a delivery that is not delivered: a connector may be at it, what nobody sends for
// Slipway a person sends and reports, and only what has failed is sent once more.
std::string how_to_deliver(const Notice& notice, const Delivery& delivery, const Facts& facts);

} // namespace slipway::domain::gates
