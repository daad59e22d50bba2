// SPDX-License-Identifier: Apache-2.0
#include "domain/workflow/workflow.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "base/jq.hpp"

namespace slipway::domain {
namespace {

std::string bytes_of(const std::string& name) {
    std::ifstream file(std::string(SLIPWAY_ROOT) + "/workflows/" + name);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
}

Workflow workflow_of(const std::string& name) {
    auto workflow = read_workflow(bytes_of(name), name);
    EXPECT_TRUE(workflow) << workflow.error().message;
    return workflow ? *std::move(workflow) : Workflow{};
}

// A file with one phase, whose steps begin at line 7.
std::string file_with(std::string_view steps) {
    return fmt::format(
        "name: w\nversion: 1\ntitle: W\nphases:\n- id: p\n  title: P\n  steps:\n{}", steps
    );
}

constexpr std::string_view step_a = "  - {id: a, title: A, kind: form}\n"; // line 8

std::string step_b(std::string_view rest) {
    return fmt::format("{}  - id: b\n    title: B\n    kind: form\n{}", step_a, rest); // line 9
}

std::string field(std::string_view rest) {
    return step_b(fmt::format("    fields:\n    - name: f\n      label: F\n{}", rest)); // line 13
}

TEST(ReadWorkflow, refuses_malformed_files_with_file_line_and_reason) {
    const struct {
        std::string text;
        std::string_view message;
    } rows[] = {
        {"", "w.yaml:1: the file is empty"},
        {"[]", "w.yaml:1: expected an object"},
        {"name: w\n", "w.yaml:1: version: is required"},
        {"name: w w\nversion: 1\ntitle: W\nphases: []\n", "w.yaml:1: name: expected letters"},
        {"name: w\nversion: 0\ntitle: W\nphases: []\n", "w.yaml:2: version: expected a whole"},
        {"name: w\nversion: x\ntitle: W\nphases: []\n", "w.yaml:2: version: expected a whole"},
        {"name: w\nversion: 1\ntitle: W\nphases: []\n",
         "w.yaml:4: phases: a workflow has at least"},
        {"name: w\nversion: 1\ntitle: W\nphases:\n- id: p\n  title: P\n  steps: []\n",
         "w.yaml:7: phases[0].steps: a phase has at least one step"},
        {"digest: " + std::string(64, 'a') + "\n" + file_with(step_a),
         "w.yaml:1: digest: is computed"},
        {file_with("  - {id: a, title: A, kind: scop}\n"),
         "w.yaml:8: phases[0].steps[0].kind: expected one of: scope, impact"},
        {file_with("  - {id: a b, title: A, kind: form}\n"),
         "w.yaml:8: phases[0].steps[0].id: expected an id"},
        {file_with("  - {id: a, title: A, kind: form, colour: red}\n"),
         "w.yaml:8: phases[0].steps[0].colour: is not a field"},
        {file_with(std::string(step_a) + std::string(step_a)),
         "w.yaml:9: phases[0].steps[1].id: duplicate step id: a"},
        {file_with(step_a) + "- id: p\n  title: P\n  steps: [{id: c, title: C, kind: form}]\n",
         "w.yaml:9: phases[1].id: duplicate phase id: p"},
        {file_with(step_b("    after: [c]\n")),
         "w.yaml:12: phases[0].steps[1].after[0]: unknown step: c; the nearest is a"},
        {file_with(step_b("    after: [b]\n")),
         "w.yaml:12: phases[0].steps[1].after[0]: a step cannot come after itself"},
        {file_with(
             "  - {id: a, title: A, kind: form, after: [b]}\n  - {id: b, title: B, kind: form, "
             "after: [a]}\n"
         ),
         "w.yaml:8: phases[0].steps[0].after: a cycle of after and due: a needs b needs a"},
        {file_with("  - {id: a, title: A, kind: form, due: {relative_to: 'step:b'}}\n  - {id: b, "
                   "title: B, kind: form, after: [a]}\n"),
         "w.yaml:8: phases[0].steps[0].after: a cycle of after and due: a needs b needs a"},
        {file_with(step_b("    due: {relative_to: 'step:zz'}\n")),
         "w.yaml:12: phases[0].steps[1].due.relative_to: unknown step: zz"},
        {file_with(step_b("    due: {relative_to: 'step:b'}\n")),
         "w.yaml:12: phases[0].steps[1].due.relative_to: a step cannot be due relative to itself"},
        {file_with(step_b("    due: {relative_to: 'field:a.when'}\n")),
         "w.yaml:12: phases[0].steps[1].due.relative_to: a.when is not a datetime field"},
        {file_with(step_b("    due: {relative_to: christmas}\n")),
         "w.yaml:12: phases[0].steps[1].due.relative_to: expected one of: opened_at"},
        {file_with(step_b("    due: {relative_to: opened_at, offset: soon}\n")),
         "w.yaml:12: phases[0].steps[1].due.offset: expected a number and a unit"},
        {file_with(step_b("    due: {relative_to: opened_at, time: lunar}\n")),
         "w.yaml:12: phases[0].steps[1].due.time: expected one of: calendar, business"},
        {file_with(step_b("    reminders: [1d]\n")),
         "w.yaml:12: phases[0].steps[1].reminders: reminders need a due rule"},
        {file_with(step_b("    due: {relative_to: opened_at}\n    reminders: [1d, 91d]\n")),
         "w.yaml:13: phases[0].steps[1].reminders[1]: a reminder comes more than 0 and at most "
         "90d"},
        {file_with(step_b("    due: {relative_to: opened_at}\n    reminders: [1d, 24h]\n")),
         "w.yaml:13: phases[0].steps[1].reminders[1]: duplicate reminder: 1d"},
        {file_with(step_b("    when: .a |\n")), "w.yaml:12: phases[0].steps[1].when: jq: syntax"},
        {file_with(step_b("    when: env\n")), "w.yaml:12: phases[0].steps[1].when: jq: env"},
        {file_with(step_b("    types: [unclassified]\n")),
         "w.yaml:12: phases[0].steps[1].types[0]: expected one of: standard, normal, emergency"},
        {file_with(step_b("    types: [normal]\n    postpone: [emergency]\n    owed_within: 1d\n")),
         "w.yaml:13: phases[0].steps[1].postpone[0]: the step does not apply to emergency"},
        {file_with(step_b("    postpone: [emergency]\n")),
         "w.yaml:9: phases[0].steps[1].owed_within: is required"},
        {file_with(step_b("    roles: [king]\n")),
         "w.yaml:12: phases[0].steps[1].roles[0]: expected one of: initiator"},
        {file_with(field("      type: txt\n")),
         "w.yaml:15: phases[0].steps[1].fields[0].type: expected one of: text"},
        {file_with(field("      type: list\n")),
         "w.yaml:13: phases[0].steps[1].fields[0].options: a list needs options"},
        {file_with(field("      type: text\n      options: [a]\n")),
         "w.yaml:16: phases[0].steps[1].fields[0].options: only a list"},
        {file_with(field("      type: list\n      options: [a, a]\n")),
         "w.yaml:16: phases[0].steps[1].fields[0].options[1]: duplicate option: a"},
        {file_with(field("      type: list\n      options: [a]\n      default: b\n")),
         "w.yaml:17: phases[0].steps[1].fields[0].default: expected one of: a"},
        {file_with(field("      type: number\n      min: 3\n      max: 2\n")),
         "w.yaml:16: phases[0].steps[1].fields[0].min: is greater than max"},
        {file_with(field("      type: url\n      max: 2\n")),
         "w.yaml:16: phases[0].steps[1].fields[0].max: a url has no bounds"},
        {file_with(field("      type: text\n      max: 4001\n")),
         "w.yaml:16: phases[0].steps[1].fields[0].max: the limit of a text is 4000"},
        {file_with(field("      type: text\n    - {name: f, label: G, type: text}\n")),
         "w.yaml:16: phases[0].steps[1].fields[1].name: duplicate field name: f"},
        {file_with(field("      type: text\n    - {name: F, label: G, type: text}\n")),
         "w.yaml:16: phases[0].steps[1].fields[1].name: expected a name of a to z"},
    };

    for (const auto& row : rows) {
        const auto workflow = read_workflow(row.text, "w.yaml");
        ASSERT_FALSE(workflow) << row.message;
        EXPECT_EQ(workflow.error().code, ErrorCode::invalid_input);
        EXPECT_TRUE(workflow.error().message.starts_with(row.message))
            << workflow.error().message << "\nexpected " << row.message;
    }
}

TEST(ReadWorkflow, names_the_nearest_kind) {
    const auto bad = read_workflow(file_with("  - {id: a, title: A, kind: rolback}\n"), "w.yaml");
    ASSERT_FALSE(bad);
    EXPECT_TRUE(bad.error().message.ends_with("\"rolback\" is none of them, the nearest is rollback"
    )) << bad.error().message;
}

TEST(ReadWorkflow, refuses_too_many_phases_and_steps) {
    std::string phases = "name: w\nversion: 1\ntitle: W\nphases:\n";
    for (int p = 0; p < 21; ++p)
        phases += fmt::format(
            "- {{id: p{0}, title: P, steps: [{{id: s{0}, title: S, kind: form}}]}}\n", p
        );
    EXPECT_EQ(
        read_workflow(phases, "w.yaml").error().message,
        "w.yaml:4: phases: has 21 elements, the limit is 20"
    );
    std::string steps = "name: w\nversion: 1\ntitle: W\nphases:\n";
    for (int p = 0; p < 3; ++p) {
        steps += fmt::format("- id: p{}\n  title: P\n  steps:\n", p);
        for (int s = 0; s < 67; ++s)
            steps += fmt::format("  - {{id: s{}-{}, title: S, kind: form}}\n", p, s);
    }
    EXPECT_EQ(
        read_workflow(steps, "w.yaml").error().message,
        "w.yaml:4: phases: has 201 steps, the limit is 200"
    );
}

TEST(ReleaseWorkflow, is_the_checklist) {
    const auto workflow = workflow_of("release.yaml");
    EXPECT_EQ(workflow.name, "release");
    EXPECT_EQ(workflow.digest, sha256(bytes_of("release.yaml")));
    ASSERT_EQ(workflow.phases.size(), 5u);
    const std::pair<std::string_view, StepKind> expected[] = {
        {"scope", StepKind::scope},
        {"impact", StepKind::impact},
        {"rollback_runbook", StepKind::runbook},
        {"classify", StepKind::classification},
        {"window", StepKind::window},
        {"ring_deploy", StepKind::deploy},
        {"smoke_staging", StepKind::smoke},
        {"backup", StepKind::backup},
        {"rehearsal", StepKind::rehearsal},
        {"defects", StepKind::defects},
        {"cab_queue", StepKind::cab_queue},
        {"cab_decision", StepKind::cab_decision},
        {"notice", StepKind::notice},
        {"oncall", StepKind::oncall},
        {"snapshot", StepKind::snapshot},
        {"execute", StepKind::execute},
        {"smoke_production", StepKind::smoke_production},
        {"rollback", StepKind::rollback},
        {"stabilise", StepKind::stabilise},
        {"review", StepKind::review},
        {"cmdb_update", StepKind::cmdb_update},
        {"closure", StepKind::closure},
    };
    const auto steps = steps_of(workflow);
    ASSERT_EQ(steps.size(), std::size(expected));
    for (std::size_t i = 0; i < steps.size(); ++i) {
        EXPECT_EQ(steps[i]->id.value, expected[i].first);
        EXPECT_EQ(steps[i]->kind, expected[i].second) << expected[i].first;
        EXPECT_FALSE(steps[i]->guidance.empty()) << expected[i].first;
        EXPECT_TRUE(steps[i]->is_required()) << expected[i].first;
    }
}

// What a command records is asked for once: a form that asks again could contradict it.
TEST(ReleaseWorkflow, has_no_field_for_what_a_command_records) {
    const auto workflow = workflow_of("release.yaml");
    for (const auto* step : steps_of(workflow))
        for (const auto& field : step->form)
            for (const auto* taken :
                 {"verdict", "decision", "minutes", "result", "outcome", "statement", "reason",
                  "ring"})
                EXPECT_NE(field.name, taken) << step->id.value;
}

TEST(ReleaseWorkflow, knows_the_types) {
    const auto workflow = workflow_of("release.yaml");
    for (const auto* step : steps_of(workflow)) {
        const bool cab = step->kind == StepKind::cab_queue || step->kind == StepKind::cab_decision;
        EXPECT_EQ(applies_to(*step, ChangeType::standard), !cab) << step->id.value;
        EXPECT_TRUE(applies_to(*step, ChangeType::normal)) << step->id.value;
        // An emergency does not queue: it goes to the emergency board and owes a review afterwards.
        EXPECT_EQ(applies_to(*step, ChangeType::emergency), step->kind != StepKind::cab_queue)
            << step->id.value;
        EXPECT_FALSE(may_postpone(*step, ChangeType::normal)) << step->id.value;
        EXPECT_FALSE(may_postpone(*step, ChangeType::standard)) << step->id.value;
    }
    EXPECT_TRUE(may_postpone(*find_step(workflow, "rehearsal"), ChangeType::emergency));
    EXPECT_FALSE(may_postpone(*find_step(workflow, "cab_decision"), ChangeType::emergency));
    EXPECT_FALSE(may_postpone(*find_step(workflow, "snapshot"), ChangeType::emergency));
    EXPECT_EQ(phase_of(workflow, "rehearsal")->id, "validation");
    EXPECT_EQ(find_step(workflow, "nothing"), nullptr);
    EXPECT_EQ(phase_of(workflow, "nothing"), nullptr);
}

TEST(ReleaseWorkflow, rolls_back_only_what_failed) {
    const auto workflow = workflow_of("release.yaml");
    const auto when = JqProgram::compile(find_step(workflow, StepKind::rollback)->when);
    ASSERT_TRUE(when);
    const JqLimits patient{std::chrono::seconds(20)};
    EXPECT_TRUE(*when->holds(*parse_json(R"({"type":"normal","failed":true})"), patient));
    EXPECT_FALSE(*when->holds(*parse_json(R"({"type":"normal","failed":false})"), patient));
}

TEST(ServerDecommission, uses_every_field_type_and_conditions) {
    const auto workflow = workflow_of("server-decommission.yaml");
    std::set<FieldType> types;
    bool business = false;
    bool reminders = false;
    for (const auto* step : steps_of(workflow)) {
        for (const auto& spec : step->form)
            types.insert(spec.type);
        business = business || (step->due && step->due->time == DueTime::business);
        reminders = reminders || !step->reminders.empty();
    }
    EXPECT_EQ(types.size(), enum_names(FieldType{}).size());
    EXPECT_TRUE(business);
    EXPECT_TRUE(reminders);
    const auto when = JqProgram::compile(find_step(workflow, "wipe")->when);
    const JqLimits patient{std::chrono::seconds(20)};
    EXPECT_TRUE(*when->holds(*parse_json(R"({"fields":{"server":{"kind":"physical"}}})"), patient));
    EXPECT_FALSE(*when->holds(*parse_json(R"({"fields":{}})"), patient));
    const auto keep = JqProgram::compile(find_step(workflow, "last_backup")->when);
    EXPECT_TRUE(
        *keep->holds(*parse_json(R"({"fields":{"retention":{"obligations":["tax"]}}})"), patient)
    );
    EXPECT_FALSE(
        *keep->holds(*parse_json(R"({"fields":{"retention":{"obligations":["none"]}}})"), patient)
    );
    EXPECT_FALSE(*keep->holds(*parse_json(R"({"fields":{}})"), patient));
    EXPECT_EQ(
        to_text(Json(with_defaults(*find_step(workflow, "server"), {}))), R"({"kind":"virtual"})"
    );
    EXPECT_FALSE(find_step(workflow, "costs")->is_required());
}

// What cannot be undone waits for the board and for the last backup, whatever the type.
TEST(ServerDecommission, destroys_nothing_before_approval_and_backup) {
    const auto workflow = workflow_of("server-decommission.yaml");
    for (const auto type : {ChangeType::standard, ChangeType::normal, ChangeType::emergency})
        for (const auto* step : {"approval", "last_backup", "silence", "wipe"}) {
            EXPECT_TRUE(applies_to(*find_step(workflow, step), type)) << step;
            EXPECT_FALSE(may_postpone(*find_step(workflow, step), type)) << step;
        }
    const auto& after = find_step(workflow, "silence")->after;
    for (const auto* step : {"approval", "last_backup"})
        EXPECT_EQ(std::count(after.begin(), after.end(), StepId(step)), 1) << step;
    for (const auto* step : {"wipe", "remove_access"})
        EXPECT_EQ(find_step(workflow, step)->after, std::vector{StepId("silence")});
}

TEST(Workflow, restores_what_it_encoded_to_the_same_bytes) {
    for (const auto* name : {"release.yaml", "server-decommission.yaml"}) {
        const auto bytes = encode(workflow_of(name));
        const auto restored = restore<Workflow>(bytes);
        ASSERT_TRUE(restored);
        EXPECT_EQ(encode(*restored), bytes);
    }
}

Step form_of_all_types() {
    Step step;
    step.id = StepId("s");
    const auto add = [&](std::string name, FieldType type) -> FieldSpec& {
        step.form.push_back({name, name, type, false, {}, {}, {}, {}, {}});
        return step.form.back();
    };
    add("text", FieldType::text).max = 5;
    add("paragraph", FieldType::paragraph).min = 3;
    auto& number = add("number", FieldType::number);
    number.min = 0;
    number.max = 10;
    add("list", FieldType::list).options = {"a", "b"};
    auto& multi = add("multi", FieldType::multi_list);
    multi.options = {"a", "b", "c"};
    multi.max = 2;
    add("at", FieldType::datetime);
    add("file", FieldType::file);
    add("person", FieldType::person);
    add("ci", FieldType::ci);
    add("box", FieldType::checkbox).required = true;
    add("url", FieldType::url).required = true;
    return step;
}

TEST(CheckFields, refuses_and_names_the_field) {
    const auto step = form_of_all_types();

    const struct {
        std::string_view values;
        std::string_view field;
        std::string_view message;
    } rows[] = {
        {R"({"other":1})", "other", "is not a field of step s"},
        {R"({"text":7})", "text", "expected a text"},
        {R"({"text":"123456"})", "text", "must be at most 5 bytes long"},
        {R"({"text":"a\nb"})", "text", "must be one line"},
        {R"({"text":"a\u0000"})", "text", "is not valid UTF-8"},
        {R"({"paragraph":"x"})", "paragraph", "must be at least 3 bytes long"},
        {R"({"number":"1"})", "number", "expected a number"},
        {R"({"number":-1})", "number", "must be at least 0"},
        {R"({"number":10.5})", "number", "must be at most 10"},
        {R"({"list":"c"})", "list", "expected one of: a, b"},
        {R"({"list":["a"]})", "list", "expected a text"},
        {R"({"multi":"a"})", "multi", "expected a list"},
        {R"({"multi":["d"]})", "multi", "expected one of: a, b, c"},
        {R"({"multi":["a","a"]})", "multi", "names a twice"},
        {R"({"multi":["a","b","c"]})", "multi", "must be at most 2 choices"},
        {R"({"multi":[1]})", "multi", "expected a list of texts"},
        {R"({"at":"tomorrow"})", "at", "expected an RFC 3339 time"},
        {R"({"file":"abc"})", "file", "expected the SHA-256"},
        {R"({"file":["abc"]})", "file", "expected the SHA-256"},
        {R"({"person":"../x"})", "person", "expected an id"},
        {R"({"ci":"a b"})", "ci", "expected an id"},
        {R"({"box":"yes"})", "box", "expected true or false"},
        {R"x({"url":"javascript:alert(1)"})x", "url", "expected a URL"},
        {R"({"url":"ftp://x"})", "url", "expected a URL"},
        {R"({"url":"https://"})", "url", "the URL names no host"},
        {R"({"url":"https:///x"})", "url", "the URL names no host"},
        {R"({"url":"https://a b"})", "url", "expected a URL"},
        {R"({"url":"https://u:p@x/"})", "url", "must not carry"},
    };

    for (const auto& row : rows) {
        const auto errors = check_fields(step, parse_json(row.values)->get_object(), false);
        ASSERT_EQ(errors.size(), 1u) << row.values;
        EXPECT_EQ(errors[0].field, row.field);
        EXPECT_NE(errors[0].message.find(row.message.substr(0, 12)), std::string::npos)
            << errors[0].message;
    }
    const JsonObject long_url{{"url", "https://x/" + std::string(limits::url_max, 'a')}};
    EXPECT_EQ(
        check_fields(step, long_url, false).at(0).message, "is 2010 bytes long, the limit is 2000"
    );
}

TEST(CheckFields, cuts_a_long_name_between_two_characters) {
    const std::string name(limits::name_max - 1, 'a');
    const JsonObject values{{name + "\u00e9", 1}};
    EXPECT_EQ(check_fields(form_of_all_types(), values, false).at(0).field, name);
}

TEST(CheckFields, asks_for_required_fields_only_when_complete) {
    const auto step = form_of_all_types();
    EXPECT_TRUE(check_fields(step, {}, false).empty());
    const auto missing =
        check_fields(step, parse_json(R"({"box":false,"url":""})")->get_object(), true);
    ASSERT_EQ(missing.size(), 2u);
    EXPECT_EQ(missing[0].message, "must be ticked: box");
    EXPECT_EQ(missing[1].message, "must be filled in: url");
    const auto digest = std::string(64, 'a');
    const JsonObject all{
        {"text", "abc"},
        {"paragraph", "a\nb c"},
        {"number", 10},
        {"list", "a"},
        {"multi", JsonArray{"a", "c"}},
        {"at", "2026-11-22T18:00:00+01:00"},
        {"file", JsonArray{digest}},
        {"person", "ada"},
        {"ci", "web-1"},
        {"box", true},
        {"url", "https://tickets.example/CHG-1?x=1"},
    };
    EXPECT_TRUE(check_fields(step, all, true).empty());
}

TEST(DoubtsAbout, conditions_that_look_at_a_field_that_no_step_has) {
    const auto doubts = [](std::string_view when) {
        const auto text = file_with(fmt::format(
            "  - {{id: facts, title: F, kind: form, fields: [{{name: size, label: S, type: "
            "number}}]}}\n  - id: b\n    title: B\n    kind: form\n    when: {}\n",
            when
        ));
        const auto workflow = read_workflow(text, "w.yaml");
        EXPECT_TRUE(workflow) << workflow.error().message;
        std::string out;
        for (const auto& [field, message] : doubts_about(*workflow))
            out += fmt::format("{}: {}\n", field, message);
        return out;
    };
    EXPECT_EQ(doubts(".fields.facts.size > 50"), "");
    EXPECT_EQ(doubts(".fields.facts?.size? > 50 and .risk == \"high\""), "");
    EXPECT_EQ(
        doubts(".fields.fact.size > 50"),
        "phases[0].steps[1].when: no step is called fact, so .fields.fact is always null; the "
        "nearest is facts\n"
    );
    EXPECT_EQ(
        doubts(".fields.facts.sise > 50 or .fields.facts.size > 1"),
        "phases[0].steps[1].when: step facts has no field sise, so .fields.facts.sise is always "
        "null; its fields are: size\n"
    );
    for (const auto* name : {"release.yaml", "server-decommission.yaml"})
        EXPECT_TRUE(doubts_about(workflow_of(name)).empty()) << name;
}

TEST(DoubtsAbout, what_can_never_be_filled_in_or_completed) {
    const auto workflow = read_workflow(
        file_with("  - {id: a, title: A, kind: closure}\n  - {id: b, title: B, kind: closure, "
                  "fields: [{name: f, label: F, type: multi_list, options: [x, y], min: 3}, "
                  "{name: g, label: G, type: multi_list, options: [x, y], min: 2}]}\n"),
        "w.yaml"
    );
    ASSERT_TRUE(workflow) << workflow.error().message;
    const auto doubts = doubts_about(*workflow);
    ASSERT_EQ(doubts.size(), 2u);
    EXPECT_EQ(doubts[0].field, "phases[0].steps[1].kind");
    EXPECT_EQ(
        doubts[0].message, "another step closes the change before it, so this one stays open"
    );
    EXPECT_EQ(doubts[1].field, "phases[0].steps[1].fields[0].min");
    EXPECT_EQ(doubts[1].message, "there are only 2 options, so it cannot be filled in");
}

TEST(DueAt, counts_from_the_date_that_the_rule_names) {
    const auto at = *time_from_text("2026-11-22T10:00:00Z");
    const DateLookup dates = [&](std::string_view name) {
        return name == "window_start" || name == "step:a" ? std::optional(at) : std::nullopt;
    };
    const BusinessAdder business = [](Time from, std::variant<Span, WorkingDays> offset) {
        if (const auto* days = std::get_if<WorkingDays>(&offset))
            return std::optional(from + std::chrono::minutes(days->number));
        return std::optional(from + 10 * std::get<Span>(offset));
    };
    const auto hours = [](int count) { return std::chrono::hours(count); };
    EXPECT_EQ(due_at({"meeting_at", "+1h", DueTime::calendar}, dates, business), std::nullopt);
    EXPECT_EQ(due_at({"window_start", "soon", DueTime::calendar}, dates, business), std::nullopt);
    EXPECT_EQ(due_at({"window_start", "", DueTime::calendar}, dates, business), at);
    EXPECT_EQ(due_at({"window_start", "-48h", DueTime::calendar}, dates, business), at - hours(48));
    EXPECT_EQ(due_at({"step:a", "+1h", DueTime::business}, dates, business), at + hours(10));
    EXPECT_EQ(due_at({"step:a", "-1h", DueTime::business}, dates, business), at - hours(10));
    EXPECT_EQ(due_at({"step:a", "48h", DueTime::business}, dates, business), at + hours(480));
    for (const int days : {2, -10})
        EXPECT_EQ(
            due_at({"step:a", fmt::format("{:+}d", days), DueTime::business}, dates, business),
            at + std::chrono::minutes(days)
        ) << "two days of business time were 48 hours of an open office";
    EXPECT_FALSE(offset_from_text("--1h"));
    EXPECT_FALSE(offset_from_text("-"));
}

} // namespace
} // namespace slipway::domain
