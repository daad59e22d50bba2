// SPDX-License-Identifier: Apache-2.0
// What becomes of a snapshot between its taking and its end: its size, its owner's reminder, a
// longer life, the way back, a removal that fails, and that nobody's else is touched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/tasks.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/change/timers.hpp"
#include "domain/gates/gate.hpp"
#include "domain/records/ring_contents.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;

Snapshot& known(Scenario& s) {
    return s.change.snapshots.at(0);
}

// The tasks of this kind that are asked for from now on until the clock is there.
std::vector<SnapshotTask> asked(Scenario& s, Time until, std::string_view kind) {
    s.tasks.clear();
    s.now = until;
    s.does("system", "tick");
    std::vector<SnapshotTask> found;
    for (const auto& task : s.tasks)
        if (task.kind == kind)
            found.push_back(*restore<SnapshotTask>(std::string_view(task.payload)));
    return found;
}

std::size_t pages(const Scenario& s, std::string_view about) {
    std::size_t count = 0;
    for (const auto& task : s.tasks)
        count += task.kind == "page" && task.payload.find(about) != std::string::npos ? 1U : 0U;
    return count;
}

void report_snapshot(Scenario& s, std::string_view state, std::string_view more = "") {
    s.does(
        "system", "report_snapshot",
        fmt::format(R"({{"host":"web-1","id":"vol-7","state":"{}"{}}})", state, more)
    );
}

Scenario failed() {
    auto s = ready();
    deploy(s);
    s.smoke("ina", "production", false);
    return s;
}

Scenario failed_on_two_hosts() {
    auto s = failed();
    auto other = known(s);
    other.host = "web-2";
    other.id = "vol-8";
    s.change.snapshots.push_back(other);
    s.replayed = s.change;
    return s;
}

TEST(Snapshots, end_when_their_provider_was_told_that_they_end) {
    auto s = ready();
    const auto& task = s.change.snapshots.at(0);
    EXPECT_EQ(task.expires_at.time_since_epoch() % 1s, 0ms);
    EXPECT_EQ(task.expires_at, at(window_start) - 30min + 7 * 24h);
}

TEST(Snapshots, are_measured_and_show_what_they_grew_by) {
    auto s = ready();
    report_snapshot(s, "taken", R"(,"size_bytes":100,"measured":true)");
    const Time taken = *known(s).taken_at;
    s.now += 1h;
    const auto looks = asked(s, s.now + 24h, "snapshot_look");
    ASSERT_EQ(looks.size(), 1U);
    EXPECT_EQ(looks[0].id, "vol-7");
    EXPECT_TRUE(asked(s, s.now + 1h, "snapshot_look").empty()) << "once a day";
    report_snapshot(s, "taken", R"(,"size_bytes":900,"measured":true)");
    EXPECT_EQ(known(s).size_bytes, 900U);
    EXPECT_EQ(known(s).first_size_bytes, 0U);
    EXPECT_EQ(known(s).taken_at, taken) << "looking at it makes it no newer";
    EXPECT_EQ(s.change.snapshots.size(), 1U);
}

TEST(Snapshots, a_look_at_an_old_one_is_no_answer_to_a_new_request) {
    auto s = ready();
    s.does("ina", "take_snapshot");
    report_snapshot(s, "taken", R"(,"size_bytes":900,"measured":true)");
    EXPECT_EQ(s.change.snapshots.back().state, SnapshotState::requested);
    EXPECT_EQ(known(s).size_bytes, 900U);
}

TEST(Snapshots, that_get_an_id_which_was_used_before_are_new_ones) {
    auto s = ready();
    ASSERT_EQ(asked(s, known(s).expires_at, "snapshot_remove").size(), 1U);
    report_snapshot(s, "removed");
    s.does("ina", "take_snapshot");
    report_snapshot(s, "taken", R"(,"tag":"CHG-12","read_back":true)");
    EXPECT_EQ(asked(s, known(s).expires_at, "snapshot_remove").size(), 1U);
}

