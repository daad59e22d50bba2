// SPDX-License-Identifier: Apache-2.0
// Inclusion and consistency proofs: made as RFC 6962 sections 2.1.1 and 2.1.2 define them, checked
// by the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2. Making a proof reads through
// SubtreeReader; TiledSubtrees gives a store that keeps tiles a proof over millions of entries for
// a handful of reads. Checking reads nothing: a proof from outside is never trusted for its length.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "domain/ledger/merkle.hpp"

namespace slipway::domain {

using Proof = std::vector<Digest>;

// Gives hashes of complete subtrees of a log.
class SubtreeReader {
  public:
    virtual ~SubtreeReader() = default;
    virtual Result<Digest> subtree(unsigned level, std::uint64_t index) = 0;
};

// What a store provides: `count` (1 to 256) consecutive hashes at level 8 * tile_level, beginning
// at `first`, which is a multiple of 256. At tile level 0 these are the leaf hashes, above the
// hashes that Frontier::append reported.
class TileReader {
  public:
    virtual ~TileReader() = default;
    virtual Result<std::vector<Digest>>
    tile(unsigned tile_level, std::uint64_t first, std::uint64_t count) = 0;
};

// Subtrees of a log of `size` entries out of tiles. Keeps the tiles that it read, so use one object
// for the proofs of one export. At most limits::ledger_tiles_kept are kept.
class TiledSubtrees : public SubtreeReader {
  public:
    TiledSubtrees(std::uint64_t size, TileReader& tiles) : size_(size), tiles_(tiles) {}

    Result<Digest> subtree(unsigned level, std::uint64_t index) override;

  private:
    using Place = std::pair<unsigned, std::uint64_t>;
    std::uint64_t size_;
    TileReader& tiles_;
    std::map<Place, std::vector<Digest>> kept_;
};

// Subtrees of leaves in memory; for small logs and for tests.
class LeafSubtrees : public SubtreeReader {
  public:
    explicit LeafSubtrees(std::span<const Digest> leaves) : leaves_(leaves) {}

    Result<Digest> subtree(unsigned level, std::uint64_t index) override;

  private:
    std::span<const Digest> leaves_;
};

// The root of the first `size` entries.
Result<Digest> tree_root(std::uint64_t size, SubtreeReader& reader);
// That entry `index` is in the log of `size` entries. Errors: invalid_input unless index < size.
Result<Proof> inclusion_proof(std::uint64_t index, std::uint64_t size, SubtreeReader& reader);
// That the log of `to` entries begins with the log of `from`. Errors: invalid_input unless
// from <= to. Empty when from is 0 or equals to.
Result<Proof> consistency_proof(std::uint64_t from, std::uint64_t to, SubtreeReader& reader);

[[nodiscard]] bool verify_inclusion(
    std::uint64_t index, std::uint64_t size, const Digest& leaf, std::span<const Digest> proof,
    const Digest& root
);
[[nodiscard]] bool verify_consistency(
    std::uint64_t from, std::uint64_t to, const Digest& from_root, const Digest& to_root,
    std::span<const Digest> proof
);

} // namespace slipway::domain
