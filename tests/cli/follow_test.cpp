// SPDX-License-Identifier: Apache-2.0
// What people see of a change while and after it happens: runs that are followed, runs that stop,
// the history in words.
#include "base/json.hpp"
#include "base/limits.hpp"
#include "cli/event_stream.hpp"
#include "cli/text.hpp"
#include "cli_fixture.hpp"
#include "run_entries.hpp"

namespace slipway::test {

namespace {

const std::string digest(64, 'a');

// A change whose run waits at a step of this kind and state.
std::string waiting_change(std::string_view kind, std::string_view state) {
    return fmt::format(
        R"({{"id":"CHG-1","change_owner":"anna","rollback_owner":"sven","runbooks":{{"deployment":)"
        R"({{"steps":[{{"name":"switch","kind":"{}","owner":"pia"}}]}}}},"runs":[{{"id":"run-1",)"
        R"("purpose":"deployment","state":"waiting","steps":[{{"name":"switch","state":"{}",)"
        R"("attempts":2,"transcript":"{}"}}]}}]}})",
        kind, state, digest
    );
}

// With each step that runs beside others two numbers more.
TEST(EventReader, APlaceBetweenParallelStepsIsKeptWhole) {
    const std::string place = "123456.123450.204800.123451.204800.123452.204800";
    cli::EventReader reader([](const cli::StreamEvent&) { return true; });
    EXPECT_TRUE(reader.add("id: " + place + "\ndata: {}\n\n"));
    EXPECT_EQ(reader.last_id(), place);
}

TEST_F(CliTest, ARunIsFollowedAcrossALostConnection) {
    const auto event = [](int seq, std::string_view type, std::string_view data) {
        return fmt::format(
            R"({{"seq":{},"entry":{{"type":"{}","at":"2026-11-22T18:00:0{}.000Z",)"
            R"("actor":"ben","data":{}}}}})",
            seq, type, seq, data
        );
    };
    const auto streamed = [](int seq, std::string_view type, std::string_view data) {
        return fmt::format(
            "id: {}\nevent: {}\ndata: "
            "{{\"type\":\"{}\",\"at\":\"2026-11-22T18:00:0{}.000Z\",\"actor\":\"ben\",\"data\":{}}}"
            "\n\n",
            seq, type, type, seq, data
        );
    };
    server.answer(
        200, fmt::format(
                 R"({{"items":[{},{}]}})", event(1, "change_opened", "{}"),
                 event(2, "run_started", R"({"run":{"id":"run-1","purpose":"rehearsal"}})")
             )
    );
    server.answer(
        200,
        ": hello\n\n"
        "event: transcript_line\ndata: {\"type\":\"transcript_line\",\"run\":\"run-1\","
        "\"step\":\"drain\",\"at\":\"2026-11-22T18:00:02.500Z\",\"text\":\"\\u001b[2Jdrained\"}"
        "\n\n" +
            streamed(
                3, "run_step_reported",
                R"({"run":"run-1","step":{"name":"drain","state":"succeeded"}})"
            ),
        "text/event-stream"
    );
    server.answer(
        200, streamed(5, "run_ended", R"({"run":"run-1","state":"succeeded"})"), "text/event-stream"
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
    EXPECT_EQ(
        out.str(), "times in UTC\n"
                   "18:00:02  started run-1: rehearsal (ben)\n"
                   "18:00:02    drain | ?[2Jdrained\n"
                   "18:00:03  run-1: step drain succeeded (ben)\n"
                   "18:00:05  run-1 (rehearsal) ended: succeeded (ben)\n"
                   "run-1 succeeded\n"
    );
    EXPECT_EQ(
        server.seen().at(1).target, "/api/v1/events/stream?change=CHG-1&transcript=true&after=2"
    );
    EXPECT_EQ(
        server.seen().at(2).target, "/api/v1/events/stream?change=CHG-1&transcript=true&after=3"
    );
}

TEST_F(CliTest, NobodyWaitsForARunOfAChangeThatIsOver) {
    const auto opened = run_entry(1, "change_opened", "{}");
    const auto nothing = "CHG-1 is over and never had a run: there is nothing to follow";
    server.answer(
        200, fmt::format(R"({{"items":[{},{}]}})", opened, run_entry(2, "change_cancelled", "{}"))
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 6);
    EXPECT_NE(err.str().find(nothing), std::string::npos) << err.str();
    EXPECT_EQ(out.str().find("waiting for it"), std::string::npos) << out.str();
    server.answer(200, fmt::format(R"({{"items":[{}]}})", opened));
    server.answer(200, streamed_entry(2, "change_closed", "{}"), "text/event-stream");
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 6) << "it was closed meanwhile";
}

TEST_F(CliTest, ARunThatIsFollowedShowsNoLinesOfAnother) {
    const std::string of_another =
        "event: transcript_line\ndata: {\"type\":\"transcript_line\",\"run\":\"run-1\","
        "\"step\":\"verify\",\"at\":\"2026-11-22T18:00:01.500Z\",\"text\":\"1.5\"}\n\n";
    const auto streamed =
        of_another +
        streamed_entry(
            4, "run_step_reported", R"({"run":"run-1","step":{"name":"late","state":"failed"}})"
        ) +
        streamed_entry(5, "run_ended", R"({"run":"run-2","state":"succeeded"})");
    for (const bool as_json : {false, true}) {
        server.answer(
            200, fmt::format(
                     R"({{"items":[{},{},{}]}})", run_started,
                     run_entry(2, "run_ended", R"({"run":"run-1","state":"failed"})"),
                     run_entry(3, "run_started", R"({"run":{"id":"run-2","purpose":"rollback"}})")
                 )
        );
        server.answer(200, streamed, "text/event-stream");
        EXPECT_EQ(
            as_json ? run({"run", "follow", "CHG-1", "--json"}) : run({"run", "follow", "CHG-1"}), 0
        );
        EXPECT_EQ(out.str().find("1.5"), std::string::npos) << out.str();
        EXPECT_EQ(out.str().find("run-1"), std::string::npos) << out.str();
        EXPECT_NE(
            out.str().find(as_json ? "run_ended" : "run-2 (rollback) ended: succeeded"),
            std::string::npos
        ) << out.str();
    }
}

TEST_F(CliTest, FollowingLateShowsWhatFinishedStepsPrinted) {
    const auto reported = [](std::string_view state, std::string_view more) {
        return fmt::format(
            R"({{"run":"run-1","step":{{"name":"switch","state":"{}"{}}}}})", state, more
        );
    };
    server.answer(
        200,
        fmt::format(
            R"({{"items":[{},{},{},{}]}})",
            run_entry(1, "run_started", R"({"run":{"id":"run-1","purpose":"rehearsal"}})"),
            run_entry(2, "run_step_reported", reported("running", "")),
            run_entry(
                3, "run_step_reported", reported("succeeded", R"(,"transcript":")" + digest + "\"")
            ),
            run_entry(4, "run_ended", R"({"run":"run-1","state":"succeeded"})")
        )
    );
    server.answer(
        200,
        "2026-11-22T18:00:02.500Z hello from switch\n2026-11-22T18:00:02.600Z done\nno time here",
        "text/plain"
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
    EXPECT_EQ(server.seen().back().target, "/api/v1/attachments/" + digest);
    EXPECT_EQ(
        out.str(), "times in UTC\n"
                   "18:00:01  started run-1: rehearsal (ben)\n"
                   "18:00:02  run-1: step switch running (ben)\n"
                   "18:00:02    switch | hello from switch\n"
                   "18:00:02    switch | done\n"
                   "    switch | no time here\n"
                   "18:00:03  run-1: step switch succeeded (ben)\n"
                   "18:00:04  run-1 (rehearsal) ended: succeeded (ben)\n"
                   "run-1 succeeded\n"
    );
}

TEST_F(CliTest, AStoppedRunSaysWhyAndWhoDecidesWithWhichCommand) {
    server.answer(
        200, fmt::format(
                 R"({{"items":[{},{}]}})", run_started,
                 run_entry(
                     2, "run_stopped",
                     R"({"run":"run-1","step":"switch","because":"step failed: exit status 1"})"
                 )
             )
    );
    server.answer(200, waiting_change("command", "failed"));
    std::string transcript;
    for (int line = 1; line <= 30; ++line)
        transcript += fmt::format("2026-11-22T18:00:01.500Z line {}\x1b[2J\n", line);
    server.answer(200, transcript, "text/plain");
    server.answer(
        200,
        streamed_entry(
            3, "run_decided",
            R"({"deviation":{"run":"run-1","step":"switch","choice":"abort","reason":"enough"}})"
        ) + streamed_entry(4, "run_ended", R"({"run":"run-1","state":"aborted"})"),
        "text/event-stream"
    );
    server.answer(200, "{}");
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 6);
    const auto said = out.str();
    EXPECT_EQ(server.seen().at(2).target, "/api/v1/attachments/" + digest);
    EXPECT_NE(said.find("waits at switch: step failed: exit status 1\n"), std::string::npos)
        << said;
    EXPECT_NE(said.find("    | 18:00:01 line 30?[2J\n"), std::string::npos) << said;
    EXPECT_NE(said.find("line 11?"), std::string::npos) << "the last twenty lines: " << said;
    EXPECT_EQ(said.find("line 10?"), std::string::npos) << "and no more: " << said;
    EXPECT_EQ(said.find('\x1b'), std::string::npos);
    EXPECT_NE(
        said.find("who decides: anna, the change owner; also who owns the rollback (sven)"),
        std::string::npos
    ) << said;
    EXPECT_NE(
        said.find("decide_run CHG-1 --run run-1 --step switch --attempt 2 --choice retry --reason"),
        std::string::npos
    ) << said;
    EXPECT_NE(said.find("decided on run-1 at switch: abort; because enough"), std::string::npos)
        << said;
    EXPECT_NE(
        said.find("run-1 aborted\n  go back: slipway change roll_back CHG-1"), std::string::npos
    ) << said;
}

TEST_F(CliTest, WhatAStepPrintedAndWhyItsRunStoppedAreWrappedAndNotCut) {
    at_terminal = true;
    environment["NO_COLOR"] = "1";
    const std::string line = "no certificate at /etc/harbour/cert, the installation of the harbour "
                             "site needs one that is valid for thirty days: see INSTALL";
    const std::string why = "step failed: exit status 3, and of the two machines that were asked "
                            "for a certificate none had one that is still valid today";
    server.answer(200, fmt::format(R"({{"items":[{}]}})", run_started));
    server.answer(200, "{}"); // the record, for the clock of the deployment
    server.answer(
        200,
        fmt::format(
            "event: transcript_line\ndata: {{\"type\":\"transcript_line\",\"run\":\"run-1\","
            "\"step\":\"switch\",\"at\":\"2026-11-22T18:00:02.500Z\",\"text\":\"{}\"}}\n\n",
            line
        ) +
            streamed_entry(
                2, "run_stopped",
                fmt::format(R"({{"run":"run-1","step":"switch","because":"{}"}})", why)
            ),
        "text/event-stream"
    );
    server.answer(200, waiting_change("command", "failed"));
    server.answer(200, "2026-11-22T18:00:02.500Z " + line + "\n", "text/plain");
    server.answer(
        200, streamed_entry(3, "run_ended", R"({"run":"run-1","state":"aborted"})"),
        "text/event-stream"
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 6);
    const auto said = out.str();
    EXPECT_EQ(said.find("…"), std::string::npos) << said;
    EXPECT_NE(
        said.find("18:00:02    switch | no certificate at /etc/harbour/cert, the installation of\n"
                  "                     the harbour site needs one that is valid for thirty days:\n"
                  "                     see INSTALL\n"),
        std::string::npos
    ) << said;
    EXPECT_NE(
        said.find("  the last of what it printed:\n    | 18:00:02 no cert"), std::string::npos
    ) << "also when it stands above: "
      << said;
    std::istringstream lines(said);
    for (std::string one; std::getline(lines, one);)
        EXPECT_TRUE(cli::columns_of(one) <= 80 || one.find("slipway change") != std::string::npos)
            << one;
    std::string words;
    std::string word;
    for (std::istringstream each(said); each >> word;)
        words += word + " ";
    EXPECT_NE(words.find("stopped at switch: " + why + " (ben)"), std::string::npos) << words;
    EXPECT_NE(words.find("waits at switch: " + why + " the last"), std::string::npos) << words;
}

TEST_F(CliTest, ARunThatWaitsAtADecisionPointNamesItsPersonAndTheCommand) {
    server.answer(200, fmt::format(R"({{"items":[{}]}})", run_started));
    server.answer(200, "{}"); // the record, for the clock of the deployment
    server.answer(
        200,
        streamed_entry(
            2, "run_stopped",
            R"({"run":"run-1","step":"switch","because":"waits for a person: Turn round?"})"
        ),
        "text/event-stream"
    );
    server.answer(200, waiting_change("decision", "pending"));
    server.answer(
        200, streamed_entry(3, "run_ended", R"({"run":"run-1","state":"succeeded"})"),
        "text/event-stream"
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
    const auto said = out.str();
    EXPECT_NE(said.find("waits at switch: waits for a person: Turn round?"), std::string::npos);
    EXPECT_NE(said.find("who decides: pia; else anna, the change owner"), std::string::npos)
        << said;
    EXPECT_NE(
        said.find("slipway change confirm_step CHG-1 --run run-1 --step switch --note"),
        std::string::npos
    ) << said;
}

// A change whose deployment waits for a person at a step without a heading.
std::string change_at_a_step(std::string_view kind, std::string_view window) {
    return fmt::format(
        R"({{"id":"CHG-1","change_owner":"anna",{}"runbooks":{{"deployment":{{"digest":"{}",)"
        R"("steps":[{{"name":"switch","kind":"{}","owner":"pia"}}]}}}},"runs":[{{)"
        R"("id":"run-1","purpose":"deployment","state":"waiting","steps":[)"
        R"({{"name":"switch","state":"pending"}}]}}]}})",
        window, digest, kind
    );
}

const std::string manual_runbook = "---\npurpose: deployment\n---\n"
                                   "```manual {name=switch owner=pia}\n"
                                   "Take web-1 out of the balancer.\nWait until it is idle.\n"
                                   "```\n";

TEST_F(CliTest, AManualStepSaysWhatIsToBeDoneAndWhoMayConfirmIt) {
    server.answer(
        200, fmt::format(
                 R"({{"items":[{},{}]}})", run_started,
                 run_entry(
                     2, "run_stopped",
                     R"({"run":"run-1","step":"switch","because":"waits for a person: "})"
                 )
             )
    );
    server.answer(200, change_at_a_step("manual", ""));
    server.answer(200, manual_runbook, "text/markdown");
    server.answer(
        200, streamed_entry(3, "run_ended", R"({"run":"run-1","state":"succeeded"})"),
        "text/event-stream"
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
    const auto said = out.str();
    EXPECT_EQ(server.seen().at(2).target, "/api/v1/attachments/" + digest);
    EXPECT_NE(said.find("waits at switch: waits for a person\n"), std::string::npos) << said;
    EXPECT_NE(
        said.find("    | Take web-1 out of the balancer.\n    | Wait until it is idle.\n"),
        std::string::npos
    ) << said;
    EXPECT_NE(said.find("who does it: pia; else anna, the change owner"), std::string::npos)
        << said;
}

TEST_F(CliTest, AfterTheWindowNothingIsOfferedThatIsRefused) {
    const auto followed = [&](std::string_view kind) {
        server.answer(
            200, fmt::format(
                     R"({{"items":[{},{}]}})", run_started,
                     run_entry(
                         2, "run_stopped",
                         R"({"run":"run-1","step":"switch","because":"waits for a person: Switch"})"
                     )
                 )
        );
        server.answer(
            200, change_at_a_step(kind, R"("window":{"end":"2026-11-22T20:00:00.000Z"},)")
        );
        server.answer(200, R"({"version":"1.2.3","now":"2026-11-22T20:00:00.000Z"})");
        server.answer(200, manual_runbook, "text/markdown");
        server.answer(
            200, streamed_entry(3, "run_ended", R"({"run":"run-1","state":"aborted"})"),
            "text/event-stream"
        );
        server.answer(200, "{}");
        EXPECT_EQ(run({"run", "follow", "CHG-1"}), 6);
        return out.str();
    };
    for (const auto* kind : {"manual", "decision"}) {
        const auto said = followed(kind);
        EXPECT_NE(said.find("the window ended at 2026-11-22 20:00:00"), std::string::npos) << said;
        EXPECT_EQ(said.find("--choice retry"), std::string::npos) << said;
        EXPECT_NE(said.find("--choice abort"), std::string::npos) << said;
        EXPECT_NE(said.find("go back: slipway change roll_back CHG-1"), std::string::npos) << said;
        // What was done by hand is heard all the same; nothing begins behind it.
        const bool heard = kind == std::string("manual");
        EXPECT_EQ(said.find("confirm_step, retry") == std::string::npos, heard) << said;
        EXPECT_EQ(said.find("slipway change confirm_step") != std::string::npos, heard) << said;
        EXPECT_EQ(said.find("if it was done, say so") != std::string::npos, heard) << said;
    }
}

TEST_F(CliTest, SeveralStepsThatDidNotEndWellAreDecidedOnByName) {
    server.answer(
        200, fmt::format(
                 R"({{"items":[{},{}]}})", run_started,
                 run_entry(
                     2, "run_stopped",
                     R"({"run":"run-1","step":"web1","because":"step failed: exit status 1"})"
                 )
             )
    );
    server.answer(
        200, R"({"id":"CHG-1","change_owner":"anna","runs":[{"id":"run-1","purpose":"rehearsal",)"
             R"("state":"waiting","steps":[{"name":"web1","state":"failed","parallel":"web"},)"
             R"({"name":"web2","state":"succeeded","parallel":"web"},)"
             R"({"name":"web3","state":"unknown","parallel":"web"}]}]})"
    );
    server.answer(
        200, streamed_entry(3, "run_ended", R"({"run":"run-1","state":"aborted"})"),
        "text/event-stream"
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 6);
    const auto said = out.str();
    EXPECT_NE(said.find("  web3 did not end well either"), std::string::npos) << said;
    EXPECT_EQ(said.find("web2"), std::string::npos) << said;
    EXPECT_NE(
        said.find("decide_run CHG-1 --run run-1 --step web1 --attempt 0 --choice retry"),
        std::string::npos
    ) << said;
}

TEST_F(CliTest, AFailureInAGroupSaysWhatTheRunWaitsForAndWhatMayBeDoneNow) {
    const std::string record =
        R"({"id":"CHG-1","runs":[{"id":"run-1","purpose":"deployment","state":"running",)"
        R"("steps":[{"name":"web1","state":"failed","parallel":"web"},{"name":"web2",)"
        R"("state":"running","parallel":"web","started_at":"2026-11-22T18:00:01.000Z",)"
        R"("time_limit":"5m"}]}]})";
    server.answer(200, fmt::format(R"({{"items":[{}]}})", run_started));
    server.answer(200, record); // its clock
    server.answer(
        200,
        streamed_entry(
            2, "run_step_reported",
            R"({"run":"run-1","step":{"name":"web1","state":"failed","parallel":"web"}})"
        ) + streamed_entry(3, "run_ended", R"({"run":"run-1","state":"aborted"})"),
        "text/event-stream"
    );
    server.answer(200, record); // its clock again
    server.answer(200, record);
    run({"run", "follow", "CHG-1"});
    const auto said = out.str();
    out.str("");
    EXPECT_NE(said.find("the run stops behind web2 (until 2026-11-22 18:05:01"), std::string::npos)
        << said;
    EXPECT_NE(
        said.find("stop all of it now: slipway change decide_run CHG-1 --run run-1 --choice abort"),
        std::string::npos
    ) << said;
    EXPECT_NE(said.find("go back now:        slipway change roll_back CHG-1"), std::string::npos)
        << said;
    // Who was called because of it begins to look on afterwards.
    server.answer(
        200, fmt::format(
                 R"({{"items":[{},{}]}})", run_started,
                 run_entry(
                     2, "run_step_reported",
                     R"({"run":"run-1","step":{"name":"web1","state":"failed","parallel":"web"}})"
                 )
             )
    );
    server.answer(200, record); // its clock
    server.answer(200, record);
    server.answer(
        200, streamed_entry(3, "run_ended", R"({"run":"run-1","state":"aborted"})"),
        "text/event-stream"
    );
    run({"run", "follow", "CHG-1"});
    EXPECT_NE(out.str().find("the run stops behind web2"), std::string::npos) << out.str();
}

TEST_F(CliTest, UndoIsOfferedOnlyWhereSomethingCanBeTakenBack) {
    for (const auto* undo : {"", R"("undo":[],)", R"("undo":[{"name":"undrain"}],)"}) {
        server.answer(
            200, fmt::format(
                     R"({{"items":[{},{}]}})", run_started,
                     run_entry(2, "run_stopped", R"({"run":"run-1","step":"a","because":"x"})")
                 )
        );
        server.answer(
            200, fmt::format(
                     R"({{"id":"CHG-1","runbooks":{{"rollback":{{{}"steps":[]}}}},"runs":[)"
                     R"({{"id":"run-1","purpose":"rehearsal","state":"waiting","steps":[)"
                     R"({{"name":"a","state":"failed"}}]}}]}})",
                     undo
                 )
        );
        server.answer(
            200, streamed_entry(3, "run_ended", R"({"run":"run-1","state":"aborted"})"),
            "text/event-stream"
        );
        run({"run", "follow", "CHG-1"});
        const bool offered = out.str().find("abort or undo") != std::string::npos;
        EXPECT_EQ(offered, std::string_view(undo).find("undrain") != std::string_view::npos)
            << undo << out.str();
    }
}

TEST_F(CliTest, AStepOfUnknownEndOffersWhatItsOwnerMayDecide) {
    server.answer(
        200, fmt::format(
                 R"({{"items":[{},{}]}})", run_started,
                 run_entry(
                     2, "run_stopped",
                     R"({"run":"run-1","step":"switch","because":"how the step ended is unknown: )"
                     R"(the server ended while this step ran"})"
                 )
             )
    );
    server.answer(200, waiting_change("command", "unknown"));
    server.answer(200, "2026-11-22T18:00:01.500Z half way\n", "text/plain");
    server.answer(
        200, streamed_entry(3, "run_ended", R"({"run":"run-1","state":"aborted"})"),
        "text/event-stream"
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 6);
    const auto said = out.str();
    EXPECT_NE(said.find("    | 18:00:01 half way\n"), std::string::npos) << said;
    for (const auto* decision :
         {"it was done:  slipway change decide_run CHG-1 --run run-1 --step switch --attempt 2 "
          "--choice resume",
          "run it again: slipway change decide_run CHG-1 --run run-1 --step switch --attempt 2 "
          "--choice retry",
          "stop:         slipway change decide_run CHG-1 --run run-1 --choice abort"})
        EXPECT_NE(said.find(decision), std::string::npos) << said;
}

