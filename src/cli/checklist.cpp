// SPDX-License-Identifier: Apache-2.0
#include "cli/checklist.hpp"

#include <cmath>

#include "cli/commands.hpp"

namespace slipway::cli {

namespace {

bool is_set(const Json& value, std::string_view name) {
    const auto* found = find(value, name);
    return found != nullptr && found->is_bool() && found->get_bool();
}

JsonArray members(const Json& value, std::string_view name) {
    const auto* found = find(value, name);
    return found && found->is_array() ? found->get_array() : JsonArray{};
}

std::string joined_cells(const JsonArray& values) {
    std::string out;
    for (const auto& value : values)
        out += (out.empty() ? "" : ", ") + cell(value);
    return out;
}

std::string number_at(const Json& field, std::string_view name) {
    const auto* found = find(field, name);
    return found && found->is_number() ? fmt::format("{}", found->to_number<double>())
                                       : std::string{};
}

// "3 to 20 bytes", "at least 1", "at most 2 choices".
std::string bounds_of(const Json& field, std::string_view type) {
    const auto least = number_at(field, "min");
    const auto most = number_at(field, "max");
    if (least.empty() && most.empty())
        return {};
    const auto* unit = type == "text" || type == "paragraph" ? " bytes"
                       : type == "multi_list"                ? " choices"
                                                             : "";
    const auto range = least.empty()  ? "at most " + most
                       : most.empty() ? "at least " + least
                                      : least + " to " + most;
    return range + unit;
}

std::string kind_of_value(const Json& field) {
    const std::string type(text_or_empty(field, "type"));
    std::string out = type;
    if (const auto options = members(field, "options"); !options.empty())
        out += fmt::format(", {}: {}", type == "list" ? "one of" : "any of", joined_cells(options));
    if (const auto bounds = bounds_of(field, type); !bounds.empty())
        out += ", " + bounds;
    if (type == "file")
        out += ", the digest of an attachment of the change";
    if (type == "datetime")
        out += " such as 2026-12-01T09:00:00Z";
    return out;
}

// A whole number as people write it: "3E0" is 3.
Json plain(const Json& value) {
    constexpr double most = 9'007'199'254'740'992.0; // 2^53
    const auto* number = value.if_double();
    if (number == nullptr || *number != std::floor(*number) || std::abs(*number) > most)
        return value;
    return Json(static_cast<std::int64_t>(*number));
}

// A value that the field would take, as far as its type says.
Json sample_of(const Json& field) {
    const auto type = text_or_empty(field, "type");
    const auto options = members(field, "options");
    if (type == "number")
        return find(field, "min") ? plain(*find(field, "min")) : Json(1);
    if (type == "checkbox")
        return true;
    if (type == "list" && !options.empty())
        return options.front();
    if (type == "multi_list")
        return JsonArray(options.begin(), options.begin() + (options.empty() ? 0 : 1));
    if (type == "datetime")
        return "2026-12-01T09:00:00Z";
    if (type == "url")
        return "https://example.org";
    if (type == "file")
        return "DIGEST";
    return type == "person" || type == "ci" ? "ID" : "TEXT";
}

// The line that fills in the form: with what is in it and samples of what must still be there.
std::string line_to_fill(const Json& step, const std::string& change) {
    const auto* filled = find(step, "values");
    JsonObject values = filled && filled->is_object() ? filled->get_object() : JsonObject{};
    for (auto& member : values)
        member.value() = plain(member.value());
    for (const auto& field : members(step, "fields"))
        if (const auto name = text_or_empty(field, "name");
            is_set(field, "required") && !values.contains(name))
            values[name] = sample_of(field);
    if (values.empty())
        for (const auto& field : members(step, "fields"))
            values[text_or_empty(field, "name")] = sample_of(field);
    std::string quoted;
    for (const char c : to_text(Json(std::move(values))))
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return fmt::format(
        "slipway change fill_step {} --step {} --values '{}'", clean(change),
        clean(text_or_empty(step, "id")), clean(quoted)
    );
}

void print_field(const Context& context, const Json& field, const Json& step) {
    const auto name = text_or_empty(field, "name");
    const auto line = [&](std::string_view head, const std::string& text) {
        if (!text.empty())
            context.print(hanging(head, text, context.style) + "\n");
    };
    context.print(fmt::format(
        "{} {}\n", is_set(field, "required") ? "*" : " ",
        context.style.paint(Paint::bold, clean(name))
    ));
    line("    ", clean(text_or_empty(field, "label")));
    line("    ", kind_of_value(field));
    line("    ", clean(text_or_empty(field, "help")));
    const auto* filled = find(step, "values");
    const auto* value = filled ? find(*filled, name) : nullptr;
    line("    = ", value ? cell(plain(*value)) : std::string{});
}

void print_form(const Context& context, const Json& step, const std::string& change) {
    const auto fields = members(step, "fields");
    if (fields.empty()) {
        context.print("it has no form\n");
        return;
    }
    context.print("fields (* must be filled in before the step is complete):\n");
    for (const auto& field : fields)
        print_field(context, field, step);
    context.say(fmt::format("\nfill it in, all fields at once:\n  {}\n", line_to_fill(step, change))
    );
}

void print_step(const Context& context, const Json& step, const std::string& change) {
    JsonObject head;
    for (const auto* name :
         {"id", "title", "kind", "state", "due_at", "assignee", "completed_at", "completed_by"})
        if (const auto* value = find(step, name); value && !cell(*value).empty())
            head[name] = *value;
    if (!is_set(step, "applies"))
        head["applies"] = "not to this change as it is";
    if (const auto roles = members(step, "roles"); !roles.empty())
        head["who"] = roles;
    context.print(document(Json(std::move(head)), context.style));
    if (const auto guidance = clean(text_or_empty(step, "guidance"), true); !guidance.empty())
        context.print("\n" + wrapped(guidance, context.style.width, 0) + "\n");
    context.print("\n");
    print_form(context, step, change);
}

Result<ExitCode>
show_one_step(const Context& context, const JsonArray& steps, const Arguments& arguments) {
    const auto id = arguments.text("step");
    std::vector<std::string> ids;
    for (const auto& step : steps) {
        ids.emplace_back(text_or_empty(step, "id"));
        if (ids.back() != id)
            continue;
        if (context.json)
            context.print_json(to_text(step));
        else
            print_step(context, step, arguments.text("change"));
        return ExitCode::ok;
    }
    const auto near = nearest(id, ids);
    return fail_field(
        "step", fmt::format(
                    "\"{}\" is no step of this change{}", id,
                    near ? fmt::format("; did you mean {}?", *near)
                         : fmt::format("; its steps are: {}", fmt::join(ids, ", "))
                )
    );
}

Result<ExitCode> show_checklist(Context& context, const Arguments& arguments) {
    std::string raw;
    const auto json = TRY(context.get(
        fmt::format("/api/v1/changes/{}/steps", url_encoded(arguments.text("change"))), &raw
    ));
    const auto steps = members(json, "steps");
    if (arguments.has("step"))
        return show_one_step(context, steps, arguments);
    if (context.json) {
        context.print_json(raw);
        return ExitCode::ok;
    }
    JsonArray rows;
    for (const auto& step : steps) {
        if (!is_set(step, "applies") && !arguments.has("all"))
            continue;
        rows.push_back(step);
        if (is_set(step, "overdue"))
            rows.back().get_object()["state"] = "overdue";
    }
    context.print(table(
        rows,
        {{"STEP", "id"},
         {"TITLE", "title"},
         {"STATE", "state"},
         {"DUE", "due_at"},
         {"ASSIGNEE", "assignee"},
         {"COMPLETED", "completed_at"},
         {"BY", "completed_by"}},
        context.style
    ));
    return ExitCode::ok;
}

} // namespace

Command checklist_command() {
    return {
        {"change", "steps"},
        "The checklist: each step's state and due date; of one step what its form asks for",
        {positional("change", "the change, such as CHG-12"),
         valued("step", "ID", "this step: guidance, who, and each field with its value"),
         flag("all", "also steps that do not apply to this change")},
        show_checklist,
        "slipway change steps CHG-12 --step scope"};
}

} // namespace slipway::cli
