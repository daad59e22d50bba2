// SPDX-License-Identifier: Apache-2.0
#include "domain/runbook/runbook.hpp"

#include <chrono>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "domain/runbook/blocks.hpp"
#include "domain/runbook/runbook_fixture.hpp"

namespace slipway::domain {
namespace {

using namespace std::chrono_literals;
using samples::block;
using samples::front;
using samples::parsed;
using samples::smoke;

std::string file_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

// The errors as "line rule", in order.
std::vector<std::string> errors_of(const LintReport& report) {
    std::vector<std::string> errors;
    for (const auto& finding : report.findings)
        if (finding.severity == LintSeverity::error)
            errors.push_back(std::to_string(finding.line) + " " + finding.rule);
    return errors;
}

std::vector<std::string> rules_of(const std::vector<LintFinding>& findings, LintSeverity severity) {
    std::vector<std::string> rules;
    for (const auto& finding : findings)
        if (finding.severity == severity)
            rules.push_back(finding.rule);
    return rules;
}

TEST(RunbookParser, refuses_and_names_line_and_rule) {
    const struct {
        std::string body; // begins on line 8
        std::string error;
    } rows[] = {
        {block("sh {\"name\":\"a\",\"timout\":\"60s\"}"), "8 unknown-attribute"},
        {"\n" + block("sh { name=a colour=red }"), "9 unknown-attribute"},
        {block("manual {name=a host=x}"), "8 unknown-attribute"},
        {block("sh {name=a abort-if=x}"), "8 unknown-attribute"},
        {block("sh {name=a host=-oProxyCommand=x}"), "8 bad-attribute"},
        {block("sh {name=a host=\"web1 web2\"}"), "8 bad-attribute"},
        {block("sh {name=a"), "8 bad-attributes"},
        {block("sh {name=a name=b}"), "8 bad-attributes"},
        {block("sh {\"name\":\"a\",\"name\":\"b\"}"), "8 bad-attributes"},
        {block("sh {\"name\":[1]}"), "8 bad-attributes"},
        {block("sh {name=\"a}"), "8 bad-attributes"},
        {block("sh title {name=a}"), "8 bad-attributes"},
        {block("sh {=a}"), "8 bad-attributes"},
        {block("sh {name}"), "8 bad-attributes"},
        {block("sh {name=a colour}"), "8 unknown-attribute"},
        {block("manual {name=a confirm=true}"), "8 unknown-attribute"},
        {block("manual {name=a undoes=b}"), "8 unknown-attribute"},
        {block("sh {name=a confirm=maybe}"), "8 bad-attribute"},
        {block("sh {name=a owner=anna second=anna}"), "8 bad-attribute"},
        {block("sh {name=a undoes=a}"), "8 bad-attribute"},
        {block("sh {name=a undoes=b}") + block("sh {name=b}"), "8 bad-attribute"},
        {block("sh {name=a}") + block("sh {name=b undoes=a}") + block("sh {name=c undoes=a}"),
         "14 bad-attribute"},
        {block("sh {name=a}") + block("sh {name=b undoes=a}") + block("sh {name=c undoes=b}"),
         "14 bad-attribute"},
        {block("sh {name=a}") + block("sh {name=b undoes=a confirm=true}"), "11 bad-attribute"},
        {block("sh {name=a}") + block("sh {name=a undoes=a}"), "11 duplicate-name"},
        {block("sh {name=a parallel=}"), "8 bad-attribute"},
        {block("sh {name=a parallel=\"web one\"}"), "8 bad-attribute"},
        {block("sh {name=a parallel=g confirm=true}"), "8 bad-attribute"},
        {block("sh {\"name\":\"a\",\"parallel\":\"g\",\"second\":\"ben\"}"), "8 bad-attribute"},
        {block("manual {name=a parallel=g}"), "8 unknown-attribute"},
        {block("decision {name=a parallel=g abort-if=x}"), "8 unknown-attribute"},
        {block("sh {name=a}") + block("sh {name=b undoes=a parallel=g}"), "11 bad-attribute"},
        {block("sh {name=a parallel=g}") + block("sh {name=b}") + block("sh {name=c parallel=g}"),
         "14 bad-attribute"},
        {block("sh {name=a parallel=g}") + block("manual {name=b}") +
             block("sh {name=c parallel=g}"),
         "14 bad-attribute"},
        {block("sh {name=a parallel=g}") + block("sh {name=b parallel=h}") +
             block("sh {name=c parallel=g}"),
         "14 bad-attribute"},
        {"<![CDATA[\n" + block("sh {name=a}") + "]]>\n", "8 raw-text"},
        {"Text\n\n> A list:\n>\n> - <![CDATA[\n", "12 raw-text"},
        {block("sh {name=a timeout=60}"), "8 bad-time"},
        {block("sh {name=a timeout=0s}"), "8 bad-time"},
        {block("sh {name=a timeout=8d}"), "8 bad-time"},
        {block("sh {name=a timeout=" + to_text(Span(limits::runbook_time_max + 1ms)) + "}"),
         "8 bad-time"},
        {block("sh {name=a exit=256}"), "8 bad-attribute"},
        {block("sh {name=a exit=1x}"), "8 bad-attribute"},
        {block("sh {name=a verify=maybe}"), "8 bad-attribute"},
        {block("sh {name=a kind=manual}"), "8 bad-attribute"},
        {block("sh {name=a expect=/(/}"), "8 bad-expression"},
        {block("sh {name=a interpreter=cobol}"), "8 unknown-language"},
        {block("json {name=a}"), "8 unknown-language"},
        {block("sh {name=../a}"), "8 bad-name"},
        {block("sh {name=a}") + block("bash {name=a}"), "11 duplicate-name"},
        {block("sh {name=a}", "\n"), "8 empty-step"},
        {block("manual {name=a}", ""), "8 empty-step"},
        {block("manual {owner=anna}"), "8 no-name"},
        {block("decision {name=a owner=two/persons abort-if=x}"), "8 bad-person"},
        {"```sh {name=a}\ntrue\n", "8 open-fence"},
        {"```\nswallowed\n", "8 open-fence"},
        {"> ```sh {name=a}\n> true\n\nafter\n", "8 open-fence"},
        {"````sh {name=a}\ntrue\n```\n", "8 open-fence"},
        {"a\x1b[2Jb\n", "8 hidden-characters"},
        {"\n# \xe2\x80\xae drow\n", "9 hidden-characters"},
        {block("smoke", "name: a\n"), "9 bad-check"},
        {block("smoke", "- name: a\n"), "9 bad-check"},
        {block("smoke", "- {name: a, http: ftp://x}\n"), "9 bad-check"},
        {block("smoke", "- {name: a, tcp: host}\n"), "9 bad-check"},
        {block("smoke", "- {name: a, command: x, host: -l}\n"), "9 bad-check"},
        {block("smoke", "- {name: a, tcp: 'h:1', status: 200}\n"), "9 bad-check"},
        {block("smoke", "- name: a\n  http: http://x/\n  status: yes\n"), "11 bad-check"},
        {block("smoke", "- name: a\n  http: http://x/\n  colour: red\n"), "11 bad-check"},
        {block("smoke", "- name: a\n  http: http://x/\n  expect: 1.50\n"), "11 bad-check"},
        {block("smoke", "- &x {name: a, tcp: 'h:1'}\n- *x\n"), "9 bad-check"},
        {block("smoke", "- {name: a, tcp: 'h:1'}\n- {name: a, tcp: 'h:2'}\n"), "10 duplicate-name"},
        {block("smoke", "- {name: a, tcp: 'h:1', timeout: 9d}\n"), "9 bad-time"},
        {block("smoke", "- [[[[\n"), "9 bad-check"},
    };

    for (const auto& row : rows) {
        const auto report = lint_text(front + row.body);
        EXPECT_FALSE(report.passed()) << row.body;
        EXPECT_FALSE(report.runbook) << row.body;
        EXPECT_THAT(errors_of(report), testing::Contains(row.error)) << row.body;
        const auto runbook = parse_runbook(front + row.body);
        ASSERT_FALSE(runbook) << row.body;
        EXPECT_EQ(
            runbook.error().fields.front().field, "line " + row.error.substr(0, row.error.find(' '))
        );
    }
}

TEST(Runbook, steps_ask_one_person_or_two_and_can_be_taken_back) {
    const auto runbook = parse_runbook(
        front + block("sh {name=drain confirm=true owner=anna}") +
        block("sh {name=undrain undoes=drain timeout=10s}") + block("sh {name=switch second=ben}") +
        block("manual {name=tell owner=anna second=ben}")
    );
    ASSERT_TRUE(runbook) << runbook.error().message;
    ASSERT_EQ(runbook->steps.size(), 3); // an undo block is no step of the order
    EXPECT_TRUE(runbook->steps[0].confirm);
    EXPECT_EQ(runbook->steps[1].second.value, "ben");
    EXPECT_EQ(runbook->steps[2].second.value, "ben");
    ASSERT_EQ(runbook->undo.size(), 1);
    EXPECT_EQ(runbook->undo[0].undoes, "drain");
    EXPECT_EQ(find_step(*runbook, "undrain"), runbook->undo.data());
    EXPECT_EQ(find_step(*runbook, "tell"), &runbook->steps[2]);
    EXPECT_EQ(find_step(*runbook, "nothing"), nullptr);
    // Who must agree is part of what was approved.
    const auto alone = parse_runbook(front + block("sh {name=switch}"));
    EXPECT_NE(alone->steps[0].digest, runbook->steps[1].digest);
}

// Runs carry digests of steps, and those of old runs are asked again years later.
TEST(Runbook, a_step_without_newer_attributes_keeps_its_digest) {
    const auto runbook = parse_runbook(front + block("sh {name=switch timeout=2m}", "./switch\n"));
    ASSERT_TRUE(runbook);
    const std::string encoded =
        R"({"name":"switch","kind":"command","interpreter":"sh","script":"./switch\n",)"
        R"("exit_status":0,"timeout":"2m","timeout_given":true,"line":0})";
    EXPECT_EQ(runbook->steps[0].digest, sha256(encoded));
}

TEST(RunbookParser, refuses_bad_front_matter) {
    const struct {
        std::string text;
        std::string error;
    } rows[] = {
        {"", "1 no-front-matter"},
        {"# Title\n", "1 no-front-matter"},
        {"---\ntitle: T\n", "1 open-front-matter"},
        {"---\n---\n", "1 bad-front-matter"},
        {"---\ntitle: T\n---\n", "1 no-purpose"},
        {"---\npurpose: party\n---\n", "2 bad-front-matter"},
        {"---\npurpose: rollback\n\ncolour: red\n---\n", "4 bad-front-matter"},
        {"---\npurpose: rollback\nengineer: Anna Berg\n---\n", "3 bad-front-matter"},
        {"---\npurpose: rollback\ntime_limit: soon\n---\n", "3 bad-front-matter"},
        {"---\npurpose: rollback\ntime_limit: 8d\n---\n", "1 bad-time"},
        {"---\npurpose: &a rollback\ntitle: *a\n---\n", "2 bad-front-matter"},
        {"---\ntitle: " + std::string(201, 'x') + "\n---\n", "2 bad-front-matter"},
        {"---\n# " + std::string(limits::runbook_front_matter_max, 'x') + "\n---\n",
         "1 bad-front-matter"},
        {"\xff\n", "0 not-text"},
        {std::string("a\n\0", 3), "2 not-text"},
        {std::string(limits::runbook_file_max + 1, 'x'), "0 too-large"},
    };

    for (const auto& row : rows)
        EXPECT_THAT(errors_of(lint_text(row.text)), testing::Contains(row.error))
            << row.text.substr(0, 80);
}

TEST(RunbookParser, says_how_to_mend_what_stands_in_the_front_matter) {
    const auto remedy_of = [](std::string_view text) -> std::string {
        for (const auto& finding : lint_text(text).findings)
            if (finding.rule.ends_with("front-matter"))
                return finding.remedy;
        return "no such finding";
    };
    EXPECT_EQ(remedy_of("---\npurpose: &a rollback\n---\n"), "write the value out");
    EXPECT_THAT(
        remedy_of("---\npurpose: rollback\ncolour: red\n---\n"),
        testing::StartsWith("mend this line; front matter looks like this:\n---\n")
    );
    EXPECT_EQ(
        remedy_of("---\n# " + std::string(limits::runbook_front_matter_max, 'x') + "\n---\n"),
        "move prose and comments behind it, into the body"
    );
    EXPECT_THAT(remedy_of("# Title\n"), testing::StartsWith("begin the file with\n---\n"));
}

TEST(RunbookParser, refuses_more_than_its_limits) {
    std::string steps = front;
    for (std::size_t i = 0; i <= limits::runbook_steps_max; ++i)
        steps += block("sh {name=s" + std::to_string(i) + "}");
    EXPECT_THAT(
        errors_of(lint_text(steps)), testing::Contains(testing::HasSubstr("too-many-steps"))
    );

    std::string checks = front + "```smoke\n";
    for (std::size_t i = 0; i <= limits::smoke_checks_max; ++i)
        checks += "- {name: c" + std::to_string(i) + ", tcp: 'h:1'}\n";
    EXPECT_FALSE(lint_text(checks + "```\n").passed());

    std::string attributes = "sh {";
    for (std::size_t i = 0; i <= limits::runbook_attributes_max; ++i)
        attributes += " tag" + std::to_string(i) + "=x";
    EXPECT_FALSE(lint_text(front + block(attributes + " }")).passed());
    EXPECT_FALSE(lint_text(
                     front + block(
                                 "sh {name=a expect=" +
                                 std::string(limits::runbook_attribute_value_max + 1, 'x') + "}"
                             )
    )
                     .passed());
    EXPECT_FALSE(
        lint_text(front + block("smoke", "# " + std::string(limits::runbook_smoke_max, 'x') + "\n"))
            .passed()
    );
    std::string errors = front;
    for (std::size_t i = 0; i < limits::runbook_findings_max + 10; ++i)
        errors += block("sh {x=1 name=s}");
    EXPECT_LE(lint_text(errors).findings.size(), limits::runbook_findings_max);
}

TEST(RunbookParser, reads_both_forms_of_attributes) {
    const auto json = parsed(
        "# Switch `it`\n" +
        block(
            R"(sh {"name":"drain","timeout":"60s","exit":3,"expect":"/a\\d \"x\"/","host":"web1"})"
        )
    );
    const auto plain = parsed(
        "# Switch `it`\n" +
        block(R"(sh { name=drain timeout=60s exit=3 expect="/a\\d \"x\"/" host=web1 })")
    );
    ASSERT_EQ(json.steps.size(), 1);
    const auto& step = json.steps[0];
    EXPECT_EQ(step.name, "drain");
    EXPECT_EQ(step.kind, RunbookStepKind::command);
    EXPECT_EQ(step.title, "Switch it");
    EXPECT_EQ(step.timeout, 60s);
    EXPECT_EQ(step.exit_status, 3);
    EXPECT_EQ(step.expect, R"(/a\d "x"/)");
    EXPECT_EQ(step.host, "web1");
    EXPECT_EQ(step.interpreter, "sh");
    EXPECT_EQ(step.script, "true\n");
    EXPECT_EQ(step.line, 9);
    EXPECT_EQ(json.steps, plain.steps);
    EXPECT_NE(json.digest, plain.digest);
}