TEST_F(CliTest, FollowingGoesOnInTheMiddleOfATranscript) {
    server.answer(200, fmt::format(R"({{"items":[{}]}})", run_started));
    server.answer(200, "{}"); // the record, for the clock of the deployment
    server.answer(
        200,
        "id: 2.2.31\nevent: transcript_line\ndata: {\"type\":\"transcript_line\",\"run\":\"run-1\","
        "\"step\":\"drain\",\"at\":\"2026-11-22T18:00:02.500Z\",\"text\":\"half way\"}\n\n",
        "text/event-stream"
    );
    server.answer(
        200, streamed_entry(5, "run_ended", R"({"run":"run-1","state":"succeeded"})"),
        "text/event-stream"
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
    EXPECT_EQ(
        server.seen().at(3).target,
        "/api/v1/events/stream?change=CHG-1&transcript=true&after=2.2.31"
    );
}

// A change whose deployment is under way: 13 minutes were rehearsed, the first step took longer.
std::string change_with_a_clock(std::string_view state) {
    return fmt::format(
        R"({{"id":"CHG-1","change_owner":"anna","abort_clock":{{"run":"run-1",)"
        R"("abort_by":"2026-11-22T20:46:00.000Z","window_end":"2026-11-22T21:00:00.000Z",)"
        R"("expected_end":"2026-11-22T20:21:00.000Z","slipped":"4m",)"
        R"("point_of_no_return":"2026-11-22T20:32:00.000Z",)"
        R"("evidence":["rollback: run-2 took 7m on staging\u001b[2J"]}},)"
        R"("timings":[{{"run":"run-1","rehearsal":"run-0","ring":"staging","rehearsed":"13m",)"
        R"("live":"17m","steps":[{{"step":"drain","rehearsed":"2m","live":"367s"}},)"
        R"({{"step":"switch","rehearsed":"11m"}}]}}],"runs":[{{"id":"run-1",)"
        R"("purpose":"deployment","state":"{}","steps":[{{"name":"switch","state":"pending"}}]}}]}})",
        state
    );
}

TEST_F(CliTest, ADeploymentIsFollowedWithItsClockAndEndsBesideItsRehearsal) {
    server.answer(200, fmt::format(R"({{"items":[{}]}})", run_started));
    server.answer(200, change_with_a_clock("running"));
    server.answer(
        200,
        streamed_entry(
            2, "run_step_reported", R"({"run":"run-1","step":{"name":"drain","state":"succeeded"}})"
        ) + streamed_entry(3, "run_ended", R"({"run":"run-1","state":"succeeded"})"),
        "text/event-stream"
    );
    server.answer(200, change_with_a_clock("running"));
    server.answer(200, change_with_a_clock("succeeded"));
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
    EXPECT_EQ(
        out.str(),
        "times in UTC\n"
        "18:00:01  started run-1: deployment (ben)\n"
        "  abort by: 2026-11-22 20:46:00 UTC\n"
        "  expected end: 2026-11-22 20:21:00 UTC, with its smoke test; what runs now must end by "
        "2026-11-22 20:32:00 UTC\n"
        "    rollback: run-2 took 7m on staging?[2J\n"
        "18:00:02  run-1: step drain succeeded (ben)\n"
        "abort by 20:46:00 · expected end 20:21:00 · 4m slower than the test ring\n"
        "18:00:03  run-1 (deployment) ended: succeeded (ben)\n"
        "run-1 succeeded\n"
        "run-1 beside run-0 on staging:\n"
        "STEP      REHEARSED  LIVE  DIFFERENCE\n"
        "drain     2m         6m7s  +4m7s\n"
        "switch    11m\n"
        "together  13m        17m   +4m\n"
    );
}

TEST_F(CliTest, PastAbortByAStoppedRunIsOfferedMoreTimeOrTheWayBack) {
    const auto stopped = fmt::format(
        R"({{"items":[{},{}]}})", run_started,
        run_entry(2, "run_stopped", R"({"run":"run-1","step":"switch","because":"past abort-by"})")
    );
    const auto follow = [&](std::string_view now) {
        server.answer(200, stopped);
        server.answer(200, change_with_a_clock("waiting"));
        server.answer(200, fmt::format(R"({{"version":"1.2.3","now":"{}"}})", now));
        server.answer(
            200, streamed_entry(3, "run_ended", R"({"run":"run-1","state":"aborted"})"),
            "text/event-stream"
        );
        server.answer(200, "{}");
        EXPECT_EQ(run({"run", "follow", "CHG-1"}), 6);
        return out.str();
    };
    const auto late = follow("2026-11-22T20:46:00.000Z");
    EXPECT_NE(late.find("abort-by was at 2026-11-22 20:46:00"), std::string::npos) << late;
    EXPECT_NE(late.find("slipway change extend_window CHG-1 --until"), std::string::npos) << late;
    EXPECT_NE(late.find("go back: slipway change roll_back CHG-1"), std::string::npos) << late;
    EXPECT_EQ(late.find("--choice retry"), std::string::npos) << late;
    // Somebody has given it more time since it stopped.
    const auto again = follow("2026-11-22T20:45:59.000Z");
    EXPECT_NE(again.find("--choice retry"), std::string::npos) << again;
    EXPECT_NE(again.find("abort by: 2026-11-22 20:46:00"), std::string::npos) << again;
    EXPECT_EQ(again.find("extend_window"), std::string::npos) << again;
}

TEST_F(CliTest, FollowingAChangeWithoutARunSaysHowOneBegins) {
    server.answer(200, R"({"items":[]})");
    server.answer(
        200,
        streamed_entry(1, "run_started", R"({"run":{"id":"run-1","purpose":"rehearsal"}})") +
            streamed_entry(2, "run_ended", R"({"run":"run-1","state":"succeeded"})"),
        "text/event-stream"
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
    EXPECT_NE(out.str().find("CHG-1 has no run yet"), std::string::npos);
    EXPECT_NE(
        out.str().find("slipway change start_run CHG-1 --purpose deployment"), std::string::npos
    );
}

TEST_F(CliTest, AnExitStatusIsShownForStepsThatEnded) {
    server.answer(
        200, fmt::format(
                 R"({{"items":[{},{},{},{}]}})", run_started,
                 run_entry(
                     2, "run_step_reported",
                     R"({"run":"run-1","step":{"name":"drain","state":"running","exit_status":0}})"
                 ),
                 run_entry(
                     3, "run_step_reported",
                     R"({"run":"run-1","step":{"name":"drain","state":"succeeded",)"
                     R"("ended_at":"2026-11-22T18:00:03.000Z","exit_status":0}})"
                 ),
                 run_entry(4, "run_ended", R"({"run":"run-1","state":"succeeded"})")
             )
    );
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 0);
    EXPECT_NE(out.str().find("drain running (ben)\n"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("drain succeeded (ben)\n"), std::string::npos) << out.str();
    server.answer(
        200, R"({"id":"CHG-1","runs":[{"id":"run-1","steps":[)"
             R"({"name":"a","state":"succeeded","ended_at":"x","exit_status":0},)"
             R"({"name":"b","state":"pending","exit_status":0}]}]})"
    );
    EXPECT_EQ(run({"change", "show", "CHG-1", "--all"}), 0);
    const auto first = out.str().find("exit_status");
    EXPECT_NE(first, std::string::npos) << out.str();
    EXPECT_EQ(out.str().find("exit_status", first + 1), std::string::npos) << out.str();
}

TEST_F(CliTest, AnEventWithoutEndIsRefused) {
    server.answer(200, R"({"items":[]})");
    Scripted endless{"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: "};
    endless.bytes += std::string(2 * limits::cli_event_max, 'x');
    server.answer(endless);
    EXPECT_EQ(run({"run", "follow", "CHG-1"}), 7);
}

TEST_F(CliTest, AChangeThatDoesNotExistIsNotWatched) {
    server.answer(404, R"({"title":"not found","detail":"there is no change CHG-99"})");
    EXPECT_EQ(run({"change", "watch", "CHG-99"}), 3);
    EXPECT_EQ(server.seen().size(), 1u);
}

} // namespace

} // namespace slipway::test
