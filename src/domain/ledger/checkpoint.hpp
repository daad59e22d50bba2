// SPDX-License-Identifier: Apache-2.0
// Checkpoints (C2SP tlog-checkpoint): the signed statement that the ledger named `origin` had
// `size` entries with Merkle root `root`. Whoever keeps one can later prove that nothing before it
// was changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "domain/ledger/note.hpp"

namespace slipway::domain {

struct Checkpoint {
    std::string origin;
    std::uint64_t size = 0;
    Digest root;
    std::vector<std::string> extensions = {}; // opaque lines, normally none
    bool operator==(const Checkpoint&) const = default;
};

// The text to sign. Origin and extensions must be single lines that are not empty (ASSERT).
std::string checkpoint_text(const Checkpoint& checkpoint);
// Errors: invalid_input that names the line. Accepts exactly what checkpoint_text() writes.
Result<Checkpoint> parse_checkpoint(std::string_view text);

std::string sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key);
// The checkpoint in a note that `key` signed.
Result<Checkpoint> open_checkpoint(std::string_view note, const VerifierKey& key);

} // namespace slipway::domain
