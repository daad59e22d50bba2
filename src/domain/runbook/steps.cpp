// SPDX-License-Identifier: Apache-2.0
// A fenced block as a step: which attributes it may have and what they mean. An attribute that is
// neither ours nor runme's is refused, because a misspelt "timeout" that is passed over is a step
// without a time limit.
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/json.hpp"

#include "domain/runbook/parallel.hpp"
#include "domain/runbook/parsing.hpp"

namespace slipway::domain {

namespace {

struct Language {
    std::string_view name;
    std::string_view interpreter;
};

constexpr std::array<Language, 11> languages{{
    {"sh", "sh"},
    {"shell", "sh"},
    {"bash", "bash"},
    {"dash", "dash"},
    {"ksh", "ksh"},
    {"zsh", "zsh"},
    {"python", "python3"},
    {"python3", "python3"},
    {"py", "python3"},
    {"perl", "perl"},
    {"ruby", "ruby"},
}};

std::string_view interpreter_of(std::string_view language) {
    for (const auto& known : languages)
        if (known.name == language)
            return known.interpreter;
    return {};
}

// docs.runme.dev, "Cell-level options", and what its editor writes by itself.
bool is_runme_attribute(std::string_view key) {
    constexpr std::array<std::string_view, 12> keys{
        "background",   "category",          "closeTerminalOnSuccess", "cwd",       "id",
        "interactive",  "mimeType",          "openTerminalOnError",    "promptEnv", "tag",
        "terminalRows", "excludeFromRunAll",
    };
    return key.starts_with("runme.dev/") || key.starts_with("stateful.com/") ||
           std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool is_true(std::string_view text) {
    return text == "true" || text == "1" || text == "yes";
}

void remark_runme_attribute(const Attribute& attribute, int line, Parsing& parsing) {
    const auto& [key, value] = attribute;
    std::string remedy;
    if (key == "interactive" && is_true(value))
        remedy = "a step gets no keyboard; make the script ask nothing";
    else if (key == "background" && is_true(value))
        remedy = "the step is waited for; start services with their service manager";
    else if (key == "cwd" && !value.empty())
        remedy = "write cd " + value + " at the beginning of the script";
    const auto severity = remedy.empty() ? LintSeverity::note : LintSeverity::warning;
    parsing.remark(
        severity, line, "runme-attribute", fmt::format("{} is runme's and has no effect here", key),
        std::move(remedy)
    );
}

// One block while it becomes a step.
struct Draft {
    const FencedBlock& block;
    Parsing& parsing;
    RunbookStep step;
    bool verify = false;
    bool wrong = false;

    void refuse(std::string rule, std::string message, std::string remedy) {
        wrong = true;
        parsing.refuse(block.line, std::move(rule), std::move(message), std::move(remedy));
    }

    bool read_flag(const Attribute& attribute) {
        if (attribute.value != "true" && attribute.value != "false")
            refuse(
                "bad-attribute", fmt::format("{} is \"{}\"", attribute.key, attribute.value),
                "write true or false"
            );
        return attribute.value == "true";
    }
};

void read_exit(const std::string& value, Draft& draft) {
    int status = -1;
    const auto* end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, status);
    if (read.ec != std::errc{} || read.ptr != end || status < 0 || status > 255)
        return draft.refuse(
            "bad-attribute", fmt::format("exit is \"{}\"", value),
            "write the exit status of success, 0 to 255"
        );
    draft.step.exit_status = status;
}

void read_kind(const std::string& value, Draft& draft) {
    if (value == "verify")
        draft.verify = true;
    else if (value != "command")
        draft.refuse(
            "bad-attribute", fmt::format("kind is \"{}\"", value),
            "write kind=command or kind=verify; manual and decision are languages: ```manual"
        );
}

void read_expect(const std::string& value, Draft& draft) {
    draft.step.expect = value;
    if (!draft.parsing.may_look_at(value, draft.block.line))
        return;
    const auto any = value.empty() ? Result<bool>(true) : holds_of_anything(value);
    if (!any)
        draft.refuse(
            "bad-expression", any.error().fields.front().message,
            "write /an expression/ that RE2 knows, or plain text"
        );
    else if (*any && !draft.parsing.pinned)
        draft.refuse(
            "bad-attribute", fmt::format("expect=\"{}\" holds of any output", value),
            "write what the step prints when it did its work, or take expect away"
        );
}

void read_host(const std::string& value, Draft& draft) {
    draft.step.host = value;
    if (!may_be_host(value))
        draft.refuse(
            "bad-attribute", fmt::format("host is \"{}\"", value),
            "write the name of a machine as OpenSSH knows it, such as web1 or deploy@web1"
        );
}

void read_parallel(const std::string& value, Draft& draft) {
    draft.step.parallel = value;
    if (!is_slug(value))
        draft.refuse(
            "bad-attribute", fmt::format("parallel is \"{}\"", value),
            "write the name of the group, such as parallel=web: 1 to 64 letters, digits, '.', '_' "
            "or '-'"
        );
}

// Attributes of steps that run. Returns false when the key is not one of them.
bool read_command_attribute(const Attribute& attribute, Draft& draft) {
    const auto& [key, value] = attribute;
    if (key == "host")
        read_host(value, draft);
    else if (key == "expect")
        read_expect(value, draft);
    else if (key == "exit")
        read_exit(value, draft);
    else if (key == "verify")
        draft.verify = draft.read_flag(attribute) || draft.verify;
    else if (key == "kind")
        read_kind(value, draft);
    else if (key == "confirm")
        draft.step.confirm = draft.read_flag(attribute);
    else if (key == "undoes")
        draft.step.undoes = value;
    else if (key == "parallel")
        read_parallel(value, draft);
    else if (key == "interpreter") {
        const auto known = interpreter_of(value);
        if (known.empty())
            draft.refuse(
                "unknown-language", fmt::format("no interpreter is known for \"{}\"", value),
                "use sh, bash, python3, perl or ruby"
            );
        draft.step.interpreter = known;
    } else
        return false;
    return true;
}

bool read_decision_attribute(const Attribute& attribute, Draft& draft) {
    if (attribute.key == "backup")
        read_person(attribute.value, "backup", draft.block.line, draft.step.backup, draft.parsing);
    else if (attribute.key == "abort-if")
        draft.step.abort_criterion = attribute.value;
    else
        return false;
    return true;
}

void read_attribute(const Attribute& attribute, Draft& draft) {
    auto& step = draft.step;
    const int line = draft.block.line;
    if (attribute.key == "name")
        step.name = attribute.value;
    else if (attribute.key == "timeout")
        step.timeout_given =
            read_time(attribute.value, attribute.key, line, step.timeout, draft.parsing);
    else if (attribute.key == "owner")
        read_person(attribute.value, attribute.key, line, step.owner, draft.parsing);
    else if (attribute.key == "second")
        read_person(attribute.value, attribute.key, line, step.second, draft.parsing);
    else if (step.executable() && read_command_attribute(attribute, draft))
        return;
    else if (step.kind == RunbookStepKind::decision && read_decision_attribute(attribute, draft))
        return;
    else if (is_runme_attribute(attribute.key))
        remark_runme_attribute(attribute, line, draft.parsing);
    else
        draft.refuse(
            "unknown-attribute",
            fmt::format("{} is not an attribute of a {} block", attribute.key, to_text(step.kind)),
            step.executable() ? "use name, host, timeout, expect, exit, verify, kind, owner, "
                                "interpreter, confirm, second, undoes, parallel"
            : step.kind == RunbookStepKind::manual
                ? "use name, owner, second, timeout"
                : "use name, owner, second, backup, abort-if, timeout"
        );
}

std::string_view trim_lines(std::string_view text) {
    while (!text.empty() && std::string_view(" \t\n").find(text.front()) != std::string_view::npos)
        text.remove_prefix(1);
    while (!text.empty() && std::string_view(" \t\n").find(text.back()) != std::string_view::npos)
        text.remove_suffix(1);
    return text;
}

// The paragraph of the body that begins with "Abort if", in one line and without these words.
std::string find_abort_criterion(std::string_view body) {
    std::string criterion;
    while (!body.empty()) {
        const auto end = body.find('\n');
        auto line = trim_lines(body.substr(0, end));
        body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
        if (criterion.empty()) {
            while (!line.empty() && (line.front() == '-' || line.front() == '*'))
                line = trim_lines(line.substr(1));
            if (line.size() < 8 || (line.front() != 'A' && line.front() != 'a') ||
                line.substr(1, 7) != "bort if")
                continue;
            line = trim_lines(line.substr(8));
            if (line.starts_with(':'))
                line = trim_lines(line.substr(1));
            criterion = line;
        } else if (line.empty()) {
            break;
        } else {
            criterion += ' ';
            criterion += line;
        }
    }
    return criterion;
}

Digest step_digest(RunbookStep step) {
    step.line = 0;
    step.title.clear();
    step.digest = {};
    return sha256(encode(step));
}

void fill_body(Draft& draft) {
    auto& step = draft.step;
    if (step.executable()) {
        step.kind = draft.verify ? RunbookStepKind::verify : RunbookStepKind::command;
        step.script = draft.block.body;
        if (!step.timeout_given)
            step.timeout = step_timeout_default;
        if (trim_lines(step.script).empty())
            draft.refuse(
                "empty-step", fmt::format("the step {} has no script", step.name),
                "write what it runs, or use a ```manual block for a person's work"
            );
        return;
    }
    step.instructions = trim_lines(draft.block.body);
    if (step.kind == RunbookStepKind::decision) {
        if (step.abort_criterion.empty())
            step.abort_criterion = find_abort_criterion(step.instructions);
        if (step.abort_criterion.size() > limits::text_max)
            draft.refuse(
                "bad-attribute",
                fmt::format("the abort criterion is longer than {} bytes", limits::text_max), ""
            );
        if (step.owner.empty())
            step.owner = draft.parsing.runbook.engineer;
        if (step.backup.empty())
            step.backup = draft.parsing.runbook.backup_engineer;
    } else if (step.instructions.empty()) {
        draft.refuse(
            "empty-step", fmt::format("the manual step {} does not say what to do", step.name),
            "write it in the body of the block"
        );
    }
}

// Two people are two, and an undo runs when its run's owner decides so: it asks nobody else.
void check_people(Draft& draft) {
    const auto& step = draft.step;
    if (!step.second.empty() && step.second == step.owner)
        draft.refuse(
            "bad-attribute", fmt::format("owner and second are both {}", step.second.value),
            "name two people"
        );
    if (!step.undoes.empty() && (step.confirm || !step.second.empty()))
        draft.refuse(
            "bad-attribute", "an undo block waits for nobody: the owner of the run decides on it",
            "take confirm and second away"
        );
}

// Steps come first: whoever reads down the page knows what is undone, and nothing can undo itself.
void check_undoes(Draft& draft) {
    const auto& runbook = draft.parsing.runbook;
    const auto& undoes = draft.step.undoes;
    const auto is = [&](const RunbookStep& step) { return step.name == undoes; };
    if (std::none_of(runbook.steps.begin(), runbook.steps.end(), is))
        return draft.refuse(
            "bad-attribute", fmt::format("no step before this block is called \"{}\"", undoes),
            "name the step that it takes back, and put it below that step"
        );
    for (const auto& other : runbook.undo)
        if (other.undoes == undoes)
            return draft.refuse(
                "bad-attribute",
                fmt::format(
                    "the block {} of line {} undoes {} too", other.name, other.line, undoes
                ),
                "write one block that undoes the whole step"
            );
}

// A group begins and ends as one. Whoever is to be asked is asked before it begins, by a step in
// front of it; and what was done is taken back in reverse, one step after the other.
void check_parallel(Draft& draft) {
    const auto& group = draft.step.parallel;
    const auto& steps = draft.parsing.runbook.steps;
    if (!draft.step.undoes.empty())
        return draft.refuse(
            "bad-attribute", "undo blocks run one after the other", "take parallel away"
        );
    if (draft.step.confirm || !draft.step.second.empty())
        return draft.refuse(
            "bad-attribute",
            fmt::format("a step of the parallel group {} cannot wait for a person", group),
            "take confirm and second away, and put a decision or a step that asks in front of the "
            "group"
        );
    const auto in_group = [&](const RunbookStep& step) { return step.parallel == group; };
    const auto last = std::find_if(steps.rbegin(), steps.rend(), in_group);
    if (last != steps.rend() && last != steps.rbegin())
        return draft.refuse(
            "bad-attribute",
            fmt::format(
                "the parallel group {} ended with the step {} of line {}", group, last->name,
                last->line
            ),
            "put the steps of a group next to each other, or give this one a group of its own"
        );
    if (std::count_if(steps.begin(), steps.end(), in_group) >= long{parallel_steps_max})
        draft.refuse(
            "too-many-steps",
            fmt::format("more than {} steps in the parallel group {}", parallel_steps_max, group),
            "make two groups of it, one behind the other"
        );
}

void add_step(Draft& draft) {
    auto& runbook = draft.parsing.runbook;
    auto& step = draft.step;
    if (!is_slug(step.name))
        return draft.refuse(
            "bad-name", fmt::format("\"{}\" is not the name of a step", step.name),
            "use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit"
        );
    if (const auto* other = find_step(runbook, step.name))
        return draft.refuse(
            "duplicate-name",
            fmt::format("the step of line {} is called {} too", other->line, step.name),
            "give every step its own name"
        );
    if (runbook.steps.size() + runbook.undo.size() >= limits::runbook_steps_max)
        return draft.refuse(
            "too-many-steps", fmt::format("more than {} steps", limits::runbook_steps_max),
            "split the runbook"
        );
    fill_body(draft);
    check_people(draft);
    if (!step.undoes.empty())
        check_undoes(draft);
    if (!step.parallel.empty())
        check_parallel(draft);
    if (draft.wrong)
        return;
    step.digest = step_digest(step);
    auto& list = step.undoes.empty() ? runbook.steps : runbook.undo;
    list.push_back(std::move(step));
}

// Returns true when the block is prose, and notes why where a reader might think otherwise.
bool is_prose(const BlockInfo& info, const FencedBlock& block, Parsing& parsing) {
    std::string_view name;
    bool excluded = false;
    for (const auto& [key, value] : info.attributes) {
        name = key == "name" ? std::string_view(value) : name;
        excluded = excluded || (key == "excludeFromRunAll" && is_true(value));
    }
    const bool person = info.language == "manual" || info.language == "decision";
    if (excluded && !person) {
        parsing.remark(
            LintSeverity::warning, block.line, "excluded-block",
            "excludeFromRunAll says that this block is not run with the rest; it is no step", ""
        );
        return true;
    }
    if (!name.empty())
        return false;
    if (person) {
        parsing.refuse(
            block.line, "no-name", fmt::format("this {} step has no name", info.language),
            fmt::format("write ```{} {{name=tell-desk owner=anna}}", info.language)
        );
    } else if (!interpreter_of(info.language).empty()) {
        parsing.remark(
            LintSeverity::warning, block.line, "unnamed-block",
            fmt::format("this {} block has no name and is not run", info.language),
            fmt::format(
                "to make it a step write ```{} {{\"name\":\"drain\",\"timeout\":\"60s\"}}; to keep "
                "it as an example use ```console",
                info.language
            )
        );
    }
    return true;
}

void read_block(const FencedBlock& block, std::string_view language, Parsing& parsing) {
    // It looks like a language that is known, and is none.
    if (!parsing.pinned && first_unseen(language) != std::string_view::npos)
        return look_for_unseen(block, parsing);
    const auto info = parse_info(block.info);
    const bool person = language == "manual" || language == "decision";
    const bool runs = !interpreter_of(language).empty();
    if (!info) {
        if (person || runs) // in other languages the rest of the line may mean anything
            parsing.refuse(
                block.line, "bad-attributes", info.error().fields.front().message,
                "write {\"name\":\"drain\",\"timeout\":\"60s\"} or { name=drain timeout=60s }"
            );
        return;
    }
    if (is_prose(*info, block, parsing))
        return;
    if (!person && !runs)
        return parsing.refuse(
            block.line, "unknown-language",
            fmt::format(
                "this block has a name, but no interpreter is known for \"{}\"", info->language
            ),
            "use sh, bash, python3, perl or ruby, or take the name away"
        );
    Draft draft{block, parsing, {}};
    draft.step.kind = language == "manual"     ? RunbookStepKind::manual
                      : language == "decision" ? RunbookStepKind::decision
                                               : RunbookStepKind::command;
    if (runs)
        look_for_unseen(block, parsing);
    draft.step.interpreter = interpreter_of(language);
    draft.step.title = block.heading;
    draft.step.line = block.line;
    for (const auto& attribute : info->attributes)
        read_attribute(attribute, draft);
    add_step(draft);
}

} // namespace

void read_step_block(const FencedBlock& block, Parsing& parsing) {
    const auto before = parsing.errors.size();
    const auto language = block.info.substr(0, block.info.find_first_of(" \t{"));
    read_block(block, language, parsing);
    auto& refused = language == "decision" ? parsing.decision_refused : parsing.step_refused;
    refused = refused || parsing.errors.size() > before;
}

const RunbookStep* find_step(const Runbook& runbook, std::string_view name) {
    for (const auto* list : {&runbook.steps, &runbook.undo})
        for (const auto& step : *list)
            if (step.name == name)
                return &step;
    return nullptr;
}

Span step_time(const Runbook& runbook, const RunbookStep& step, Span since_start) {
    const Span own = step.timeout > Span::zero() ? step.timeout : step_timeout_default;
    if (runbook.time_limit == Span::zero())
        return own;
    return std::clamp(runbook.time_limit - since_start, Span::zero(), own);
}

} // namespace slipway::domain
