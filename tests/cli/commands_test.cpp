// SPDX-License-Identifier: Apache-2.0
// What people and pipelines do: commands, tables, sessions, waiting, files.
#include <condition_variable>
#include <mutex>

#include <sys/stat.h>

#include "base/json.hpp"
#include "base/limits.hpp"
#include "cli_fixture.hpp"

namespace slipway::test {

namespace {

const std::string runbook_digest(64, 'a');

TEST_F(CliTest, HelpNamesTheValuesOfAnOptionOnce) {
    EXPECT_EQ(run({"change", "report_snapshot", "--help"}), 0);
    EXPECT_NE(
        out.str().find("taken, failed, reverted or removed; not requested"), std::string::npos
    );
    EXPECT_EQ(out.str().find("not requested:"), std::string::npos) << out.str();
}

TEST_F(CliTest, OpeningAChangePrintsItsNumber) {
    server.answer(201, R"({"id":"CHG-12","version":1,"state":"planning","events":[],"said":[]})");
    EXPECT_EQ(run({"change", "open", "--title", "Harbor site 1.5", "--change-owner", "anna"}), 0);
    EXPECT_EQ(out.str(), "CHG-12\n");
    const auto request = server.seen().at(0);
    EXPECT_EQ(request.method + " " + request.target, "POST /api/v1/changes");
    EXPECT_EQ(request.body, R"({"title":"Harbor site 1.5","change_owner":"anna"})");
    EXPECT_EQ(request.headers.at("authorization"), "Bearer secret");
    EXPECT_GE(request.headers.at("idempotency-key").size(), 20u);
}

TEST_F(CliTest, ALostConnectionIsRetriedOnceWithTheSameKey) {
    server.lose_connection();
    server.answer(200, R"({"id":"CHG-1","version":8,"state":"planning","said":["Noted"]})");
    EXPECT_EQ(run({"change", "comment", "CHG-1", "--text", "--fine", "--if-version", "7"}), 0);
    EXPECT_EQ(out.str(), "CHG-1 planning · version 8\n  Noted\n");
    const auto seen = server.seen();
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].headers.at("idempotency-key"), seen[1].headers.at("idempotency-key"));
    EXPECT_EQ(seen[1].headers.at("if-match"), "\"v7\"");
    EXPECT_EQ(seen[1].body, R"({"text":"--fine"})");
    server.lose_connection();
    server.lose_connection();
    EXPECT_EQ(run({"change", "comment", "CHG-1", "--text", "again"}), 8);
    EXPECT_EQ(server.seen().size(), 4u);
}

TEST_F(CliTest, WhatCannotBeRepeatedIsSentOnce) {
    server.lose_connection();
    EXPECT_EQ(run({"sandbox", "advance", "48h"}), 8);
    EXPECT_EQ(server.seen().size(), 1u);
    EXPECT_EQ(server.seen().at(0).body, R"({"by":"48h"})");
}

TEST_F(CliTest, AFileIsUploadedAndItsDigestFilledIn) {
    const auto file = write("undo.md", "# Undo\n");
    server.answer(201, fmt::format(R"({{"digest":"{}","size":7}})", runbook_digest));
    server.answer(200, R"({"id":"CHG-1","version":3,"state":"planning","said":[]})");
    EXPECT_EQ(run({"change", "pin-runbook", "CHG-1", "--purpose", "rollback", "--file", file}), 0);
    const auto seen = server.seen();
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].target, "/api/v1/attachments?name=undo.md");
    EXPECT_EQ(seen[0].body, "# Undo\n");
    EXPECT_EQ(
        seen[1].body,
        fmt::format(R"({{"purpose":"rollback","digest":"{}","name":"undo.md"}})", runbook_digest)
    );
}