TEST(RunbookParser, knows_every_kind_of_block) {
    const auto runbook = parsed(
        "## A\n" + block("sh") + block("bash {name=run}", "arr=(1)\necho ${arr[0]}\n") +
        block("py {name=look verify=true}", "print(1)\n") +
        block("sh {name=see kind=verify owner=cy}") +
        block("sh {name=never excludeFromRunAll=true}") + "<!--\n" + block("sh {name=hidden}") +
        "-->\n\n    ```sh {name=indented}\n    ```\n\n1. One:\n\n   ```sh {name=nested}\n   a\n   "
        "```\n\n" +
        block("manual {name=call owner=dora}", "Call them.\n") +
        block("decision {name=go}", "Look.\n\n- Abort if: it is\n  red.\n\nElse go.\n") +
        block("text", "free text {name=x}\n") + block("yaml {.class}") + smoke
    );
    std::vector<std::string> names;
    for (const auto& step : runbook.steps)
        names.push_back(step.name + ":" + std::string(to_text(step.kind)) + ":" + step.interpreter);
    EXPECT_THAT(
        names, testing::ElementsAre(
                   "run:command:bash", "look:verify:python3", "see:verify:sh", "nested:command:sh",
                   "call:manual:", "go:decision:"
               )
    );
    EXPECT_EQ(runbook.steps[0].script, "arr=(1)\necho ${arr[0]}\n");
    EXPECT_EQ(runbook.steps[3].script, "a\n");
    EXPECT_EQ(runbook.steps[4].instructions, "Call them.");
    EXPECT_EQ(runbook.steps[4].timeout, 0s);
    EXPECT_EQ(runbook.steps[5].owner, PersonId("anna"));
    EXPECT_EQ(runbook.steps[5].backup, PersonId("ben"));
    EXPECT_EQ(runbook.steps[5].abort_criterion, "it is red.");
    EXPECT_THAT(
        rules_of(runbook.notes, LintSeverity::warning),
        testing::ElementsAre("unnamed-block", "excluded-block")
    );
    EXPECT_EQ(runbook.smoke.size(), 1);
}