TEST(Snapshots, a_new_one_that_fails_takes_nothing_from_an_old_one) {
    auto s = ready();
    s.does("ina", "take_snapshot");
    s.does("system", "report_snapshot", R"({"host":"web-1","state":"failed","detail":"full"})");
    EXPECT_EQ(known(s).state, SnapshotState::taken);
    EXPECT_EQ(s.change.snapshots.back().state, SnapshotState::failed);
}

TEST(Snapshots, their_owner_is_reminded_once_for_each_end) {
    auto s = ready();
    const Time end = known(s).expires_at;
    asked(s, end - 25h, "page");
    EXPECT_EQ(pages(s, "ends soon"), 0U);
    asked(s, end - 23h, "page");
    EXPECT_EQ(pages(s, "ends soon"), 1U);
    asked(s, end - 22h, "page");
    EXPECT_EQ(pages(s, "ends soon"), 0U);
    s.does(
        "otto", "extend_snapshot",
        fmt::format(R"({{"host":"web-1","until":"{}","reason":"audit"}})", to_text(end + 48h))
    );
    EXPECT_TRUE(asked(s, end + 1h, "snapshot_remove").empty()) << "it lives on";
    asked(s, end + 30h, "page");
    EXPECT_EQ(pages(s, "ends soon"), 1U) << "of its new end";
    EXPECT_EQ(asked(s, end + 49h, "snapshot_remove").size(), 1U);
}

// The later one was reminded of together with the earlier one, weeks ahead, and then removed
// without a word.
TEST(Snapshots, their_owner_is_reminded_of_each_one_of_a_host_before_its_own_end) {
    auto s = ready();
    s.does("ina", "take_snapshot");
    s.does("system", "report_snapshot", R"({"host":"web-1","id":"vol-8","state":"taken",
        "tag":"CHG-12","read_back":true})");
    const Time first = known(s).expires_at;
    const Time second = first + 20 * 24h;
    s.does(
        "otto", "extend_snapshot",
        fmt::format(
            R"({{"host":"web-1","id":"vol-8","until":"{}","reason":"audit"}})", to_text(second)
        )
    );
    asked(s, first - 23h, "page");
    EXPECT_EQ(pages(s, "--id vol-7"), 1U);
    EXPECT_EQ(pages(s, "vol-8"), 0U);
    EXPECT_EQ(s.change.snapshots[1].reminded_for, std::nullopt);
    EXPECT_EQ(asked(s, first, "snapshot_remove").size(), 1U);
    asked(s, second - 25h, "page");
    EXPECT_EQ(pages(s, "ends soon"), 0U);
    asked(s, second - 23h, "page");
    EXPECT_EQ(pages(s, "--id vol-8"), 1U);
    EXPECT_EQ(s.change.snapshots[1].reminded_for, second);
}

TEST(Snapshots, live_longer_for_a_reason_and_not_for_ever) {
    auto s = settled();
    s.does("otto", "close", R"({"outcome":"successful","summary":"All is well with it."})");
    const Time end = known(s).expires_at;
    const auto extend = [&](Time until, std::string_view reason) {
        return fmt::format(
            R"({{"host":"web-1","until":"{}","reason":"{}"}})", to_text(until), reason
        );
    };
    EXPECT_EQ(
        s.refused("otto", "extend_snapshot", extend(end + 24h, " ")).fields.at(0).field, "reason"
    );
    EXPECT_EQ(
        s.refused("otto", "extend_snapshot", extend(end, "audit")).fields.at(0).field, "until"
    );
    EXPECT_EQ(
        s.refused("ina", "extend_snapshot", extend(end + 24h, "audit")).reasons.at(0).gate,
        "snapshot"
    ) << "it is its owner's decision";
    const auto error = s.refused("otto", "extend_snapshot", extend(end + 24 * 24h, "audit"));
    EXPECT_THAT(error.reasons.at(0).message, ::testing::HasSubstr("at most"));
    s.does("otto", "extend_snapshot", extend(end + 22 * 24h, "audit"));
    EXPECT_EQ(known(s).expires_at, end + 22 * 24h);
    EXPECT_EQ(known(s).extensions.at(0).reason, "audit");
    EXPECT_EQ(known(s).extensions.at(0).by, PersonId("otto"));

    EXPECT_EQ(asked(s, known(s).expires_at, "snapshot_remove").size(), 1U);
    const auto late = s.refused("otto", "extend_snapshot", extend(s.now + 1h, "audit"));
    EXPECT_EQ(late.reasons.at(0).field, "snapshot.web-1");
    report_snapshot(s, "removed");
    EXPECT_EQ(
        s.refused("otto", "extend_snapshot", extend(s.now + 1h, "audit")).fields.at(0).field, "host"
    );
}

