// SPDX-License-Identifier: Apache-2.0
#include <ostream>

#include "cli/commands.hpp"

namespace slipway::cli {

namespace {

struct Pages {
    JsonArray items;
    std::string next;
};

Result<void> add_page(const Json& page, Pages& pages) {
    const auto* items = find(page, "items");
    if (items == nullptr || !items->is_array())
        return fail(ErrorCode::internal, "the server's answer is not a list");
    pages.items.insert(pages.items.end(), items->get_array().begin(), items->get_array().end());
    pages.next = text_or_empty(page, "next");
    return {};
}

} // namespace

std::vector<Option> list_options() {
    return {
        valued("limit", "N", "how many on a page, at most 200"),
        valued("cursor", "TEXT", "the page that begins here"),
        flag("all", "every page"),
    };
}

Result<ExitCode> show_list(
    const Context& context, const Arguments& arguments, std::string path, std::string query,
    const std::vector<Column>& columns, const std::string& cursor,
    const std::function<JsonArray(const JsonArray& items)>& rows
) {
    const bool all = arguments.has("all");
    const auto add = [&](std::string_view name, std::string_view value) {
        query += fmt::format("{}{}={}", query.empty() ? "?" : "&", name, url_encoded(value));
    };
    if (arguments.has("limit") || all)
        add("limit", arguments.text("limit", std::to_string(limits::page_size_max)));
    Pages pages;
    pages.next = arguments.text(cursor);
    std::string raw;
    for (std::size_t count = 0;; ++count) {
        auto here = query;
        if (!pages.next.empty())
            here +=
                fmt::format("{}{}={}", here.empty() ? "?" : "&", cursor, url_encoded(pages.next));
        const auto before = pages.next;
        TRY(add_page(TRY(context.get(path + here, &raw)), pages));
        if (!all || pages.next.empty())
            break;
        if (pages.next == before)
            return fail(ErrorCode::internal, "the server gives the same page again");
        if (count + 1 == limits::cli_pages_max)
            break;
    }
    if (context.json) {
        if (all) {
            JsonObject whole{{"items", pages.items}};
            if (!pages.next.empty())
                whole["next"] = pages.next; // there are more pages than are followed
            raw = to_text(Json(std::move(whole)));
        }
        context.print_json(raw);
        return ExitCode::ok;
    }
    if (rows)
        pages.items = rows(pages.items);
    context.print(table(pages.items, columns, context.style));
    if (pages.items.empty())
        context.say("none\n");
    if (!pages.next.empty())
        context.say(fmt::format(
            "{}\n",
            context.style.paint(
                Paint::dim,
                fmt::format("more: --{} {}{}", cursor, clean(pages.next), all ? "" : ", or --all")
            )
        ));
    return ExitCode::ok;
}

Result<ExitCode> show_document(const Context& context, std::string_view path) {
    std::string raw;
    const auto json = TRY(context.get(path, &raw));
    if (context.json)
        context.print_json(raw);
    else
        context.print(document(json, context.style));
    return ExitCode::ok;
}

} // namespace slipway::cli