TEST(RunbookParser, passes_over_what_only_runme_knows) {
    const auto runbook = parsed(
        block(
            "sh { background=false category=c closeTerminalOnSuccess=true excludeFromRunAll=false "
            "interactive=false mimeType=text/plain promptEnv=no terminalRows=10 "
            "runme.dev/id=01 name=a timeout=1s }"
        ) +
        block("sh {\"name\":\"b\",\"timeout\":\"1s\",\"cwd\":\"/tmp\",\"background\":\"true\"}")
    );
    EXPECT_EQ(runbook.steps.size(), 2);
    EXPECT_EQ(rules_of(runbook.notes, LintSeverity::warning).size(), 2);
    EXPECT_EQ(rules_of(runbook.notes, LintSeverity::note).size(), 9);
    const auto words = parsed(
        block("sh { interactive name=a verify timeout=1s }") +
        block("sh {name=b excludeFromRunAll}") + block("text", "<![CDATA[ `<![CDATA[`\n")
    );
    ASSERT_EQ(words.steps.size(), 1);
    EXPECT_EQ(words.steps[0].kind, RunbookStepKind::verify);
    EXPECT_THAT(
        rules_of(words.notes, LintSeverity::warning),
        testing::ElementsAre("runme-attribute", "excluded-block")
    );
    const auto ours = parse_runbook("---\npurpose: rollback\nrunme:\n  id: 01H\n  version: v3\n"
                                    "shell: zsh\n---\n# Title [1]\n");
    ASSERT_TRUE(ours);
    EXPECT_EQ(ours->title, "Title [1]");
    EXPECT_EQ(rules_of(ours->notes, LintSeverity::warning).size(), 1);
}

