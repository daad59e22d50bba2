// SPDX-License-Identifier: Apache-2.0
// slipway change smoke CHG-12: what a smoke report says of each check, as a table, as JSON, or as
// JUnit XML for a pipeline to show.
#include "domain/change/junit_report.hpp"

#include "cli/commands.hpp"

namespace slipway::cli {

namespace {

// The report that was asked for, or the last one. Reports stand in the order in which they came.
const Json* find_report(const Json& record, const Arguments& arguments) {
    const auto* reports = find(record, "smoke_reports");
    if (reports == nullptr || !reports->is_array())
        return nullptr;
    const Json* found = nullptr;
    for (const auto& report : reports->get_array()) {
        const bool asked_for =
            (!arguments.has("report") || text_or_empty(report, "id") == arguments.text("report")) &&
            (!arguments.has("occasion") ||
             text_or_empty(report, "occasion") == arguments.text("occasion"));
        if (asked_for)
            found = &report;
    }
    return found;
}

JsonArray rows_of_report(const domain::SmokeReport& report) {
    JsonArray rows;
    for (const auto& result : report.results) {
        JsonObject row{
            {"name", result.name},
            {"result", result.passed ? "passed" : "failed"},
            {"took", to_text(Span(result.took_ms))},
            {"detail", result.detail}};
        if (result.tries)
            row["tries"] = *result.tries;
        if (result.outside)
            row["from"] = result.seen_from.empty() ? "outside" : result.seen_from;
        rows.push_back(std::move(row));
    }
    return rows;
}

// What people report is not what Slipway saw.
std::string source_of(const domain::SmokeReport& report) {
    switch (report.source) {
    case domain::SmokeSource::runner:
        return "run by Slipway";
    case domain::SmokeSource::junit:
        return fmt::format("JUnit XML handed in by {}", clean(report.by.value));
    case domain::SmokeSource::person:
        return fmt::format("reported by {}", clean(report.by.value));
    }
    return {};
}

void show(const Context& context, const domain::SmokeReport& report) {
    const auto run = report.run.empty() ? "" : " of " + clean(report.run.value);
    const bool took = report.began && *report.began != report.at;
    const auto from = took ? local_time(to_text(*report.began)) + " to " : "";
    context.say(fmt::format(
        "{} {}{} on {}, {}{}, list {}, {}\n", clean(report.id), to_text(report.occasion), run,
        clean(report.ring), from, zoned_time(to_text(report.at)), report.list.hex().substr(0, 12),
        source_of(report)
    ));
    context.print(table(
        rows_of_report(report),
        {{"CHECK", "name"},
         {"RESULT", "result"},
         {"TOOK", "took"},
         {"TRIES", "tries"},
         {"FROM", "from"},
         {"DETAIL", "detail"}},
        context.style
    ));
    if (!report.not_outside.empty())
        context.print(fmt::format("nobody looked from the outside: {}\n", clean(report.not_outside))
        );
    for (const auto& agent : report.silent_agents)
        context.print(fmt::format("the monitoring agent {} is silent\n", clean(agent)));
    for (const auto& alert : report.new_alerts)
        context.print(fmt::format("a new alert came up: {}\n", clean(alert)));
}

Result<ExitCode> show_smoke(Context& context, const Arguments& arguments) {
    const auto change = arguments.text("change");
    const auto record = TRY(context.get("/api/v1/changes/" + url_encoded(change)));
    const auto* json = find_report(record, arguments);
    if (json == nullptr)
        return fail(ErrorCode::not_found, fmt::format("{} has no such smoke report", change));
    auto report = restore<domain::SmokeReport>(*json);
    if (!report)
        return fail(
            ErrorCode::internal, "the server's smoke report cannot be read", report.error().detail
        );
    if (arguments.has("junit"))
        context.print(domain::junit_xml(*report));
    else if (context.json)
        context.print_json(to_text(*json));
    else
        show(context, *report);
    return ExitCode::ok;
}

} // namespace

void add_smoke_commands(Commands& commands) {
    Option occasion =
        valued("occasion", "OCCASION", "the last report of this occasion; else the last of all");
    for (const auto name : enum_names(domain::SmokeOccasion{}))
        occasion.choices.emplace_back(name);
    commands.push_back(
        {{"change", "smoke"},
         "What a smoke report says of each check",
         {positional("change", "the change, such as CHG-12"), std::move(occasion),
          valued("report", "ID", "this report, such as smoke-3"),
          flag("junit", "as JUnit XML, for a pipeline to show")},
         show_smoke,
         "slipway change smoke CHG-12 --occasion production --junit > smoke.xml"}
    );
}

} // namespace slipway::cli
