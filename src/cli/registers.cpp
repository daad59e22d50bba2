// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "domain/records/register_table.hpp"

#include "cli/body.hpp"
#include "cli/commands.hpp"
#include "cli/register_rows.hpp"

namespace slipway::cli {

namespace {

using domain::RegisterRow;

std::string collection(const RegisterRow& row) {
    return fmt::format("/api/v1/{}", row.plural);
}

std::string record_path(const RegisterRow& row, const Arguments& arguments) {
    return fmt::format("{}/{}", collection(row), url_encoded(arguments.text("id")));
}

// The fields that fit one line of a table; the rest is for show.
std::vector<Column> table_columns(const RegisterRow& row) {
    std::vector<Column> out{{"ID", "id"}};
    const auto schema = row.schema();
    const auto* properties = find(schema, "properties");
    if (properties == nullptr || !properties->is_object())
        return out;
    for (const auto& member : properties->get_object()) {
        std::string name(member.key().data(), member.key().size());
        const auto kind = kind_of(member.value());
        if (name == "id" || kind == FieldKind::document || kind == FieldKind::digest ||
            out.size() == 7)
            continue;
        // Digests of contents; the names of the rings are worked out.
        if (row.name == "catalogue_entry" && name == "rings")
            continue;
        std::string title = name;
        std::transform(title.begin(), title.end(), title.begin(), [](unsigned char c) {
            return c == '_' ? ' ' : static_cast<char>(std::toupper(c));
        });
        // Of a board, what its own number and the policy's come to.
        if (row.name == "board" && name == "quorum")
            name = "quorum_applies";
        out.push_back({std::move(title), std::move(name)});
    }
    const auto more = worked_out_columns(row.name);
    out.insert(
        out.begin() + std::min<long>(2, static_cast<long>(out.size())), more.begin(), more.end()
    );
    return out;
}

std::optional<std::string> version_of(const Arguments& arguments) {
    if (!arguments.has("if_version"))
        return std::nullopt;
    return arguments.text("if_version");
}

Result<void> take_document(Arguments& arguments) {
    if (!arguments.has("document"))
        return {};
    if (arguments.has("json_body"))
        return fail_option("json_body", "give the document once");
    // What is wrong with it is not the fault of an option that nobody wrote.
    const auto text = arguments.text("document");
    const bool is_file = text == "-" || text.starts_with("@");
    if (const auto json = parse_json(text); !is_file && !json)
        return fail_field("document", json.error().message);
    arguments.values["json_body"] = arguments.all("document");
    return {};
}

std::vector<std::string> field_names(const RegisterRow& row) {
    std::vector<std::string> out;
    const auto schema = row.schema();
    if (const auto* properties = find(schema, "properties"); properties && properties->is_object())
        for (const auto& member : properties->get_object())
            if (member.key() != "id")
                out.emplace_back(member.key());
    return out;
}

// Neither absent nor what a field has that was never set.
bool holds_something(const Json& record, std::string_view name) {
    const auto* value = record.is_object() ? find(record, name) : nullptr;
    const auto text = value ? cell(*value) : std::string{};
    return !text.empty() && text != "no" && text != "0" && text != "{}";
}

// The fields that the record had and that nobody gave now.
std::vector<std::string> emptied_fields(
    const RegisterRow& row, const Json& before, const JsonObject& body, const Json& now
) {
    std::vector<std::string> out;
    for (const auto& name : field_names(row)) {
        const auto* after = now.is_object() ? find(now, name) : nullptr;
        if (holds_something(before, name) && !body.contains(name) &&
            (after == nullptr || *after != *find(before, name)))
            out.push_back(name);
    }
    return out;
}

void say_written(
    const RegisterRow& row, const Context& context, const Arguments& arguments,
    const HttpAnswer& answer
) {
    if (context.json)
        context.print_json(answer.body);
    context.say(fmt::format(
        "{} {} {}\n", row.title, context.style.paint(Paint::bold, clean(arguments.text("id"))),
        answer.status == 201 ? "created" : "written"
    ));
    const auto json = json_of(answer);
    const auto* said = json && json->is_object() ? find(*json, "said") : nullptr;
    for (const auto& line : said && said->is_array() ? said->get_array() : JsonArray{})
        context.say(hanging("  ", cell(line), context.style) + "\n");
}

// "now" of a field that is a time is the server's, whose clock may be a sandbox's.
Result<void> set_now(const RegisterRow& row, const Context& context, Arguments& arguments) {
    const auto schema = row.schema();
    for (const auto& name : field_names(row)) {
        const auto* property = find(*find(schema, "properties"), name);
        if (arguments.text(name) != "now" || text_or_empty(*property, "format") != "date-time")
            continue;
        const auto version = TRY(context.get("/api/v1/version"));
        arguments.values[name] = {std::string(text_or_empty(version, "now"))};
    }
    return {};
}

// Whoever sets one field with `put` loses the others, so people are told which.
Result<ExitCode> put(const RegisterRow& row, Context& context, Arguments arguments) {
    TRY(take_document(arguments));
    TRY(set_now(row, context, arguments));
    const auto upload = [&](const std::string& path) { return upload_file(context, path); };
    const auto body = TRY(body_of(row.schema(), arguments, context.around.in, upload, {"id"}));
    const auto path = record_path(row, arguments);
    const bool tells = !context.json && !context.quiet;
    const auto before = tells ? context.get(path) : Result<Json>(Json{});
    const auto answer = TRY(context.change("PUT", path, body, version_of(arguments)));
    const auto json = TRY(json_of(answer));
    say_written(row, context, arguments, answer);
    const auto emptied = emptied_fields(row, before ? *before : Json{}, body.get_object(), json);
    if (!emptied.empty())
        context.say(
            hanging(
                "  ",
                fmt::format(
                    "not given, so no longer set: {}; slipway {} edit changes single fields",
                    fmt::join(emptied, ", "), row.name
                ),
                context.style
            ) +
            "\n"
        );
    return ExitCode::ok;
}

// Who edits what is not there yet is told how it is made.
Result<Json>
record_to_edit(const RegisterRow& row, const Context& context, const Arguments& arguments) {
    auto before = context.get(record_path(row, arguments));
    if (!before && before.error().code == ErrorCode::not_found)
        before.error().message += fmt::format(
            "; make it: slipway {} put {}, with its fields (slipway {} put --help)", row.name,
            clean(arguments.text("id")), row.name
        );
    return before;
}

// What is there with what is given over it, unless somebody else writes it meanwhile.
Result<ExitCode> edit(const RegisterRow& row, Context& context, Arguments arguments) {
    TRY(set_now(row, context, arguments));
    auto schema = row.schema();
    schema.get_object().erase("required"); // what is not given stays
    const auto upload = [&](const std::string& file) { return upload_file(context, file); };
    const auto given = TRY(body_of(schema, arguments, context.around.in, upload, {"id"}));
    const auto dropped = arguments.all("clear");
    if (given.get_object().empty() && dropped.empty())
        return fail_option("clear", "nothing to change: give a field, or one to clear");
    for (const auto& name : dropped)
        if (find(given, name) != nullptr)
            return fail_option("clear", fmt::format("--{} is given too; give one of them", name));
    const auto path = record_path(row, arguments);
    const auto before = TRY(record_to_edit(row, context, arguments));
    JsonObject body;
    for (const auto& name : field_names(row)) {
        const auto* value = find(given, name);
        if (value == nullptr && std::find(dropped.begin(), dropped.end(), name) == dropped.end())
            value = find(before, name);
        if (value != nullptr)
            body[name] = *value;
    }
    const auto* version = find(before, "record_version");
    const auto answer = TRY(context.change(
        "PUT", path, Json(std::move(body)),
        version ? std::optional(cell(*version)) : version_of(arguments)
    ));
    TRY(json_of(answer));
    say_written(row, context, arguments, answer);
    return ExitCode::ok;
}

Result<ExitCode> remove(const RegisterRow& row, Context& context, const Arguments& arguments) {
    const auto answer =
        TRY(context.change("DELETE", record_path(row, arguments), Json{}, version_of(arguments)));
    if (context.json && !answer.body.empty())
        context.print_json(answer.body);
    context.say(fmt::format("{} {} removed\n", row.title, clean(arguments.text("id"))));
    return ExitCode::ok;
}

// A JSON array, or one document a line; which of the two the first character says.
Result<ExitCode> import(const RegisterRow& row, Context& context, const Arguments& arguments) {
    HttpRequest request;
    request.method = "POST";
    request.path = collection(row) + "/import";
    const auto path = arguments.text("path");
    request.body = TRY(read_file(path, limits::import_body_max, context.around.in));
    if (const auto wrong = encoding_finding(request.body); !wrong.empty())
        return fail_field(path == "-" ? "standard input" : path, wrong);
    const auto first = request.body.find_first_not_of(" \t\r\n");
    const bool array = first != std::string::npos && request.body[first] == '[';
    request.content_type = array ? "application/json" : "application/x-ndjson";
    request.repeatable = true; // putting a record twice is putting it once
    request.progress = context.progress_line(path);
    const auto answer = TRY(TRY(context.client()).send(request));
    const auto json = TRY(json_of(answer));
    if (context.json)
        context.print_json(answer.body);
    const auto number = [&](std::string_view name) {
        const auto* value = find(json, name);
        return value ? cell(*value) : std::string("0");
    };
    context.say(fmt::format("{} imported, {} of them new\n", number("imported"), number("created"))
    );
    return ExitCode::ok;
}

void add_reading(Commands& commands, const RegisterRow& row) {
    const std::string name(row.name);
    const bool imports = row.name == "ci";
    commands.push_back(
        {{name, "list"},
         fmt::format("Every {}, by id", row.title),
         list_options(),
         [&row](Context& context, const Arguments& arguments) {
             return show_list(
                 context, arguments, collection(row), "", table_columns(row), "cursor",
                 [&](const JsonArray& items) { return with_worked_out(context, row.name, items); }
             );
         },
         fmt::format("slipway {} list --all", name)}
    );
    commands.push_back(
        {{name, "show"},
         fmt::format("One {}", row.title),
         {positional("id", "its id")},
         [&row](Context& context, const Arguments& arguments) {
             return show_document(context, record_path(row, arguments));
         },
         fmt::format("slipway {} show ID", name)}
    );
    if (imports)
        commands.push_back(
            {{name, "import"},
             "Many records at once; nothing is written unless all are valid",
             {positional("path", "a JSON array or one document a line; - reads the input")},
             [&row](Context& context, const Arguments& arguments) {
                 return import(row, context, arguments);
             },
             "slipway ci import cmdb.ndjson"}
        );
}

Command put_command(const RegisterRow& row) {
    Command command;
    command.words = {std::string(row.name), "put"};
    command.summary = fmt::format("Write one {}, new or instead of what was there", row.title);
    Option document = positional("document", "@FILE or JSON; else the options");
    document.required = false;
    command.options = {positional("id", ""), std::move(document)};
    for (auto& option : body_options(row.schema(), {"id"})) {
        if (option.value == "TIME")
            option.help += ", or now";
        command.options.push_back(std::move(option));
    }
    command.options.push_back(
        valued("if_version", "N", "refuse when it is no longer at this version")
    );
    command.run = [&row](Context& context, const Arguments& arguments) {
        return put(row, context, arguments);
    };
    command.example = fmt::format("slipway {} put ID @{}.json", row.name, row.name);
    return command;
}

Command edit_command(const RegisterRow& row) {
    Command command;
    command.words = {std::string(row.name), "edit"};
    command.summary = fmt::format("Change single fields of one {}; the others stay", row.title);
    command.options = {positional("id", "")};
    for (auto& option : body_options(row.schema(), {"id"})) {
        option.needed = false;
        if (option.value == "TIME")
            option.help += ", or now";
        if (option.name == "json_body")
            option.help = "fields as one object; options go over it";
        command.options.push_back(std::move(option));
    }
    auto clear = valued("clear", "FIELD", "a field that is to be empty (repeat for more)");
    clear.repeated = true;
    clear.choices = field_names(row);
    command.options.push_back(std::move(clear));
    command.run = [&row](Context& context, const Arguments& arguments) {
        return edit(row, context, arguments);
    };
    command.example = row.name == "ci" ? "slipway ci edit report --verified_at now"
                                       : fmt::format("slipway {} edit ID --FIELD VALUE", row.name);
    return command;
}

} // namespace

void add_register_commands(Commands& commands) {
    for (const auto& row : domain::register_table()) {
        add_reading(commands, row);
        commands.push_back(put_command(row));
        commands.push_back(edit_command(row));
        commands.push_back(
            {{std::string(row.name), "remove"},
             fmt::format("Remove one {}; its history stays in the ledger", row.title),
             {positional("id", ""),
              valued("if_version", "N", "refuse when it is no longer at this version")},
             [&row](Context& context, const Arguments& arguments) {
                 return remove(row, context, arguments);
             },
             fmt::format("slipway {} remove ID", row.name)}
        );
    }
}

} // namespace slipway::cli
