// SPDX-License-Identifier: Apache-2.0
// What a person wrote as a step is a step or is refused, and prose is never run.
#include <chrono>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/runbook/blocks.hpp"
#include "domain/runbook/runbook_fixture.hpp"

namespace slipway::domain {
namespace {

using samples::block;
using samples::front;
using samples::parsed;
using samples::smoke;
using testing::ElementsAre;

// "line rule" of each finding, in the order in which they are shown. The text begins on line 8.
std::vector<std::string> found_in(const std::string& text) {
    std::vector<std::string> found;
    for (const auto& finding : lint_text(front + text).findings)
        found.push_back(fmt::format("{} {}", finding.line, finding.rule));
    return found;
}

std::string what_is_said(const std::string& text) {
    const auto report = lint_text(front + text);
    return report.findings.empty() ? "nothing" : report.findings.front().message;
}

const std::string first = "```sh {\"name\":\"first\",\"timeout\":\"5s\"}\n";
const std::string second = "```sh {\"name\":\"second\",\"timeout\":\"5s\"}\ntouch y\n```\n";
const std::string good = first + "touch x\n```\n\n"; // lines 8 to 10

TEST(LostSteps, a_block_without_its_end_is_refused_where_it_begins) {
    for (const auto* end : {"", "``\n", "``` done\n", "    ```\n", "~~~\n"})
        for (const auto* prose : {"", "\n## Then switch\n\n", "\n- do this:\n\n  ", "\n> "})
            EXPECT_THAT(
                found_in(first + "touch x\n" + end + prose + second + smoke),
                ElementsAre("8 open-fence")
            ) << end
              << prose;
    EXPECT_THAT(
        what_is_said(first + "touch x\n\n" + second + smoke),
        "the block that begins here holds the beginning of another, on line 11"
    );
    // The block behind it need not be a step.
    EXPECT_THAT(found_in(first + "touch x\n\n" + smoke), ElementsAre("8 open-fence"));
    EXPECT_THAT(
        found_in(first + "touch x\n\n" + block("console", "$ ls\n") + smoke),
        ElementsAre("8 open-fence")
    );
    // Nor need the one without an end be one.
    EXPECT_THAT(
        found_in(good + "```console\n$ ls\n\n" + second + smoke), ElementsAre("12 open-fence")
    );
    // With ~ as with `.
    EXPECT_THAT(
        found_in(
            "~~~sh {name=a timeout=5s}\ntouch x\n\n~~~sh {name=b timeout=5s}\ntouch y\n~~~\n" +
            smoke
        ),
        ElementsAre("8 open-fence")
    );
    EXPECT_THAT(
        found_in("````sh {name=a timeout=5s}\ntouch x\n```\n\n" + second + smoke),
        ElementsAre("8 open-fence")
    );
}

TEST(LostSteps, a_fence_too_many_is_refused_where_it_stands) {
    EXPECT_THAT(
        found_in(good + "```\n\n## Then switch\n\n" + second + smoke), ElementsAre("12 open-fence")
    );
    EXPECT_THAT(found_in(good + "```\n\n" + smoke), ElementsAre("12 open-fence"));
    EXPECT_THAT(
        found_in(
            "~~~sh {name=a timeout=5s}\ntouch x\n~~~\n~~~\n\n~~~sh {name=b timeout=5s}\n"
            "touch y\n~~~\n" +
            smoke
        ),
        ElementsAre("11 open-fence")
    );
    EXPECT_THAT(
        found_in(good + "text ```sh {\"name\":\"second\"}\ntouch y\n```\n\n" + smoke),
        ElementsAre("12 lost-step", "14 open-fence")
    );
}

TEST(LostSteps, a_longer_fence_holds_others) {
    const std::string page = "cat > page <<X\n```sh {\"name\":\"b\"}\nls\n```\n``` done\nX\n";
    for (const std::string fence : {"````", "`````", "~~~"}) {
        const auto text = fence + "sh {name=a timeout=5s}\n" + page + fence + "\n" + smoke;
        EXPECT_TRUE(found_in(text).empty()) << text;
        EXPECT_EQ(parsed(text).steps.at(0).script, page);
    }
    const auto tilde = "```sh {name=a timeout=5s}\ncat > page <<X\n~~~sh {name=b}\n~~~\nX\n```\n";
    EXPECT_TRUE(found_in(tilde + smoke).empty());
    // What is no fence to Markdown ends no block, and begins none.
    for (const auto* line :
         {"echo '```sh {\"name\":\"b\"}'", "    ```json", "```quoted```", "``json", "ls # ```json"})
        EXPECT_TRUE(
            found_in(block("sh {name=a timeout=5s}", std::string(line) + "\n") + smoke).empty()
        ) << line;
    EXPECT_TRUE(found_in("````markdown\n" + second + "````\n" + good + smoke).empty());
}

TEST(LostSteps, what_looks_like_a_step_and_is_none_is_refused_with_the_reason) {
    const std::string name = "sh {\"name\":\"second\",\"timeout\":\"5s\"}\n";

    const struct {
        std::string text; // its fence stands on line 14
        std::string reason;
    } rows[] = {
        {"<details>\n<summary>more</summary>\n```" + name + "touch y\n```\n</details>\n",
         "the HTML of line 12"},
        {"\n\n\t```" + name + "\ttouch y\n\t```\n", "it is indented"},
        {"1. Do this\n\n        ```" + name + "        touch y\n        ```\n", "it is indented"},
        {"\n\n``" + name + "touch y\n``\n", "two marks"},
        {"\n\n~~" + name + "touch y\n~~\n", "two marks"},
        {"\n\n'''" + name + "touch y\n'''\n", "its marks"},
        {"\n\n\u00b4\u00b4\u00b4" + name + "touch y\n\u00b4\u00b4\u00b4\n", "its marks"},
        {"\n\n``` sh { timeout=5s name=\"a`b\" }\ntouch y\n\n", "a ` stands behind"},
        {"\n\n    ```decision {name=go}\n    ```\n", "it is indented"},
        {"\n\n    ```smoke\n    - {name: b, tcp: 'a:1'}\n    ```\n", "it is indented"},
        {"\n\n``smoke\n- {name: b, tcp: 'a:1'}\n``\n", "two marks"},
    };

    for (const auto& row : rows) {
        EXPECT_THAT(found_in(good + row.text + "\n" + smoke), ElementsAre("14 lost-step"))
            << row.text;
        EXPECT_THAT(what_is_said(good + row.text + "\n" + smoke), testing::HasSubstr(row.reason));
    }
}

TEST(LostSteps, a_comment_that_is_never_closed_hides_none) {
    const auto text = good + "<!-- more\n\n" + second + "\n" + smoke;
    EXPECT_THAT(found_in(text), ElementsAre("14 lost-step", "18 lost-step"));
    EXPECT_THAT(what_is_said(text), testing::HasSubstr("the comment of line 12 is never closed"));
}

TEST(LostSteps, prose_about_steps_is_prose) {
    for (const auto* prose :
         {"Write ```sh {\"name\":\"a\"}``` for that.", "`` ```sh {name=a} ``", "` ```sh {name=a} `",
          "A ```smoke block.", "''{x}'' and {name}", "```sh``` runs {\"name\":1}", "{name=a}",
          "<!-- ```sh {\"name\":\"a\"} -->", "<!--\n```sh {\"name\":\"a\"}\nls\n```\n-->",
          "    ```sh\n    ls\n    ```", "${name} is ``{}``", "10\u00a0km"})
        EXPECT_TRUE(found_in(good + prose + "\n\n" + smoke).empty()) << prose;
}

TEST(LostSteps, a_hidden_character_at_a_fence_is_named) {
    for (const std::string hidden :
         {"\ufeff", "\u200b", "\u00a0 ", "> \u200b", "- x\n\n  \ufeff"}) {
        const int line = hidden.starts_with("-") ? 14 : 12;
        EXPECT_THAT(
            found_in(good + hidden + second + smoke),
            testing::Contains(fmt::format("{} hidden-characters", line))
        ) << hidden;
        EXPECT_THAT(
            found_in(
                smoke + good + hidden + second + "\n" + block("sh {name=c timeout=5s}", "ls\n")
            ),
            testing::Contains(fmt::format("{} hidden-characters", line + 4))
        ) << hidden;
    }
    EXPECT_THAT(
        what_is_said(good + "\ufeff" + second + smoke),
        "U+FEFF stands in front of the fence, which therefore is none"
    );
    // In front of a fence that was to end a block.
    EXPECT_THAT(
        found_in(first + "touch x\n\ufeff```\n\n" + second + smoke),
        ElementsAre("10 hidden-characters")
    );
    EXPECT_THAT(
        found_in(good + "```text\nx\n\u200b```\n\n" + second + smoke),
        ElementsAre("14 hidden-characters")
    );
    // Between the language and its attributes.
    EXPECT_THAT(
        found_in(good + "```sh\u00a0{\"name\":\"second\"}\ntouch y\n```\n" + smoke),
        ElementsAre("12 hidden-characters")
    );
}

// For a browser the comment goes on to its -->, for Markdown only to the empty line.
TEST(LostSteps, behind_a_comment_that_is_cut_off_are_refused) {
    EXPECT_THAT(
        found_in(good + "<details>\n<!--\n\n" + second + "\n-->\n</details>\n\n" + smoke),
        ElementsAre("13 open-comment")
    );
    EXPECT_THAT(
        found_in(good + "<!-- one --> <!-- two\n\n" + second + "\n<!-- end -->\n\n" + smoke),
        ElementsAre("12 open-comment")
    );
    EXPECT_THAT(
        found_in(good + "- <!-- in an item\n\n" + second + "\n<!-- end -->\n\n" + smoke),
        ElementsAre("12 open-comment")
    );
    for (const std::string whole :
         {"<!-- one\n\ntwo -->\n\n", "<details>\n<!-- a\nb -->\n\n", "<!-->\n\n",
          "<div><!-- a --><!-- b --></div>\n\n"})
        EXPECT_THAT(found_in(good + whole + second + smoke), ElementsAre()) << whole;
    EXPECT_THAT(found_in(good + smoke + "\n<!-- the end\n"), ElementsAre());
}

// What was approved before is read as it was then.
TEST(LostSteps, do_not_stop_what_was_pinned) {
    for (const auto& text :
         {first + "touch x\n\n" + second + smoke, good + "```\n\n" + second + smoke,
          good + "\t" + second + smoke}) {
        EXPECT_FALSE(lint_text(front + text).passed());
        EXPECT_EQ(parsed(text).steps.size(), 1U);
    }
    const auto hidden = good + "<div>\n<!--\n\n" + second + smoke;
    EXPECT_FALSE(lint_text(front + hidden).passed());
    EXPECT_EQ(parsed(hidden).steps.size(), 2U);
}

TEST(LostSteps, a_cause_stands_before_what_follows_and_nothing_refused_is_missing) {
    const auto only = [](const std::string& attributes) {
        return block("sh {" + attributes + "}", "./go\n");
    };
    EXPECT_THAT(found_in(only("name=a timeot=5s") + smoke), ElementsAre("8 unknown-attribute"));
    EXPECT_THAT(found_in("```sh {name=a\n./go\n```\n" + smoke), ElementsAre("8 bad-attributes"));
    EXPECT_THAT(found_in(only("name=a name=b") + smoke), ElementsAre("8 bad-attributes"));
    EXPECT_THAT(found_in(block("manual {owner=anna}") + smoke), ElementsAre("8 no-name"));
    EXPECT_THAT(found_in("```sh {name=a timeout=5s}\n./go\n"), ElementsAre("8 open-fence"));
    EXPECT_THAT(
        found_in(
            only("name=a timeout=5s parallel=g confirm=true") +
            only("name=b timeout=5s parallel=g") + smoke
        ),
        ElementsAre("8 bad-attribute")
    );
    for (const std::string keys :
         {"---\npurpose: rollback\npurpose: rollback\n---\n", "---\ntitle: T\n"})
        EXPECT_EQ(lint_text(keys + only("name=a timeout=5s")).findings.size(), 1U) << keys;
    // What is lacking besides is said behind it, errors first.
    EXPECT_THAT(
        found_in(only("name=a timeot=5s")), ElementsAre("8 unknown-attribute", "0 no-smoke-list")
    );
    const std::string rollback = "---\npurpose: rollback\n---\n";
    std::vector<std::string> found;
    for (const auto& finding :
         lint_text(rollback + block("decision {nam=d}") + only("name=a timeout=5s")).findings)
        found.push_back(fmt::format("{} {}", finding.line, finding.rule));
    EXPECT_THAT(found, ElementsAre("4 no-name", "0 no-time-limit", "0 no-title"));
}

// The blocks of the guide as they stand, one behind the other.
TEST(Guide, gives_a_runbook_that_can_be_used) {
    std::ifstream page(std::string(SLIPWAY_ROOT) + "/docs/guides/write-a-runbook.md");
    std::string runbook;
    bool in_block = false;
    bool is_part = false; // and not a command
    for (std::string line; std::getline(page, line);) {
        const bool indented = line.starts_with("    ");
        const auto text = indented ? line.substr(4) : line;
        if (indented && !in_block)
            is_part = text.starts_with("---") || text.starts_with("```");
        in_block = indented || (in_block && line.empty());
        if (in_block && is_part)
            runbook += text + "\n";
    }
    const auto report = lint_text(runbook, RunbookPurpose::deployment);
    ASSERT_TRUE(report.runbook) << runbook;
    EXPECT_TRUE(report.findings.empty()) << report.findings.front().message;
    EXPECT_EQ(report.runbook->steps.size(), 6U);
    EXPECT_EQ(report.runbook->undo.size(), 1U);
}

TEST(LostSteps, are_found_in_a_long_file_without_delay) {
    std::string text = front;
    for (int i = 0; i < 1000; ++i) // 5000 lines
        text += fmt::format("Look at {{name={}}} and ``x``.\n```console\n$ ls {}\n```\n\n", i, i);
    text += good + smoke;
    const auto began = std::chrono::steady_clock::now();
    EXPECT_TRUE(lint_text(text).findings.empty());
    // Far more than it takes (some 10 ms), for a busy machine and a sanitizer.
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
    // Lines that are all but a step.
    for (const std::string piece :
         {"```{name", "`", "''' {", "\u200b```{name=} x\n", "~~{name=a\n"}) {
        std::string hostile = front;
        while (hostile.size() < limits::runbook_file_max - piece.size())
            hostile += piece;
        const auto then = std::chrono::steady_clock::now();
        (void)lint_text(hostile);
        EXPECT_LT(std::chrono::steady_clock::now() - then, std::chrono::seconds(20)) << piece;
    }
}

} // namespace
} // namespace slipway::domain
