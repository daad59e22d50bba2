// SPDX-License-Identifier: Apache-2.0
// Every command there is, taken from the tables: its help fits a screen, and each field of each
// body has an option.
#include <algorithm>
#include <set>

#include "base/schema.hpp"
#include "cli/body.hpp"
#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli_fixture.hpp"
#include "domain/change/command_table.hpp"
#include "domain/records/register_table.hpp"

namespace slipway::test {

namespace {

using cli::Command;

void expect_fits(const std::string& help, const std::string& name, std::size_t lines_max) {
    std::istringstream lines(help);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count)
        EXPECT_LE(cli::columns_of(line), 80u) << name << ": " << line;
    EXPECT_LE(count, lines_max) << name << "\n" << help;
    EXPECT_EQ(help.find("…"), std::string::npos) << name << "\n" << help;
}

const Command* find_command(const cli::Commands& commands, std::vector<std::string> words) {
    for (const auto& command : commands)
        if (command.words == words)
            return &command;
    return nullptr;
}

void expect_options(const Command* command, const Json& schema, std::string_view name) {
    ASSERT_NE(command, nullptr) << name;
    for (const auto& member : find(schema, "properties")->get_object()) {
        const std::string field(member.key().data(), member.key().size());
        const auto& options = command->options;
        EXPECT_TRUE(std::any_of(
            options.begin(), options.end(),
            [&](const cli::Option& option) { return option.name == field; }
        )) << name
           << " " << field;
    }
}

TEST(CliTable, HelpIsWrappedAndNeverCut) {
    cli::LocalCommands local;
    for (auto* hook :
         {&local.serve, &local.admin_backup, &local.admin_restore, &local.admin_rebuild,
          &local.admin_doctor, &local.admin_password_code}) {
        hook->summary = "What the store does";
        hook->run = [](const cli::Arguments&) -> Result<Json> { return Json{}; };
    }
    const auto commands = cli::all_commands(local);
    std::set<std::vector<std::string>> groups{{}};
    for (const auto& command : commands) {
        cli::Invocation one{&command, command.words, {}, true};
        const auto name = fmt::format("{}", fmt::join(command.words, " "));
        const auto help = cli::help_text(commands, one, "1.2.3");
        expect_fits(help, name, 1000);
        EXPECT_FALSE(command.summary.empty()) << name;
        EXPECT_NE(help.find("Usage: slipway " + name), std::string::npos) << name;
        if (command.words.size() > 1)
            groups.insert({command.words[0]});
    }
    for (const auto& group : groups)
        expect_fits(
            cli::help_text(commands, {nullptr, group, {}, true}, "1.2.3"),
            group.empty() ? "slipway" : group[0], 24
        );
}

TEST(CliTable, EachCommandOnAChangeHasItsLineBelowItsPhase) {
    const cli::LocalCommands local;
    const auto commands = cli::all_commands(local);
    const auto asked = cli::parse_command_line(commands, {"change", "--help", "--all"});
    ASSERT_TRUE(asked);
    const auto help = cli::help_text(commands, *asked, "1.2.3");
    const auto brief = cli::help_text(commands, {nullptr, {"change"}, {}, true}, "1.2.3");
    EXPECT_NE(brief.find("slipway change --help --all says what each does"), std::string::npos);
    for (const auto& command : commands)
        if (command.words[0] == "change" && !command.hidden) {
            EXPECT_NE(help.find("\n  " + command.words[1] + " "), std::string::npos)
                << command.words[1] << "\n"
                << help;
            EXPECT_NE(brief.find(command.words[1]), std::string::npos) << brief;
        }
    const auto board = help.find("\nHave the board decide:\n");
    ASSERT_NE(board, std::string::npos) << help;
    EXPECT_LT(board, help.find("\n  vote "));
    EXPECT_LT(help.find("\n  vote "), help.find("\nTell people, and make ready:\n"));
}

TEST(CliTable, TheFirstHelpCutsNothing) {
    cli::LocalCommands local;
    local.serve.summary = "Run a server";
    local.serve.run = [](const cli::Arguments&) -> Result<Json> { return Json{}; };
    const auto commands = cli::all_commands(local);
    const auto help = cli::help_text(commands, {nullptr, {}, {}, true}, "1.2.3");
    EXPECT_EQ(help.find("…"), std::string::npos) << help;
    EXPECT_NE(help.find("runbook, workflow, policy: lint"), std::string::npos) << help;
}

TEST(CliTable, WhatMeansNothingIsNotOffered) {
    cli::LocalCommands local;
    local.serve.summary = "Run a server";
    local.serve.run = [](const cli::Arguments&) -> Result<Json> { return Json{}; };
    const auto commands = cli::all_commands(local);
    const auto help_of = [&](std::vector<std::string> words) {
        const auto* command = find_command(commands, std::move(words));
        return cli::help_text(commands, {command, command->words, {}, true}, "1.2.3");
    };
    for (const auto* option : {"--server", "--token_file", "--json", "--quiet"}) {
        EXPECT_EQ(help_of({"serve"}).find(option), std::string::npos) << option;
        EXPECT_NE(help_of({"whoami"}).find(option), std::string::npos) << option;
    }
    EXPECT_NE(help_of({"verify"}).find("Also: --json --quiet"), std::string::npos);
    EXPECT_TRUE(cli::candidates_for(commands, {"serve", "--js"}).words.empty());
    EXPECT_FALSE(cli::candidates_for(commands, {"verify", "--js"}).words.empty());
}

TEST(CliTable, ClosingOffersEachOutcomeOnceAndNoneThatIsRefused) {
    const cli::LocalCommands local;
    const auto commands = cli::all_commands(local);
    const auto* close = find_command(commands, {"change", "close"});
    ASSERT_NE(close, nullptr);
    const auto help = cli::help_text(commands, {close, close->words, {}, true}, "1.2.3");
    EXPECT_EQ(help.find("cancelled"), std::string::npos) << help;
    const auto first = help.find("rolled_back");
    ASSERT_NE(first, std::string::npos) << help;
    EXPECT_EQ(help.find("rolled_back", first + 1), std::string::npos) << help;
}

TEST(CliTable, OptionsThatTakeAFileAreNamed) {
    const cli::LocalCommands local;
    const auto commands = cli::all_commands(local);
    const auto* put = find_command(commands, {"catalogue_entry", "put"});
    ASSERT_NE(put, nullptr);
    const auto help = cli::help_text(commands, {put, put->words, {}, true}, "1.2.3");
    EXPECT_NE(help.find("--deployment_runbook_file PATH"), std::string::npos) << help;
    EXPECT_NE(help.find("--rollback_runbook_file PATH"), std::string::npos) << help;
    EXPECT_EQ(help.find("…"), std::string::npos) << help;
}

TEST(CliTable, IdsAreNeverCut) {
    const std::string id = "harbor-site-of-the-northern-port-authority";
    const std::string step = "rollback_rehearsal_on_staging";
    const JsonArray rows{JsonObject{
        {"id", id}, {"title", std::string(70, 't')}, {"step", step}, {"state", "in_review"}}};
    const std::vector<cli::Column> columns{
        {"ID", "id"}, {"TITLE", "title"}, {"STATE", "state"}, {"STEP", "step"}};
    for (const std::size_t width : {100U, 80U, 75U, 30U}) {
        cli::Style style;
        style.width = width;
        const auto text = cli::table(rows, columns, style);
        EXPECT_NE(text.find(id), std::string::npos) << width << "\n" << text;
        EXPECT_EQ(text.find("rollback_rehearsal") != std::string::npos, width >= 75) << text;
        EXPECT_EQ(text.find(step) != std::string::npos, width >= 75) << width << "\n" << text;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);)
            EXPECT_LE(cli::columns_of(line), std::max(width, id.size())) << line;
    }
}

