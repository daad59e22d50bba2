// SPDX-License-Identifier: Apache-2.0
// What people read of answers that programs get as JSON: forms, windows, backups, exports.
#include "cli_fixture.hpp"

namespace slipway::test {

namespace {

TEST_F(CliTest, WindowsAreLookedForFromNowOnAndByDays) {
    server.answer(200, R"({"id":"main","zone":"Europe/Oslo"})");
    server.answer(200, R"({"version":"1.2.3","now":"2026-11-22T20:00:01.000Z"})");
    server.answer(
        200, R"({"proposals":[],"considered":1,"removed":[)"
             R"({"rule":"past","label":"they are over","count":1}]})"
    );
    EXPECT_EQ(run({"change", "windows", "CHG-1", "--until", "2026-12-08"}), 0) << err.str();
    EXPECT_EQ(
        server.seen().at(2).target,
        "/api/v1/changes/CHG-1/window_proposals?from=2026-11-22T21%3A01&until=2026-12-08T00%3A00"
        "&zone=Europe%2FOslo"
    );
    EXPECT_NE(out.str().find("  1 start: in the past\n"), std::string::npos) << out.str();
}

constexpr auto steps_of_facts =
    R"({"id":"CHG-1","steps":[{"id":"facts","phase":"P","title":"The facts","kind":"form",)"
    R"("guidance":"Say what moves.","applies":true,"required":true,"state":"open",)"
    R"("roles":["change_owner"],"values":{"what":"a crane"},"fields":[)"
    R"({"name":"what","label":"What moves","type":"text","required":true,"max":2E1},)"
    R"({"name":"size","label":"How big","type":"number","required":true,"min":3E0,"max":9E0},)"
    R"({"name":"how","label":"How","type":"list","required":false,"options":["ship","rail"],)"
    R"("help":"Ask the yard."}]}]})";

TEST_F(CliTest, OneStepIsShownWithWhatItsFormAsksFor) {
    server.answer(200, steps_of_facts);
    EXPECT_EQ(run({"change", "steps", "CHG-1", "--step", "facts"}), 0);
    for (const auto* part :
         {"who: change_owner", "Say what moves.",
          "* what\n    What moves\n    text, at most 20 bytes\n"
          "    = a crane\n",
          "* size\n    How big\n    number, 3 to 9\n",
          "  how\n    How\n    list, one of: ship, rail\n    Ask the yard.\n",
          "slipway change fill_step CHG-1 --step facts --values '{\"what\":\"a "
          "crane\",\"size\":3}'"})
        EXPECT_NE(out.str().find(part), std::string::npos) << part << "\n" << out.str();
    server.answer(200, steps_of_facts);
    EXPECT_EQ(run({"change", "steps", "CHG-1", "--step", "facts", "--json"}), 0);
    ASSERT_TRUE(parse_json(out.str()));
    EXPECT_EQ(text_or_empty(*parse_json(out.str()), "id"), "facts");
    server.answer(200, steps_of_facts);
    EXPECT_EQ(run({"change", "steps", "CHG-1", "--step", "fact"}), 2);
    EXPECT_NE(err.str().find("did you mean facts?"), std::string::npos) << err.str();
}

TEST_F(CliTest, AnExportOverAFileSaysSo) {
    const auto target = write("evidence.zip", "older");
    server.answer(200, "PK", "application/zip");
    EXPECT_EQ(run({"change", "export", "CHG-1", "--out", target}), 0) << err.str();
    EXPECT_NE(out.str().find("2 bytes, instead of the file that was there;"), std::string::npos)
        << out.str();
}

TEST_F(CliTest, ABackupIsOneSentenceAndItsFilesAreForPrograms) {
    for (auto* hook : {&local.admin_backup, &local.admin_restore}) {
        hook->summary = "What the store does";
        hook->run = [](const cli::Arguments&) -> Result<Json> {
            return parse_json(R"({"events":12,"bytes":4096,"files":[{"path":"a","digest":"b"}],)"
                              R"("left_out":["secrets"]})");
        };
    }
    EXPECT_EQ(run({"admin", "backup"}), 0);
    EXPECT_EQ(
        out.str(), "backed up and verified: 12 entries, 4096 bytes; files beside the database: 1 "
                   "(--json names them)\nnot in it, keep it yourself: secrets\n"
    );
    EXPECT_EQ(run({"admin", "restore"}), 0);
    EXPECT_NE(out.str().find("restored and verified: 12 entries"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("only look at it (slipway verify"), std::string::npos) << out.str();
    EXPECT_EQ(run({"admin", "backup", "--json"}), 0);
    EXPECT_TRUE(parse_json(out.str()));
}

} // namespace

} // namespace slipway::test
