// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "domain/records/register_table.hpp"

#include "cli/body.hpp"
#include "cli/commands.hpp"

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
        std::string title = name;
        std::transform(title.begin(), title.end(), title.begin(), [](unsigned char c) {
            return c == '_' ? ' ' : static_cast<char>(std::toupper(c));
        });
        // Of a board, what its own number and the policy's come to.
        if (row.name == "board" && name == "quorum")
            name = "quorum_applies";
        out.push_back({std::move(title), std::move(name)});
    }
    return out;
}

std::optional<std::string> version_of(const Arguments& arguments) {
    if (!arguments.has("if_version"))
        return std::nullopt;
    return arguments.text("if_version");
}

Result<ExitCode> put(const RegisterRow& row, Context& context, Arguments arguments) {
    if (arguments.has("document")) {
        if (arguments.has("json_body"))
            return fail_option("json_body", "give the document once");
        arguments.values["json_body"] = arguments.all("document");
        // What is wrong with it is not the fault of an option that nobody wrote.
        const auto text = arguments.text("document");
        const bool is_file = text == "-" || text.starts_with("@");
        if (const auto json = parse_json(text); !is_file && !json)
            return fail_field("document", json.error().message);
    }
    const auto upload = [&](const std::string& path) { return upload_file(context, path); };
    const auto body = TRY(body_of(row.schema(), arguments, context.around.in, upload, {"id"}));
    const auto answer =
        TRY(context.change("PUT", record_path(row, arguments), body, version_of(arguments)));
    const auto json = TRY(json_of(answer));
    if (context.json)
        context.print_json(answer.body);
    context.say(fmt::format(
        "{} {} {}\n", row.title, context.style.paint(Paint::bold, clean(arguments.text("id"))),
        answer.status == 201 ? "created" : "written"
    ));
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
             return show_list(context, arguments, collection(row), "", table_columns(row));
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
    for (auto& option : body_options(row.schema(), {"id"}))
        command.options.push_back(std::move(option));
    command.options.push_back(
        valued("if_version", "N", "refuse when it is no longer at this version")
    );
    command.run = [&row](Context& context, const Arguments& arguments) {
        return put(row, context, arguments);
    };
    command.example = fmt::format("slipway {} put ID @{}.json", row.name, row.name);
    return command;
}

} // namespace

void add_register_commands(Commands& commands) {
    for (const auto& row : domain::register_table()) {
        add_reading(commands, row);
        commands.push_back(put_command(row));
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