// Both were made at the provider, and one of them never came onto the record.
TEST(Snapshots, are_asked_for_again_when_the_first_request_is_over) {
    auto s = ready();
    s.in_hand = {{TaskId("7"), "snapshot", "{}", {}}};
    const auto reason = s.refused("ina", "take_snapshot").reasons.at(0);
    EXPECT_EQ(reason.gate, "snapshot");
    EXPECT_EQ(reason.evidence, "task 7");
    s.in_hand[0].kind = "snapshot_look";
    s.does("ina", "take_snapshot");
}

// One of five had failed, and the other four were taken a second time.
TEST(Snapshots, of_one_host_alone_can_be_taken) {
    auto s = approved();
    s.records.rings.at("production").hosts.push_back({"web-2", {}, {}, {}});
    renew(s.records);
    s.change.ring_contents = {}; // as if the ring had had it all the time
    s.replayed = s.change;
    s.does("ina", "take_snapshot", R"({"host":"web-2"})");
    ASSERT_EQ(s.change.snapshots.size(), 1U);
    EXPECT_EQ(s.change.snapshots[0].host, "web-2");
    const auto error = s.refused("ina", "take_snapshot", R"({"host":"web-9"})");
    EXPECT_EQ(error.fields.at(0).field, "host");
    EXPECT_THAT(error.fields.at(0).message, ::testing::HasSubstr("web-1, web-2"));
}

TEST(Snapshots, of_one_host_are_named_where_there_are_several) {
    auto s = ready();
    s.does("ina", "take_snapshot");
    s.does("system", "report_snapshot", R"({"host":"web-1","id":"vol-8","state":"taken",
        "tag":"CHG-12","read_back":true})");
    const Time end = s.change.snapshots[1].expires_at;
    const auto extend = [&](std::string_view id) {
        return fmt::format(
            R"({{"host":"web-1","until":"{}","reason":"audit"{}}})", to_text(end + 48h), id
        );
    };
    const auto error = s.refused("otto", "extend_snapshot", extend(""));
    EXPECT_EQ(error.fields.at(0).field, "id");
    EXPECT_THAT(error.fields.at(0).message, ::testing::HasSubstr("vol-7, vol-8"));
    s.does("otto", "extend_snapshot", extend(R"(,"id":"vol-7")"));
    EXPECT_EQ(s.change.snapshots[0].expires_at, end + 48h);
    EXPECT_TRUE(s.change.snapshots[1].extensions.empty());
}

TEST(Snapshots, a_removal_that_fails_is_told_and_tried_again_the_next_day) {
    auto s = ready();
    const Time end = known(s).expires_at;
    ASSERT_EQ(asked(s, end, "snapshot_remove").size(), 1U);
    EXPECT_TRUE(asked(s, end + 1h, "snapshot_remove").empty()) << "it is under way";
    s.tasks.clear();
    report_snapshot(s, "failed", R"(,"detail":"the removal failed: busy")");
    EXPECT_EQ(known(s).state, SnapshotState::taken) << "it is there still, and takes room";
    EXPECT_EQ(pages(s, "could not be removed"), 1U);
    EXPECT_TRUE(asked(s, end + 2h, "snapshot_remove").empty());
    EXPECT_EQ(asked(s, end + 26h, "snapshot_remove").size(), 1U);
    report_snapshot(s, "removed");
    EXPECT_EQ(known(s).state, SnapshotState::removed);
    EXPECT_TRUE(asked(s, end + 90 * 24h, "snapshot_remove").empty());
}

