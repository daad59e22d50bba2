// SPDX-License-Identifier: Apache-2.0
#include "app/live/live_transcripts.hpp"

#include <gtest/gtest.h>

namespace slipway::app {
namespace {

const RunningStep drain{TenantId("main"), "CHG-1", "run-1", "drain", 1};

TEST(LiveTranscripts, are_read_on_from_any_place) {
    LiveTranscripts live;
    int told = 0;
    live.on_added([&] { ++told; });
    EXPECT_EQ(live.after(drain, 0, 100).text, "");
    live.begin(drain);
    live.add(drain, "one\n");
    live.add(drain, "two\nthree\n");
    EXPECT_EQ(told, 2);
    EXPECT_EQ(live.text(drain), "one\ntwo\nthree\n");
    EXPECT_EQ(live.after(drain, 0, 100).text, "one\ntwo\nthree\n");
    EXPECT_EQ(live.after(drain, 4, 100).text, "two\nthree\n");
    EXPECT_EQ(live.after(drain, 14, 100).text, "");
    EXPECT_EQ(live.after(drain, 99, 100).text, "");
}

TEST(LiveTranscripts, a_slow_reader_gets_whole_lines_piece_by_piece) {
    LiveTranscripts live;
    live.begin(drain);
    live.add(drain, "one\ntwo\nthree\n");
    const auto first = live.after(drain, 0, 9);
    EXPECT_EQ(first.text, "one\ntwo\n");
    EXPECT_TRUE(first.more);
    const auto last = live.after(drain, first.text.size(), 9);
    EXPECT_EQ(last.text, "three\n");
    EXPECT_FALSE(last.more);
}

TEST(LiveTranscripts, what_is_run_again_is_another_transcript) {
    LiveTranscripts live;
    live.begin(drain);
    live.add(drain, "no route\n");
    live.end(drain);
    auto again = drain;
    again.attempt = 2;
    live.begin(again);
    live.add(again, "drained\n");
    EXPECT_EQ(live.after(drain, 0, 100).text, "");
    EXPECT_EQ(live.after(again, 0, 100).text, "drained\n");
    auto elsewhere = again;
    elsewhere.tenant = TenantId("other");
    EXPECT_EQ(live.after(elsewhere, 0, 100).text, "");
}

} // namespace
} // namespace slipway::app