TEST(CliTable, TimesAreNeverCut) {
    const JsonArray rows{
        JsonObject{
            {"id", "smoke_production"},
            {"title", "Smoke tests on production, from inside and outside"},
            {"state", "completed"},
            {"due_at", "2026-12-04T14:00:00.000Z"},
            {"completed_at", "2026-12-04T13:05:59.000Z"},
            {"completed_by", "ivar"}},
        JsonObject{{"id", "closure"}, {"title", "Close it"}, {"state", "open"}}};
    const std::vector<cli::Column> columns{
        {"STEP", "id"},
        {"TITLE", "title"},
        {"STATE", "state"},
        {"DUE", "due_at"},
        {"COMPLETED", "completed_at"},
        {"BY", "completed_by"}};
    const auto shown_at = [&](std::size_t width, int year = 2026) {
        cli::Style style;
        style.width = width;
        style.year = year;
        return cli::table(rows, columns, style);
    };
    ::setenv("TZ", "UTC", 1);
    EXPECT_NE(shown_at(160).find("2026-12-04 13:05:59"), std::string::npos) << shown_at(160);
    EXPECT_NE(shown_at(100).find("2026-12-04 13:05"), std::string::npos) << shown_at(100);
    const auto narrow = shown_at(80);
    EXPECT_NE(narrow.find("  12-04 14:00  12-04 13:05      ivar"), std::string::npos) << narrow;
    EXPECT_NE(narrow.find("Smoke tests on…  completed"), std::string::npos)
        << "the room that the times left is the title's\n"
        << narrow;
    EXPECT_NE(narrow.find("DUE (UTC)"), std::string::npos) << narrow;
    EXPECT_NE(shown_at(80, 2025).find("  2026-12-04  2026-12-04"), std::string::npos)
        << "of another year the date counts more than the hour\n"
        << shown_at(80, 2025);
}