TEST_F(CliTest, BodiesComeFromFilesTheInputAndOptions) {
    const auto file = write("body.json", R"({"outcome":"approved","minutes":"old"})");
    const auto minutes = write("minutes.txt", "All agreed.\n");
    server.answer(200, R"({"id":"CHG-1"})");
    EXPECT_EQ(
        run(
            {"change", "decide", "CHG-1", "--json-body", "@" + file, "--minutes-file", minutes,
             "--conditions", "a, b", "--conditions", "c"}
        ),
        0
    );
    EXPECT_EQ(
        server.seen().at(0).body,
        R"({"outcome":"approved","minutes":"All agreed.\n","conditions":["a, b","c"]})"
    );
    in.str(R"({"step":"scope","values":{"why":"because"}})");
    server.answer(200, R"({"id":"CHG-1"})");
    EXPECT_EQ(run({"change", "fill_step", "CHG-1", "--json_body", "-"}), 0);
    EXPECT_EQ(server.seen().at(1).body, R"({"step":"scope","values":{"why":"because"}})");
    server.answer(200, R"({"id":"CHG-1"})");
    EXPECT_EQ(run({"change", "fill_step", "CHG-1", "--step=scope", "--values", "[1]"}), 0);
    EXPECT_EQ(server.seen().at(2).body, R"({"step":"scope","values":[1]})");
}

TEST_F(CliTest, AListIsATable) {
    server.answer(
        200, R"({"items":[{"id":"CHG-2","title":"Harbor site 1.5 to 1.6","state":"in_review",)"
             R"("type":"normal","window_start":"2026-11-25T18:00:00.000Z"},)"
             R"({"id":"CHG-1","title":"Größe","state":"closed","type":"normal",)"
             R"("outcome":"successful"}],"next":"1"})"
    );
    EXPECT_EQ(run({"change", "list", "--state", "in_review", "--state", "closed"}), 0);
    EXPECT_EQ(
        out.str(),
        "CHANGE  TITLE                   STATE      TYPE    OUTCOME     WINDOW (UTC)\n"
        "CHG-2   Harbor site 1.5 to 1.6  in_review  normal              2026-11-25 18:00:00\n"
        "CHG-1   Größe                   closed     normal  successful\n"
        "more: --cursor 1, or --all\n"
    );
    EXPECT_EQ(server.seen().at(0).target, "/api/v1/changes?state=in_review%2Cclosed");
}

TEST_F(CliTest, WhatIsInTheScopeLiesInNoDirectionOfIt) {
    server.answer(
        200, R"({"id":"CHG-1","impact":{"hits":[{"ci":"site","direction":"downstream","depth":0},)"
             R"({"ci":"feed","direction":"upstream","depth":1}]}})"
    );
    EXPECT_EQ(run({"change", "show", "CHG-1", "--all"}), 0);
    EXPECT_NE(out.str().find("direction: none: it is in the scope"), std::string::npos);
    EXPECT_NE(out.str().find("direction: upstream"), std::string::npos) << out.str();
    EXPECT_EQ(out.str().find("depth: 0"), std::string::npos) << out.str();
}

TEST_F(CliTest, AChangeIsShownInShortUnlessAllOfItIsWanted) {
    const std::string record =
        R"({"version":9,"id":"CHG-1","tenant":"main","title":"Harbor site 1.5","state":"approved",)"
        R"("risk":"medium","ring_contents":"c0ffee","failed_because":[],)"
        R"("scope":{"summary":"site 1.4 -> 1.5","cis":[{"ci":"site"}]},)"
        R"("classification":{"type":"normal"},"abort_clock":{"abort_by":"11:30"},)"
        R"("change_owner":"anna",)"
        R"("runs":[{"id":"run-1","purpose":"ring_deploy","state":"waiting"}],)"
        R"("steps":{"scope":{"state":"complete"}},"impact":{"hits":[]}})";
    server.answer(200, record);
    server.answer(
        200, R"({"id":"CHG-1","steps":[)"
             R"({"id":"scope","phase":"intake","title":"Scope","applies":true,"required":true,)"
             R"("state":"completed"},)"
             R"({"id":"notice","phase":"readiness","title":"Tell them","applies":true,)"
             R"("required":true,"state":"open","roles":["change_owner","cab_chair"]},)"
             R"({"id":"photo","phase":"readiness","title":"Photo","applies":true,)"
             R"("required":false,"state":"open"},)"
             R"({"id":"oncall","phase":"readiness","title":"On call","applies":true,)"
             R"("required":true,"state":"open","assignee":"pia",)"
             R"("due_at":"2026-11-25T18:00:00.000Z"},)"
             R"({"id":"closure","phase":"closure","title":"Close","applies":true,)"
             R"("required":true,"state":"open"}]})"
    );
    EXPECT_EQ(run({"change", "show", "CHG-1"}), 0);
    EXPECT_EQ(
        out.str(), "id: CHG-1\n"
                   "title: Harbor site 1.5\n"
                   "state: approved\n"
                   "classification.type: normal\n"
                   "scope.summary: site 1.4 -> 1.5\n"
                   "abort_clock.abort_by: 11:30\n"
                   "version: 9\n"
                   "risk: medium\n"
                   "change_owner: anna\n"
                   "runs: run-1 ring_deploy waiting\n"
                   "more with --all: scope, classification, abort_clock, steps, impact\n"
                   "run-1 waits for a person: slipway run follow CHG-1\n"
                   "\n"
                   "next steps, and whose turn it is:\n"
                   "  notice: Tell them; anna (change_owner), cab_chair\n"
                   "  oncall: On call; pia; due 2026-11-25 18:00:00 UTC\n"
    );
    out.str("");
    server.answer(200, record);
    EXPECT_EQ(run({"change", "show", "CHG-1", "--all"}), 0);
    EXPECT_NE(out.str().find("ring_contents: c0ffee"), std::string::npos);
}

