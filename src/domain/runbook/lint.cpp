// SPDX-License-Identifier: Apache-2.0
// What a runbook that can be read must still have before people may rely on it. The rules for a
// rollback runbook are those of the gate rollback-runbook (requirements, step 1.3): an executable
// step, a decision point, a named engineer at it, an abort criterion and a time limit.
#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/jq.hpp"
#include "base/this_machine.hpp"
#include "domain/runbook/parallel.hpp"
#include "domain/runbook/parsing.hpp"

namespace slipway::domain {

namespace {

constexpr std::string_view decision_example =
    "add a decision point:\n"
    "```decision {name=go-or-stay owner=anna backup=ben}\n"
    "Look at the error rate of the last five minutes.\n"
    "\n"
    "Abort if the old version does not answer within 10 minutes.\n"
    "```";

constexpr std::string_view step_example = "add a step that runs:\n"
                                          "```sh {\"name\":\"switch-back\",\"timeout\":\"60s\"}\n"
                                          "./switch 1.4\n"
                                          "```";

constexpr std::string_view smoke_example = "add a smoke list:\n"
                                           "```smoke\n"
                                           "- name: front-page\n"
                                           "  http: ${SITE_URL}/\n"
                                           "  expect: Harbor 1.5\n"
                                           "```";

class Linter {
  public:
    explicit Linter(const Runbook& runbook) : runbook_(runbook), findings_(runbook.notes) {}

    // Of what was refused nothing is missing.
    explicit Linter(const Parsing& parsing)
        : runbook_(parsing.runbook), step_refused_(parsing.step_refused),
          decision_refused_(parsing.decision_refused), smoke_refused_(parsing.smoke_refused),
          findings_(parsing.runbook.notes) {}

    std::vector<LintFinding> run() {
        check_steps();
        if (runbook_.purpose == RunbookPurpose::rollback)
            check_rollback();
        else
            check_deployment();
        check_times();
        for (const auto& check : runbook_.smoke)
            check_smoke(check);
        check_patience();
        return std::move(findings_);
    }

  private:
    void find(
        LintSeverity severity, int line, std::string rule, std::string message, std::string remedy
    ) {
        findings_.push_back({severity, line, std::move(rule), std::move(message), std::move(remedy)}
        );
    }

    bool any_step(auto&& predicate) const {
        return std::any_of(runbook_.steps.begin(), runbook_.steps.end(), predicate);
    }

    void check_steps();
    void check_command(const RunbookStep& step);
    void check_groups();
    void check_decision(const RunbookStep& step);
    void check_rollback();
    void check_deployment();
    void check_times();
    void check_smoke(const SmokeCheck& check);
    void check_host(int line, const std::string& name, const std::string& host);
    void check_patience();
    void check_program(const SmokeCheck& check, std::string_view key, const std::string& program);

