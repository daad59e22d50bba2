// SPDX-License-Identifier: Apache-2.0
// Entries of the ledger in words.
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "cli/event_words.hpp"
#include "domain/change/events.hpp"

namespace slipway::test {

namespace {

TEST(EventWords, EveryEventHasItsWords) {
    for (const auto type : domain::event_types()) {
        cli::EntryWords words;
        const auto said = words.of(type, Json(JsonObject{}));
        EXPECT_NE(said, type);
        EXPECT_EQ(said.find_first_of("{}[]"), std::string::npos) << said;
    }
}

TEST(EventWords, WhatFellAwayWasNotSettledByDoingIt) {
    cli::EntryWords words;
    EXPECT_EQ(
        words.of("owed_settled", Json(JsonObject{{"id", "rehearsal"}, {"note", "all well"}})),
        "settled rehearsal, which was owed: all well"
    );
    EXPECT_EQ(
        words.of(
            "owed_settled",
            Json(JsonObject{{"id", "rehearsal"}, {"note", "it is gone"}, {"fell_away", true}})
        ),
        "gave up rehearsal, which was owed: it is gone"
    );
}

} // namespace

} // namespace slipway::test
