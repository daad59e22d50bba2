// SPDX-License-Identifier: Apache-2.0
// What who follows a run must not overlook: abort-by, a call that reached nobody, a decision that
// another person has to agree with, and that somebody goes back.
#include "cli_fixture.hpp"
#include "run_entries.hpp"

namespace slipway::test {

namespace {

const std::string clock_of_run =
    R"({"id":"CHG-1","abort_clock":{"run":"run-1","abort_by":"2026-11-22T18:00:20.000Z",)"
    R"("expected_end":"2026-11-22T18:00:30.000Z"}})";

std::string abort_by_alarm(std::string_view kind, std::string_view about) {
    return fmt::format(
        R"({{"kind":"{}","about":"{}","due_at":"2026-11-22T18:00:20.000Z"}})", kind, about
    );
}

class FollowAlarms : public CliTest {
  protected:
    // What is said of a run that was aborted while this was on the record.
    std::string said_after_abort(std::string_view purpose, std::string_view record) {
        const auto started = fmt::format(R"({{"run":{{"id":"run-1","purpose":"{}"}}}})", purpose);
        server.answer(
            200, fmt::format(
                     R"({{"items":[{},{}]}})", run_entry(1, "run_started", started),
                     run_entry(2, "run_ended", R"({"run":"run-1","state":"aborted"})")
                 )
        );
        server.answer(200, record);
        EXPECT_EQ(run({"run", "follow", "CHG-1"}), 6);
        const auto said = out.str();
        const std::string end = "run-1 aborted\n";
        EXPECT_NE(said.find(end), std::string::npos) << said;
        return said.substr(said.find(end) + end.size());
    }
};

TEST_F(FollowAlarms, AbortByIsSaidWithTheClockAndWhatCanBeDone) {
    server.answer(200, fmt::format(R"({{"items":[{}]}})", run_started));
    server.answer(200, "{}"); // the clock when following begins
    server.answer(
        200,
        streamed_entry(2, "reminded", abort_by_alarm("abort_by_near", "run-1")) +
            streamed_entry(
                3, "call_failed",
                R"({"person":"anna","subject":"CHG-1: run-1 must turn round by 18:00","detail":)"
                R"("no answer"})"
            ) +
            streamed_entry(4, "reminded", abort_by_alarm("step_due", "run-1")) +
            streamed_entry(5, "reminded", abort_by_alarm("abort_by_near", "run-9")) +
            streamed_entry(
                6, "call_failed",
                R"({"person":"","subject":"CHG-1: run-1 is past abort-by","detail":"nobody"})"
            ) +
            streamed_entry(7, "call_failed", R"({"person":"eva","subject":"action A-1 is due"})") +
            streamed_entry(8, "reminded", abort_by_alarm("abort_by_passed", "run-1")) +
            streamed_entry(9, "run_ended", R"({"run":"run-1","state":"succeeded"})"),
        "text/event-stream"
    );
    server.answer(200, clock_of_run);
    server.answer(200, clock_of_run);
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
    const std::string clock =
        "abort by 18:00:20 · expected end 18:00:30\n"
        "  more time: slipway change extend_window CHG-1 --until TIME --reason \"why\"\n"
        "          (by a change manager or the chair of the CAB who has no part in it)\n"
        "  go back: slipway change roll_back CHG-1 --reason \"why\"\n";
    EXPECT_EQ(
        out.str(), "times in UTC\n"
                   "18:00:01  started run-1: deployment (ben)\n"
                   "18:00:02  abort-by is near: run-1 must turn round by 2026-11-22 18:00:20 UTC "
                   "(ben)\n" +
                       clock +
                       "18:00:03  anna was not reached: CHG-1: run-1 must turn round by 18:00; no "
                       "answer (ben)\n"
                       "18:00:06  nobody was reached: CHG-1: run-1 is past abort-by; nobody (ben)\n"
                       "18:00:08  run-1 is past abort-by, 2026-11-22 18:00:20 UTC: no further step "
                       "begins (ben)\n" +
                       clock +
                       "18:00:09  run-1 (deployment) ended: succeeded (ben)\n"
                       "run-1 succeeded\n"
    );
}

TEST_F(FollowAlarms, WhoBeginsToFollowLaterSeesThemTooAndProgramsAsWell) {
    for (const bool as_json : {false, true}) {
        server.answer(
            200, fmt::format(
                     R"({{"items":[{},{},{}]}})", run_started,
                     run_entry(2, "reminded", abort_by_alarm("abort_by_near", "run-1")),
                     run_entry(3, "run_ended", R"({"run":"run-1","state":"succeeded"})")
                 )
        );
        server.answer(200, "{}");
        EXPECT_EQ(
            as_json ? run({"run", "follow", "CHG-1", "--json"}) : run({"run", "follow", "CHG-1"}), 0
        );
        EXPECT_NE(
            out.str().find(as_json ? "abort_by_near" : "abort-by is near: run-1"), std::string::npos
        ) << out.str();
    }
}

TEST_F(FollowAlarms, WhoGoesBackIsNamedWithTheRunAndNobodyIsToldToDoItAgain) {
    const std::string runs =
        R"({"id":"CHG-1","failed_because":"the site answers 500","runs":[)"
        R"({"id":"run-1","purpose":"deployment","state":"aborted"},)"
        R"({"id":"run-2","purpose":"rollback","state":"running","started_by":"pia"}]})";
    EXPECT_EQ(
        said_after_abort("deployment", runs), "  pia goes back with run-2: the site answers 500\n"
                                              "  follow it: slipway run follow CHG-1\n"
    );
    EXPECT_EQ(
        said_after_abort("rollback", runs),
        "  pia goes back with run-2\n  follow it: slipway run follow CHG-1\n"
    ) << "the reason on the record is the first one's";
    EXPECT_NE(said_after_abort("rehearsal", runs).find("pia goes back"), std::string::npos);
}

TEST_F(FollowAlarms, AWayBackThatWasAbortedItselfIsStillToBeGone) {
    const auto said = said_after_abort(
        "deployment", R"({"id":"CHG-1","runs":[{"id":"run-1","state":"aborted"},)"
                      R"({"id":"run-2","purpose":"rollback","state":"aborted"}]})"
    );
    EXPECT_EQ(said, "  go back: slipway change roll_back CHG-1 --reason \"why\"\n");
}

TEST_F(FollowAlarms, GoingBackToTheSnapshotsIsNamedWithTheirHosts) {
    const auto record = [](std::string_view asked, std::string_view back) {
        return fmt::format(
            R"({{"id":"CHG-1","failed_because":"the disk is damaged","runs":[{{"id":"run-1",)"
            R"("state":"aborted","ended_at":"2026-11-22T18:00:02.000Z"}}],"snapshots":[)"
            R"({{"host":"web-1","revert_asked_at":"{}"}},{{"host":"web-2","reverted_at":"{}"}},)"
            R"({{"host":"web-3","reverted_at":"2026-11-22T17:00:00.000Z"}}]}})",
            asked, back
        );
    };
    EXPECT_EQ(
        said_after_abort(
            "deployment", record("2026-11-22T18:00:02.000Z", "2026-11-22T18:00:05.000Z")
        ),
        "  ben goes back to the snapshots of web-1, web-2: the disk is damaged\n"
        "  watch it: slipway change watch CHG-1\n"
    );
    EXPECT_NE(
        said_after_abort("deployment", record("", "2026-11-22T18:00:05.000Z"))
            .find("  back to their snapshots: web-2: the disk"),
        std::string::npos
    ) << "who ended the run has not asked for it";
}

TEST_F(FollowAlarms, ARunThatWasTakenBackSaysByWhom) {
    const auto record = [](std::string_view state) {
        return fmt::format(
            R"({{"id":"CHG-1","deviations":[{{"run":"run-1","choice":"undo","by":"anna",)"
            R"("reason":"no room"}}],"runs":[{{"id":"run-1","state":"aborted","undo":[)"
            R"({{"name":"undrain","state":"{}"}}]}}]}})",
            state
        );
    };
    EXPECT_EQ(
        said_after_abort("deployment", record("succeeded")),
        "  anna had it taken back by its undo blocks: no room\n"
        "  if that is not all: slipway change roll_back CHG-1 --reason \"why\"\n"
    );
    EXPECT_EQ(
        said_after_abort("deployment", record("failed")),
        "  go back: slipway change roll_back CHG-1 --reason \"why\"\n"
    );
}

// Its undo block was passed over, since nobody had said yet that it was done.
TEST_F(FollowAlarms, ARunOfWhichAnUndoBlockIsLeftWasNotTakenBack) {
    const auto record = [](std::string_view pulled) {
        return fmt::format(
            R"({{"id":"CHG-1","deviations":[{{"run":"run-1","choice":"undo","by":"anna",)"
            R"("reason":"no room"}}],"runbooks":{{"deployment":{{"undo":[)"
            R"({{"name":"undrain","undoes":"drain"}},{{"name":"put-in","undoes":"pull"}}]}}}},)"
            R"("runs":[{{"id":"run-1","purpose":"deployment","state":"aborted","steps":[)"
            R"({{"name":"drain","state":"succeeded"}},{{"name":"pull","state":"{}"}}],)"
            R"("undo":[{{"name":"undrain","state":"succeeded"}}]}}]}})",
            pulled
        );
    };
    const std::string taken_back = "anna had it taken back";
    EXPECT_NE(
        said_after_abort("deployment", record("pending")).find(taken_back), std::string::npos
    );
    const auto left = said_after_abort("deployment", record("succeeded"));
    EXPECT_EQ(left.find(taken_back), std::string::npos) << left;
    EXPECT_NE(left.find("  go back: slipway change roll_back CHG-1"), std::string::npos) << left;
}

TEST_F(FollowAlarms, WhoGoesBackSeesWhatIsToldLateOfTheDeployment) {
    const auto step = [](std::string_view detail) {
        return fmt::format(
            R"({{"run":"run-0","step":{{"name":"pull","state":"succeeded","detail":"{}"}}}})",
            detail
        );
    };
    server.answer(200, fmt::format(R"({{"items":[{}]}})", run_started));
    server.answer(200, "{}"); // the clock when following begins
    server.answer(
        200,
        streamed_entry(
            2, "run_step_reported", step("confirmed after run-0 was aborted: it was out at 11:30")
        ) + streamed_entry(3, "run_step_reported", step("another run's own affair")) +
            streamed_entry(4, "run_ended", R"({"run":"run-1","state":"succeeded"})"),
        "text/event-stream"
    );
    server.answer(200, "{}");
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
    EXPECT_NE(out.str().find("it was out at 11:30"), std::string::npos) << out.str();
    EXPECT_EQ(out.str().find("own affair"), std::string::npos) << out.str();
}

// It had stopped for want of time, and has more of it now.
TEST_F(FollowAlarms, AStepThatIsAskedForBeforeItBeginsIsConfirmedWhateverTheRunStoppedFor) {
    const auto said = [&](std::string_view confirmed) {
        server.answer(
            200,
            fmt::format(
                R"({{"items":[{},{}]}})", run_started,
                run_entry(
                    2, "run_stopped", R"({"run":"run-1","step":"two","because":"past abort-by"})"
                )
            )
        );
        server.answer(
            200,
            fmt::format(
                R"({{"id":"CHG-1","change_owner":"anna","runbooks":{{"rollback":{{"steps":[)"
                R"({{"name":"two","kind":"command","confirm":true}}]}}}},"runs":[{{"id":"run-1",)"
                R"("purpose":"rehearsal","state":"waiting","steps":[{{"name":"two",)"
                R"("state":"pending"{}}}]}}]}})",
                confirmed
            )
        );
        server.answer(
            200, streamed_entry(3, "run_ended", R"({"run":"run-1","state":"succeeded"})"),
            "text/event-stream"
        );
        EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
        return out.str();
    };
    const auto asked = said("");
    EXPECT_NE(asked.find("confirm_step CHG-1 --run run-1 --step two"), std::string::npos) << asked;
    EXPECT_EQ(asked.find("--choice retry"), std::string::npos) << asked;
    const auto answered = said(R"(,"confirmed_by":"anna")");
    EXPECT_NE(answered.find("--choice retry"), std::string::npos) << answered;
}

// A change at whose two-person step this person has proposed to try again.
std::string proposed_by(std::string_view person) {
    return fmt::format(
        R"({{"id":"CHG-1","change_owner":"anna","runbooks":{{"deployment":{{"steps":[)"
        R"({{"name":"two","second":"sven"}}]}}}},"runs":[{{"id":"run-1","purpose":"deployment",)"
        R"("state":"waiting","proposed":{{"choice":"retry","by":"{}","step":"two"}},"steps":[)"
        R"({{"name":"two","state":"failed","attempts":1}}]}}]}})",
        person
    );
}

TEST_F(FollowAlarms, OfTwoPeopleTheOneWhoIsMissingIsNamed) {
    for (const auto& [by, missing] :
         {std::pair{"sven", "anna, the change owner; or a change manager"}, {"anna", "sven"}}) {
        server.answer(200, fmt::format(R"({{"items":[{}]}})", run_started));
        server.answer(200, "{}"); // the clock when following begins
        server.answer(
            200,
            streamed_entry(
                2, "run_choice_proposed",
                R"({"run":"run-1","step":"two","proposed":{"choice":"retry"}})"
            ) + streamed_entry(3, "run_ended", R"({"run":"run-1","state":"succeeded"})"),
            "text/event-stream"
        );
        server.answer(200, proposed_by(by));
        EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
        const auto wanted = fmt::format(
            "the other of the step's two people must agree (ben)\n"
            "  {} has decided on retry; still to agree: {}\n"
            "  agree: slipway change decide_run CHG-1 --run run-1 --step two --attempt 1 --choice "
            "retry --reason \"why\"\n",
            by, missing
        );
        EXPECT_NE(out.str().find(wanted), std::string::npos) << out.str();
    }
}

TEST_F(FollowAlarms, WhoBeginsToFollowAfterAProposalSeesWhoIsMissing) {
    server.answer(
        200, fmt::format(
                 R"({{"items":[{},{}]}})", run_started,
                 run_entry(2, "run_stopped", R"({"run":"run-1","step":"two","because":"x"})")
             )
    );
    server.answer(200, proposed_by("anna"));
    server.answer(
        200, streamed_entry(3, "run_ended", R"({"run":"run-1","state":"succeeded"})"),
        "text/event-stream"
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
    EXPECT_NE(
        out.str().find("anna has decided on retry; still to agree: sven\n"), std::string::npos
    ) << out.str();
}

} // namespace

} // namespace slipway::test
