// SPDX-License-Identifier: Apache-2.0
#include "domain/ledger/merkle.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

namespace slipway::domain {

namespace {

// One context a thread: making one costs more than hashing a short entry.
Sha256& hasher() {
    thread_local Sha256 hasher;
    return hasher;
}

} // namespace

Digest leaf_hash(std::string_view entry) {
    constexpr std::string_view prefix("\x00", 1);
    return hasher().update(prefix).update(entry).finish();
}

Digest node_hash(const Digest& left, const Digest& right) {
    std::array<char, 65> bytes;
    bytes[0] = '\x01';
    std::copy(left.bytes.begin(), left.bytes.end(), bytes.begin() + 1);
    std::copy(right.bytes.begin(), right.bytes.end(), bytes.begin() + 33);
    return hasher().update({bytes.data(), bytes.size()}).finish();
}

Digest empty_root() {
    return sha256({});
}

void Frontier::append(const Digest& leaf, std::vector<Subtree>* tile_roots) {
    // The size in binary says which complete subtrees exist. Adding one leaf joins as many of them
    // as the size has ones at its end, as adding 1 carries.
    Digest hash = leaf;
    const auto joins = static_cast<unsigned>(std::countr_one(size_));
    ++size_;
    for (unsigned level = 1; level <= joins; ++level) {
        hash = node_hash(hashes_.back(), hash);
        hashes_.pop_back();
        if (tile_roots != nullptr && level % tile_height == 0)
            tile_roots->push_back({level, (size_ >> level) - 1, hash});
    }
    hashes_.push_back(hash);
}

Digest Frontier::root() const {
    if (hashes_.empty())
        return empty_root();
    Digest root = hashes_.back();
    for (std::size_t i = hashes_.size() - 1; i > 0; --i)
        root = node_hash(hashes_[i - 1], root);
    return root;
}

std::string Frontier::encode() const {
    std::string encoded;
    encoded.reserve(hashes_.size() * sizeof(Digest::bytes));
    for (const auto& hash : hashes_)
        encoded += hash.view();
    return encoded;
}

Result<Frontier> Frontier::restore(std::uint64_t size, std::string_view encoded) {
    constexpr std::size_t width = sizeof(Digest::bytes);
    const auto count = static_cast<std::size_t>(std::popcount(size));
    if (encoded.size() != count * width)
        return fail_field(
            "frontier",
            fmt::format("a log of {} entries has {} hashes of {} bytes", size, count, width)
        );
    Frontier frontier;
    frontier.size_ = size;
    frontier.hashes_.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        std::copy_n(encoded.data() + i * width, width, frontier.hashes_[i].bytes.begin());
    return frontier;
}

} // namespace slipway::domain