TEST(Snapshots, that_carry_another_tag_are_never_removed) {
    auto s = ready();
    known(s).tag = "nightly";
    s.replayed = s.change;
    EXPECT_TRUE(asked(s, known(s).expires_at + 24h, "snapshot_remove").empty());
    EXPECT_TRUE(asked(s, s.now + 48h, "snapshot_look").empty());
}

TEST(Snapshots, that_are_gone_or_unusable_are_no_way_back) {
    for (const auto* state : {"removed", "failed"}) {
        auto s = ready();
        s.tasks.clear();
        report_snapshot(s, state, R"(,"detail":"overflowed")");
        EXPECT_GE(pages(s, "the snapshot of web-1"), 1U) << state;
        const auto result = evaluate(*find_gate("snapshot"), s.change, s.facts("otto"));
        EXPECT_EQ(result.verdict, Verdict::fail) << state;
    }
}

TEST(Snapshots, going_back_to_them_is_a_rollback) {
    auto s = failed();
    EXPECT_EQ(
        s.refused("ina", "revert_snapshot", R"({"reason":"r"})").reasons.at(0).gate, "snapshot"
    ) << "it is its owner's decision";
    s.tasks.clear();
    s.does("pia", "revert_snapshot", R"({"reason":"the front page fails"})");
    EXPECT_EQ(s.change.state, ChangeState::rolling_back);
    EXPECT_EQ(s.change.failed_because, "the front page fails");
    ASSERT_EQ(s.tasks.size(), 1U);
    EXPECT_EQ(s.tasks[0].kind, "snapshot_revert");
    const auto task = *restore<SnapshotTask>(std::string_view(s.tasks[0].payload));
    EXPECT_EQ(task.id, "vol-7");
    EXPECT_EQ(task.tag, "CHG-12");
    s.does("pia", "revert_snapshot", R"({"reason":"again"})");
    EXPECT_EQ(s.tasks.size(), 1U) << "the provider is at work";

    report_snapshot(s, "failed", R"(,"detail":"the revert failed: newer snapshots")");
    EXPECT_EQ(known(s).state, SnapshotState::taken);
    EXPECT_EQ(s.change.state, ChangeState::rolling_back);
    const auto failed_once = evaluate(*find_gate("rollback-done"), s.change, s.facts("otto"));
    EXPECT_EQ(failed_once.reasons.at(0).evidence, "web-1: the revert failed: newer snapshots")
        << "its owner mends what it says";
    s.does("pia", "revert_snapshot", R"({"reason":"mended"})");
    report_snapshot(s, "reverted");
    EXPECT_EQ(s.change.state, ChangeState::rolled_back);
    EXPECT_EQ(rolled_back_at(s.change), s.now);
    s.now += 5min;
    s.smoke("ina", "rollback");
    s.does("otto", "send_notice", R"({"kind":"rolled_back"})");
    for (const auto* channel : {"mail", "status"})
        s.does(
            "system", "report_delivery",
            fmt::format(R"({{"notice":"N-2","channel":"{}","state":"delivered"}})", channel)
        );
    const auto look = [&] {
        return evaluate(*find_gate("rollback-done"), s.change, s.facts("otto"));
    };
    EXPECT_EQ(look().verdict, Verdict::pass) << encode(look());
    // Whoever edits the ring's record now holds nothing up.
    s.records.rings.at("production").hosts.push_back({"web-9", {}, {}, {}});
    EXPECT_EQ(look().verdict, Verdict::pass) << encode(look());
    EXPECT_EQ(
        s.refused("pia", "roll_back", R"({"reason":"r"})").reasons.at(0).gate, "rollback-done"
    );
    EXPECT_EQ(asked(s, known(s).expires_at, "snapshot_remove").size(), 1U) << "it has had its use";
    report_snapshot(s, "removed");
    EXPECT_TRUE(rolled_back_at(s.change).has_value()) << "what happened stays so";
    EXPECT_EQ(look().verdict, Verdict::pass);
}