TEST(CliTable, WhatIsOverdueIsNotGreen) {
    cli::Style style;
    style.colour = true;
    const JsonArray rows{JsonObject{{"id", "a"}, {"overdue", true}, {"host", "h"}}};
    const auto text = cli::table(rows, {{"ID", "id"}, {"OVERDUE", "overdue"}}, style);
    EXPECT_NE(text.find("\x1b[31myes\x1b[0m"), std::string::npos) << text;
    EXPECT_EQ(cli::document(JsonObject{{"findings", JsonArray{}}}, {}), "findings: none\n");
}

TEST(CliTable, SeveralWrongFieldsAreEachSaidOnce) {
    Error error{ErrorCode::invalid_input, "a: is empty; b: is long; and 1 more"};
    error.fields = {{"a", "is empty"}, {"b", "is long"}, {"c", "is no time"}};
    EXPECT_EQ(
        cli::refusal(error, {}), "slipway: 3 fields are not right\n"
                                 "  a: is empty\n"
                                 "  b: is long\n"
                                 "  c: is no time\n"
    );
}

TEST(CliTable, AColumnOfTimesNamesItsZone) {
    ::setenv("TZ", "Europe/Berlin", 1);
    ::tzset();
    const JsonArray rows{
        JsonObject{{"id", "a"}, {"due", "2026-12-04T14:00:00.000Z"}}, JsonObject{{"id", "b"}},
        JsonObject{{"id", "c"}, {"due", "2026-07-04T14:00:00.000Z"}}};
    const auto text = cli::table(rows, {{"ID", "id"}, {"DUE", "due"}}, {});
    const auto shown = cli::document(rows[0], {});
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    EXPECT_EQ(
        text, "ID  DUE (CET/CEST)\n"
              "a   2026-12-04 15:00:00\n"
              "b\n"
              "c   2026-07-04 16:00:00\n"
    );
    EXPECT_EQ(shown, "id: a\ndue: 2026-12-04 15:00:00 CET\n");
}

// Nanoseconds in 64 bits end in 2262; "no end" is often written as the last day there is.
TEST(CliTable, ATimeThatIsFarAwayIsNotOneLongAgo) {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    EXPECT_EQ(cli::zoned_time("2262-04-12T00:00:00.000Z"), "2262-04-12 00:00:00 UTC");
    EXPECT_EQ(cli::zoned_time("9999-12-31T23:59:59.999Z"), "9999-12-31 23:59:59 UTC");
}

TEST(CliTable, WhatMustBeGivenIsMarkedInTheHelp) {
    const cli::LocalCommands local;
    const auto commands = cli::all_commands(local);
    for (const auto& command : commands) {
        const auto help = cli::help_text(commands, {&command, command.words, {}, true}, "1.2.3");
        for (const auto& option : command.options)
            if (!option.positional && !option.hidden) {
                const auto name = option.value.empty()
                                      ? "--" + option.name + " "
                                      : fmt::format("--{} {}", option.name, option.value);
                EXPECT_EQ(
                    help.find("\n* " + name) != std::string::npos, option.required || option.needed
                ) << name
                  << "\n"
                  << help;
            }
    }
    const auto* windows = find_command(commands, {"change", "windows"});
    ASSERT_NE(windows, nullptr);
    const auto help = cli::help_text(commands, {windows, windows->words, {}, true}, "1.2.3");
    EXPECT_NE(help.find("\n  --from TIME"), std::string::npos) << help;
    EXPECT_NE(help.find("\n* --until TIME"), std::string::npos) << help;
    EXPECT_NE(help.find("\n  --count N"), std::string::npos) << help;
    const auto* vote = find_command(commands, {"change", "vote"});
    ASSERT_NE(vote, nullptr);
    EXPECT_NE(
        cli::help_text(commands, {vote, vote->words, {}, true}, "1.2.3").find("\n* --choice"),
        std::string::npos
    );
}

TEST(CliTable, NoCommandHasTwoOptionsOfOneName) {
    const cli::LocalCommands local;
    for (const auto& command : cli::all_commands(local)) {
        std::set<std::string> names;
        for (const auto& option : cli::global_options())
            names.insert(option.name);
        for (const auto& option : command.options)
            EXPECT_TRUE(names.insert(option.name).second)
                << fmt::format("{}", fmt::join(command.words, " ")) << " " << option.name;
    }
}

