// SPDX-License-Identifier: Apache-2.0
// What `change show` says of what is still to be done, and leaves out of what is past.
#include "cli_fixture.hpp"

namespace slipway::test {

namespace {

TEST_F(CliTest, WhatIsToBeDoneBeginsWithAWindowThatIsOverAndEndsWithTheConditionsOfTheBoard) {
    server.answer(
        200, R"({"id":"CHG-6","state":"approved","window":{"start":"2026-12-16T09:30:00.000Z",)"
             R"("end":"2026-12-16T11:00:00.000Z","zone":"Europe/Oslo"},"decision":{"conditions":)"
             R"([{"id":"C-1","text":"somebody watches"},)"
             R"({"id":"C-2","text":"tell them","met_at":"2026-12-15T09:30:00.000Z"}]}})"
    );
    server.answer(
        200, R"({"steps":[{"id":"oncall","phase":"a","title":"On call","applies":true,)"
             R"("required":true,"state":"open","assignee":"pia"}]})"
    );
    server.answer(200, R"({"now":"2026-12-17T12:03:00.000Z"})");
    EXPECT_EQ(run({"change", "show", "CHG-6"}), 0);
    const std::string next =
        "next steps, and whose turn it is:\n"
        "  the window is over, move it: slipway change schedule CHG-6 --start TIME --end TIME "
        "--zone Europe/Oslo\n"
        "  oncall: On call; pia\n"
        "  C-1: somebody watches; a condition of the board: slipway change meet_condition CHG-6 "
        "--id C-1 --evidence TEXT\n";
    EXPECT_NE(out.str().find(next), std::string::npos) << out.str();
    EXPECT_EQ(out.str().find("C-2"), std::string::npos) << out.str();
}

TEST_F(CliTest, OnlyWhatIsStillOpenIsOwedAndOnlyWhatHoldsIsAWaiver) {
    const auto record = [](std::string_view state) {
        return fmt::format(
            R"({{"id":"CHG-4","state":"{}","owed":[)"
            R"({{"id":"rehearsal","due_at":"2026-12-20T10:00:00.000Z",)"
            R"("settled_at":"2026-12-18T10:00:00.000Z"}},)"
            R"({{"id":"defects","due_at":"2026-12-21T10:00:00.000Z"}}],"waivers":[)"
            R"({{"id":"W-1","gate":"window","state":"granted",)"
            R"("expires_at":"2026-12-16T10:00:00.000Z"}},)"
            R"({{"id":"W-2","gate":"oncall","state":"granted",)"
            R"("expires_at":"2026-12-18T10:00:00.000Z"}},)"
            R"({{"id":"W-3","gate":"notice","state":"requested",)"
            R"("expires_at":"2026-12-16T10:00:00.000Z"}}]}})",
            state
        );
    };
    server.answer(200, record("stabilising"));
    server.answer(200, R"({"now":"2026-12-17T12:03:00.000Z"})");
    server.answer(200, R"({"steps":[]})");
    EXPECT_EQ(run({"change", "show", "CHG-4"}), 0);
    EXPECT_NE(out.str().find("owed: defects by 2026-12-21 10:00:00 UTC\n"), std::string::npos)
        << out.str();
    EXPECT_NE(
        out.str().find("waivers: W-2 oncall granted until 2026-12-18 10:00:00 UTC\n"),
        std::string::npos
    ) << out.str();
    out.str("");
    server.answer(200, record("closed"));
    EXPECT_EQ(run({"change", "show", "CHG-4"}), 0);
    EXPECT_EQ(out.str().find("waivers:"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("more with --all: waivers\n"), std::string::npos) << out.str();
}

TEST_F(CliTest, AnExtendedWindowIsShownWithBothItsEnds) {
    const auto record = [](std::string_view extensions) {
        return fmt::format(
            R"({{"id":"CHG-4","state":"closed","window":{{"start":"2026-11-26T10:00:00.000Z",)"
            R"("end":"2026-11-26T12:00:00.000Z"}},"extensions":[{}]}})",
            extensions
        );
    };
    server.answer(
        200, record(R"({"until":"2026-11-26T12:10:00.000Z"},{"until":"2026-11-26T12:30:00.000Z"})")
    );
    EXPECT_EQ(run({"change", "show", "CHG-4"}), 0);
    const std::string both = "window.end: 2026-11-26 12:30:00 UTC, extended; approved until "
                             "2026-11-26 12:00:00 UTC\n";
    EXPECT_NE(out.str().find(both), std::string::npos) << out.str();
    server.answer(200, record(""));
    EXPECT_EQ(run({"change", "show", "CHG-4"}), 0);
    EXPECT_NE(out.str().find("window.end: 2026-11-26 12:00:00 UTC\n"), std::string::npos)
        << out.str();
}

TEST_F(CliTest, ActionsAreDoneOrOpenAndWhoseThoseAreIsShown) {
    server.answer(
        200, R"({"id":"CHG-4","state":"closed","actions":[)"
             R"({"id":"A-1","title":"Mend","owner":"nils","done_at":"2026-12-20T10:00:00.000Z"},)"
             R"({"id":"A-2","title":"Tell","owner":"tom","done_at":null}]})"
    );
    EXPECT_EQ(run({"change", "show", "CHG-4"}), 0);
    EXPECT_NE(out.str().find("actions: A-1 done, A-2 open (tom)\n"), std::string::npos)
        << out.str();
}

TEST_F(CliTest, WhatAProviderSaysOfASnapshotIsShownWithIt) {
    server.answer(
        200, R"({"id":"CHG-4","state":"rolling_back","snapshots":[)"
             R"({"id":"vol-7","host":"web-1","state":"taken",)"
             R"("detail":"the revert failed: no space left"},)"
             R"({"id":"vol-8","host":"web-2","state":"taken"}]})"
    );
    EXPECT_EQ(run({"change", "show", "CHG-4"}), 0);
    EXPECT_NE(
        out.str().find("vol-7 web-1 taken: the revert failed: no space left"), std::string::npos
    ) << out.str();
    EXPECT_NE(out.str().find("vol-8 web-2 taken\n"), std::string::npos) << out.str();
}

} // namespace

} // namespace slipway::test
