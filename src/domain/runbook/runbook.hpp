// SPDX-License-Identifier: Apache-2.0
// A runbook: Markdown that people read and a machine can run. YAML front matter names purpose,
// people and time limit; fenced blocks with a name are the steps, in the order of the file. The
// attributes of a block are written as runme writes them, in either form:
//
//     ```sh {"name":"drain","timeout":"60s"}          ```sh { name=drain timeout=60s }
//
// What a fenced block is:
//   sh, bash, python3 ... with a name        a command step, run in the order of the file
//   the same with verify=true                a verify step: it must not change anything
//   the same without a name                  prose; shown, never run, and the linter warns
//   the same with excludeFromRunAll=true     prose; its author said not to run it with the rest
//   the same with parallel=web               a step that runs at the same time as its neighbours of
//                                            the group web
//   the same with undoes=drain               not a step: how the step drain is undone, if its owner
//                                            decides so
//   manual {name=... owner=...}              a step for a person; the body says what to do
//   decision {name=... owner=... backup=...} a decision point; abort-if=..., or a line of the body
//                                            that begins with "Abort if", is its abort criterion
//   smoke                                    the smoke list: a YAML list of checks (SmokeCheck)
//   any other language                       prose
//
// Everything here is pure. Nothing here runs, resolves or fetches anything. docs/reference/
// runbook-format.md is the description for people. Limits: base/limits.hpp (runbook_*, smoke_*).
// Attribute syntax: docs.runme.dev, "Cell-level options". Gate: rollback-runbook.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.hpp"
#include "base/enums.hpp"
#include "base/hash.hpp"
#include "base/id.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/runbook/smoke_check.hpp"

namespace slipway::domain {

SLIPWAY_ENUM(RunbookPurpose, deployment, rollback)
SLIPWAY_ENUM(RunbookStepKind, command, manual, verify, decision)
// A `note` is something known that has no effect here; it never makes a report fail.
SLIPWAY_ENUM(LintSeverity, error, warning, note)

// Used where a runbook gives no time; the linter says so.
inline constexpr Span step_timeout_default = std::chrono::minutes(5);

struct RunbookStep {
    std::string name; // a slug, unique in its runbook
    RunbookStepKind kind{};
    std::string title;       // the heading above it, without markup
    std::string host;        // empty: where the runner runs; may hold ${variables}
    std::string interpreter; // "sh", "bash", "python3" ...; empty for manual and decision
    std::string script;      // line ends are LF whatever the file has
    std::string expect;      // text that the output must contain; "/.../" is an RE2 expression
    int exit_status = 0;
    Span timeout{}; // zero for manual and decision steps that give none: they have no time limit
    bool timeout_given = false;
    PersonId owner;              // decision: `engineer` of the front matter when not given
    PersonId backup;             // decision: `backup_engineer` when not given
    std::string abort_criterion; // decision only
    std::string instructions;    // the body of a manual step or a decision
    int line = 0;                // of the opening fence, counted from 1
    Digest digest;               // SHA-256 of the encoding of everything but title, line and itself
    bool confirm = false;        // a person says when it may begin
    PersonId second;             // who must agree too: a two-person step
    std::string undoes;          // of an undo block: the step that it takes back
    std::string parallel;        // the group of neighbours that run at the same time, or none
    bool operator==(const RunbookStep&) const = default;

    bool executable() const {
        return kind == RunbookStepKind::command || kind == RunbookStepKind::verify;
    }

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("name", self.name, required("name of the step, unique in its runbook"));
        visit("kind", self.kind, required("command, manual, verify or decision"));
        visit("title", self.title, optional("the heading above it", limits::text_max));
        visit("host", self.host, optional("where it runs; empty: beside the runner"));
        visit("interpreter", self.interpreter, optional("program that runs the script"));
        visit("script", self.script, optional("what is run", limits::runbook_file_max));
        visit("expect", self.expect, optional("text or /expression/ in the output"));
        visit("exit_status", self.exit_status, optional("the exit status of success"));
        visit("timeout", self.timeout, optional("time limit; 0ms: none"));
        visit("timeout_given", self.timeout_given, optional("the runbook gives the time limit"));
        visit("owner", self.owner, optional("who does or decides it"));
        visit("backup", self.backup, optional("who decides when the owner cannot"));
        visit("abort_criterion", self.abort_criterion, optional("when to stop", limits::text_max));
        visit("instructions", self.instructions, optional("what to do", limits::runbook_file_max));
        visit("line", self.line, optional("line in the file"));
        visit("digest", self.digest, optional("SHA-256 of what the step does"));
        visit("confirm", self.confirm, optional("a person says when it may begin"));
        visit("second", self.second, optional("who must agree too"));
        visit("undoes", self.undoes, optional("the step that it takes back"));
        visit("parallel", self.parallel, optional("the group that it runs with"));
    }
};

// What must be there before the runbook begins, as the front matter has it. The programs that run
// the steps need not be named.
struct RunbookNeed {
    std::string host;                        // empty: every machine that the steps run on
    std::vector<std::string> tools;          // programs on the PATH of the steps, or absolute paths
    std::map<std::string, std::string> disk; // free space by absolute path: "500M", "20G"
    std::vector<std::string> credentials;    // of the ring: credentials, or secret variables
    bool operator==(const RunbookNeed&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("host", self.host, optional("the machine; absent: every one of the steps"));
        visit("tools", self.tools, optional("programs"));
        visit("disk", self.disk, optional("free space by path, such as 500M"));
        visit("credentials", self.credentials, optional("credentials of the ring"));
    }
};

