// SPDX-License-Identifier: Apache-2.0
// What goes wrong: refusals as people read them, exit codes, hostile answers, mistyped words.
#include "base/limits.hpp"
#include "cli/client.hpp"
#include "cli_fixture.hpp"

namespace slipway::test {

namespace {

std::string problem(std::string_view code, int status) {
    return fmt::format(
        R"({{"type":"urn:slipway:problem:{}","title":"T","status":{},"detail":"why","code":"{}"}})",
        code, status, code
    );
}

TEST_F(CliTest, ARefusalByAGateIsShownWithEvidenceAndRemedy) {
    server.answer(
        409,
        R"({"type":"urn:slipway:problem:blocked","title":"A gate or a rule refuses this",)"
        R"("status":409,"detail":"the step cannot be completed","code":"blocked","reasons":[)"
        R"({"gate":"rollback-runbook","field":"steps","message":"it has no step that can be run",)"
        R"("evidence":"rollback.md, 3 lines","remedy":"Write the steps as named blocks"},)"
        R"({"gate":"window","message":"the window lies inside month-end close"}]})",
        "application/problem+json"
    );
    EXPECT_EQ(run({"change", "complete_step", "CHG-12", "--step", "runbook"}), 6);
    EXPECT_EQ(out.str(), "");
    EXPECT_EQ(
        err.str(), "slipway: the step cannot be completed\n"
                   "\n"
                   "  rollback-runbook · steps\n"
                   "    it has no step that can be run\n"
                   "    evidence: rollback.md, 3 lines\n"
                   "    mend: Write the steps as named blocks\n"
                   "\n"
                   "  window\n"
                   "    the window lies inside month-end close\n"
    );
}

TEST_F(CliTest, ARemedyNamesCommandsAsTheyAreTyped) {
    const auto mend_of = [&](std::string_view remedy) {
        server.answer(
            409,
            fmt::format(
                R"({{"detail":"no","code":"blocked","reasons":[{{"gate":"g","field":"f",)"
                R"("message":"m","remedy":"{}"}}]}})",
                remedy
            ),
            "application/problem+json"
        );
        EXPECT_EQ(run({"change", "complete_step", "CHG-12", "--step", "scope"}), 6);
        const auto text = err.str();
        const auto at = text.find("mend: ");
        return at == std::string::npos ? text : text.substr(at + 6, text.find('\n', at) - at - 6);
    };
    EXPECT_EQ(mend_of("Run compare_ring again"), "Run slipway change compare_ring CHG-12 again");
    EXPECT_EQ(
        mend_of("Answer it and submit it again (submit)"),
        "Answer it and submit it again (slipway change submit CHG-12)"
    );
    EXPECT_EQ(
        mend_of("End it with decide_run --choice abort, or let it end"),
        "End it with slipway change decide_run CHG-12 --choice abort, or let it end"
    );
    for (const auto* plain :
         {"Have a member vote, or join the board", "slipway change windows shows the best ones"})
        EXPECT_EQ(mend_of(plain), plain);
}

TEST_F(CliTest, WhatIsWrongWithOneFieldIsSaidOnce) {
    server.answer(
        409,
        R"({"detail":"execute is complete already","code":"conflict",)"
        R"("fields":[{"field":"step","message":"execute is complete already"}]})",
        "application/problem+json"
    );
    EXPECT_EQ(run({"change", "complete_step", "CHG-12", "--step", "execute"}), 5);
    EXPECT_EQ(err.str(), "slipway: execute is complete already\n");
}

TEST_F(CliTest, WithJsonTheProblemDocumentComesAsItWasSent) {
    server.answer(404, problem("not_found", 404), "application/problem+json");
    EXPECT_EQ(run({"change", "show", "CHG-99", "--json"}), 3);
    EXPECT_EQ(out.str(), problem("not_found", 404) + "\n");
    EXPECT_EQ(err.str(), "");
}

TEST_F(CliTest, EveryProblemHasItsExitCode) {
    const std::vector<std::tuple<std::string, int, int>> cases{
        {"invalid_input", 400, 2}, {"unauthenticated", 401, 4}, {"forbidden", 403, 4},
        {"not_found", 404, 3},     {"conflict", 409, 5},        {"blocked", 409, 6},
        {"conflict", 412, 5},      {"limit_exceeded", 413, 7},  {"limit_exceeded", 429, 7},
        {"unavailable", 503, 8},   {"timeout", 504, 8},         {"internal", 500, 70},
    };
    for (const auto& [code, status, exit_code] : cases) {
        server.answer(status, problem(code, status), "application/problem+json");
        EXPECT_EQ(run({"change", "steps", "CHG-1"}), exit_code) << code;
        EXPECT_NE(err.str().find("why"), std::string::npos) << code;
    }
}

TEST_F(CliTest, StatusesWithoutAProblemDocumentHaveExitCodesToo) {
    for (const auto& [status, exit_code] :
         std::map<int, int>{{302, 70}, {401, 4}, {404, 3}, {502, 8}, {500, 70}, {418, 2}}) {
        server.answer(status, "<html>no</html>", "text/html");
        EXPECT_EQ(run({"whoami"}), exit_code) << status;
    }
}

TEST_F(CliTest, AnAnswerThatIsNotJsonIsRefused) {
    server.answer(200, "<html>welcome</html>", "text/html");
    EXPECT_EQ(run({"change", "list"}), 70);
    EXPECT_NE(err.str().find("is not JSON"), std::string::npos);
    server.answer(200, R"({"items":7})");
    EXPECT_EQ(run({"change", "list"}), 70);
    server.answer(200, R"(["go"])");
    EXPECT_EQ(run({"gate", "CHG-1"}), 70);
    server.answer(200, R"({"go":"true"})");
    EXPECT_EQ(run({"gate", "CHG-1"}), 70);
}

TEST_F(CliTest, ADeepAnswerIsRefused) {
    server.answer(200, std::string(100000, '['));
    EXPECT_EQ(run({"change", "show", "CHG-1"}), 70);
}

TEST_F(CliTest, AHugeAnswerIsCutOff) {
    Scripted endless{"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"};
    endless.bytes += std::string(1024 * 1024, 'x');
    endless.repeats = limits::cli_answer_max / (1024 * 1024) + 8;
    server.answer(endless);
    EXPECT_EQ(run({"change", "show", "CHG-1"}), 7);
    EXPECT_NE(err.str().find(std::to_string(limits::cli_answer_max)), std::string::npos);
}

TEST_F(CliTest, AServerThatSaysNothingIsGivenUp) {
    environment["SLIPWAY_TIMEOUT"] = "100ms";
    server.answer(Scripted{"HTTP/1.1 200 OK\r\nContent-Le", true});
    EXPECT_EQ(run({"change", "show", "CHG-1"}), 8);
    EXPECT_NE(err.str().find("no answer in time"), std::string::npos);
}

TEST_F(CliTest, NoServerIsUnavailable) {
    {
        const ScriptedServer gone;
        environment["SLIPWAY_SERVER"] = gone.address();
    }
    EXPECT_EQ(run({"whoami"}), 8);
}

TEST_F(CliTest, ControlSequencesOfTheServerNeverReachTheTerminal) {
    server.answer(
        200, "{\"items\":[{\"id\":\"CHG-1\",\"title\":\"\\u001b[2Jgone\\u009b31m\",\"state\":"
             "\"planning\"}]}"
    );
    EXPECT_EQ(run({"change", "list"}), 0);
    EXPECT_EQ(out.str().find('\x1b'), std::string::npos);
    EXPECT_NE(out.str().find("?[2Jgone?31m"), std::string::npos);
    server.answer(200, "{\"items\":[{\"id\":\"CHG-1\",\"title\":\"safe \\u202eevil\"}]}");
    EXPECT_EQ(run({"change", "list"}), 0);
    EXPECT_NE(out.str().find("safe ?evil"), std::string::npos) << out.str();
    EXPECT_EQ(out.str().find("\u202e"), std::string::npos);
}

TEST_F(CliTest, AMistypedWordGetsTheNearestCommand) {
    EXPECT_EQ(run({"chnage", "list"}), 64);
    EXPECT_EQ(
        err.str(), "slipway: \"chnage\" is not a command of slipway; did you mean "
                   "\"slipway change\"?\n"
    );
    EXPECT_EQ(run({"change", "pin-runbok", "CHG-1"}), 64);
    EXPECT_NE(err.str().find("did you mean \"slipway change pin_runbook\"?"), std::string::npos);
    EXPECT_EQ(run({"change", "aprove", "CHG-1"}), 64);
    EXPECT_NE(
        err.str().find("did you mean \"slipway change vote --choice approve\"?"), std::string::npos
    ) << err.str();
    const std::pair<std::vector<std::string>, const char*> taken[] = {
        {{"change", "approve", "CHG-1"}, "\"slipway change vote --choice approve\""},
        {{"change", "deploy", "CHG-1"}, "\"slipway change start_run --purpose deployment\""},
        {{"change", "acknowledge", "CHG-1"}, "\"slipway change acknowledge_page or"},
        {{"run", "list"}, "\"slipway change show\""},
        {{"board", "agenda", "cab"}, "\"slipway change list --meeting\""},
        {{"status"}, "\"slipway health\""}};
    for (const auto& [words, meant] : taken) {
        EXPECT_EQ(run(words), 64);
        EXPECT_NE(err.str().find(meant), std::string::npos) << err.str();
    }
    EXPECT_EQ(run({"change", "xyzzy", "CHG-1"}), 64);
    EXPECT_NE(err.str().find("see slipway change --help"), std::string::npos) << err.str();
    EXPECT_EQ(run({"vote", "CHG-1"}), 64);
    EXPECT_NE(err.str().find("did you mean \"slipway change vote\"?"), std::string::npos);
}

TEST_F(CliTest, AMistypedOptionOrValueGetsTheNearest) {
    EXPECT_EQ(run({"change", "vote", "CHG-1", "--choise", "approve"}), 64);
    EXPECT_NE(err.str().find("did you mean --choice?"), std::string::npos) << err.str();
    EXPECT_EQ(run({"change", "vote", "CHG-1", "--choice", "aprove"}), 64);
    EXPECT_NE(err.str().find("did you mean approve?"), std::string::npos) << err.str();
    EXPECT_EQ(run({"change", "vote"}), 64);
    EXPECT_NE(err.str().find("needs CHANGE"), std::string::npos) << err.str();
    EXPECT_TRUE(server.seen().empty());
}

TEST_F(CliTest, AProgramReadsWhatTheParserRefusesAsItReadsOtherRefusals) {
    const std::vector<std::vector<std::string>> lines{
        {"change", "windows", "CHG-3", "--json"},
        {"ledger", "consistency", "1", "--json"},
        {"--json", "change", "xyzzy"},
        {"change", "vote", "CHG-1", "--choise", "approve", "--json"}};
    for (const auto& words : lines) {
        EXPECT_EQ(run(words), 64);
        EXPECT_EQ(err.str(), "");
        const auto problem = parse_json(out.str());
        ASSERT_TRUE(problem) << out.str();
        EXPECT_EQ(text_or_empty(*problem, "code"), "invalid_input");
        EXPECT_NE(text_or_empty(*problem, "detail"), "");
    }
    EXPECT_EQ(run({"change", "vote", "CHG-1", "--choise", "approve", "--", "--json"}), 64);
    EXPECT_EQ(out.str(), "") << "behind -- no option is read";
}

TEST_F(CliTest, MissingFieldsAreNamedBeforeAnythingIsSent) {
    EXPECT_EQ(run({"change", "vote", "CHG-1"}), 64);
    EXPECT_NE(
        err.str().find("slipway: the command needs --choice\n  --choice: "), std::string::npos
    ) << err.str();
    EXPECT_EQ(
        run(
            {"change", "report_snapshot", "CHG-1", "--host", "h", "--state", "taken",
             "--size_bytes", "many"}
        ),
        64
    );
    EXPECT_NE(err.str().find("expected a number"), std::string::npos) << err.str();
    EXPECT_TRUE(server.seen().empty());
}

TEST_F(CliTest, WhateverIsWrongWithTheCommandLineHasOneExitCode) {
    const std::vector<std::vector<std::string>> lines{
        {},                                                 // no command
        {"change"},                                         // only a group of them
        {"change", "vote"},                                 // an argument is missing
        {"change", "vote", "CHG-1"},                        // a field of the body is missing
        {"change", "windows", "CHG-1"},                     // an option of the query is missing
        {"change", "vote", "CHG-1", "--choice", "perhaps"}, // a value that is none of the list
        {"change", "vote", "CHG-1", "--json_body", "{"},
        {"change", "comment", "CHG-1", "--text", "t", "--if_version", "seven"},
        {"gate", "CHG-1", "--timeout", "soon"},
        {"gate", "CHG-1", "--timeout", "1h"}, // it waits only with --wait
        {"change", "list", "--limit", "many"},
        {"ledger", "entries", "--limit", "1x"},
        {"snapshot", "list", "--limit", ""},
        {"change", "windows", "CHG-1", "--until", "2026-12-10", "--duration", "long"},
        {"change", "windows", "CHG-1", "--from", "2026-12-01", "--until", "soon"},
        {"ci", "edit", "par", "--host", "a", "--clear", "host"},
        {"verify"},
        {"verify", "--json", "--server", "http://x"}, // it talks to no server
        {"whoami", "--server", "slipway"},
    };
    for (const auto& line : lines) {
        EXPECT_EQ(run(line), 64) << fmt::format("{}", fmt::join(line, " "));
        EXPECT_NE(err.str() + out.str(), "");
    }
    EXPECT_TRUE(server.seen().empty());
    // What the server finds is the input's fault, not the command line's.
    server.answer(
        400, R"({"code":"invalid_input","detail":"d","fields":[{"field":"text","message":"m"}]})",
        "application/problem+json"
    );
    EXPECT_EQ(run({"change", "comment", "CHG-1", "--text", "t"}), 2);
}

// The last value counted, so that a slip of a pipeline became a vote.
TEST_F(CliTest, OneValueGivenTwiceIsRefused) {
    const auto path = write("note.md", "from a file");
    const std::vector<std::vector<std::string>> lines{
        {"change", "vote", "CHG-1", "--choice", "approve", "--choice", "reject"},
        {"change", "comment", "CHG-1", "--text", "a", "--text", "b"},
        {"change", "comment", "CHG-1", "--text", "a", "--text-file", path},
        {"change", "attach", "CHG-1", "--digest", std::string(64, 'a'), "--file", path},
        {"change", "show", "CHG-1", "--server", "http://a", "--server", "http://b"},
    };
    for (const auto& line : lines) {
        EXPECT_EQ(run(line), 64) << fmt::format("{}", fmt::join(line, " "));
        EXPECT_NE(err.str().find(line[3]), std::string::npos) << err.str();
    }
    EXPECT_TRUE(server.seen().empty());
}

TEST_F(CliTest, WhatCannotBeReadIsNamedAsItWasTyped) {
    const auto text = write("lat.txt", "caf\xe9");
    EXPECT_EQ(run({"change", "comment", "CHG-1", "--text_file", text}), 2);
    EXPECT_EQ(err.str(), "slipway: " + text + ": is not valid UTF-8 at byte 3\n");
    EXPECT_EQ(run({"change", "comment", "CHG-1", "--text", "caf\xe9"}), 64);
    EXPECT_EQ(err.str(), "slipway: --text: is not valid UTF-8 at byte 3\n");
    const auto ci = write("ci.json", "{\"name\":\"caf\xe9\"}");
    EXPECT_EQ(run({"ci", "put", "x1", "@" + ci}), 2);
    EXPECT_EQ(err.str(), "slipway: " + ci + ": JSON: name: is not valid UTF-8 at byte 12\n");
    EXPECT_EQ(run({"ci", "put", "x1", "{"}), 2);
    EXPECT_EQ(err.str().find("json_body"), std::string::npos) << err.str();
    EXPECT_EQ(run({"ci", "import", ci}), 2);
    EXPECT_EQ(err.str(), "slipway: " + ci + ": is not valid UTF-8 at byte 12\n");
    EXPECT_EQ(run({"sandbox", "advance", "5x"}), 64);
    EXPECT_EQ(err.str().find("slipway: SPAN: expected a number and a unit"), 0) << err.str();
    EXPECT_TRUE(server.seen().empty());
}

TEST_F(CliTest, ADownloadSaysWhyItHasNoFile) {
    const auto target = (folder / "none" / "x.zip").string();
    EXPECT_EQ(run({"change", "export", "CHG-1", "--out", target}), 2);
    EXPECT_EQ(err.str(), "slipway: " + target + ": No such file or directory\n");
    write("x.zip.part", "");
    EXPECT_EQ(run({"change", "export", "CHG-1", "--out", (folder / "x.zip").string()}), 8);
    EXPECT_NE(err.str().find("is there from another download"), std::string::npos) << err.str();
}

TEST_F(CliTest, WhatACommandSaysNamesCommandsAsTheyAreTyped) {
    server.answer(
        200, R"({"id":"CHG-1","state":"planning","said":["nils acknowledges it with )"
             R"(acknowledge_impact --ci feed-job"]})"
    );
    EXPECT_EQ(run({"change", "comment", "CHG-1", "--text", "t"}), 0);
    EXPECT_NE(
        out.str().find("it with slipway change acknowledge_impact CHG-1 --ci feed-job"),
        std::string::npos
    ) << out.str();
}

