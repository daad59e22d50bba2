// SPDX-License-Identifier: Apache-2.0
#include "runner/far_side.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "runner/recorder.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string mark = "slipway-00112233";

struct Heard {
    std::vector<std::string> lines;
    std::optional<int> status;
    bool missing = false;
    bool ended_there = false;
    bool operator==(const Heard&) const = default;
};

// What comes of the pieces of one conversation, in which all that is to be sent can be.
Heard hear(const std::vector<std::string>& pieces) {
    Recorder sink;
    Transcript transcript(sink);
    domain::RunbookStep step;
    step.interpreter = "sh";
    step.script = "true\n";
    FarSide far_side(mark, step, {{"A", "it's"}}, 10s, transcript);
    for (const auto& piece : pieces) {
        far_side.written(far_side.input().size());
        far_side.take_output(piece, Time{});
    }
    far_side.finish(Time{});
    return {sink.lines, far_side.status(), far_side.interpreter_missing(), far_side.ended_there()};
}

TEST(FarSide, sends_nothing_before_the_far_side_is_ready) {
    Recorder sink;
    Transcript transcript(sink);
    domain::RunbookStep step;
    step.interpreter = "bash";
    step.script = "echo here";
    FarSide far_side(mark, step, {{"A", "it's"}}, 10s, transcript);
    EXPECT_EQ(far_side.input(), mark + "\n");
    far_side.written(mark.size() + 1);
    EXPECT_EQ(far_side.input(), "");
    far_side.take_output("Welcome to " + mark.substr(0, 5) + "\n", Time{});
    EXPECT_FALSE(far_side.began());
    far_side.take_output(mark + " ready\n", Time{});
    EXPECT_THAT(far_side.input(), HasSubstr("\nbash\n" + mark + "\n"));
    EXPECT_THAT(far_side.input(), HasSubstr("export A='it'\\''s'\n"));
    EXPECT_TRUE(far_side.input().ends_with("echo here\n" + mark + "\n"));
    EXPECT_FALSE(far_side.began());
    far_side.written(1);
    EXPECT_TRUE(far_side.began());
    EXPECT_TRUE(sink.lines.empty());
}

TEST(FarSide, tells_how_it_ended) {
    const auto ready = mark + " ready\n";
    const auto good = hear({"motd\n" + ready + "out\nno end" + mark + " exit 255\nafterwards\n"});
    EXPECT_THAT(good.lines, ElementsAre("out", "no end"));
    EXPECT_EQ(good.status, 255);
    EXPECT_TRUE(good.ended_there);
    EXPECT_TRUE(hear({ready + mark + " missing\n"}).missing);
    EXPECT_TRUE(hear({ready + "out\n" + mark + " ended\n"}).ended_there);
    const auto lost = hear({ready + "half a li"});
    EXPECT_THAT(lost.lines, ElementsAre("half a li"));
    EXPECT_EQ(lost.status, std::nullopt);
    EXPECT_FALSE(lost.ended_there);
    for (const auto* odd : {" exit\n", " exit x\n", " exit -1\n", " exit 1 2\n", "\n"})
        EXPECT_EQ(hear({ready + mark + odd}).status, std::nullopt) << odd;
    EXPECT_EQ(hear({"motd without an end"}).lines.size(), 0);
    EXPECT_EQ(hear({std::string(100'000, 'x'), ready + mark + " exit 0\n"}).status, 0);
}

TEST(FarSide, a_line_is_there_when_it_is_written) {
    Recorder sink;
    Transcript transcript(sink);
    domain::RunbookStep step;
    FarSide far_side(mark, step, {}, 10s, transcript);
    far_side.take_output(mark + " ready\nfirst\n", Time{});
    EXPECT_THAT(sink.lines, ElementsAre("first"));
}

TEST(FarSide, pieces_make_no_difference) {
    const auto whole = "slip\n" + mark + " ready\none\nslipway-0011\n" + mark + " exit 3\nrest";
    const auto expected = hear({whole});
    EXPECT_THAT(expected.lines, ElementsAre("one", "slipway-0011"));
    EXPECT_EQ(expected.status, 3);
    EXPECT_TRUE(rc::check([&] {
        std::vector<std::string> pieces;
        for (std::string_view rest = whole; !rest.empty();) {
            const auto size = *rc::gen::inRange<std::size_t>(1, rest.size() + 1);
            pieces.emplace_back(rest.substr(0, size));
            rest.remove_prefix(size);
        }
        RC_ASSERT(hear(pieces) == expected);
    }));
}

TEST(FarSide, knows_a_bare_name_of_a_program) {
    for (const auto* good : {"sh", "python3.11", "ksh93", "g++"})
        EXPECT_TRUE(is_program_name(good)) << good;
    for (const auto* bad : {"", "-c", "../sh", "a b", "a;b", "$x", "a\nb", "."})
        EXPECT_FALSE(is_program_name(bad)) << bad;
}

} // namespace
} // namespace slipway::runner
