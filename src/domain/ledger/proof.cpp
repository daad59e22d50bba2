// SPDX-License-Identifier: Apache-2.0
#include "domain/ledger/proof.hpp"

#include <bit>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/limits.hpp"

namespace slipway::domain {

namespace {

// Joins 2^n neighbouring hashes to the root of their subtree.
Digest fold(std::vector<Digest> hashes) {
    ASSERT(std::has_single_bit(hashes.size()));
    for (std::size_t count = hashes.size(); count > 1; count /= 2)
        for (std::size_t i = 0; i < count / 2; ++i)
            hashes[i] = node_hash(hashes[2 * i], hashes[2 * i + 1]);
    return hashes.front();
}

// "k is the largest power of two smaller than n" (RFC 6962 section 2.1), for n > 1.
std::uint64_t split_point(std::uint64_t size) {
    return std::bit_floor(size - 1);
}

// MTH of the leaves [begin, begin + size). `begin` is a multiple of the largest power of two in
// `size`, which holds for every range that the recursions below reach.
Result<Digest> range_root(std::uint64_t begin, std::uint64_t size, SubtreeReader& reader) {
    if (std::has_single_bit(size)) {
        const auto level = static_cast<unsigned>(std::countr_zero(size));
        return reader.subtree(level, begin >> level);
    }
    const std::uint64_t k = split_point(size);
    const Digest left = TRY(range_root(begin, k, reader));
    const Digest right = TRY(range_root(begin + k, size - k, reader));
    return node_hash(left, right);
}

// PATH(m, D[n]) of RFC 6962 section 2.1.1.
Result<void> append_path(
    Proof& proof, std::uint64_t index, std::uint64_t begin, std::uint64_t size,
    SubtreeReader& reader
) {
    if (size == 1)
        return {};
    const std::uint64_t k = split_point(size);
    if (index < k) {
        TRY(append_path(proof, index, begin, k, reader));
        proof.push_back(TRY(range_root(begin + k, size - k, reader)));
    } else {
        TRY(append_path(proof, index - k, begin + k, size - k, reader));
        proof.push_back(TRY(range_root(begin, k, reader)));
    }
    return {};
}

// SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2; `known` is b: the verifier has the root of these
// m leaves already, because they are the whole earlier log.
Result<void> append_subproof(
    Proof& proof, std::uint64_t from, std::uint64_t begin, std::uint64_t size, bool known,
    SubtreeReader& reader
) {
    if (from == size) {
        if (!known)
            proof.push_back(TRY(range_root(begin, size, reader)));
        return {};
    }
    const std::uint64_t k = split_point(size);
    if (from <= k) {
        TRY(append_subproof(proof, from, begin, k, known, reader));
        proof.push_back(TRY(range_root(begin + k, size - k, reader)));
    } else {
        TRY(append_subproof(proof, from - k, begin + k, size - k, false, reader));
        proof.push_back(TRY(range_root(begin, k, reader)));
    }
    return {};
}

} // namespace

Result<Digest> TiledSubtrees::subtree(unsigned level, std::uint64_t index) {
    ASSERT(level < 64 && index < (size_ >> level));
    const unsigned tile_level = level / tile_height;
    const unsigned above = level % tile_height;
    const std::uint64_t first = (index << above) / tile_width * tile_width;
    const auto offset = static_cast<std::size_t>((index << above) - first);
    auto found = kept_.find({tile_level, first});
    if (found == kept_.end()) {
        const std::uint64_t complete = size_ >> (tile_level * tile_height);
        const std::uint64_t count = std::min(tile_width, complete - first);
        auto hashes = TRY(tiles_.tile(tile_level, first, count));
        if (hashes.size() != count)
            return fail(
                ErrorCode::internal, "the ledger's tiles cannot be read",
                fmt::format(
                    "tile level {}, first {}: {} hashes, expected {}", tile_level, first,
                    hashes.size(), count
                )
            );
        if (kept_.size() >= limits::ledger_tiles_kept)
            kept_.clear();
        found = kept_.emplace(Place{tile_level, first}, std::move(hashes)).first;
    }
    const auto begin = found->second.begin() + static_cast<std::ptrdiff_t>(offset);
    return fold({begin, begin + (std::ptrdiff_t{1} << above)});
}

Result<Digest> LeafSubtrees::subtree(unsigned level, std::uint64_t index) {
    ASSERT(level < 64 && index < (leaves_.size() >> level));
    const auto part = leaves_.subspan(index << level, std::size_t{1} << level);
    return fold({part.begin(), part.end()});
}

Result<Digest> tree_root(std::uint64_t size, SubtreeReader& reader) {
    if (size == 0)
        return empty_root();
    return range_root(0, size, reader);
}

Result<Proof> inclusion_proof(std::uint64_t index, std::uint64_t size, SubtreeReader& reader) {
    if (index >= size)
        return fail_field("index", fmt::format("the log has {} entries, counted from 0", size));
    Proof proof;
    TRY(append_path(proof, index, 0, size, reader));
    return proof;
}

Result<Proof> consistency_proof(std::uint64_t from, std::uint64_t to, SubtreeReader& reader) {
    if (from > to)
        return fail_field("from", fmt::format("must not be greater than {}", to));
    Proof proof;
    if (from == 0)
        return proof; // The empty log begins every log; RFC 6962 defines no proof for it.
    TRY(append_subproof(proof, from, 0, to, true, reader));
    return proof;
}

// The numbers are the steps of RFC 9162 section 2.1.3.2.
bool verify_inclusion(
    std::uint64_t index, std::uint64_t size, const Digest& leaf, std::span<const Digest> proof,
    const Digest& root
) {
    // 1. "Compare leaf_index ... against the tree_size. If leaf_index is greater than or equal to
    //    tree_size, then fail".
    if (index >= size)
        return false;
    // 2. "Set fn to leaf_index and sn to tree_size - 1."
    std::uint64_t fn = index;
    std::uint64_t sn = size - 1;
    // 3. "Set r to hash."
    Digest r = leaf;
    // 4. "For each value p in the inclusion_path array:"
    for (const Digest& p : proof) {
        // 4a. "If sn is 0, then stop the iteration and fail the proof verification."
        if (sn == 0)
            return false;
        if ((fn & 1) == 1 || fn == sn) {
            // 4b. "If LSB(fn) is set, or if fn is equal to sn: set r to HASH(0x01 || p || r)", then
            //     "if LSB(fn) is not set, right-shift both fn and sn equally until either LSB(fn)
            //     is set or fn is 0."
            r = node_hash(p, r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            // 4b. "Otherwise: set r to HASH(0x01 || r || p)."
            r = node_hash(r, p);
        }
        // 4c. "Finally, right-shift both fn and sn one time."
        fn >>= 1;
        sn >>= 1;
    }
    // 5. "Compare sn to 0. Compare r against the root_hash."
    return sn == 0 && r == root;
}

// The numbers are the steps of RFC 9162 section 2.1.4.2, which is for 0 < first < second.
bool verify_consistency(
    std::uint64_t from, std::uint64_t to, const Digest& from_root, const Digest& to_root,
    std::span<const Digest> proof
) {
    if (from > to)
        return false;
    if (from == to)
        return proof.empty() && from_root == to_root;
    if (from == 0)
        return proof.empty() && from_root == empty_root();
    // 1. "If consistency_path is an empty array, stop and fail the proof verification."
    if (proof.empty())
        return false;
    // 2. "If first is an exact power of 2, then prepend first_hash to the consistency_path array."
    const bool prepended = std::has_single_bit(from);
    const Digest& start = prepended ? from_root : proof.front();
    const auto rest = prepended ? proof : proof.subspan(1);
    // 3. "Set fn to first - 1 and sn to second - 1."
    std::uint64_t fn = from - 1;
    std::uint64_t sn = to - 1;
    // 4. "If LSB(fn) is set, then right-shift both fn and sn equally until LSB(fn) is not set."
    while ((fn & 1) == 1) {
        fn >>= 1;
        sn >>= 1;
    }
    // 5. "Set both fr and sr to the first value in the consistency_path array."
    Digest fr = start;
    Digest sr = start;
    // 6. "For each subsequent value c in the consistency_path array:"
    for (const Digest& c : rest) {
        // 6a. "If sn is 0, then stop the iteration and fail the proof verification."
        if (sn == 0)
            return false;
        if ((fn & 1) == 1 || fn == sn) {
            // 6b. "If LSB(fn) is set, or if fn is equal to sn": both roots take c at their left,
            //     then "if LSB(fn) is not set, right-shift both fn and sn equally until either
            //     LSB(fn) is set or fn is 0."
            fr = node_hash(c, fr);
            sr = node_hash(c, sr);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            // 6b. "Otherwise: set sr to HASH(0x01 || sr || c)."
            sr = node_hash(sr, c);
        }
        // 6c. "Finally, right-shift both fn and sn one time."
        fn >>= 1;
        sn >>= 1;
    }
    // 7. "Verify that the calculated fr is equal to first_hash, sr is equal to second_hash, and sn
    //    is 0."
    return fr == from_root && sr == to_root && sn == 0;
}

} // namespace slipway::domain