TEST_F(CliTest, StepsOfOneReasonAreCompletedByOneLine) {
    JsonArray reasons;
    for (const auto* step : {"scope", "impact"})
        reasons.push_back(JsonObject{
            {"gate", "run-exact"},
            {"field", fmt::format("steps.{}", step)},
            {"message", fmt::format("a required step is not complete: {}", step)},
            {"remedy", fmt::format("Complete it with complete_step --step {}", step)}});
    const auto refuse = [&] {
        server.answer(
            422,
            to_text(Json(JsonObject{
                {"code", "blocked"}, {"detail", "the gate says no"}, {"reasons", reasons}})),
            "application/problem+json"
        );
        run({"change", "close", "CHG-1", "--outcome", "successful", "--summary", "s"});
        return err.str();
    };
    auto said = refuse();
    EXPECT_NE(said.find("with slipway change complete_step CHG-1 --step ID\n"), std::string::npos)
        << said;
    reasons.pop_back();
    said = refuse();
    EXPECT_NE(
        said.find("with slipway change complete_step CHG-1 --step scope\n"), std::string::npos
    ) << said;
}

TEST_F(CliTest, WithoutACommandTheHelpIsAnError) {
    EXPECT_EQ(run({}), 64);
    EXPECT_EQ(out.str(), "");
    EXPECT_NE(err.str().find("Usage: slipway COMMAND"), std::string::npos) << err.str();
    EXPECT_EQ(run({"change"}), 64);
    EXPECT_EQ(out.str(), "");
    EXPECT_NE(err.str().find("Usage: slipway change COMMAND"), std::string::npos) << err.str();
}