TEST_F(CliTest, WindowsComeAsTheyAreTypedWithWholeSentences) {
    server.answer(
        200,
        R"({"proposals":[{"window":{"start":"2026-11-25T18:00:00.000Z",)"
        R"("end":"2026-11-25T20:00:00.000Z"},"score":99,"reasons":["later than the first day"]}],)"
        R"("removed":[{"rule":"busy","label":"CHG-2 on web-1","count":12},)"
        R"({"rule":"daylight","label":"the rollback must lie between 08:00 and 20:00","count":3}]})"
    );
    server.answer(200, R"({"id":"main","zone":"Europe/Berlin"})");
    EXPECT_EQ(
        run(
            {"change", "windows", "CHG-1", "--from", "2026-11-25T00:00", "--until",
             "2026-11-26T00:00"}
        ),
        0
    );
    EXPECT_EQ(
        out.str(), "FROM (Europe/Berlin)  UNTIL             SCORE\n"
                   "2026-11-25T19:00      2026-11-25T21:00  99\n"
                   "\n"
                   "2026-11-25T19:00\n"
                   "  later than the first day\n"
                   "\n"
                   "take one: slipway change schedule CHG-1 --start 2026-11-25T19:00 --end "
                   "2026-11-25T21:00 --zone Europe/Berlin\n"
                   "\n"
                   "not possible:\n"
                   "  12 starts: overlapping CHG-2 on web-1\n"
                   "  3 starts: the rollback must lie between 08:00 and 20:00\n"
    );
}

TEST_F(CliTest, OverriddenClassificationsAreListed) {
    server.answer(200, R"({"items":[]})");
    EXPECT_EQ(run({"change", "list", "--overridden", "--type", "normal"}), 0);
    EXPECT_EQ(server.seen().at(0).target, "/api/v1/changes?type=normal&overridden=true");
}

TEST_F(CliTest, AllPagesAreOneList) {
    server.answer(200, R"({"items":[{"id":"web-1"}],"next":"web-1"})");
    server.answer(200, R"({"items":[{"id":"web-2"}]})");
    EXPECT_EQ(run({"ci", "list", "--all", "--json"}), 0);
    EXPECT_EQ(out.str(), "{\"items\":[{\"id\":\"web-1\"},{\"id\":\"web-2\"}]}\n");
    EXPECT_EQ(server.seen().at(1).target, "/api/v1/cis?limit=200&cursor=web-1");
    server.answer(200, R"({"items":[],"next":"x"})");
    server.answer(200, R"({"items":[],"next":"x"})");
    EXPECT_EQ(run({"ci", "list", "--all"}), 70) << "a server that turns in a circle";
}

TEST_F(CliTest, TheChecklistShowsWhatAppliesAndWhatIsOverdue) {
    server.answer(
        200, R"({"id":"CHG-1","steps":[{"id":"scope","state":"completed","applies":true,)"
             R"("overdue":false},{"id":"notice","state":"open","applies":true,"overdue":true},)"
             R"({"id":"rollback","state":"open","applies":false,"overdue":false}]})"
    );
    EXPECT_EQ(run({"change", "steps", "CHG-1"}), 0);
    EXPECT_EQ(
        out.str(), "STEP    STATE\n"
                   "scope   completed\n"
                   "notice  overdue\n"
    );
}

