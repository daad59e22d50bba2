// SPDX-License-Identifier: Apache-2.0
// slipway runbook lint, workflow lint and policy lint: what is wrong with a file before a server or
// a change gets it, found on this machine by the code that the server reads it with.
#include <cstdlib>

#include "base/yaml.hpp"
#include "domain/gates/gate.hpp"
#include "domain/policy/policy.hpp"
#include "domain/runbook/runbook.hpp"
#include "domain/workflow/workflow.hpp"

#include "cli/commands.hpp"

namespace slipway::cli {

namespace {

using domain::LintFinding;
using domain::LintSeverity;

// A remedy may be an example of several lines; they stay lines, set in, so that they can be copied.
std::string remedy_text(std::string_view remedy) {
    std::string out = "    mend: ";
    for (const char c : clean(remedy, true)) {
        out += c;
        if (c == '\n')
            out += "      ";
    }
    return out + "\n";
}

std::string counted(std::size_t number, std::string_view noun) {
    return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string finding_text(const std::string& file, const LintFinding& finding, const Style& style) {
    const auto paint = finding.severity == LintSeverity::error     ? Paint::red
                       : finding.severity == LintSeverity::warning ? Paint::yellow
                                                                   : Paint::dim;
    std::string out = clean(file);
    if (finding.line > 0) // otherwise it is about the whole file
        out += fmt::format(":{}", finding.line);
    out += fmt::format(
        ": {}: {}", style.paint(paint, to_text(finding.severity)), clean(finding.message)
    );
    if (!finding.rule.empty())
        out += fmt::format(" [{}]", clean(finding.rule));
    out += '\n';
    if (!finding.remedy.empty())
        out += remedy_text(finding.remedy);
    return out;
}

// Shows the findings and, in `contents`, what the file has. Whether there was no error.
bool show_findings(
    const Context& context, const std::string& file, const std::vector<LintFinding>& findings,
    const std::string& contents
) {
    std::size_t errors = 0;
    for (const auto& finding : findings) {
        errors += finding.severity == LintSeverity::error ? 1 : 0;
        if (!context.quiet || finding.severity == LintSeverity::error)
            context.print(finding_text(file, finding, context.style));
    }
    const auto verdict =
        findings.empty() ? std::string("no findings")
        : findings.size() == 1
            ? fmt::format(
                  "1 finding: {} {}", errors == 1 ? "an" : "a", to_text(findings[0].severity)
              )
            : fmt::format("{} findings, {} of them errors", findings.size(), errors);
    context.say(fmt::format("{}: {}{}\n", clean(file), contents, verdict));
    return errors == 0;
}

Result<ExitCode> lint_runbook(Context& context, const Arguments& arguments) {
    const auto file = arguments.text("file");
    const auto bytes = TRY(read_file(file, limits::runbook_file_max, context.around.in));
    std::optional<domain::RunbookPurpose> purpose;
    if (arguments.has("purpose"))
        purpose = from_text<domain::RunbookPurpose>(arguments.text("purpose"));
    const auto report = domain::lint_text(bytes, purpose);
    if (context.json)
        context.print_json(encode(report));
    // Of a file with an error nothing is counted: what was not understood is not nothing.
    const auto contents = report.runbook
                              ? counted(report.runbook->steps.size(), "step") + ", " +
                                    counted(report.runbook->smoke.size(), "smoke check") + ", "
                              : std::string{};
    show_findings(context, file, report.findings, contents);
    return report.passed() ? ExitCode::ok : ExitCode::invalid_input;
}

// What stopped the reader of a YAML file; its fields are "file:line" (base/yaml.hpp).
std::vector<LintFinding> findings_of(const Error& error) {
    std::vector<LintFinding> out;
    for (const auto& [place, message] : error.fields) {
        const auto colon = place.rfind(':');
        const int line = colon == std::string::npos ? 0 : std::atoi(place.c_str() + colon + 1);
        out.push_back({LintSeverity::error, line, {}, message, {}});
    }
    if (out.empty())
        out.push_back({LintSeverity::error, 0, {}, error.message, {}});
    return out;
}

// Of a file that can be read.
struct ReadYaml {
    std::string contents; // what it has, in words that end with ", "
    std::vector<LintFinding> warnings = {};
};

using YamlReader = Result<ReadYaml> (*)(std::string_view yaml, std::string_view file);

Result<ReadYaml> read_workflow(std::string_view yaml, std::string_view file) {
    const auto workflow = TRY(domain::read_workflow(yaml, file));
    const auto document = TRY(parse_yaml(yaml, file)); // for the lines
    ReadYaml out{fmt::format(
        "{} version {}, {}, ", workflow.name, workflow.version,
        counted(domain::steps_of(workflow).size(), "step")
    )};
    for (const auto& [path, message] : domain::doubts_about(workflow))
        out.warnings.push_back(
            {LintSeverity::warning,
             static_cast<int>(document.line_of(path)),
             {},
             fmt::format("{}: {}", path, message),
             {}}
        );
    return out;
}

Result<ReadYaml> read_policy(std::string_view yaml, std::string_view file) {
    return ReadYaml{TRY(domain::read_policy(yaml, file, domain::gate_ids())).name + ", "};
}

Result<ExitCode> lint_yaml(Context& context, const Arguments& arguments, YamlReader reader) {
    bool sound = true;
    for (const auto& file : arguments.all("file")) {
        const auto yaml = TRY(read_file(file, limits::yaml_file_max, context.around.in));
        const auto read = reader(yaml, file);
        const auto findings = read ? read->warnings : findings_of(read.error());
        if (context.json)
            context.print_json(
                fmt::format(R"({{"file":{},"findings":{}}})", encode(file), encode(findings))
            );
        sound =
            show_findings(context, file, findings, read ? read->contents : std::string{}) && sound;
    }
    return sound ? ExitCode::ok : ExitCode::invalid_input;
}

Command
yaml_command(const std::string& noun, std::string summary, YamlReader reader, std::string example) {
    Option files = positional("file", "the YAML file, or several; - reads the input");
    files.repeated = true;
    return {
        {noun, "lint"},
        std::move(summary),
        {std::move(files)},
        [reader](Context& context, const Arguments& arguments) {
            return lint_yaml(context, arguments, reader);
        },
        std::move(example),
        false,
        Reach::here};
}

} // namespace

void add_lint_commands(Commands& commands) {
    Option purpose =
        valued("purpose", "deployment|rollback", "what it is handed in for; else the file says");
    purpose.choices = {"deployment", "rollback"};
    commands.push_back(
        {{"runbook", "lint"},
         "Check a runbook on this machine; exit 0 only without errors",
         {positional("file", "the Markdown file; - reads the input"), purpose},
         lint_runbook,
         "slipway runbook lint deploy.md",
         false,
         Reach::here}
    );
    commands.push_back(yaml_command(
        "workflow", "Check workflows on this machine; exit 0 only without errors", read_workflow,
        "slipway workflow lint workflows/release.yaml"
    ));
    commands.push_back(yaml_command(
        "policy", "Check a policy on this machine; exit 0 only without errors", read_policy,
        "slipway policy lint policies/default.yaml"
    ));
}

} // namespace slipway::cli