TEST(Snapshots, every_host_goes_back_or_it_is_no_rollback) {
    auto s = failed_on_two_hosts();
    s.does("pia", "revert_snapshot", R"({"host":"web-1","reason":"r"})");
    report_snapshot(s, "reverted");
    EXPECT_EQ(s.change.state, ChangeState::rolling_back);
    EXPECT_EQ(
        evaluate(*find_gate("rollback-done"), s.change, s.facts("otto")).reasons.at(0).field,
        "rollback"
    );
}

// The gate of the snapshots can be waived, for a physical machine say: it has no way back but the
// runbook.
TEST(Snapshots, a_host_that_has_none_is_not_back_when_the_others_are) {
    auto s = failed();
    auto ring = *s.change.ring_record;
    ring.hosts.push_back({"web-2", {}, {}, {}});
    s.change.ring_record = ring;
    for (auto& run : s.change.runs.edit())
        if (run.purpose == RunPurpose::deployment)
            run.ring_contents = ring_contents(run.ring, ring);
    s.replayed = s.change;
    s.does("pia", "revert_snapshot", R"({"reason":"the front page fails"})");
    report_snapshot(s, "reverted");
    EXPECT_EQ(s.change.state, ChangeState::rolling_back) << "web-2 has the new version";
    EXPECT_THAT(
        s.refused("pia", "revert_snapshot", R"({"reason":"web-2"})").reasons.at(0).remedy,
        ::testing::HasSubstr("roll_back")
    );
    s.does("pia", "roll_back", R"({"reason":"web-2 must go back too","executor":"external"})");
    report_rollback(s);
    EXPECT_EQ(s.change.state, ChangeState::rolled_back);
}

// Also one that only the CMDB names.
TEST(Snapshots, do_not_shut_the_way_back_of_a_host_that_only_the_registers_know) {
    auto s = failed();
    s.records.cis.at(CiId("harbor-site")).host = "web-2";
    ++s.records.version;
    s.change.scope->cis[0].host.clear();
    s.replayed = s.change;
    s.does("pia", "revert_snapshot", R"({"reason":"the front page fails"})");
    report_snapshot(s, "reverted");
    s.does("pia", "roll_back", R"({"reason":"web-2 must go back too","executor":"external"})");
}

TEST(Snapshots, a_rollback_whose_smoke_test_fails_is_done_once_more) {
    constexpr auto revert = R"({"reason":"the old version does not answer"})";
    constexpr auto roll_back =
        R"({"reason":"the old version does not answer","executor":"external"})";
    auto s = failed();
    s.does("pia", "revert_snapshot", revert);
    report_snapshot(s, "reverted");
    for (const auto* command : {"revert_snapshot", "roll_back"})
        EXPECT_THAT(
            s.refused("pia", command, revert).reasons.at(0).remedy,
            ::testing::HasSubstr("run_smoke --occasion rollback")
        );
    s.now += 5min;
    s.smoke("ina", "rollback", false);

    auto again = s;
    again.tasks.clear();
    again.does("pia", "revert_snapshot", revert);
    ASSERT_EQ(again.tasks.size(), 1U);
    EXPECT_EQ(again.tasks[0].kind, "snapshot_revert");
    again.now += 5min;
    report_snapshot(again, "reverted");
    EXPECT_EQ(rolled_back_at(again.change), again.now);
    again.refused("pia", "roll_back", revert); // nobody has tested that yet

    s.now += 5min;
    s.does("pia", "roll_back", roll_back);
    EXPECT_EQ(s.change.state, ChangeState::rolling_back) << "the runbook is at it";
    report_rollback(s);
    EXPECT_EQ(s.change.state, ChangeState::rolled_back);
    s.refused("pia", "revert_snapshot", revert);
    s.now += 5min;
    s.smoke("ina", "rollback", false);
    s.does("pia", "revert_snapshot", revert);
    s.now += 5min;
    report_snapshot(s, "reverted");
    EXPECT_EQ(rolled_back_at(s.change), s.now);
    s.now += 5min;
    s.smoke("ina", "rollback");
    EXPECT_EQ(
        s.refused("pia", "roll_back", roll_back).reasons.at(0).message,
        "production is back where it was"
    );
}

