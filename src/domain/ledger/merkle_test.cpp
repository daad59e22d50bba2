// SPDX-License-Identifier: Apache-2.0
// The eight leaves, their roots and their proofs are the vectors that Certificate Transparency
// implementations share (published with the RFC 6962 reference code).
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "domain/ledger/merkle.hpp"
#include "domain/ledger/proof.hpp"

namespace slipway::domain {
namespace {

Digest digest(std::string_view hex) {
    return digest_from_hex(hex).value();
}

const std::vector<std::string> published_leaves = {
    "",
    std::string("\x00", 1),
    "\x10",
    "\x20\x21",
    "\x30\x31",
    "\x40\x41\x42\x43",
    "\x50\x51\x52\x53\x54\x55\x56\x57",
    "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
};

const std::vector<std::string> published_roots = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

std::vector<Digest> leaf_hashes(const std::vector<std::string>& entries) {
    std::vector<Digest> leaves;
    for (const auto& entry : entries)
        leaves.push_back(leaf_hash(entry));
    return leaves;
}

std::vector<Digest> numbered_leaves(std::size_t count) {
    std::vector<Digest> leaves;
    for (std::size_t i = 0; i < count; ++i)
        leaves.push_back(leaf_hash(fmt::format("entry {}", i)));
    return leaves;
}

std::vector<std::string> hex_of(const Proof& proof) {
    std::vector<std::string> hexes;
    for (const auto& hash : proof)
        hexes.push_back(hash.hex());
    return hexes;
}

// Says it as RFC 6962 section 2.1 does; slow, and written without looking at the code under test.
Digest plain_root(std::span<const Digest> leaves) {
    if (leaves.empty())
        return empty_root();
    if (leaves.size() == 1)
        return leaves[0];
    std::size_t k = 1;
    while (k * 2 < leaves.size())
        k *= 2;
    return node_hash(plain_root(leaves.first(k)), plain_root(leaves.subspan(k)));
}

Digest root_of(std::span<const Digest> leaves) {
    Frontier frontier;
    for (const auto& leaf : leaves)
        frontier.append(leaf);
    return frontier.root();
}

TEST(Merkle, HashesHaveTheirPrefixes) {
    EXPECT_EQ(
        leaf_hash("L123456").hex(),
        "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    );
    // An inner node of two hashes is not the leaf of their 64 bytes.
    const auto leaves = numbered_leaves(2);
    EXPECT_NE(
        node_hash(leaves[0], leaves[1]),
        leaf_hash(std::string(leaves[0].view()) + std::string(leaves[1].view()))
    );
}

TEST(Merkle, PublishedRoots) {
    const auto leaves = leaf_hashes(published_leaves);
    Frontier frontier;
    EXPECT_EQ(frontier.root().hex(), published_roots[0]);
    LeafSubtrees reader(leaves);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
        frontier.append(leaves[i]);
        EXPECT_EQ(frontier.root().hex(), published_roots[i + 1]);
        EXPECT_EQ(tree_root(i + 1, reader)->hex(), published_roots[i + 1]);
    }
}

TEST(Merkle, PublishedInclusionProofs) {
    const auto leaves = leaf_hashes(published_leaves);
    LeafSubtrees reader(leaves);

    struct Vector {
        std::uint64_t index, size;
        std::vector<std::string> path;
    };

    const std::vector<Vector> vectors = {
        {0, 1, {}},
        {0,
         8,
         {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
        {5,
         8,
         {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
          "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
        {2, 3, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
        {1,
         5,
         {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
    };
    for (const auto& v : vectors) {
        const auto proof = inclusion_proof(v.index, v.size, reader).value();
        EXPECT_EQ(hex_of(proof), v.path);
        EXPECT_TRUE(verify_inclusion(
            v.index, v.size, leaves[v.index], proof, digest(published_roots[v.size])
        ));
    }
}

TEST(Merkle, PublishedConsistencyProofs) {
    const auto leaves = leaf_hashes(published_leaves);
    LeafSubtrees reader(leaves);

    struct Vector {
        std::uint64_t from, to;
        std::vector<std::string> path;
    };

    const std::vector<Vector> vectors = {
        {1, 1, {}},
        {1,
         8,
         {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
        {6,
         8,
         {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
          "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
        {2,
         5,
         {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
    };
    for (const auto& v : vectors) {
        const auto proof = consistency_proof(v.from, v.to, reader).value();
        EXPECT_EQ(hex_of(proof), v.path);
        EXPECT_TRUE(verify_consistency(
            v.from, v.to, digest(published_roots[v.from]), digest(published_roots[v.to]), proof
        ));
    }
}

TEST(Proof, RefusesPlacesOutsideTheLog) {
    const auto leaves = numbered_leaves(4);
    LeafSubtrees reader(leaves);
    EXPECT_EQ(inclusion_proof(4, 4, reader).error().fields.front().field, "index");
    EXPECT_EQ(inclusion_proof(0, 0, reader).error().code, ErrorCode::invalid_input);
    EXPECT_EQ(consistency_proof(5, 4, reader).error().fields.front().field, "from");
    EXPECT_FALSE(verify_inclusion(0, 0, leaves[0], {}, leaves[0]));
    EXPECT_FALSE(verify_inclusion(1, 1, leaves[0], {}, leaves[0]));
    EXPECT_FALSE(verify_consistency(2, 1, leaves[0], leaves[0], {}));
    EXPECT_FALSE(verify_consistency(1, 2, leaves[0], root_of(std::span(leaves).first(2)), {}));
}

TEST(Proof, EmptyLogBeginsEveryLog) {
    const auto root = root_of(numbered_leaves(3));
    EXPECT_TRUE(verify_consistency(0, 3, empty_root(), root, {}));
    EXPECT_FALSE(verify_consistency(0, 3, root, root, {}));
    EXPECT_TRUE(verify_consistency(0, 0, empty_root(), empty_root(), {}));
}

RC_GTEST_PROP(Proof, InclusionHoldsAndFailsAfterAnyChange, ()) {
    const auto size = *rc::gen::inRange<std::uint64_t>(1, 300);
    const auto index = *rc::gen::inRange<std::uint64_t>(0, size);
    const auto leaves = numbered_leaves(size);
    LeafSubtrees reader(leaves);
    const Digest root = plain_root(leaves);
    RC_ASSERT(root_of(leaves) == root);
    const auto proof = inclusion_proof(index, size, reader).value();
    RC_ASSERT(verify_inclusion(index, size, leaves[index], proof, root));

    const auto bit = *rc::gen::inRange<std::size_t>(0, 256);
    const auto flip = [&](Digest hash) {
        hash.bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        return hash;
    };
    RC_ASSERT(!verify_inclusion(index, size, flip(leaves[index]), proof, root));
    RC_ASSERT(!verify_inclusion(index, size, leaves[index], proof, flip(root)));
    for (std::size_t i = 0; i < proof.size(); ++i) {
        auto changed = proof;
        changed[i] = flip(changed[i]);
        RC_ASSERT(!verify_inclusion(index, size, leaves[index], changed, root));
        auto shorter = proof;
        shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
        RC_ASSERT(!verify_inclusion(index, size, leaves[index], shorter, root));
    }
    auto longer = proof;
    longer.push_back(root);
    RC_ASSERT(!verify_inclusion(index, size, leaves[index], longer, root));
    const auto other = *rc::gen::inRange<std::uint64_t>(0, 600);
    if (other != index)
        RC_ASSERT(!verify_inclusion(other, size, leaves[index], proof, root));
    // Another size can leave the path of this entry as it is, but the root is bound to its size by
    // the checkpoint; a size whose path has another length must fail.
    RC_ASSERT(!verify_inclusion(index, size * 2 + 1, leaves[index], proof, root));
}

RC_GTEST_PROP(Proof, ConsistencyHoldsAndFailsAfterAnyChange, ()) {
    const auto to = *rc::gen::inRange<std::uint64_t>(1, 300);
    const auto from = *rc::gen::inRange<std::uint64_t>(1, to + 1);
    const auto leaves = numbered_leaves(to);
    LeafSubtrees reader(leaves);
    const Digest before = plain_root(std::span(leaves).first(from));
    const Digest after = plain_root(leaves);
    const auto proof = consistency_proof(from, to, reader).value();
    RC_ASSERT(verify_consistency(from, to, before, after, proof));

    const auto bit = *rc::gen::inRange<std::size_t>(0, 256);
    const auto flip = [&](Digest hash) {
        hash.bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        return hash;
    };
    RC_ASSERT(!verify_consistency(from, to, flip(before), after, proof));
    RC_ASSERT(!verify_consistency(from, to, before, flip(after), proof));
    for (std::size_t i = 0; i < proof.size(); ++i) {
        auto changed = proof;
        changed[i] = flip(changed[i]);
        RC_ASSERT(!verify_consistency(from, to, before, after, changed));
    }
    auto longer = proof;
    longer.push_back(after);
    RC_ASSERT(!verify_consistency(from, to, before, after, longer));
    if (from > 1)
        RC_ASSERT(!verify_consistency(from - 1, to, before, after, proof));
}

RC_GTEST_PROP(Frontier, IsTheSameAfterEncodeAndRestore, ()) {
    const auto leaves = numbered_leaves(*rc::gen::inRange<std::size_t>(0, 200));
    Frontier frontier;
    for (const auto& leaf : leaves)
        frontier.append(leaf);
    auto restored = Frontier::restore(frontier.size(), frontier.encode()).value();
    RC_ASSERT(restored == frontier);
    frontier.append(leaf_hash("next"));
    restored.append(leaf_hash("next"));
    RC_ASSERT(restored.root() == frontier.root());
}

TEST(Frontier, RefusesHashesOfAnotherSize) {
    Frontier frontier;
    frontier.append(leaf_hash("one"));
    EXPECT_EQ(
        Frontier::restore(3, frontier.encode()).error().message,
        "frontier: a log of 3 entries has 2 hashes of 32 bytes"
    );
    EXPECT_FALSE(Frontier::restore(1, frontier.encode().substr(1)));
    EXPECT_FALSE(Frontier::restore(0, "x"));
}

// Keeps what Frontier::append reports, as a store does, and counts the reads.
class KeptTiles : public TileReader {
  public:
    void append(const Digest& leaf) {
        leaves_.push_back(leaf);
        std::vector<Subtree> roots;
        frontier_.append(leaf, &roots);
        for (const auto& root : roots) {
            auto& level = levels_[root.level / tile_height];
            ASSERT_EQ(root.index, level.size());
            level.push_back(root.hash);
        }
    }

    Result<std::vector<Digest>>
    tile(unsigned tile_level, std::uint64_t first, std::uint64_t count) override {
        ++reads;
        const auto& hashes = tile_level == 0 ? leaves_ : levels_.at(tile_level);
        if (first % tile_width != 0 || count > tile_width || first + count > hashes.size())
            return fail(ErrorCode::internal, "read outside the tiles");
        const auto begin = hashes.begin() + static_cast<std::ptrdiff_t>(first);
        return std::vector<Digest>(begin, begin + static_cast<std::ptrdiff_t>(count));
    }

    const std::vector<Digest>& leaves() const { return leaves_; }

    Digest root() const { return frontier_.root(); }

    int reads = 0;

  private:
    Frontier frontier_;
    std::vector<Digest> leaves_;
    std::map<unsigned, std::vector<Digest>> levels_;
};

TEST(Tiles, GiveTheSameProofsAsTheLeavesWithFewReads) {
    KeptTiles tiles;
    constexpr std::uint64_t size = 70000; // three tile levels
    for (std::uint64_t i = 0; i < size; ++i)
        tiles.append(leaf_hash(fmt::format("{}", i)));
    LeafSubtrees plain(tiles.leaves());
    for (const std::uint64_t index : {0, 255, 256, 65535, 65536, 69999}) {
        TiledSubtrees reader(size, tiles);
        tiles.reads = 0;
        const auto proof = inclusion_proof(index, size, reader).value();
        EXPECT_LE(tiles.reads, 5);
        EXPECT_EQ(proof, inclusion_proof(index, size, plain).value());
        EXPECT_TRUE(verify_inclusion(index, size, tiles.leaves()[index], proof, tiles.root()));
    }
    // An older size reads only what was complete then.
    for (const std::uint64_t from : {1, 256, 300, 65536, 65537}) {
        TiledSubtrees reader(size, tiles);
        EXPECT_EQ(
            consistency_proof(from, size, reader).value(),
            consistency_proof(from, size, plain).value()
        );
        TiledSubtrees older(from, tiles);
        EXPECT_EQ(tree_root(from, older).value(), tree_root(from, plain).value());
    }
}

TEST(Tiles, KeepsALimitedNumber) {
    class Counted : public TileReader {
      public:
        Result<std::vector<Digest>> tile(unsigned, std::uint64_t, std::uint64_t count) override {
            ++reads;
            return std::vector<Digest>(count);
        }

        std::size_t reads = 0;
    } tiles;

    TiledSubtrees reader((limits::ledger_tiles_kept + 1) * tile_width, tiles);
    for (std::uint64_t i = 0; i < limits::ledger_tiles_kept; ++i)
        ASSERT_TRUE(reader.subtree(0, i * tile_width));
    ASSERT_TRUE(reader.subtree(0, 0));
    EXPECT_EQ(tiles.reads, limits::ledger_tiles_kept) << "the first is kept";
    ASSERT_TRUE(reader.subtree(0, limits::ledger_tiles_kept * tile_width));
    ASSERT_TRUE(reader.subtree(0, 0));
    EXPECT_EQ(tiles.reads, limits::ledger_tiles_kept + 2) << "the first is read again";
}

TEST(Tiles, ShortTileIsAnError) {
    class Short : public TileReader {
        Result<std::vector<Digest>> tile(unsigned, std::uint64_t, std::uint64_t) override {
            return std::vector<Digest>(1);
        }
    } tiles;

    TiledSubtrees reader(10, tiles);
    EXPECT_EQ(inclusion_proof(3, 10, reader).error().code, ErrorCode::internal);
}

} // namespace
} // namespace slipway::domain
