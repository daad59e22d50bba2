// SPDX-License-Identifier: Apache-2.0
// Which machines a ring has, and that a ring for tests has none of production. What runs on a test
// ring asks no gate, so whoever writes the record of one could otherwise send there, alone, what
// nobody approved.
//
// A machine is the address that SSH is given for a host of the record. A host without an address is
// on the server's own machine, which rings may share: there the variables are what tells one ring
// from another. Nothing is looked up, so a machine of two names is two machines here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "domain/records/records.hpp"

namespace slipway::domain {

// The address as it is compared: in small letters, an IP address in the one way of writing it, and
// without a user, since another user is no other machine. But the server's own machine, when SSH
// goes back to it, is one for each user: rings share it, and the user is who they are there. Empty:
// the server's own machine, without SSH.
std::string machine_of(std::string_view address);

// Whether one of the ring's hosts has this address. No ring has the server's own machine.
bool has_machine(const RingRecord& ring, std::string_view address);

// Whether a host of each is the same machine. The server's own, without SSH, is everybody's.
bool share_machine(const RingRecord& one, const RingRecord& other);

// "web-1 (10.0.0.1)"
std::string host_in_words(const RingHost& host);

// Why the ring, written with this id, would be production by another name: of a production ring and
// one of another kind, both have a machine, or the other one has all that says where production is.
// `rings` are all of them; the field is one of the ring's own.
std::optional<Reason> ring_by_another_name(
    const std::string& id, const RingRecord& ring, const std::map<std::string, RingRecord>& rings
);

} // namespace slipway::domain
