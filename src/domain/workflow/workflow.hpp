// SPDX-License-Identifier: Apache-2.0
// A checklist as data: phases, steps, the form of each step, who completes it, when it is due and
// when it applies. workflows/release.yaml is one, an organisation writes others the same way. A
// workflow is identified by name and version, its bytes by `digest`; a running change keeps the one
// it started with. This room knows what a workflow says and whether a filled form obeys it; what a
// step kind does beyond its form, and which gate it carries, is not decided here.
// Limits: limits::workflow_*_max and the limits of codec for texts and lists.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/codec.hpp"
#include "domain/change/change.hpp"

namespace slipway::domain {

// What a step is; `form` is one that only collects its fields.
SLIPWAY_ENUM(
    StepKind, scope, impact, runbook, classification, window, deploy, smoke, backup, rehearsal,
    defects, cab_queue, cab_decision, notice, oncall, snapshot, execute, smoke_production, rollback,
    stabilise, review, cmdb_update, closure, form
)

SLIPWAY_ENUM(
    FieldType, text, paragraph, number, list, multi_list, datetime, file, person, ci, checkbox, url
)

// Who may complete a step. initiator, change_owner and implementer are people of the change itself;
// the others are roles of the tenant. `initiator` is whoever opened the change.
SLIPWAY_ENUM(
    StepRole, initiator, change_owner, implementer, change_manager, cab_chair, cab_member, engineer,
    on_call, auditor
)

// How the offset of a due rule counts: every hour, or only hours in which the office is open.
SLIPWAY_ENUM(DueTime, calendar, business)

// One field of a step's form. min and max bound a number's value, a text's length in bytes and the
// number of choices of a multi_list; without max the base limit of the type holds.
struct FieldSpec {
    std::string name;
    std::string label;
    FieldType type{};
    bool required = false;
    std::vector<std::string> options; // list and multi_list
    std::optional<double> min;
    std::optional<double> max;
    std::string help;
    Json default_value; // "default" in the file; null when there is none

    SLIPWAY_FIELDS {
        visit("name", self.name, slipway::required("its name: a to z, 0 to 9 and '_'", 64));
        visit("label", self.label, slipway::required("what people read before it"));
        visit("type", self.type, slipway::required("its type"));
        visit("required", self.required, optional("it must be filled in to complete the step"));
        visit("options", self.options, optional("the choices of a list or multi_list", 100));
        visit("min", self.min, optional("the least value, length or number of choices"));
        visit("max", self.max, optional("the greatest value, length or number of choices"));
        visit("help", self.help, optional("one sentence for who fills it in", limits::text_max));
        visit("default", self.default_value, optional("its value as long as none is given"));
    }
};

// When a step is due: `relative_to` is a date of the change, the completion of another step, or a
// datetime field of another step.
struct DueRule {
    std::string relative_to; // opened_at, submitted_at, meeting_at, window_start, window_end,
                             // deployed_at, "step:<id>" or "field:<step>.<name>"
    std::string offset;      // a span with its sign: "-48h", "+3d"; empty is zero
    DueTime time{};

    SLIPWAY_FIELDS {
        visit(
            "relative_to", self.relative_to,
            required("a date of the change, step:<id> or field:<step>.<name>")
        );
        visit("offset", self.offset, optional("a span with its sign, such as -48h or +3d", 32));
        visit("time", self.time, optional("calendar or business"));
    }
};

struct Step {
    StepId id;
    std::string title;
    StepKind kind{};
    std::string guidance; // one paragraph of Markdown
    std::vector<FieldSpec> form;
    std::vector<StepRole> roles; // empty: whoever may write the change
    bool only_assignee = false;  // then nobody but the person it is assigned to completes it
    std::optional<bool> required;
    std::vector<ChangeType> types;    // empty: all three
    std::vector<ChangeType> postpone; // types that may do it later and then owe it
    std::optional<Span> owed_within;  // how long after the deployment a postponed step is owed
    std::optional<DueRule> due;
    std::vector<Span> reminders; // how long before it is due
    std::string when;            // jq over the context; empty: always
    std::vector<StepId> after;   // steps that must be done before

    bool is_required() const { return required.value_or(true); }