TEST(CliTable, EveryChangeCommandHasAnOptionForEachField) {
    const cli::LocalCommands local;
    const auto commands = cli::all_commands(local);
    for (const auto& row : domain::command_table()) {
        const auto* command = find_command(commands, {"change", std::string(row.name)});
        if (row.internal)
            EXPECT_EQ(command, nullptr);
        else
            expect_options(command, row.schema(), row.name);
    }
}

TEST(CliTable, EveryRegisterHasItsCommandsAndAnOptionForEachField) {
    const cli::LocalCommands local;
    const auto commands = cli::all_commands(local);
    for (const auto& row : domain::register_table()) {
        const std::string name(row.name);
        for (const auto* verb : {"list", "show", "put", "edit", "remove"})
            EXPECT_NE(find_command(commands, {name, verb}), nullptr) << name << verb;
        expect_options(find_command(commands, {name, "put"}), row.schema(), name);
        expect_options(find_command(commands, {name, "edit"}), row.schema(), name);
    }
}

TEST(CliTable, CompletionKnowsCommandsOptionsAndNames) {
    const cli::LocalCommands local;
    const auto commands = cli::all_commands(local);
    const auto offered = [&](std::vector<std::string> words) {
        return cli::candidates_for(commands, std::move(words)).words;
    };
    EXPECT_EQ(offered({"runb"}), std::vector<std::string>{"runbook"});
    EXPECT_EQ(offered({"change", "pin-"}), std::vector<std::string>{"pin_runbook"});
    EXPECT_EQ(
        offered({"change", "vote", "CHG-1", "--choice", "approve"}),
        (std::vector<std::string>{"approve", "approve_with_conditions"})
    );
    EXPECT_EQ(
        offered({"change", "vote", "CHG-1", "--com"}),
        (std::vector<std::string>{"--comment", "--comment_file"})
    );
    EXPECT_EQ(offered({"completion", ""}), (std::vector<std::string>{"bash", "zsh", "fish"}));
    EXPECT_TRUE(cli::candidates_for(commands, {"runbook", "lint", ""}).files);
    EXPECT_TRUE(offered({"nonsense", ""}).empty());
}

TEST_F(CliTest, CompletionOffersChangesToWhoIsSignedIn) {
    server.answer(200, R"({"items":[{"id":"CHG-12"},{"id":"CHG-1\nrm"},{"id":"CHG-2"}]})");
    EXPECT_EQ(run({"complete_words", "--", "change", "vote", "CHG-1"}), 0);
    EXPECT_EQ(out.str(), "CHG-12\n");
    EXPECT_EQ(server.seen().at(0).target, "/api/v1/changes?limit=200");
    server.answer(503, "");
    EXPECT_EQ(run({"complete_words", "--", "run", "follow", "--quiet", ""}), 0);
    EXPECT_EQ(out.str(), "") << "a server that does not answer is no reason to complain";
    EXPECT_EQ(server.seen().size(), 2u);
    EXPECT_EQ(run({"complete_words", "--", "change", "vote", "CHG-1", "--choice", "rej"}), 0);
    EXPECT_EQ(out.str(), "reject\n");
    environment.erase("SLIPWAY_TOKEN");
    EXPECT_EQ(run({"complete_words", "--", "gate", ""}), 0);
    EXPECT_EQ(out.str(), "");
    EXPECT_EQ(server.seen().size(), 2u) << "nobody is signed in";
}

TEST_F(CliTest, HelpAndVersionNeedNoServer) {
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"--help"},
             {"help"},
             {"help", "change"},
             {"change", "--help"},
             {"change", "vote", "--help"},
             {"help", "gate"},
             {"version"},
             {"--version"}}) {
        EXPECT_EQ(run(words), 0);
        EXPECT_FALSE(out.str().empty());
    }
    for (const auto* shell : {"bash", "zsh", "fish"}) {
        EXPECT_EQ(run({"completion", shell}), 0);
        EXPECT_NE(out.str().find("complete_words"), std::string::npos);
    }
    EXPECT_EQ(run({"complete_words", "--", "change", "vote", "CHG-1", "--choi"}), 0);
    EXPECT_EQ(out.str(), "--choice\n");
    EXPECT_EQ(run({"complete_words", "--", "completion", ""}), 0);
    EXPECT_EQ(out.str(), "bash\nzsh\nfish\n");
    EXPECT_TRUE(server.seen().empty());
}

} // namespace

} // namespace slipway::test
