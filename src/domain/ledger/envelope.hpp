// SPDX-License-Identifier: Apache-2.0
// The head that every ledger entry begins with, in exactly this order and without spaces:
// {"v":1,"tenant":"..","kind":"..","stream":"..","version":7,"type":"..","at":"..","actor":"..".
// scan_envelope() reads it in place without parsing the rest, because verification passes over
// millions of entries. It must never accept what write_envelope() would write differently.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::domain {

// Views into the entry. Texts are as they stand in the JSON; they hold no escapes, since ids, kinds
// and times need none, and a head with a backslash is refused.
struct Envelope {
    std::string_view tenant;
    std::string_view kind;
    std::string_view stream;
    std::uint64_t version = 0; // 1, 2, 3... within the stream
    std::string_view type;
    std::string_view at; // RFC 3339 as base/time.hpp writes it
    std::string_view actor;
    // The bytes from the tenant to the stream: one key for the stream, without a copy.
    std::string_view stream_key = {};
};

std::optional<Envelope> scan_envelope(std::string_view entry);
// The head without a closing brace: the caller appends `,"body":..}` or `}`.
std::string write_envelope(const Envelope& envelope);

} // namespace slipway::domain