TEST(RunbookParser, a_step_has_what_is_left_of_the_whole_time) {
    Runbook runbook;
    RunbookStep step;
    step.timeout = 10min;
    EXPECT_EQ(step_time(runbook, step, 100h), 10min);
    runbook.time_limit = 45min;
    EXPECT_EQ(step_time(runbook, step, 0min), 10min);
    EXPECT_EQ(step_time(runbook, step, 40min), 5min);
    EXPECT_EQ(step_time(runbook, step, 45min), 0min);
    EXPECT_EQ(step_time(runbook, step, 46min), 0min);
    step.timeout = {};
    EXPECT_EQ(step_time(runbook, step, 0min), step_timeout_default);
    EXPECT_EQ(step_time(runbook, step, 44min), 1min);
}

TEST(RunbookParser, reads_windows_files_alike) {
    const std::string unix_text =
        front + "\n" + block("sh {name=a timeout=1s}", "one\ntwo\n") + smoke;
    std::string windows_text = "\xef\xbb\xbf";
    for (const char c : unix_text)
        windows_text += c == '\n' ? "\r\n" : std::string(1, c);
    const auto one = parse_runbook(unix_text);
    const auto other = parse_runbook(windows_text);
    ASSERT_TRUE(one);
    ASSERT_TRUE(other) << other.error().message;
    EXPECT_EQ(one->steps, other->steps);
    EXPECT_EQ(one->smoke_digest, other->smoke_digest);
    EXPECT_EQ(one->digest, sha256(unix_text));
    EXPECT_EQ(other->digest, sha256(windows_text));
}