TEST_F(CliTest, GatesShowVerdictsAndReasons) {
    server.answer(
        200, R"({"id":"CHG-1","gates":[{"gate":"rfc-specific","step":"scope","verdict":"pass"},)"
             R"({"gate":"window","step":"window","verdict":"fail","reasons":[{"gate":"window",)"
             R"("message":"there is no window","remedy":"Schedule one"}]}]})"
    );
    EXPECT_EQ(run({"change", "gates", "CHG-1"}), 0);
    EXPECT_EQ(
        out.str(), "GATE          VERDICT  STEP\n"
                   "rfc-specific  pass     scope\n"
                   "window        fail     window\n"
                   "\n"
                   "  window\n"
                   "    there is no window\n"
                   "    mend: Schedule one\n"
    );
}

TEST_F(CliTest, WhatGatesSayIsSaidOnceAndTogether) {
    server.answer(
        200,
        R"({"id":"CHG-1","gates":[{"gate":"window","step":"window","verdict":"fail","reasons":[)"
        R"({"gate":"window","message":"there is no window","remedy":"Schedule one"}]},)"
        R"({"gate":"run-exact","step":"execute","verdict":"fail","reasons":[)"
        R"({"gate":"window","message":"there is no window","remedy":"Schedule one"},)"
        R"({"gate":"run-exact","field":"deployment","message":"has not run"}]},)"
        R"({"gate":"closure","step":"closure","verdict":"fail","reasons":[)"
        R"({"gate":"closure","field":"steps.scope","message":"a step is not complete: Scope",)"
        R"("evidence":"open","remedy":"Complete it"},)"
        R"({"gate":"closure","field":"owed.pir","message":"owes: pir","evidence":"open",)"
        R"("remedy":"Complete it"},)"
        R"({"gate":"closure","field":"steps.cab","message":"a step is not complete: The CAB",)"
        R"("evidence":"open","remedy":"Complete it"}]}]})"
    );
    EXPECT_EQ(run({"change", "gates", "CHG-1"}), 0);
    EXPECT_EQ(
        out.str(), "GATE       VERDICT  STEP\n"
                   "window     fail     window\n"
                   "run-exact  fail     execute\n"
                   "closure    fail     closure\n"
                   "\n"
                   "  window\n"
                   "    there is no window\n"
                   "    mend: Schedule one\n"
                   "\n"
                   "  run-exact · deployment\n"
                   "    has not run\n"
                   "\n"
                   "  closure · steps\n"
                   "    a step is not complete: Scope (scope); The CAB (cab)\n"
                   "    evidence: open\n"
                   "    mend: Complete it\n"
                   "\n"
                   "  closure · owed.pir\n"
                   "    owes: pir\n"
                   "    evidence: open\n"
                   "    mend: Complete it\n"
    );
}

TEST_F(CliTest, TheGatesOfAChangeThatIsOverBeginWithThat) {
    server.answer(
        200, R"({"id":"CHG-1","note":"CHG-1 is closed","gates":[{"gate":"window","step":"window",)"
             R"("verdict":"fail","reasons":[{"gate":"window","message":"it overlaps CHG-2",)"
             R"("remedy":""}]}]})"
    );
    EXPECT_EQ(run({"change", "gates", "CHG-1"}), 0);
    EXPECT_TRUE(out.str().starts_with("CHG-1 is closed\n\n")) << out.str();
    EXPECT_EQ(out.str().find("mend:"), std::string::npos) << out.str();
}

TEST_F(CliTest, AGateSaysNoAndYes) {
    server.answer(
        200, R"({"id":"CHG-1","go":false,"reasons":[{"gate":"cab-decision",)"
             R"("message":"the change is not approved"}],"retry_after_ms":60000})"
    );
    EXPECT_EQ(run({"gate", "CHG-1"}), 6);
    EXPECT_NE(err.str().find("not approved"), std::string::npos);
    server.answer(200, R"({"id":"CHG-1","go":true,"reasons":[],"retry_after_ms":0})");
    EXPECT_EQ(run({"gate", "CHG-1"}), 0);
    EXPECT_EQ(server.seen().at(0).target, "/api/v1/changes/CHG-1/clearance");
}

