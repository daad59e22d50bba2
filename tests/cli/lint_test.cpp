// SPDX-License-Identifier: Apache-2.0
// Files that are checked without a server: runbooks, workflows, policies.
#include "cli_fixture.hpp"

namespace slipway::test {

namespace {

TEST_F(CliTest, ARunbookIsCheckedWithoutAServer) {
    const auto file = write("rollback.md", "We can roll back.\n");
    EXPECT_EQ(run({"runbook", "lint", file, "--purpose", "rollback"}), 2);
    EXPECT_NE(out.str().find(file + ":"), std::string::npos);
    EXPECT_NE(out.str().find(": error: "), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("mend: "), std::string::npos) << out.str();
    EXPECT_EQ(run({"runbook", "lint", (folder / "none.md").string()}), 3);
    EXPECT_TRUE(server.seen().empty());
}

// The line after the one that contains `text`.
std::string line_after(const std::string& all, const std::string& text) {
    const auto at = all.find(text);
    const auto end = at == std::string::npos ? at : all.find('\n', at);
    if (end == std::string::npos)
        return "no such line";
    return all.substr(end + 1, all.find('\n', end + 1) - end - 1);
}

TEST_F(CliTest, ARemedyOfSeveralLinesKeepsThem) {
    const auto file = write("rollback.md", "We can roll back.\n");
    EXPECT_EQ(run({"runbook", "lint", file}), 2);
    EXPECT_EQ(line_after(out.str(), "mend: begin the file with"), "      ---") << out.str();
    EXPECT_EQ(line_after(out.str(), "      ---"), "      title: Harbor site 1.5") << out.str();
}

TEST_F(CliTest, AFindingOfTheWholeFileHasNoLine) {
    const auto file = write("rollback.md", "\xff\n");
    EXPECT_EQ(run({"runbook", "lint", file}), 2);
    EXPECT_NE(out.str().find(file + ": error: the file is not valid"), std::string::npos)
        << out.str();
    EXPECT_EQ(out.str().find(":0"), std::string::npos) << out.str();
}

TEST_F(CliTest, AWorkflowIsCheckedWithoutAServer) {
    const std::string shipped = SLIPWAY_ROOT "/workflows/release.yaml";
    EXPECT_EQ(run({"workflow", "lint", shipped}), 0) << out.str();
    EXPECT_NE(out.str().find(shipped + ": release version "), std::string::npos) << out.str();
    const auto file = write(
        "one.yaml", "name: one\nversion: 1\ntitle: One\nphases:\n"
                    "  - id: p\n    title: P\n    steps:\n"
                    "      - {id: a, title: A, kind: frm}\n"
    );
    EXPECT_EQ(run({"workflow", "lint", shipped, file}), 2);
    EXPECT_NE(out.str().find(file + ":8: error: phases[0].steps[0].kind: "), std::string::npos)
        << out.str();
    EXPECT_NE(out.str().find("the nearest is form"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find(file + ": 1 finding: an error"), std::string::npos) << out.str();
    EXPECT_EQ(run({"workflow", "lint", file, "--json"}), 2);
    const auto report = parse_json(out.str());
    ASSERT_TRUE(report) << out.str();
    EXPECT_EQ(report->at("findings").as_array().at(0).at("line").to_number<int>(), 8);
    EXPECT_EQ(run({"workflow", "lint", (folder / "none.yaml").string()}), 3);
    EXPECT_EQ(run({"workflow", "lint"}), 64);
    EXPECT_TRUE(server.seen().empty());
}

TEST_F(CliTest, AConditionOnAStepThatIsNotThereIsAWarningWithItsLine) {
    const auto file = write(
        "one.yaml", "name: one\nversion: 1\ntitle: One\nphases:\n"
                    "  - id: p\n    title: P\n    steps:\n"
                    "      - {id: facts, title: A, kind: form}\n"
                    "      - id: b\n        title: B\n        kind: form\n"
                    "        when: .fields.fact.size > 50\n"
    );
    EXPECT_EQ(run({"workflow", "lint", file}), 0) << out.str();
    EXPECT_NE(out.str().find(file + ":12: warning: phases[0].steps[1].when: "), std::string::npos)
        << out.str();
    EXPECT_NE(out.str().find("the nearest is facts"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("2 steps, 1 finding: a warning"), std::string::npos) << out.str();
}

TEST_F(CliTest, WhatWasNotUnderstoodIsNotCounted) {
    const auto file = write(
        "deploy.md", "---\ntitle: T\npurpose: deployment\ntime_limit: 1h\n---\n\n"
                     "```sh {name=a timeout=1m}\ntrue\n```\n\n"
                     "```yaml smoke\n- name: x\n  kind: unheard\n```\n"
    );
    EXPECT_EQ(run({"runbook", "lint", file}), 2) << out.str();
    EXPECT_EQ(out.str().find("0 steps"), std::string::npos) << out.str();
}

TEST_F(CliTest, APolicyIsCheckedWithoutAServer) {
    EXPECT_EQ(run({"policy", "lint", SLIPWAY_ROOT "/policies/default.yaml"}), 0) << out.str();
    const auto file = write("strict.yaml", "name: strict\nquorum: 0\n");
    EXPECT_EQ(run({"policy", "lint", file}), 2);
    EXPECT_NE(out.str().find(file + ":2: error: quorum"), std::string::npos) << out.str();
}

} // namespace

} // namespace slipway::test