TEST(RunbookParser, reads_a_smoke_list) {
    const auto runbook = parsed(
        block(
            "smoke", "- name: page\n  http: ${URL}/\n  status: 204\n  expect: '1.5'\n"
                     "  timeout: 3s\n  outside: true\n- name: port\n  tcp: ${LB}\n"
        ) +
        "text\n" + block("smoke", "- name: age\n  command: |\n    ./age\n  exit: 2\n")
    );
    ASSERT_EQ(runbook.smoke.size(), 3);
    const auto& page = runbook.smoke[0];
    EXPECT_EQ(page.kind, SmokeKind::http);
    EXPECT_EQ(page.url, "${URL}/");
    EXPECT_EQ(page.expect_status, 204);
    EXPECT_EQ(page.expect_body, "1.5");
    EXPECT_EQ(page.timeout, 3s);
    EXPECT_TRUE(page.outside);
    EXPECT_EQ(page.line, 9);
    EXPECT_EQ(runbook.smoke[1].address, "${LB}");
    EXPECT_EQ(runbook.smoke[1].timeout, smoke_timeout_default);
    EXPECT_EQ(runbook.smoke[2].script, "./age\n");
    EXPECT_EQ(runbook.smoke[2].expect_status, 2);
}

TEST(RunbookParser, digests_say_what_changed) {
    const auto text = [](const std::string& script, const std::string& url) {
        return block("sh {name=a timeout=1s}", script) +
               block("smoke", "- {name: s, http: 'http://" + url + "/'}\n");
    };
    const auto base = parsed(text("one\n", "x"));
    const auto moved = parsed("\n\nMore prose.\n\n" + text("one\n", "x"));
    const auto script = parsed(text("two\n", "x"));
    const auto url = parsed(text("one\n", "y"));
    EXPECT_NE(base.digest, moved.digest);
    EXPECT_EQ(base.steps[0].digest, moved.steps[0].digest);
    EXPECT_EQ(base.smoke_digest, moved.smoke_digest);
    EXPECT_NE(base.steps[0].digest, script.steps[0].digest);
    EXPECT_EQ(base.smoke_digest, script.smoke_digest);
    EXPECT_EQ(base.steps[0].digest, url.steps[0].digest);
    EXPECT_NE(base.smoke_digest, url.smoke_digest);
}