TEST_F(CliTest, AGateWaitsAsTheServerSays) {
    const std::string early =
        R"({"go":false,"window_start":"2026-11-25T18:00:00.000Z","reasons":[)"
        R"({"message":"too early","evidence":"now 17:00"},{"message":"not approved"}],)"
        R"("retry_after_ms":30000})";
    server.answer(200, early);
    server.answer(200, early);
    server.answer(503, "", "text/plain");
    server.answer(200, R"({"go":true,"state":"approved"})");
    EXPECT_EQ(run({"gate", "CHG-1", "--wait", "--timeout", "1h"}), 0);
    using std::chrono::seconds;
    EXPECT_EQ(waits, (std::vector<Span>{seconds(30), seconds(30), seconds(10)}));
    EXPECT_EQ(
        err.str(), "waiting for CHG-1: too early; not approved; the window opens at "
                   "2026-11-25 18:00:00 UTC\n"
                   "waiting for CHG-1: the server answered with status 503\n"
    );
    EXPECT_EQ(
        out.str(),
        "go CHG-1: approved, inside its window, in no freeze, and no gate stands in the way\n"
    );
}

TEST_F(CliTest, AGateThatWaitsForMuchNamesSomeOfIt) {
    server.answer(
        200, R"({"go":false,"over":false,"reasons":[{"message":"a"},{"message":"b"},)"
             R"({"message":"c"},{"message":"d"},{"message":"e"},{"message":"f"}]})"
    );
    server.answer(200, R"({"go":true})");
    EXPECT_EQ(run({"gate", "CHG-1", "--wait"}), 0);
    EXPECT_EQ(err.str(), "waiting for CHG-1: a; b; c; d; and 2 more\n");
}

TEST_F(CliTest, AGateEndsWhenTheTimeIsUpOrItIsTooLate) {
    for (int i = 0; i < 4; ++i)
        server.answer(
            200, R"({"go":false,"state":"approved","reasons":[],"retry_after_ms":60000})"
        );
    EXPECT_EQ(run({"gate", "CHG-1", "--wait", "--timeout", "150s"}), 8);
    EXPECT_EQ(waits.size(), 3u);
    waits.clear();
    server.answer(200, R"({"go":false,"over":true,"reasons":[],"retry_after_ms":60000})");
    EXPECT_EQ(run({"gate", "CHG-1", "--wait"}), 6);
    EXPECT_TRUE(waits.empty());
}