TEST_F(CliTest, WithoutACommandAProgramReadsThatAsJson) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> lines{
        {{"--json"}, "no command is given; see slipway --help"},
        {{"run", "--json"}, "slipway run is no whole command; see slipway run --help"},
    };
    for (const auto& [line, detail] : lines) {
        out.str("");
        EXPECT_EQ(run(line), 64);
        const auto problem = parse_json(out.str());
        ASSERT_TRUE(problem) << out.str();
        EXPECT_EQ(text_or_empty(*problem, "detail"), detail);
        EXPECT_EQ(err.str(), "");
    }
    out.str("");
    EXPECT_EQ(run({"--version", "--json"}), 0);
    EXPECT_TRUE(parse_json(out.str())) << out.str();
}

TEST_F(CliTest, AnOptionBehindTheDashesIsNamedAsThat) {
    EXPECT_EQ(run({"sandbox", "advance", "--", "-5d", "--token_file", "x"}), 64);
    EXPECT_EQ(
        err.str(),
        "slipway: \"--token_file\" stands behind \"--\", where no option is read; write it before\n"
    );
}

TEST_F(CliTest, WhatIsWrongWithFieldsIsSaidOnce) {
    local.serve.summary = "Run a server";
    local.serve.run = [](const cli::Arguments&) -> Result<Json> {
        Error error{ErrorCode::invalid_input, "a.yaml:3: name: is required\na.yaml:9: a cycle"};
        error.fields = {{"a.yaml:3", "name: is required"}, {"a.yaml:9", "a cycle"}};
        return tl::unexpected(std::move(error));
    };
    EXPECT_EQ(run({"serve"}), 2);
    EXPECT_EQ(err.str(), "slipway: a.yaml:3: name: is required\n  a.yaml:9: a cycle\n");
}