    const Runbook& runbook_;
    bool step_refused_ = false;
    bool decision_refused_ = false;
    bool smoke_refused_ = false;
    std::vector<LintFinding> findings_;
};

// "TBD" at a decision point is nobody.
bool is_placeholder(const PersonId& person) {
    const auto lower = ascii_lower(person.value);
    constexpr std::array<std::string_view, 14> names{
        "tbd",     "tba",     "todo", "na",    "none",     "nobody", "someone",
        "anybody", "unknown", "team", "admin", "engineer", "oncall", "on-call",
    };
    return std::find(names.begin(), names.end(), lower) != names.end();
}

// True when the script only talks: comments, echo, printf, true, ":" and exit.
bool only_talks(std::string_view script) {
    while (!script.empty()) {
        const auto end = script.find('\n');
        auto line = script.substr(0, end);
        script.remove_prefix(end == std::string_view::npos ? script.size() : end + 1);
        const auto begin = line.find_first_not_of(" \t");
        if (begin == std::string_view::npos || line[begin] == '#')
            continue;
        line.remove_prefix(begin);
        const auto word = line.substr(0, line.find_first_of(" \t;"));
        const bool talk = word == "echo" || word == "printf" || word == "true" || word == ":" ||
                          word == "exit" || word == "set";
        // Whatever could start another command makes it more than talk.
        if (!talk || line.find_first_of(";|&`>") != std::string_view::npos ||
            line.find("$(") != std::string_view::npos)
            return false;
    }
    return true;
}

// The same bytes run on every ring, and no machine of production is one of a ring for tests. More
// is known only where the rings are.
void Linter::check_host(int line, const std::string& name, const std::string& host) {
    if (is_this_machine(host) || host.find("${") != std::string::npos)
        return;
    find(
        LintSeverity::warning, line, "host-of-one-ring",
        fmt::format("{} names the machine {}, so it is refused on every ring but one", name, host),
        "name it by a variable of the ring: host=${SITE_HOST}"
    );
}

void Linter::check_command(const RunbookStep& step) {
    check_host(step.line, "the step " + step.name, step.host);
    if (!step.timeout_given)
        find(
            LintSeverity::warning, step.line, "no-timeout",
            fmt::format(
                "the step {} gives no timeout; {} is used", step.name, to_text(step_timeout_default)
            ),
            "add timeout=60s"
        );
    if (step.script.starts_with("$ ") || step.script.find("\n$ ") != std::string::npos)
        find(
            LintSeverity::warning, step.line, "prompt",
            fmt::format("a line of {} begins with the prompt \"$ \"", step.name),
            "remove the prompt; the script is run as it stands"
        );
    if (only_talks(step.script))
        find(
            LintSeverity::warning, step.line, "only-talk",
            fmt::format("the step {} prints text and does nothing", step.name),
            "write what it runs, or use a ```manual block for a person's work"
        );
}

void Linter::check_decision(const RunbookStep& step) {
    // A rollback without these is refused by the gate; elsewhere a decision point is optional, but
    // one that nobody can take is still a mistake.
    if (step.owner.empty() || is_placeholder(step.owner))
        find(
            LintSeverity::error, step.line, "no-named-engineer",
            step.owner.empty() ? fmt::format("nobody is named to take the decision {}", step.name)
                               : fmt::format("\"{}\" is nobody's name", step.owner.value),
            "add owner=anna, or engineer: anna in the front matter"
        );
    if (step.abort_criterion.empty())
        find(
            LintSeverity::error, step.line, "no-abort-criterion",
            fmt::format("the decision {} does not say when to stop", step.name),
            "add abort-if=, or a line such as: Abort if errors stay above 2 % for 5 minutes."
        );
    if (step.backup.empty() || step.backup == step.owner || is_placeholder(step.backup))
        find(
            LintSeverity::warning, step.line, "no-backup",
            fmt::format("no second person can take the decision {}", step.name),
            "add backup=ben, or backup_engineer: ben in the front matter"
        );
}

void Linter::check_groups() {
    if (step_refused_)
        return;
    const auto& steps = runbook_.steps;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const bool with_last = i > 0 && run_together(steps[i - 1], steps[i]);
        const bool with_next = i + 1 < steps.size() && run_together(steps[i], steps[i + 1]);
        if (!steps[i].parallel.empty() && !with_last && !with_next)
            find(
                LintSeverity::warning, steps[i].line, "alone-in-group",
                fmt::format(
                    "the step {} is alone in the parallel group {}", steps[i].name,
                    steps[i].parallel
                ),
                "give the steps next to it the same group, or take parallel away"
            );
    }
}

void Linter::check_steps() {
    for (const auto& step : runbook_.steps) {
        if (step.executable())
            check_command(step);
        else if (step.kind == RunbookStepKind::decision)
            check_decision(step);
        else if (step.owner.empty() || is_placeholder(step.owner))
            find(
                LintSeverity::warning, step.line, "no-owner",
                fmt::format("nobody is named to do {}", step.name), "add owner=anna"
            );
    }
    for (const auto& undo : runbook_.undo)
        check_command(undo);
    check_groups();
    if (runbook_.title.empty())
        find(
            LintSeverity::warning, 0, "no-title", "the runbook has no title",
            "add title: to the front matter, or a heading"
        );
}

void Linter::check_rollback() {
    const bool executable = any_step([](const RunbookStep& step) {
        return step.kind == RunbookStepKind::command && !only_talks(step.script);
    });
    if (!executable && !step_refused_)
        find(
            LintSeverity::error, 0, "no-executable-step",
            "the runbook says that one can roll back, not how: no step in it runs anything",
            std::string(step_example)
        );
    const bool decision =
        any_step([](const RunbookStep& step) { return step.kind == RunbookStepKind::decision; });
    if (!decision && !decision_refused_) {
        find(
            LintSeverity::error, 0, "no-decision-point",
            "the runbook does not say where it is decided to roll back or to stay",
            std::string(decision_example)
        );
        find(
            LintSeverity::error, 0, "no-abort-criterion", "the runbook does not say when to stop",
            std::string(decision_example)
        );
        if (runbook_.engineer.empty() || is_placeholder(runbook_.engineer))
            find(
                LintSeverity::error, 0, "no-named-engineer",
                "nobody is named who takes the decision",
                "add engineer: anna to the front matter, and owner=anna to the decision point"
            );
    }
    if (runbook_.time_limit == Span::zero())
        find(
            LintSeverity::error, 0, "no-time-limit",
            "the runbook does not say how long the rollback may take",
            "add time_limit: 45m to the front matter"
        );
}

void Linter::check_deployment() {
    const bool step = any_step([](const RunbookStep& one) {
        return one.kind == RunbookStepKind::command || one.kind == RunbookStepKind::manual;
    });
    if (!step && !step_refused_)
        find(
            LintSeverity::error, 0, "no-step", "the runbook has no step that does anything",
            std::string(step_example)
        );
    if (runbook_.smoke.empty() && !smoke_refused_)
        find(
            LintSeverity::error, 0, "no-smoke-list",
            "the runbook does not say how to tell that the release works",
            std::string(smoke_example)
        );
    if (runbook_.engineer.empty() || is_placeholder(runbook_.engineer))
        find(
            LintSeverity::warning, 0, "no-named-engineer", "nobody is named who runs it",
            "add engineer: anna to the front matter"
        );
    if (runbook_.time_limit == Span::zero())
        find(
            LintSeverity::warning, 0, "no-time-limit",
            "the runbook does not say how long it may take",
            "add time_limit: 45m to the front matter"
        );
}

void Linter::check_times() {
    const Span sum = time_allowed(runbook_.steps);
    if (runbook_.time_limit != Span::zero() && sum > runbook_.time_limit)
        find(
            LintSeverity::warning, 0, "time-limit-too-short",
            fmt::format(
                "the steps may take {}, the whole runbook {}", to_text(sum),
                to_text(runbook_.time_limit)
            ),
            "raise time_limit, or lower the timeouts of the steps"
        );
}

// A program that is no jq would otherwise be found out in the window, by a check that fails.
void Linter::check_program(
    const SmokeCheck& check, std::string_view key, const std::string& program
) {
    if (program.empty())
        return;
    if (const auto compiled = JqProgram::compile(program); !compiled)
        find(
            LintSeverity::error, check.line, "bad-expression",
            fmt::format("{} of the check {}: {}", key, check.name, compiled.error().message),
            "write a jq program, such as .status == \"ok\""
        );
}

void Linter::check_smoke(const SmokeCheck& check) {
    check_host(check.line, "the check " + check.name, check.host);
    if (check.http)
        check_program(check, "json", check.http->json);
    if (check.job)
        check_program(check, "at", check.job->at);
    if (check.sso)
        check_program(check, "json", check.sso->json);
    if (const auto why = why_no_probe(check); check.outside && !why.empty())
        find(
            LintSeverity::warning, check.line, "no-probe",
            fmt::format("the check {} is for the outside, but {}", check.name, why),
            "ask over the network, or look from outside by hand and record it (record_smoke)"
        );
    if (check.tls && !check.tls->days)
        find(
            LintSeverity::warning, check.line, "no-days",
            fmt::format("the check {} lets a certificate pass that ends tomorrow", check.name),
            "add days: 21"
        );
    if (check.dns && check.dns->has.empty() && check.dns->exactly.empty() &&
        check.dns->one_of.empty())
        find(
            LintSeverity::warning, check.line, "no-records",
            fmt::format("the check {} is content with any record", check.name),
            "add has:, exactly: or one_of: with what the name must have"
        );
}

// A list that only waits holds up the window, and whoever stands by in it.
void Linter::check_patience() {
    Span waiting{};
    for (const auto& check : runbook_.smoke)
        if (check.patience)
            waiting += check.patience->settle + check.patience->retries * check.patience->every;
    if (waiting > limits::smoke_settle_max)
        find(
            LintSeverity::warning, 0, "smoke-takes-long",
            fmt::format("the smoke list may wait for {} before it fails", to_text(waiting)),
            "lower settle, retries or every; one check that settles holds up those behind it"
        );
}

// Causes stand before their consequences: by line, and what the whole file lacks behind.
void sort_by_line(std::vector<LintFinding>& findings) {
    if (findings.size() > limits::runbook_findings_max) {
        // Errors are what must not be left out.
        std::stable_sort(
            findings.begin(), findings.end(),
            [](const LintFinding& a, const LintFinding& b) { return a.severity < b.severity; }
        );
        findings.resize(limits::runbook_findings_max);
    }
    const auto place = [](const LintFinding& finding) {
        const bool of_the_whole = finding.line == 0;
        return std::tuple(of_the_whole, finding.line, finding.severity);
    };
    std::stable_sort(
        findings.begin(), findings.end(),
        [&](const LintFinding& a, const LintFinding& b) { return place(a) < place(b); }
    );
}

} // namespace