TEST_F(CliTest, ASessionIsKeptPrivatelyAndOnlyForItsServer) {
    environment.erase("SLIPWAY_TOKEN");
    server.answer(
        201, R"({"id":"ses-1","secret":"hush","tenant":"main","person":"anna",)"
             R"("expires_at":"2026-11-23T08:00:00.000Z"})"
    );
    EXPECT_EQ(run({"login", "--person", "anna"}), 0);
    EXPECT_EQ(out.str().find("hush"), std::string::npos);
    EXPECT_EQ(server.seen().at(0).body, R"({"person":"anna","password":"harbour light 42"})");
    const auto place = (folder / ".config/slipway/session.json").string();

    struct stat found {};

    ASSERT_EQ(::stat(place.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u);
    environment.erase("SLIPWAY_SERVER");
    server.answer(200, R"({"person":"anna"})");
    EXPECT_EQ(run({"whoami"}), 0);
    EXPECT_EQ(out.str(), "person: anna\n");
    EXPECT_EQ(server.seen().at(1).headers.at("authorization"), "Bearer hush");
    const ScriptedServer other;
    EXPECT_EQ(run({"whoami", "--server", other.address()}), 4);
    EXPECT_TRUE(other.seen().empty());
    ASSERT_EQ(::chmod(place.c_str(), 0644), 0);
    EXPECT_EQ(run({"whoami"}), 4);
    ASSERT_EQ(::chmod(place.c_str(), 0600), 0);
    server.answer(204, "");
    EXPECT_EQ(run({"logout"}), 0);
    EXPECT_EQ(server.seen().back().body, "") << "the operation takes none";
    EXPECT_FALSE(std::filesystem::exists(place));
}

TEST_F(CliTest, APasswordComesFromTheInputWhenAsked) {
    in.str("correct horse battery\nmore\n");
    server.answer(201, R"({"secret":"hush","person":"ben","tenant":"main"})");
    EXPECT_EQ(run({"login", "--person=ben", "--password-stdin", "--tenant", "main"}), 0);
    EXPECT_NE(server.seen().at(0).body.find("correct horse battery\""), std::string::npos);
}

TEST_F(CliTest, ATokenPrintsOnlyItsSecret) {
    server.answer(201, R"({"id":"tok-1","secret":"s3cret","person":"anna"})");
    EXPECT_EQ(
        run({"token", "create", "--label", "ci", "--scope", "change_read", "--scope", "change_run"}
        ),
        0
    );
    EXPECT_EQ(out.str(), "s3cret\n");
    EXPECT_EQ(
        server.seen().at(0).body,
        R"({"label":"ci","scopes":["change_read","change_run"],"expires_in":"90d"})"
    );
}

TEST_F(CliTest, ASandboxIsPutForwardToATimeAsWell) {
    server.answer(200, R"({"now":"2026-11-22T20:00:00.000Z"})");
    server.answer(200, R"({"now":"2026-11-23T21:00:00.000Z"})");
    EXPECT_EQ(run({"sandbox", "advance", "--until", "2026-11-23T21:00:00Z"}), 0);
    EXPECT_EQ(server.seen().at(1).body, R"({"by":"25h"})");
    EXPECT_EQ(out.str(), "the server's clock stands at 2026-11-23 21:00:00 UTC\n");
    server.answer(200, R"({"now":"2026-11-23T21:00:00.000Z"})");
    EXPECT_EQ(run({"sandbox", "advance", "--until", "2026-11-23T21:00:00Z"}), 64);
    EXPECT_EQ(run({"sandbox", "advance"}), 64);
    EXPECT_NE(err.str().find("slipway sandbox advance 48h"), std::string::npos) << err.str();
    EXPECT_EQ(server.seen().size(), 3u);
}

TEST_F(CliTest, SnapshotsAreListedWithTheirGrowthAndEnd) {
    server.answer(200, R"({"items":[{"change":"CHG-1","host":"web-1","state":"taken",
        "expires_at":"2026-12-04T10:00:00Z","overdue":true,"size_bytes":900,"grown_bytes":800}],
        "next":""})");
    EXPECT_EQ(run({"snapshot", "list", "--state", "taken"}), 0);
    EXPECT_EQ(server.seen().at(0).target, "/api/v1/snapshots?state=taken");
    EXPECT_NE(out.str().find("800"), std::string::npos);
}

TEST_F(CliTest, ATaskThatWasGivenUpIsListedAndTriedAgain) {
    server.answer(200, R"({"items":[{"id":"17","kind":"notice","dead":true}],"next":"17"})");
    EXPECT_EQ(run({"task", "list", "--dead", "--limit", "1"}), 0);
    EXPECT_EQ(server.seen().at(0).target, "/api/v1/tasks?dead=true&limit=1");
    EXPECT_NE(out.str().find("notice"), std::string::npos);
    server.answer(200, R"({"id":"17"})");
    out.str("");
    EXPECT_EQ(run({"task", "retry", "17"}), 0);
    EXPECT_EQ(
        server.seen().at(1).method + server.seen().at(1).target, "POST/api/v1/tasks/17/retry"
    );
    EXPECT_EQ(out.str(), "task 17 is tried once more\n");
}

TEST_F(CliTest, CodesNeverStandOnTheCommandLine) {
    EXPECT_EQ(run({"setup", "--code", "c0de", "--person", "anna", "--name", "Anna"}), 64);
    EXPECT_EQ(run({"password", "redeem", "--code", "c0de"}), 64);
    EXPECT_TRUE(server.seen().empty());
    server.answer(204, "");
    in.str("c0de\nharbour light 42\n");
    EXPECT_EQ(
        run({"setup", "--person", "anna", "--name", "Anna", "--code_stdin", "--password_stdin"}), 0
    ) << err.str();
    EXPECT_EQ(
        server.seen().at(0).body,
        R"({"person":"anna","name":"Anna","code":"c0de","password":"harbour light 42"})"
    );
    server.answer(204, "");
    EXPECT_EQ(run({"password", "redeem"}), 0); // asked for at the terminal
    EXPECT_EQ(
        server.seen().at(1).body, R"({"code":"harbour light 42","password":"harbour light 42"})"
    );
}

