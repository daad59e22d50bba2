// SPDX-License-Identifier: Apache-2.0
// A runbook while it is being read: what is there so far and what is wrong with it. Reading goes on
// after an error, so that the linter can show all of them at once; parse_runbook gives no runbook
// when there is any. Internal to domain/runbook.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/runbook/blocks.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::domain {

struct Parsing {
    // The bytes were pinned before: what was once approved is read as it was then, and rules that
    // came since are for what is pinned from now on.
    bool pinned = false;
    Runbook runbook;
    bool has_front_matter = false;
    bool has_purpose = false;
    bool speaks_of_rollback = false; // the text does, whatever its front matter says
    // There is one, and something is wrong with it; so nobody can say that there is none.
    bool step_refused = false; // a step that runs, or a person's
    bool decision_refused = false;
    bool smoke_refused = false;
    std::size_t expressions = 0; // that stand in it so far, and their bytes
    std::size_t expression_bytes = 0;
    bool too_many_expressions = false;
    std::vector<LintFinding> errors;

    void refuse(int line, std::string rule, std::string message, std::string remedy);

    // What was refused may hold blocks of any kind, that nobody has read.
    void leave_blocks_unread() { step_refused = decision_refused = smoke_refused = true; }

    // Whether there is time to look at one more expectation. RE2 takes up to 10 ms for a few bytes
    // (a class of letters, 900 times) and up to 200 ms for 4000. The first too many is refused.
    bool may_look_at(std::string_view expect, int line);
    // Something that does not make the runbook invalid.
    void remark(
        LintSeverity severity, int line, std::string rule, std::string message, std::string remedy
    );
};

Parsing read_runbook(std::string_view bytes, bool pinned);

// One ```smoke block: appends its checks to the runbook.
void read_smoke_block(const FencedBlock& block, Parsing& parsing);

// One block whose language is sh, manual, decision and so on, or which claims a name.
void read_step_block(const FencedBlock& block, Parsing& parsing);

// Where the first character stands that nobody sees, or npos.
std::size_t first_unseen(std::string_view text);

// Refuses a block that runs when characters stand in it that nobody sees who reads it.
void look_for_unseen(const FencedBlock& block, Parsing& parsing);

// Refuses a block that has no end of its own: it is never closed, or it goes on to the end of
// another block whose beginning stands in it. Returns whether it did.
bool refuse_without_end(const FencedBlock& block, Parsing& parsing);

// Refuses a comment that an empty line cuts off for Markdown and not for a browser, when a block
// stands behind it: a step in it would run unseen. The lines of `blocks` are those of the file.
void refuse_open_comments(const MarkdownBlocks& blocks, Parsing& parsing);

// Refuses each line of the body, outside of blocks and comments, that was meant to begin a step or
// a smoke list and is no fence to Markdown. The body begins on `first_line` of the file, the lines
// of `blocks` are those of the file.
void look_for_lost_steps(
    std::string_view body, int first_line, const MarkdownBlocks& blocks, Parsing& parsing
);

// Puts a PersonId in place; an empty text leaves it empty.
void read_person(
    std::string_view text, std::string_view what, int line, PersonId& person, Parsing& parsing
);
// Whether a step or a check may give it as its host. One with variables is known when it runs, and
// looked at then.
bool may_be_host(std::string_view host);
// Refuses each error of base/yaml.hpp at its line of the file; the YAML begins on `first_line`.
void refuse_yaml(
    const Error& error, int first_line, std::string rule, std::string_view remedy, Parsing& parsing
);
// Puts a time between 1 ms and runbook_time_max in place, and returns true.
bool read_time(
    std::string_view text, std::string_view what, int line, Span& span, Parsing& parsing
);
bool check_time(Span given, std::string_view what, int line, Span& span, Parsing& parsing);

} // namespace slipway::domain
