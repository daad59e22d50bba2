// SPDX-License-Identifier: Apache-2.0
// Proofs out of any bytes: checking ends, touches nothing outside, and accepts only what the log
// itself would have given as the proof. Input: index or earlier size, size, then hashes.
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/assert.hpp"
#include "domain/ledger/merkle.hpp"
#include "domain/ledger/proof.hpp"

namespace {

using namespace slipway;
using namespace slipway::domain;

const std::vector<Digest>& log_leaves() {
    static const std::vector<Digest> leaves = [] {
        std::vector<Digest> made;
        for (int i = 0; i < 64; ++i)
            made.push_back(leaf_hash(std::to_string(i)));
        return made;
    }();
    return leaves;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size < 16)
        return 0;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    std::memcpy(&first, data, 8);
    std::memcpy(&second, data + 8, 8);
    Proof proof;
    for (std::size_t at = 16; at + 32 <= size; at += 32)
        std::memcpy(proof.emplace_back().bytes.data(), data + at, 32);
    const Digest any = proof.empty() ? Digest{} : proof.front();
    (void)verify_inclusion(first, second, any, proof, any);
    (void)verify_consistency(first, second, any, any, proof);
    (void)Frontier::restore(first, {reinterpret_cast<const char*>(data) + 8, size - 8});

    const auto& leaves = log_leaves();
    LeafSubtrees reader(leaves);
    if (second == 0 || second > leaves.size() || first > second)
        return 0;
    const Digest root = tree_root(second, reader).value();
    if (first < second && verify_inclusion(first, second, leaves[first], proof, root))
        ASSERT(inclusion_proof(first, second, reader).value() == proof);
    const Digest earlier = tree_root(first, reader).value();
    if (verify_consistency(first, second, earlier, root, proof))
        ASSERT(consistency_proof(first, second, reader).value() == proof);
    return 0;
}