// "500M" as KiB; K, M, G or T of 1024. Errors: invalid_input.
Result<std::uint64_t> kib_from_text(std::string_view text);

// One thing a reader of the file should know; `line` is 0 when it concerns the whole file.
struct LintFinding {
    LintSeverity severity{};
    int line = 0;
    std::string rule; // "no-time-limit"; docs/reference/runbook-format.md lists all
    std::string message;
    std::string remedy;
    bool operator==(const LintFinding&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("severity", self.severity, required("error, warning or note"));
        visit("line", self.line, optional("line in the file"));
        visit("rule", self.rule, required("id of the rule"));
        visit("message", self.message, required("what is wrong", limits::text_max));
        visit("remedy", self.remedy, optional("how to mend it", limits::paragraph_max));
    }
};

struct Runbook {
    std::string title;
    RunbookPurpose purpose{};
    PersonId engineer;
    PersonId backup_engineer;
    Span time_limit{}; // for the whole runbook; zero when the file gives none
    PersonId author;
    std::vector<RunbookStep> steps;
    std::vector<SmokeCheck> smoke;
    std::vector<RunbookNeed> needs; // what a preflight looks for
    std::vector<LintFinding> notes; // what the parser passed over: warnings and notes only
    Digest digest;                  // SHA-256 of all bytes of the file
    Digest smoke_digest;            // SHA-256 of the encoding of the list without its lines
    std::vector<RunbookStep> undo;  // blocks that take a step back, in the order of the file
    bool operator==(const Runbook&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("title", self.title, required("title"));
        visit("purpose", self.purpose, required("deployment or rollback"));
        visit("engineer", self.engineer, optional("the named engineer"));
        visit("backup_engineer", self.backup_engineer, optional("the second one"));
        visit("time_limit", self.time_limit, optional("for the whole runbook; 0ms: not given"));
        visit("author", self.author, optional("who wrote it"));
        visit("steps", self.steps, optional("the steps in order", limits::runbook_steps_max));
        visit("smoke", self.smoke, optional("the smoke list", limits::smoke_checks_max));
        visit("needs", self.needs, optional("what must be there", limits::runbook_needs_max));
        visit("notes", self.notes, optional("what was passed over", limits::runbook_findings_max));
        visit("digest", self.digest, required("SHA-256 of the file"));
        visit("smoke_digest", self.smoke_digest, optional("SHA-256 of the smoke list"));
        visit("undo", self.undo, optional("how steps are undone", limits::runbook_steps_max));
    }
};

struct LintReport {
    std::optional<Runbook> runbook; // absent when the file could not be read as a runbook
    std::vector<LintFinding> findings;

    bool passed() const; // no finding is an error

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("runbook", self.runbook, optional("what was read"));
        visit("findings", self.findings, optional("by line", limits::runbook_findings_max));
    }
};

// Errors: invalid_input; each FieldError has "line N" as its field, and names the limit if one was
// exceeded. A runbook that can be parsed may still be refused by lint_runbook. It is for bytes that
// were pinned: rules that came after them are lint_text's alone, so that what was approved once can
// be run, and gone back with, by a newer program.
Result<Runbook> parse_runbook(std::string_view bytes);

// The findings by line: what the parser noted and what the rules say. A rollback runbook is held
// to the gate rollback-runbook; a deployment runbook must have steps and a smoke list.
std::vector<LintFinding> lint_runbook(const Runbook& runbook);

// Never fails: what stops the parser becomes a finding of severity error, and the rules are applied
// to whatever could be read. `expected` is the purpose it was handed in for, when that is known.
LintReport lint_text(std::string_view bytes, std::optional<RunbookPurpose> expected = std::nullopt);

// The step or undo block of this name, or nothing.
const RunbookStep* find_step(const Runbook& runbook, std::string_view name);

// How long the step may take when the run began `since_start` ago: its own time limit, or what is
// left of the whole runbook's, whichever is shorter. Zero when nothing is left.
Span step_time(const Runbook& runbook, const RunbookStep& step, Span since_start);

// SHA-256 of what the list checks, whatever its place in the file.
Digest smoke_list_digest(const std::vector<SmokeCheck>& checks);

// Whether it is "/.../", an expression; everything else is plain text.
bool is_expression(std::string_view expect);
// True when the output is as expected: empty `expect` always; "/.../" as an RE2 expression (linear
// time, "." does not match a line end, ^ and $ match at lines); anything else as a part of the
// text. Errors: invalid_input when the expression is malformed or too large.
Result<bool> output_matches(std::string_view expect, std::string_view output);

// True when an expectation demands nothing, because every output is as it says: "//", "/.*/". An
// empty one is none. Errors: as of output_matches.
Result<bool> holds_of_anything(std::string_view expect);

// A name, an alias of ssh_config or an address that OpenSSH may be given, with "user@" before it or
// not: letters, digits, '.', '_', '-' and ':' (IPv6), at most name_max bytes, and no '-' in front,
// where it would be an option of ssh.
bool is_host_name(std::string_view host);

// Replaces each ${name} by its value; "$${" stands for "${". Errors: invalid_input naming a
// variable that has no value, limit_exceeded when the outcome is longer than paragraph_max.
using Variables = std::map<std::string, std::string>;
Result<std::string> fill_variables(std::string_view text, const Variables& variables);
// The check as it runs on one ring. A script is left alone: it gets the variables as environment.
Result<SmokeCheck> fill_variables(const SmokeCheck& check, const Variables& variables);

} // namespace slipway::domain