TEST_F(CliTest, ANewPasswordIsTypedTwice) {
    repeated = "harbour light 24";
    const std::vector<std::vector<std::string>> lines{
        {"setup", "--person", "anna", "--name", "Anna"},
        {"password", "redeem"},
        {"password", "change"}};
    for (const auto& line : lines) {
        prompts.clear();
        EXPECT_EQ(run(line), 2);
        EXPECT_EQ(prompts.back(), "New password again: ");
        EXPECT_NE(err.str().find("the two are not the same"), std::string::npos) << err.str();
    }
    EXPECT_TRUE(server.seen().empty());
}

TEST_F(CliTest, AOneTimeCodeSaysUntilWhenAndWhatToType) {
    const auto* const code = R"({"id":"cod-1","secret":"slpp_1","tenant":"main","person":"ben",)"
                             R"("expires_at":"2026-11-23T20:00:00.000Z"})";
    server.answer(201, code);
    EXPECT_EQ(run({"password", "set", "ben"}), 0);
    EXPECT_EQ(out.str(), "slpp_1\n") << "alone, for a program that takes it";
    EXPECT_NE(err.str().find("until 2026-11-23"), std::string::npos) << err.str();
    EXPECT_NE(
        err.str().find("  slipway password redeem --server http://127.0.0.1:"), std::string::npos
    ) << err.str();
    server.answer(201, code);
    EXPECT_EQ(run({"password", "set", "ben", "--quiet"}), 0);
    EXPECT_EQ(out.str() + err.str(), "slpp_1\n");
    local.admin_password_code.run = [&](const cli::Arguments&) { return parse_json(code); };
    EXPECT_EQ(run({"admin", "password_code", "--quiet"}), 0);
    EXPECT_EQ(out.str(), "slpp_1\n");
    EXPECT_EQ(run({"admin", "password_code"}), 0);
    EXPECT_NE(err.str().find("  slipway password redeem\n"), std::string::npos) << err.str();
}

// Tells when something was written to it.
struct ToldBuffer final : std::stringbuf {
    int sync() override {
        const std::lock_guard lock(mutex);
        written = true;
        changed.notify_all();
        return 0;
    }

    std::mutex mutex;
    std::condition_variable changed;
    bool written = false;
};

TEST_F(CliTest, LongWorkSaysThatItGoesOn) {
    ToldBuffer buffer;
    std::ostream terminal(&buffer);
    local.admin_backup.run = [&](const cli::Arguments&) -> Result<Json> {
        std::unique_lock lock(buffer.mutex);
        buffer.changed.wait_for(lock, std::chrono::seconds(20), [&] { return buffer.written; });
        return Json(JsonObject{{"events", 7}});
    };
    const auto backup = [&](const std::vector<std::string>& words) {
        return cli::run_cli(
            words, local,
            cli::Surroundings{in, out, terminal, false, true, 80, clock, random, {}, {}}
        );
    };
    EXPECT_EQ(backup({"admin", "backup"}), 0);
    EXPECT_NE(buffer.str().find("\radmin backup  1 s"), std::string::npos) << buffer.str();
    EXPECT_TRUE(buffer.str().ends_with(" \r")) << "the line is wiped: " << buffer.str();
    const auto before = buffer.str();
    EXPECT_EQ(backup({"admin", "backup", "--quiet"}), 0);
    EXPECT_EQ(buffer.str(), before);
}

TEST_F(CliTest, TransfersShowHowFarTheyAre) {
    std::ostringstream terminal;
    const auto run_at_terminal = [&](const std::vector<std::string>& words) {
        return cli::run_cli(
            words, local,
            cli::Surroundings{in, out, terminal, false, true, 80, clock, random, {}, {}}
        );
    };
    server.answer(200, R"({"imported":1,"created":1})");
    const auto file = write("cmdb.ndjson", R"({"id":"web"})");
    EXPECT_EQ(run_at_terminal({"ci", "import", file}), 0);
    EXPECT_NE(terminal.str().find("cmdb.ndjson  100 %"), std::string::npos) << terminal.str();
    server.answer(200, "PKzip", "application/zip");
    const auto target = (folder / "evidence.zip").string();
    EXPECT_EQ(run_at_terminal({"change", "export", "CHG-1", "--out", target}), 0);
    EXPECT_NE(terminal.str().find("evidence.zip  100 %"), std::string::npos) << terminal.str();
}

