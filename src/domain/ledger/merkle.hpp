// SPDX-License-Identifier: Apache-2.0
// Hashing of the ledger's Merkle tree (RFC 6962 section 2.1) and the compact range that lets a
// log grow without reading what it holds. Leaves and inner nodes have different prefixes, so an
// inner node can never pass for an entry. Positions are counted from 0; the sequence number of an
// entry is its leaf index.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"

namespace slipway::domain {

// SHA-256(0x00 || entry).
Digest leaf_hash(std::string_view entry);
// SHA-256(0x01 || left || right).
Digest node_hash(const Digest& left, const Digest& right);
// SHA-256 of nothing: the root of a log without entries.
Digest empty_root();

// A complete subtree: it covers the leaves [index << level, (index + 1) << level).
struct Subtree {
    unsigned level = 0;
    std::uint64_t index = 0;
    Digest hash;
    bool operator==(const Subtree&) const = default;
};

// Tiles hold 256 hashes, as those of C2SP tlog-tiles: a store keeps the leaf hashes and, for every
// 256 of them, one hash 8 levels up, and so on. Any proof then needs a handful of tiles.
inline constexpr unsigned tile_height = 8;
inline constexpr std::uint64_t tile_width = 256;

// The hashes of the complete subtrees that make up a log of `size` entries, largest first. At most
// 64 of them, whatever the size.
class Frontier {
  public:
    // Appends a leaf. Complete subtrees whose level is a multiple of 8 (and not 0) are added to
    // `tile_roots`: these are the hashes that a store keeps for proofs.
    void append(const Digest& leaf, std::vector<Subtree>* tile_roots = nullptr);

    std::uint64_t size() const { return size_; }

    // RFC 6962 Merkle tree hash of all leaves so far.
    Digest root() const;

    // The hashes one after the other, 32 bytes each; restore() needs the size beside them.
    std::string encode() const;
    // Errors: invalid_input when the number of hashes is not that of a log of this size.
    static Result<Frontier> restore(std::uint64_t size, std::string_view encoded);

    bool operator==(const Frontier&) const = default;

  private:
    std::uint64_t size_ = 0;
    std::vector<Digest> hashes_;
};

} // namespace slipway::domain