std::vector<LintFinding> lint_runbook(const Runbook& runbook) {
    auto findings = Linter(runbook).run();
    sort_by_line(findings);
    return findings;
}

namespace {

bool has_rule(const std::vector<LintFinding>& findings, std::string_view rule) {
    return std::any_of(findings.begin(), findings.end(), [&](const LintFinding& finding) {
        return finding.rule == rule;
    });
}

// What the front matter would say; while it cannot be read, nobody knows that it does not. What the
// runbook is for it says too, and so what else must be there.
bool is_of_front_matter(const LintFinding& finding) {
    return finding.rule == "no-title" || finding.rule == "no-named-engineer" ||
           finding.rule == "no-time-limit";
}

} // namespace

LintReport lint_text(std::string_view bytes, std::optional<RunbookPurpose> expected) {
    auto parsing = read_runbook(bytes, false);
    const bool readable = parsing.errors.empty();
    if (!parsing.has_purpose && expected)
        parsing.runbook.purpose = *expected;
    else if (!parsing.has_purpose && parsing.speaks_of_rollback)
        parsing.runbook.purpose = RunbookPurpose::rollback;
    LintReport report;
    report.findings = std::move(parsing.errors);
    const bool keys_refused = has_rule(report.findings, "bad-front-matter") ||
                              has_rule(report.findings, "open-front-matter");
    const bool purpose_unknown = !parsing.has_purpose && !expected;
    if (parsing.has_purpose && expected && parsing.runbook.purpose != *expected)
        report.findings.push_back(
            {LintSeverity::error, 1, "other-purpose",
             fmt::format(
                 "this is a {} runbook, a {} runbook is needed", to_text(parsing.runbook.purpose),
                 to_text(*expected)
             ),
             fmt::format("hand in the {} runbook", to_text(*expected))}
        );
    // What could not be read at all (too large, not text) has no content to hold to the rules.
    if (parsing.runbook.digest != Digest{})
        for (auto& finding : Linter(parsing).run())
            if (!keys_refused ||
                !(is_of_front_matter(finding) || (purpose_unknown && finding.line == 0)))
                report.findings.push_back(std::move(finding));
    sort_by_line(report.findings);
    if (readable)
        report.runbook = std::move(parsing.runbook);
    return report;
}

bool LintReport::passed() const {
    return std::none_of(findings.begin(), findings.end(), [](const LintFinding& finding) {
        return finding.severity == LintSeverity::error;
    });
}

} // namespace slipway::domain
