// SPDX-License-Identifier: Apache-2.0
// The first entry of a ledger: which server it is, with which public key, and whether it is a
// sandbox. Written once, with the key; nothing beside it in the database may say otherwise.
#pragma once

#include <string>
#include <string_view>

#include "base/codec.hpp"
#include "base/enums.hpp"
#include "domain/ledger/note.hpp"

namespace slipway::domain {

SLIPWAY_ENUM(LedgerMode, production, sandbox)

inline constexpr std::string_view opening_type = "ledger_opened";

struct LedgerOpening {
    LedgerMode mode{};
    std::string origin; // of the checkpoints: the name of the key
    std::string key;    // text of the verifier key

    SLIPWAY_FIELDS {
        visit("mode", self.mode);
        visit("origin", self.origin);
        visit("key", self.key);
    }
};

// Errors: invalid_input when the entry is not the opening of a ledger.
Result<LedgerOpening> read_opening(std::string_view entry);

} // namespace slipway::domain