TEST(RunbookParser, survives_its_own_encoding) {
    const auto runbook = parsed(block("sh {name=a expect=x}") + smoke);
    const auto restored = restore<Runbook>(encode(runbook));
    ASSERT_TRUE(restored) << restored.error().detail;
    EXPECT_EQ(*restored, runbook);
}

TEST(RunbookParser, any_bytes_give_a_runbook_or_an_error) {
    EXPECT_TRUE(rc::check([](const std::string& text) {
        (void)lint_text(text);
        (void)lint_text(front + text);
    }));
    EXPECT_TRUE(rc::check("scripts come out as they went in", [] {
        const auto script = *rc::gen::container<std::string>(
            rc::gen::elementOf(std::string("ab[]*_<>&!\\$'\" \n~#-"))
        );
        const std::string fence(8, '`');
        const std::string body = "x" + script + (script.ends_with('\n') ? "" : "\n");
        const auto runbook =
            parse_runbook(front + fence + "sh {name=a}\n" + body + fence + "\n" + smoke);
        RC_ASSERT(runbook.has_value());
        RC_ASSERT(runbook->steps.at(0).script == body);
    }));
}

TEST(RunbookLint, refuses_we_can_roll_back) {
    const auto report = lint_text("We can roll back.\n");
    EXPECT_FALSE(report.passed());
    EXPECT_THAT(
        errors_of(report), testing::IsSupersetOf(
                               {"1 no-front-matter", "0 no-executable-step", "0 no-decision-point",
                                "0 no-named-engineer", "0 no-abort-criterion", "0 no-time-limit"}
                           )
    );
    for (const auto& finding : report.findings)
        EXPECT_FALSE(finding.remedy.empty()) << finding.rule;
    EXPECT_THAT(
        report.findings.front().message + report.findings[1].message,
        testing::HasSubstr("one can roll back, not how")
    );
    // Dressed up it is no better.
    const auto dressed = lint_text(
        "---\ntitle: T\npurpose: rollback\nengineer: TBD\ntime_limit: 1h\n---\n" +
        block("sh {name=a timeout=1s}", "# we can\necho we can roll back\n")
    );
    EXPECT_THAT(
        errors_of(dressed), testing::UnorderedElementsAre(
                                "0 no-executable-step", "0 no-decision-point",
                                "0 no-abort-criterion", "0 no-named-engineer"
                            )
    );
    EXPECT_EQ(errors_of(lint_text(front, RunbookPurpose::rollback)).size(), 3);
}

TEST(RunbookLint, holds_a_rollback_to_its_gate) {
    const auto lint = [](const std::string& keys, const std::string& body) {
        const auto runbook =
            parse_runbook("---\ntitle: T\npurpose: rollback\n" + keys + "---\n" + body);
        EXPECT_TRUE(runbook) << (runbook ? "" : runbook.error().message);
        return rules_of(lint_runbook(*runbook), LintSeverity::error);
    };
    const std::string limit = "time_limit: 20m\n";
    const auto step = block("sh {name=a timeout=1s}", "./back\n");
    const auto decision = block("decision {name=d owner=anna backup=ben abort-if=red}", "");
    using testing::ElementsAre;
    EXPECT_THAT(lint(limit, step + decision), ElementsAre());
    EXPECT_THAT(lint("", step + decision), ElementsAre("no-time-limit"));
    EXPECT_THAT(lint(limit, decision), ElementsAre("no-executable-step"));
    EXPECT_THAT(
        lint(limit, decision + block("sh {name=a verify=true}", "./see\n")),
        ElementsAre("no-executable-step")
    );
    EXPECT_THAT(
        lint(limit + "engineer: anna\n", step),
        ElementsAre("no-decision-point", "no-abort-criterion")
    );
    EXPECT_THAT(
        lint(limit, step + block("decision {name=d backup=ben abort-if=red}", "")),
        ElementsAre("no-named-engineer")
    );
    EXPECT_THAT(
        lint(limit, step + block("decision {name=d owner=nobody abort-if=red}", "")),
        ElementsAre("no-named-engineer")
    );
    EXPECT_THAT(
        lint(limit, step + block("decision {name=d owner=anna}", "Look.\n")),
        ElementsAre("no-abort-criterion")
    );
}

