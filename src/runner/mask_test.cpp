// SPDX-License-Identifier: Apache-2.0
#include "runner/mask.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace slipway::runner {
namespace {

TEST(Mask, hides_what_it_knows_and_nothing_else) {
    const Mask mask({"harbour", "bourbon", "abc", "line-one\nline-two\nx"});
    EXPECT_EQ(mask.hide("the harbour."), "the [secret].");
    EXPECT_EQ(mask.hide("harbourbon!"), "[secret]!"); // both, where they overlap
    EXPECT_EQ(mask.hide("harbourharbour"), "[secret][secret]");
    EXPECT_EQ(mask.hide("abc harb"), "abc [secret]"); // too short; a beginning at the end
    EXPECT_EQ(mask.hide("har"), "har");
    EXPECT_EQ(mask.hide("line-one\nline-two\nx"), "[secret]");
    EXPECT_EQ(mask.hide("> line-two <"), "> [secret] <");
    EXPECT_EQ(mask.hide(""), "");
    EXPECT_TRUE(Mask({"abc"}).empty());
    EXPECT_EQ(Mask().hide("harbour"), "harbour");
    EXPECT_EQ(Mask({"aaaa"}).hide("baaaaaab"), "b[secret]b");
}

// The ends of messages, with a secret that begins as they end.
TEST(Mask, a_few_letters_of_a_secret_are_no_secret) {
    const Mask mask({"host=db-1 user=web password=s3cr3t", "seven slow barges"});
    EXPECT_EQ(mask.hide("is not the name of a host"), "is not the name of a host");
    EXPECT_EQ(
        mask.hide("not done within its time limit of 1s"), "not done within its time limit of 1s"
    );
    EXPECT_EQ(mask.hide("host=db"), "host=db");
    EXPECT_EQ(mask.hide("host=db-"), "[secret]");
    EXPECT_EQ(mask.hide("seven slo"), "[secret]");
    // More than half of a short one.
    EXPECT_EQ(Mask({"pass"}).hide("x pas"), "x [secret]");
    EXPECT_EQ(Mask({"pass"}).hide("x pa"), "x pa");
    // The end is a whole secret, and the beginning of a longer one.
    EXPECT_EQ(Mask({"abcd", "abcdefghijkl"}).hide("abcde"), "[secret]e");
    EXPECT_EQ(Mask({"abcd", "abcdefghijkl"}).hide("abcdefg"), "[secret]");
}

TEST(Mask, holds_back_only_what_may_be_a_secret) {
    Mask mask({"harbour"});
    EXPECT_EQ(mask.take("a line\n"), "a line\n");
    EXPECT_EQ(mask.take("the harb"), "the ");
    EXPECT_EQ(mask.take("er\n"), "harber\n");
    EXPECT_EQ(mask.take("h"), "");
    EXPECT_EQ(mask.take("arbou"), "");
    EXPECT_EQ(mask.take("r!"), "[secret]!");
    EXPECT_EQ(mask.take("harb"), "");
    EXPECT_EQ(mask.finish(), "[secret]");
}

TEST(Mask, pieces_make_no_difference) {
    EXPECT_TRUE(rc::check([] {
        const auto letters = [](std::size_t least) {
            return rc::gen::suchThat(
                rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab\n"))),
                [least](const std::string& text) { return text.size() >= least; }
            );
        };
        const auto secrets = *rc::gen::container<std::vector<std::string>>(letters(4));
        const auto pieces = *rc::gen::container<std::vector<std::string>>(letters(0));
        Mask mask(secrets);
        std::string whole;
        std::string shown;
        for (const auto& piece : pieces) {
            whole += piece;
            shown += mask.take(piece);
        }
        shown += mask.finish();
        RC_ASSERT(shown == Mask(secrets).hide(whole));
        for (const auto& secret : secrets)
            RC_ASSERT(shown.find(secret) == std::string::npos);
    }));
}

} // namespace
} // namespace slipway::runner
