// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/codec.hpp"

namespace slipway {
namespace {

struct Part {
    std::string name;

    SLIPWAY_FIELDS { visit("name", self.name); }
};

struct Whole {
    Shared<std::vector<int>> numbers;
    Shared<std::map<std::string, int>> counts;
    SharedOptional<Part> part;

    SLIPWAY_FIELDS {
        visit("numbers", self.numbers);
        visit("counts", self.counts);
        visit("part", self.part);
    }
};

TEST(Shared, a_copy_shares_until_one_of_them_is_written) {
    Shared<std::vector<int>> first(std::vector{1, 2});
    const auto second = first;
    EXPECT_TRUE(first.is_same_as(second));
    EXPECT_EQ(&std::as_const(first).front(), &second.front()) << "reading does not copy";
    first.push_back(3);
    EXPECT_FALSE(first.is_same_as(second));
    EXPECT_EQ(first.size(), 3U);
    EXPECT_EQ(second.size(), 2U);
    const auto* own = &std::as_const(first).front();
    first[0] = 7;
    EXPECT_EQ(&std::as_const(first).front(), own) << "what nobody shares is written in place";
}

TEST(Shared, what_is_found_can_be_compared_with_the_end_whoever_shares_it) {
    Shared<std::map<std::string, int>> first(std::map<std::string, int>{{"a", 1}});
    const auto second = first;
    EXPECT_EQ(first.find(std::string("b")), first.end());
    EXPECT_NE(first.find(std::string("a")), first.end());
    EXPECT_TRUE(first.is_same_as(second)) << "looking is not writing";
}

TEST(Shared, an_optional_part_is_shared_too) {
    SharedOptional<Part> first;
    EXPECT_FALSE(first);
    first = Part{"a"};
    auto second = first;
    second->name = "b";
    EXPECT_EQ(std::as_const(first)->name, "a");
    first.reset();
    EXPECT_FALSE(first);
    EXPECT_EQ(std::as_const(second)->name, "b");
}

TEST(Shared, is_written_and_read_as_what_it_stands_for) {
    Whole whole;
    EXPECT_EQ(encode(whole), "{}");
    whole.numbers.push_back(4);
    whole.counts["x"] = 1;
    whole.part = Part{"bow"};
    const auto bytes = encode(whole);
    EXPECT_EQ(bytes, R"({"numbers":[4],"counts":{"x":1},"part":{"name":"bow"}})");
    const auto again = restore<Whole>(bytes);
    ASSERT_TRUE(again);
    EXPECT_EQ(encode(*again), bytes);
}

TEST(Shared, copies_never_see_one_anothers_writes) {
    const bool held = rc::check([](const std::vector<std::pair<std::uint8_t, int>>& writes) {
        std::vector<Shared<std::vector<int>>> copies(3);
        std::vector<std::vector<int>> plain(3);
        for (const auto& [what, value] : writes) {
            const auto to = what % 3U, from = what / 3U % 3U;
            if (what % 2 == 0) {
                copies[to] = copies[from];
                plain[to] = plain[from];
            } else {
                copies[to].push_back(value);
                plain[to].push_back(value);
            }
        }
        for (std::size_t i = 0; i < 3; ++i)
            RC_ASSERT(copies[i].get() == plain[i]);
    });
    EXPECT_TRUE(held);
}

} // namespace
} // namespace slipway