TEST(RunbookLint, holds_a_deployment_to_its_rules) {
    const auto step = block("sh {name=a timeout=1s}", "./go\n");
    EXPECT_THAT(errors_of(lint_text(front)), testing::ElementsAre("0 no-step", "0 no-smoke-list"));
    EXPECT_THAT(errors_of(lint_text(front + step)), testing::ElementsAre("0 no-smoke-list"));
    EXPECT_TRUE(lint_text(front + step + smoke).findings.empty());
    EXPECT_THAT(
        errors_of(lint_text(front + step + smoke, RunbookPurpose::rollback)),
        testing::ElementsAre("1 other-purpose")
    );
    EXPECT_THAT(
        rules_of(
            lint_runbook(parsed(
                block("sh {name=a}", "$ ./go\n") + block("sh {name=b timeout=2h}", "echo hi\n") +
                block("manual {name=c}", "Do it.\n") +
                block("decision {name=d owner=anna backup=anna abort-if=red}", "") + smoke
            )),
            LintSeverity::warning
        ),
        testing::UnorderedElementsAre(
            "no-timeout", "prompt", "only-talk", "no-owner", "no-backup", "time-limit-too-short"
        )
    );
    EXPECT_THAT(
        rules_of(
            lint_text("---\npurpose: deployment\n---\n" + step + smoke).findings,
            LintSeverity::warning
        ),
        testing::UnorderedElementsAre("no-title", "no-named-engineer", "no-time-limit")
    );
}

// Beside the word that is none, three things were said to be missing that stand there.
TEST(RunbookLint, of_front_matter_that_cannot_be_read_nothing_is_missing) {
    const auto report = lint_text(
        "---\ntitle: T\npurpose: deployment\nengineer: anna\ntime_limit: 1h\nowner: x\n---\n" +
        block("sh {name=a timeout=1s}", "./go\n") + smoke
    );
    EXPECT_THAT(
        rules_of(report.findings, LintSeverity::error), testing::ElementsAre("bad-front-matter")
    );
    EXPECT_THAT(rules_of(report.findings, LintSeverity::warning), testing::ElementsAre());
}

TEST(RunbookLint, a_machine_that_is_written_out_belongs_to_one_ring_alone) {
    const auto report = lint_text(
        front + block("sh {name=a timeout=3s host=web1}", "./switch\n") +
        block("sh {name=b timeout=3s host=\"${WEB}\"}", "./switch\n") +
        block("sh {name=c timeout=3s host=localhost}", "./switch\n") +
        block("sh {name=d timeout=3s undoes=a host=web1}", "./switch back\n") +
        block(
            "smoke", "- {name: e, command: ./look, host: web1}\n"
                     "- {name: f, command: ./look, host: \"deploy@${WEB}\"}\n"
        )
    );
    EXPECT_TRUE(report.passed());
    std::vector<std::string> messages;
    for (const auto& finding : report.findings)
        if (finding.rule == "host-of-one-ring")
            messages.push_back(finding.message.substr(0, finding.message.find(" names")));
    EXPECT_THAT(messages, testing::ElementsAre("the step a", "the step d", "the check e"));
}

TEST(RunbookLint, a_bad_check_is_named_and_is_no_missing_list) {
    const auto report = lint_text(
        front + block("sh {name=a timeout=3s}") +
        block(
            "smoke", "- name: age\n  job: {command: ./age, host: web1}\n  max_age: 1h\n"
                     "- {http: 'http://x/'}\n- {name: port, tcp: host}\n- 7\n"
        )
    );
    std::vector<std::string> messages;
    for (const auto& finding : report.findings)
        if (finding.severity == LintSeverity::error)
            messages.push_back(finding.message);
    EXPECT_THAT(
        messages, testing::ElementsAre(
                      testing::StartsWith("the check age: job.host: "),
                      testing::StartsWith("check 2 of the list: name: "),
                      testing::StartsWith("the check port: tcp: "),
                      testing::StartsWith("check 4 of the list: ")
                  )
    );
    // A list of nothing is none.
    const auto nothing = lint_text(front + block("sh {name=a}") + block("smoke", "[]\n"));
    EXPECT_THAT(errors_of(nothing), testing::ElementsAre("0 no-smoke-list"));
}

