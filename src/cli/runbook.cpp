// SPDX-License-Identifier: Apache-2.0
#include "domain/runbook/runbook.hpp"

#include "cli/commands.hpp"

namespace slipway::cli {

namespace {

std::string
finding_text(const std::string& file, const domain::LintFinding& finding, const Style& style) {
    using domain::LintSeverity;
    const auto paint = finding.severity == LintSeverity::error     ? Paint::red
                       : finding.severity == LintSeverity::warning ? Paint::yellow
                                                                   : Paint::dim;
    std::string out = fmt::format(
        "{}:{}: {}: {} [{}]\n", clean(file), finding.line,
        style.paint(paint, to_text(finding.severity)), clean(finding.message), clean(finding.rule)
    );
    if (!finding.remedy.empty())
        out += "    mend: " + clean(finding.remedy) + "\n";
    return out;
}

Result<ExitCode> lint(Context& context, const Arguments& arguments) {
    const auto file = arguments.text("file");
    const auto bytes = TRY(read_file(file, limits::runbook_file_max, context.around.in));
    std::optional<domain::RunbookPurpose> purpose;
    if (arguments.has("purpose"))
        purpose = from_text<domain::RunbookPurpose>(arguments.text("purpose"));
    const auto report = domain::lint_text(bytes, purpose);
    std::size_t errors = 0;
    for (const auto& finding : report.findings) {
        errors += finding.severity == domain::LintSeverity::error ? 1 : 0;
        if (!context.quiet || finding.severity == domain::LintSeverity::error)
            context.print(finding_text(file, finding, context.style));
    }
    if (context.json)
        context.print_json(encode(report));
    context.say(fmt::format(
        "{}: {} steps, {} smoke checks, {} findings, {} of them errors\n", clean(file),
        report.runbook ? report.runbook->steps.size() : 0,
        report.runbook ? report.runbook->smoke.size() : 0, report.findings.size(), errors
    ));
    return report.passed() ? ExitCode::ok : ExitCode::invalid_input;
}

} // namespace

void add_runbook_commands(Commands& commands) {
    Option purpose =
        valued("purpose", "deployment|rollback", "what it is handed in for; else the file says");
    purpose.choices = {"deployment", "rollback"};
    commands.push_back(
        {{"runbook", "lint"},
         "Check a runbook on this machine; exit 0 only without errors",
         {positional("file", "the Markdown file; - reads the input"), purpose},
         lint,
         "slipway runbook lint deploy.md"}
    );
}

} // namespace slipway::cli