    SLIPWAY_FIELDS {
        visit("id", self.id, slipway::required("the step's id, unique in the workflow"));
        visit("title", self.title, slipway::required("what is to be done, in one line"));
        visit("kind", self.kind, slipway::required("what the step is"));
        visit("guidance", self.guidance, optional("a paragraph of advice", limits::paragraph_max));
        visit("fields", self.form, optional("its form", limits::workflow_fields_max));
        visit("roles", self.roles, optional("who may complete it", 20));
        visit("only_assignee", self.only_assignee, optional("only who it is assigned to"));
        visit("required", self.required, optional("false for a step that may be left out"));
        visit("types", self.types, optional("change types that it applies to; all when empty", 3));
        visit("postpone", self.postpone, optional("change types that may do it afterwards", 3));
        visit("owed_within", self.owed_within, optional("when a postponed step is due"));
        visit("due", self.due, optional("when it is due"));
        visit(
            "reminders", self.reminders,
            optional(
                "how long before it is due people are reminded", limits::workflow_reminders_max
            )
        );
        visit("when", self.when, optional("a jq condition", limits::expression_max));
        visit("after", self.after, optional("steps that must be done before"));
    }
};

struct Phase {
    std::string id;
    std::string title;
    std::vector<Step> steps;

    SLIPWAY_FIELDS {
        visit("id", self.id, required("the phase's id, unique in the workflow", 64));
        visit("title", self.title, required("its name"));
        visit("steps", self.steps, required("its steps", limits::workflow_steps_max));
    }
};

struct Workflow {
    std::string name;
    std::uint32_t version = 0;
    std::string title;
    std::string summary;
    std::vector<Phase> phases;
    Digest digest; // of the file's bytes; computed, never read from the file

    SLIPWAY_FIELDS {
        visit("name", self.name, required("its name, such as release", 64));
        visit("version", self.version, required("a whole number that grows with every edit"));
        visit("title", self.title, required("its name for people"));
        visit("summary", self.summary, optional("what it is for", limits::text_max));
        visit("phases", self.phases, required("its phases", limits::workflow_phases_max));
        visit("digest", self.digest, optional("SHA-256 of the file, computed"));
    }
};

// Reads and checks a workflow file. Errors: invalid_input, every finding as `file:line: reason`.
Result<Workflow> read_workflow(std::string_view yaml, std::string_view file);

// What may stand in a workflow and is most likely a mistake, by path in the file, such as
// "phases[0].steps[2].when": a condition that looks at a field that no step has, which is null
// there, whatever is filled in; a second step that closes the change; a choice of more than there
// is.
std::vector<FieldError> doubts_about(const Workflow& workflow);

// All steps in the order of the file.
std::vector<const Step*> steps_of(const Workflow& workflow);
const Step* find_step(const Workflow& workflow, std::string_view id);
// Why an id that is none of a change's workflow is refused: with those there are.
std::string not_a_step(const Workflow& workflow);
// The first step of the kind, or nullptr.
const Step* find_step(const Workflow& workflow, StepKind kind);
const FieldSpec* find_field(const Step& step, std::string_view name);
// The phase that holds the step, or nullptr.
const Phase* phase_of(const Workflow& workflow, std::string_view step);

// Whether the step is there for this type at all. Before classification every step is.
bool applies_to(const Step& step, ChangeType type);
// A board decides on every change of this checklist, so that none of them is standard: that is
// approved by its catalogue entry, and no board can complete the step.
bool board_decides_on_all(const Workflow& workflow);
bool may_postpone(const Step& step, ChangeType type);

// Checks the values of a form. With `complete`, required fields must be there. A file's value is
// the hexadecimal SHA-256 of an attachment (or a list of them), a person's and a CI's is its id,
// a datetime is RFC 3339, a URL is http or https. Unknown names are refused.
std::vector<FieldError> check_fields(const Step& step, const JsonObject& values, bool complete);

// What a form holds that is filled in so: a field that is left out has its default.
JsonObject with_defaults(const Step& step, JsonObject values);

// A signed span: "-48h", "+3d", "2h". Errors: invalid_input.
Result<Span> offset_from_text(std::string_view text);

struct WorkingDays {
    int number = 0;
};

// Gives the date that a due rule names ("window_start", "step:scope"), or none while it is unknown.
using DateLookup = std::function<std::optional<Time>(std::string_view name)>;
// Adds business time to an instant: a span, or working days (whole days, where the rule says "d").
// Both may be negative. None when it cannot.
using BusinessAdder =
    std::function<std::optional<Time>(Time from, std::variant<Span, WorkingDays> offset)>;

// When the rule's step is due; none while the date that it is relative to is unknown.
std::optional<Time>
due_at(const DueRule& rule, const DateLookup& date, const BusinessAdder& add_business);

} // namespace slipway::domain