TEST_F(CliTest, AnExaminationThatFindsSomethingIsARefusal) {
    local.admin_doctor.run = [](const cli::Arguments&) -> Result<Json> {
        return *parse_json(R"({"healthy":false,"findings":[{"check":"tasks"}]})");
    };
    local.admin_doctor.is_sound = [](const Json& json) { return json.at("healthy").as_bool(); };
    EXPECT_EQ(run({"admin", "doctor"}), 6);
    EXPECT_NE(out.str().find("tasks"), std::string::npos);
    EXPECT_EQ(run({"admin", "doctor", "--json"}), 6);
}

TEST_F(CliTest, TheNextPageIsNamedByTheCommandsOwnOption) {
    server.answer(200, R"({"items":[{"seq":7}],"next":"8"})");
    EXPECT_EQ(run({"ledger", "entries", "--from", "7"}), 0);
    EXPECT_EQ(server.seen().at(0).target, "/api/v1/ledger/entries?from=7");
    EXPECT_NE(out.str().find("more: --from 8, or --all"), std::string::npos) << out.str();
    server.answer(200, R"({"items":[{"seq":7}],"next":"8"})");
    server.answer(200, R"({"items":[{"seq":8}]})");
    EXPECT_EQ(run({"ledger", "entries", "--from", "7", "--all", "--json"}), 0);
    EXPECT_EQ(
        out.str(), R"({"items":[{"seq":7},{"seq":8}]})"
                   "\n"
    );
    EXPECT_EQ(server.seen().at(2).target, "/api/v1/ledger/entries?limit=200&from=8");
}

TEST_F(CliTest, WhenNotAllPagesAreFollowedTheJsonSaysWhereToGoOn) {
    for (std::size_t page = 1; page <= limits::cli_pages_max; ++page)
        server.answer(200, fmt::format(R"({{"items":[],"next":"{}"}})", page));
    EXPECT_EQ(run({"ledger", "entries", "--all", "--json"}), 0);
    EXPECT_EQ(out.str(), fmt::format("{{\"items\":[],\"next\":\"{}\"}}\n", limits::cli_pages_max));
}

TEST_F(CliTest, WindowsAreAskedForInTheWordsOfTheServer) {
    server.answer(200, R"({"proposals":[],"considered":0,"removed":[]})");
    server.answer(404, R"({"code":"not_found","detail":"no such organisation"})");
    EXPECT_EQ(
        run(
            {"change", "windows", "CHG-1", "--from", "2026-12-01T00:00", "--until",
             "2026-12-08T00:00", "--duration", "2h", "--count", "3"}
        ),
        0
    );
    EXPECT_EQ(
        server.seen().at(0).target,
        "/api/v1/changes/CHG-1/window_proposals?from=2026-12-01T00%3A00&until=2026-12-08T00%3A00"
        "&duration=2h&count=3"
    );
    EXPECT_EQ(run({"change", "windows", "CHG-1", "--from", "2026-12-01T00:00"}), 64);
    EXPECT_NE(err.str().find("needs --until"), std::string::npos) << err.str();
}

TEST_F(CliTest, AnExportThatCannotBeginLeavesNothing) {
    environment.erase("SLIPWAY_TOKEN");
    const auto target = (folder / "evidence.zip").string();
    EXPECT_EQ(run({"change", "export", "CHG-1", "--out", target}), 4);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(CliTest, AnExportIsWholeOrNotThere) {
    const auto target = (folder / "evidence.zip").string();
    server.answer(Scripted{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nPK"});
    EXPECT_EQ(run({"change", "export", "CHG-1", "--out", target}), 8);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    server.answer(404, "");
    EXPECT_EQ(run({"change", "export", "CHG-1", "--out", target}), 3);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    server.answer(200, "PKzip", "application/zip");
    EXPECT_EQ(run({"change", "export", "CHG-1", "--out", target}), 0);
    EXPECT_EQ(std::filesystem::file_size(target), 5u);
}

} // namespace

} // namespace slipway::test