TEST(RunbookLint, finds_nothing_in_the_examples_of_the_reference) {
    const auto document =
        file_text(std::string(SLIPWAY_ROOT) + "/docs/reference/runbook-format.md");
    std::vector<RunbookPurpose> purposes;
    for (const auto& fenced : find_blocks(document).fenced) {
        if (fenced.info != "markdown")
            continue;
        const auto report = lint_text(fenced.body);
        EXPECT_TRUE(report.findings.empty())
            << (report.findings.empty() ? "" : report.findings.front().message);
        ASSERT_TRUE(report.runbook);
        purposes.push_back(report.runbook->purpose);
    }
    EXPECT_THAT(
        purposes, testing::ElementsAre(RunbookPurpose::deployment, RunbookPurpose::rollback)
    );
}

TEST(RunbookLint, a_hostile_file_takes_no_time) {
    for (const std::string piece :
         {"![[](", "> ", "- ", "`", "*a_", "<a ", "[a]: b\n", "{", "~~~\n"}) {
        std::string text = front;
        while (text.size() < limits::runbook_file_max - piece.size())
            text += piece;
        const auto begin = std::chrono::steady_clock::now();
        (void)lint_text(text);
        // Linear work is some 50 ms; the quadratic case this guards against takes a minute.
        EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s) << piece;
    }
}

TEST(Expectation, is_text_or_expression) {
    EXPECT_TRUE(*output_matches("", "x"));
    EXPECT_TRUE(*output_matches("a.c", "xa.cx"));
    EXPECT_FALSE(*output_matches("a.c", "abc"));
    EXPECT_TRUE(*output_matches("/a.c/", "x\nabc\n"));
    EXPECT_TRUE(*output_matches("/^b$/", "a\nb\nc\n"));
    EXPECT_FALSE(*output_matches("/^b$/", "ab\n"));
    EXPECT_TRUE(*output_matches("//", "a//b"));
    EXPECT_FALSE(output_matches("/(/", ""));
    EXPECT_FALSE(output_matches("/((a{1,1000}){1,1000}){1,1000}/", ""));
    EXPECT_FALSE(*output_matches("/(a+)+$/", std::string(100000, 'a') + "b"));
}

TEST(HostName, is_what_ssh_may_be_given) {
    for (const auto* good :
         {"web1", "web-1.example.org", "10.0.0.7", "fe80::1", "deploy@web1", "a.b-c@web_1", "WEB1"})
        EXPECT_TRUE(is_host_name(good)) << good;
    EXPECT_TRUE(is_host_name(std::string(limits::name_max, 'a')));
    EXPECT_FALSE(is_host_name(std::string(limits::name_max + 1, 'a')));
    for (const auto* bad :
         {"", "-l", "-oProxyCommand=x", "web 1", "web1\n", "a@-b", "-a@b", "a@b@c", "@b", "a@",
          "a/b", "a;b", "$(x)", "`x`", "%h", ".", "a\xc3\xa4"})
        EXPECT_FALSE(is_host_name(bad)) << bad;
}

TEST(Variables, are_filled_or_named) {
    const Variables variables{{"URL", "http://x"}, {"B", "${URL}"}};
    EXPECT_EQ(*fill_variables("${URL}/a$b$", variables), "http://x/a$b$");
    EXPECT_EQ(*fill_variables("${B}", variables), "${URL}"); // once, not again
    EXPECT_EQ(*fill_variables("$${URL}", variables), "${URL}");
    EXPECT_THAT(fill_variables("${NO}", variables).error().message, testing::HasSubstr("${NO}"));
    EXPECT_FALSE(fill_variables("${", variables));
    EXPECT_FALSE(fill_variables("${A-B}", variables));
    const Variables large{{"L", std::string(limits::paragraph_max, 'x')}};
    EXPECT_EQ(fill_variables("${L}${L}", large).error().code, ErrorCode::limit_exceeded);
    SmokeCheck check;
    check.url = "${URL}/";
    check.script = "${URL}";
    EXPECT_EQ(fill_variables(check, variables)->url, "http://x/");
    EXPECT_EQ(fill_variables(check, variables)->script, "${URL}");
}

} // namespace
} // namespace slipway::domain