// Of two hosts one goes back to its disk behind the runbook: what was tested before says nothing of
// that disk.
TEST(Snapshots, a_host_that_goes_back_behind_the_runbook_is_tested_then) {
    constexpr auto rollback = R"({"occasion":"rollback"})";
    auto s = failed_on_two_hosts();
    s.does("pia", "roll_back", R"({"reason":"r","executor":"external"})");
    report_rollback(s);
    s.now += 5min;
    s.smoke("ina", "rollback", false);
    s.does("pia", "revert_snapshot", R"({"host":"web-1","reason":"it does not answer"})");
    EXPECT_EQ(s.change.state, ChangeState::rolling_back);
    EXPECT_EQ(s.refused("ina", "run_smoke", rollback).reasons.at(0).evidence, "asked for: web-1");
    s.now += 1min;
    s.smoke("ina", "rollback"); // by a person, while the provider is at work
    const auto judge = [&](std::string_view gate) {
        return evaluate(*find_gate(gate), s.change, s.facts("otto"));
    };
    EXPECT_EQ(judge("rollback-done").reasons.at(0).evidence, "asked for: web-1");
    const auto closing = judge("closure").reasons;
    EXPECT_TRUE(std::any_of(closing.begin(), closing.end(), [](const Reason& reason) {
        return reason.field == "snapshots.web-1";
    }));

    s.now += 5min;
    report_snapshot(s, "reverted");
    EXPECT_EQ(rolled_back_at(s.change), s.now);
    const auto untested = judge("rollback-done").reasons;
    EXPECT_TRUE(std::any_of(untested.begin(), untested.end(), [](const Reason& reason) {
        return reason.message == "the smoke list tested another run";
    }));
    s.now += 5min;
    s.smoke("ina", "rollback");
    for (const auto& reason : judge("rollback-done").reasons)
        EXPECT_EQ(reason.message.find("smoke"), std::string::npos) << reason.message;
}

// The runner's clock may be ahead by what is tolerated: the hosts went back after the step all the
// same.
TEST(Snapshots, go_back_after_a_step_whose_clock_was_ahead) {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    const auto& run = s.change.runs.back();
    s.does(
        "ina", "report_run",
        fmt::format(
            R"({{"run":"{}","steps":[{{"name":"{}","state":"failed","started_at":"{}",
                "ended_at":"{}"}}]}})",
            run.id.value, run.steps.at(0).name, to_text(s.now + 200s), to_text(s.now + 230s)
        )
    );
    const auto& step = s.change.runs.back().steps.at(0);
    EXPECT_EQ(step.ended_at, s.now);
    EXPECT_EQ(step.started_at, s.now - 30s) << "how long it took stays as it was told";
    s.now += 1min;
    s.does("pia", "revert_snapshot", R"({"reason":"r"})");
    s.now += 1min;
    report_snapshot(s, "reverted");
    EXPECT_EQ(s.change.state, ChangeState::rolled_back);
}

TEST(Snapshots, there_is_no_going_back_to_what_a_connector_did_not_take_before) {
    auto s = ready();
    EXPECT_EQ(
        s.refused("pia", "revert_snapshot", R"({"reason":"r"})").reasons.at(0).gate, "rollback-done"
    ) << "production was never touched";
    s = failed();
    const auto refused = [&](auto&& broken) {
        auto other = s;
        broken(known(other));
        other.replayed = other.change;
        const auto error = other.refused("pia", "revert_snapshot", R"({"reason":"r"})");
        return error.reasons.empty() ? "" : error.reasons.front().field;
    };
    EXPECT_EQ(refused([](auto& one) { one.read_back = false; }), "snapshots");
    EXPECT_EQ(refused([](auto& one) { one.tag = "nightly"; }), "snapshots");
    EXPECT_EQ(refused([](auto& one) { one.connector = "external"; }), "snapshots");
    EXPECT_EQ(refused([](auto& one) { one.state = SnapshotState::removed; }), "snapshots");
    EXPECT_EQ(refused([&](auto& one) { one.taken_at = s.now + 1min; }), "snapshots");
}

} // namespace
} // namespace slipway::domain::testing
