// SPDX-License-Identifier: Apache-2.0
// Entries of the ledger in words.
#include "base/json.hpp"
#include "cli/event_words.hpp"
#include "cli_fixture.hpp"
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

// The whole snapshot stands in each entry; this is what is new of it.
std::string told(cli::EntryWords& words, std::string_view state, std::string_view more) {
    const auto data = parse_json(
        fmt::format(R"({{"snapshot":{{"host":"web-1","id":"vol-7","state":"{}"{}}}}})", state, more)
    );
    return words.of("snapshot_reported", data.value());
}

TEST(EventWords, OnlyATakingOfASnapshotIsToldAsOne) {
    cli::EntryWords words;
    const std::string taken = R"(,"taken_at":"2026-12-01T10:00:00.000Z","read_back":true)";
    EXPECT_EQ(
        told(words, "taken", taken + R"(,"size_bytes":10)"), "snapshot of web-1 taken, vol-7"
    );
    const std::string size_asked = R"(,"measured_at":"2026-12-02T10:00:00.000Z")";
    EXPECT_EQ(
        told(words, "taken", taken + R"(,"size_bytes":10)" + size_asked),
        "snapshot of web-1: its size is asked for, vol-7"
    );
    const std::string measured = R"(,"size_bytes":30,"measured_at":"2026-12-02T10:00:01.000Z")";
    EXPECT_EQ(
        told(words, "taken", taken + measured), "snapshot of web-1 measured, 30 bytes, vol-7"
    );
    EXPECT_EQ(
        told(
            words, "taken", taken + measured + R"(,"removal_asked_at":"2026-12-08T10:00:00.000Z")"
        ),
        "snapshot of web-1: its removal is asked for, vol-7"
    );
    EXPECT_EQ(
        told(
            words, "taken",
            taken + measured +
                R"(,"removal_failed_at":"2026-12-08T10:00:05.000Z","detail":"it is busy")"
        ),
        "snapshot of web-1 could not be removed, vol-7: it is busy"
    );
    EXPECT_EQ(
        told(words, "removed", taken + measured + R"(,"detail":"")"),
        "snapshot of web-1 removed, vol-7"
    );
}

TEST(EventWords, AnAnswerThatNeverCameIsNotTakenForAMeasurementLater) {
    cli::EntryWords words;
    const auto measured = [&](int day, int size) {
        return told(
            words, "taken",
            fmt::format(R"(,"size_bytes":{},"measured_at":"2026-12-0{}T10:00:00.000Z")", size, day)
        );
    };
    EXPECT_EQ(measured(2, 10), "snapshot of web-1 measured, 10 bytes, vol-7");
    measured(3, 10); // asked for, and the provider was not reached
    measured(4, 10); // asked for again
    EXPECT_EQ(measured(4, 25), "snapshot of web-1 measured, 25 bytes, vol-7");
    EXPECT_EQ(measured(5, 25), "snapshot of web-1: its size is asked for, vol-7");
}

TEST(EventWords, ASnapshotThatAHostGoesBackToSaysHowThatWent) {
    cli::EntryWords words;
    const std::string asked = R"(,"revert_asked_at":"2026-12-02T10:00:00.000Z")";
    const std::string there = R"(,"read_back":true)";
    EXPECT_EQ(
        told(words, "taken", there + asked),
        "snapshot of web-1: going back to it is asked for, vol-7"
    );
    EXPECT_EQ(
        told(words, "taken", there + R"(,"detail":"it is in use")"),
        "snapshot of web-1 could not be reverted to, vol-7: it is in use"
    );
    EXPECT_EQ(
        told(words, "taken", R"(,"read_back":false,"detail":"it is damaged")"),
        "snapshot of web-1 is no way back any more, vol-7: it is damaged"
    );
    EXPECT_EQ(
        told(words, "reverted", there + R"(,"reverted_at":"2026-12-02T10:01:00.000Z")"),
        "snapshot of web-1 reverted, vol-7"
    );
}

TEST_F(CliTest, TheHistoryOfAChangeIsToldInWordsNewestFirst) {
    const auto item = [](int seq, std::string_view type, std::string_view data) {
        return fmt::format(
            R"({{"seq":{},"version":{},"type":"{}","at":"2026-11-22T18:00:0{}.000Z","leaf":"ab",)"
            R"("entry":{{"type":"{}","actor":"anna","data":{}}}}})",
            seq, seq, type, seq, type, data
        );
    };
    const auto body = fmt::format(
        R"({{"items":[{},{},{},{},{},{},{}]}})", item(7, "something_new", R"({"x":1})"),
        item(6, "run_ended", R"({"run":"run-1","state":"aborted"})"),
        item(5, "run_started", R"({"run":{"id":"run-1","purpose":"rehearsal","ring":"staging"}})"),
        item(4, "waiver_granted", R"({"id":"W-1"})"),
        item(
            3, "waiver_requested", R"({"waiver":{"id":"W-1","gate":"snapshot","reason":"no room"}})"
        ),
        item(2, "approval_voided", R"({"sections":["scope","window"],"decision":true,"votes":2})"),
        item(1, "vote_cast", R"({"vote":{"choice":"reject","comment":"too\nearly"}})")
    );
    server.answer(200, body);
    EXPECT_EQ(run({"change", "history", "CHG-1"}), 0);
    EXPECT_EQ(
        out.str(),
        "SEQ  AT (UTC)             WHO   WHAT\n"
        "7    2026-11-22 18:00:07  anna  something_new\n"
        "6    2026-11-22 18:00:06  anna  run-1 (rehearsal) ended: aborted\n"
        "5    2026-11-22 18:00:05  anna  started run-1: rehearsal on staging\n"
        "4    2026-11-22 18:00:04  anna  granted waiver W-1 of gate snapshot (no room)\n"
        "3    2026-11-22 18:00:03  anna  asked for waiver W-1 of gate snapshot: no room\n"
        "2    2026-11-22 18:00:02  anna  the edit of scope, window voided the decision and 2 "
        "votes\n"
        "1    2026-11-22 18:00:01  anna  voted reject: too early\n"
    );
    EXPECT_EQ(server.seen().at(0).target, "/api/v1/changes/CHG-1/events?order=newest");
    server.answer(200, body);
    EXPECT_EQ(run({"change", "history", "CHG-1", "--json"}), 0);
    EXPECT_EQ(out.str(), body + "\n");
}

} // namespace

} // namespace slipway::test
