// SPDX-License-Identifier: Apache-2.0
// What is known of the hosts of a ring, on the command line.
#include "cli_fixture.hpp"

namespace slipway::test {
namespace {

constexpr auto facts =
    R"({"items":[)"
    R"({"host":"web-1","role":"web","found":{"at":"2026-11-22T18:00:00.000Z",)"
    R"("by":"ina","script":"ab","count":2},"facts_at":"2026-11-22T18:00:00.000Z",)"
    R"("facts":{"kernel":"6.1","package.nginx":"1.22"}},)"
    R"({"host":"web-2","found":{"at":"2026-11-22T18:00:00.000Z","by":"ina",)"
    R"("script":"ab","fault":"could not connect to web-2"},)"
    R"("facts_at":"2026-11-22T18:00:00.000Z"}],"next":""})";

TEST_F(CliTest, TheHostsOfARingAreAskedAndShown) {
    server.answer(200, R"({"ring":"production","hosts":2})");
    EXPECT_EQ(run({"ring", "gather", "production"}), 0) << err.str();
    EXPECT_NE(out.str().find("slipway ring facts production"), std::string::npos) << out.str();
    EXPECT_EQ(server.seen().at(0).target, "/api/v1/rings/production/gather");
    server.answer(200, facts);
    EXPECT_EQ(run({"ring", "facts", "production"}), 0) << err.str();
    EXPECT_NE(out.str().find("web-1"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("gathered for ina"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("could not"), std::string::npos) << out.str();
    server.answer(200, facts);
    EXPECT_EQ(run({"ring", "facts", "production", "--host", "web-1"}), 0) << err.str();
    EXPECT_NE(out.str().find("package.nginx"), std::string::npos) << out.str();
    server.answer(200, facts);
    EXPECT_EQ(run({"ring", "facts", "production", "--host", "web-2"}), 0) << err.str();
    EXPECT_EQ(
        out.str(), "nothing is known of web-2: could not connect to web-2; slipway ring gather "
                   "production asks its hosts\n"
    );
    server.answer(200, facts);
    EXPECT_EQ(run({"ring", "facts", "production", "--host", "web-9"}), 3);
    EXPECT_NE(err.str().find("no host web-9"), std::string::npos) << err.str();
}

TEST_F(CliTest, FactsOfAHostAreImportedFromAFile) {
    const auto path = write("web-1.json", R"({"slipway_facts":1,"facts":{"kernel":"6.1"}})");
    server.answer(200, R"({"ring":"production","hosts":1})");
    EXPECT_EQ(run({"ring", "import_facts", "production", path, "--host", "web-1"}), 0) << err.str();
    EXPECT_EQ(server.seen().at(0).target, "/api/v1/rings/production/facts");
    EXPECT_NE(
        server.seen().at(0).body.find(
            R"("host":"web-1","document":{"slipway_facts":1,"facts":{"kernel":"6.1"}})"
        ),
        std::string::npos
    ) << server.seen().at(0).body;
    EXPECT_EQ(run({"ring", "import_facts", "production", path}), 64);
    const auto broken = write("broken.json", "kernel 6.1");
    EXPECT_EQ(run({"ring", "import_facts", "production", broken, "--host", "web-1"}), 2);
}

TEST_F(CliTest, TheFactsScriptIsPrintedAsItIs) {
    local.facts_script = "#!/bin/sh\necho facts\n";
    EXPECT_EQ(run({"ring", "script"}), 0) << err.str();
    EXPECT_EQ(out.str(), local.facts_script);
}

} // namespace
} // namespace slipway::test