TEST_F(CliTest, NotSignedInSaysHowTo) {
    environment.erase("SLIPWAY_TOKEN");
    EXPECT_EQ(run({"change", "list"}), 4);
    EXPECT_NE(err.str().find("mend: slipway login --person ID"), std::string::npos);
    EXPECT_TRUE(server.seen().empty());
}

TEST_F(CliTest, WhoIsRefusedAtTheDoorIsNotSentThereAgain) {
    server.answer(
        401,
        R"({"code":"unauthenticated","detail":"the code was used","reasons":[{"gate":"one-time-code",)"
        R"("field":"code","message":"the code was used","remedy":"Ask an administrator"}]})",
        "application/problem+json"
    );
    EXPECT_EQ(run({"password", "redeem"}), 4);
    EXPECT_NE(err.str().find("mend: Ask an administrator"), std::string::npos) << err.str();
    EXPECT_EQ(err.str().find("slipway login"), std::string::npos) << err.str();
}

TEST_F(CliTest, AnAddressThatIsNoneIsRefused) {
    for (const auto* address : {"slipway", "ftp://host", "http://a@b", "http://a/?x", "http://a b"})
        EXPECT_EQ(run({"whoami", "--server", address}), 64) << address;
}

TEST_F(CliTest, OnlyThisMachineCountsAsThisMachine) {
    for (const auto* own :
         {"http://127.0.0.1", "http://127.9.8.7:1/x", "http://[::1]:8420", "http://[::1]",
          "https://localhost", "http://localhost:1"})
        EXPECT_TRUE(cli::is_this_machine(own)) << own;
    for (const auto* other :
         {"http://127.0.0.1.evil.invalid", "http://127.evil.invalid", "http://[::1].evil.invalid",
          "http://localhost.evil.invalid", "http://10.0.0.1", "http://127.0.0.1.evil.invalid:80"})
        EXPECT_FALSE(cli::is_this_machine(other)) << other;
}

TEST_F(CliTest, OutputThatCannotBeWrittenIsNoSuccess) {
    out.setstate(std::ios::badbit); // as on a full disk
    EXPECT_EQ(run({"completion", "bash"}), 8);
    EXPECT_NE(err.str().find("standard output"), std::string::npos) << err.str();
}

TEST_F(CliTest, ATokenThatWouldBreakTheHeaderIsRefused) {
    environment["SLIPWAY_TOKEN"] = "a\r\nX-Evil: 1";
    EXPECT_EQ(run({"whoami"}), 2);
    EXPECT_TRUE(server.seen().empty());
}

} // namespace

} // namespace slipway::test
