// SPDX-License-Identifier: Apache-2.0
// slipway verify: an installation or the exported evidence of one change, offline. What the hooks
// return are the reports of the ledger's verifier and of the bundle's; they are shown here.
#include <filesystem>

#include "cli/commands.hpp"
#include "cli/working.hpp"

namespace slipway::cli {

namespace {

std::string number(const Json& report, std::string_view name) {
    const auto* value = find(report, name);
    return value ? cell(*value) : std::string("0");
}

std::string finding_text(const Json& finding, const Style& style) {
    std::string where = clean(text_or_empty(finding, "file"));
    if (where.empty()) {
        const auto from = number(finding, "seq_from");
        const auto to = number(finding, "seq_to");
        where = from == to ? "entry " + from : fmt::format("entries {} to {}", from, to);
    }
    return fmt::format(
        "  {}  {}: {}\n", style.paint(Paint::red, clean(text_or_empty(finding, "kind"))), where,
        clean(text_or_empty(finding, "message"))
    );
}

// Of whose server the ledger is, as its first entry says. A whole bundle of before does not hold
// that entry; who reads it must not take it for one that was made on a production server.
std::string mode_line(const Json& report, bool whole_bundle, const Style& style) {
    const auto mode = text_or_empty(report, "mode");
    if (mode == "sandbox")
        return style.paint(
                   Paint::yellow, "of a sandbox: its clock could be put forward by people"
               ) +
               "\n";
    if (!mode.empty())
        return fmt::format("of a {} server\n", clean(mode));
    return whole_bundle ? "whether it is of a sandbox is not told: it was exported by a version "
                          "that did not say it\n"
                        : "";
}

std::string head_of_installation(const Json& report) {
    return fmt::format(
        "{} entries, {} of them covered by a signed checkpoint ({} checkpoints hold), "
        "{} attachments\nroot {}\n",
        number(report, "entries"), number(report, "signed_entries"), number(report, "checkpoints"),
        number(report, "attachments"), clean(text_or_empty(report, "root"))
    );
}

std::string head_of_bundle(const Json& report, bool key_given) {
    const auto* trusted = find(report, "key_trusted");
    const bool known = trusted && trusted->is_bool() && trusted->get_bool();
    if (key_given && !known)
        return fmt::format(
            "{}: {} entries and {} attachments\nNOT signed by the key you gave, {}\n",
            clean(text_or_empty(report, "change")), number(report, "entries"),
            number(report, "attachments"), clean(text_or_empty(report, "key"))
        );
    return fmt::format(
        "{}: {} entries and {} attachments, in a signed ledger of {} entries\n"
        "signed by {}{}\n",
        clean(text_or_empty(report, "change")), number(report, "entries"),
        number(report, "attachments"), number(report, "checkpoint_size"),
        clean(text_or_empty(report, "key")),
        known ? ", the key you gave"
              : "\n  the bundle's own key: compare it with the one you know, or give --key"
    );
}

Result<Json> examined(
    const Context& context,
    const std::function<Result<Json>(const std::string&, const std::string&)>& hook,
    const std::string& path, const std::string& key
) {
    const Working working(context, "verify");
    return hook(path, key);
}

// What is verified, and by which of the hooks.
struct Subject {
    const std::function<Result<Json>(const std::string&, const std::string&)>& hook;
    std::string name;
    bool bundle = false;
};

Result<Subject> subject_of(const Context& context, const Arguments& arguments) {
    const auto path = arguments.text("path");
    if (const auto conninfo = arguments.text("postgres"); !conninfo.empty()) {
        if (!path.empty())
            return fail_option("postgres", "give a path or a database, not both");
        return Subject{context.local.verify_postgres, conninfo};
    }
    if (path.empty())
        return fail_option("postgres", "is needed where no directory and no ZIP is given");
    std::error_code failed;
    const auto status = std::filesystem::status(path, failed);
    if (failed || !std::filesystem::exists(status))
        return fail(ErrorCode::not_found, path + ": no such file or directory");
    // The database of a data directory, which is what a backup consists of.
    if (std::filesystem::path file(path); file.filename() == "slipway.db")
        return Subject{
            context.local.verify_data_directory,
            file.has_parent_path() ? file.parent_path().string() : "."};
    if (std::filesystem::is_directory(status))
        return Subject{context.local.verify_data_directory, path};
    return Subject{context.local.verify_bundle, path, true};
}

Result<ExitCode> verify(Context& context, const Arguments& arguments) {
    const auto subject = TRY(subject_of(context, arguments));
    auto key = arguments.text("key");
    if (key.starts_with("@"))
        key = TRY(read_file(key.substr(1), limits::note_max, context.around.in));
    while (key.ends_with('\n') || key.ends_with('\r'))
        key.pop_back();
    if (!subject.hook)
        return fail(ErrorCode::unavailable, "this program cannot verify that");
    const auto report = TRY(examined(context, subject.hook, subject.name, key));
    // A report without findings has no such member, but what is no report says nothing good.
    if (find(report, "entries") == nullptr)
        return fail(ErrorCode::internal, "the verifier's report cannot be read");
    const auto* findings = find(report, "findings");
    const bool intact =
        findings == nullptr || (findings->is_array() && findings->get_array().empty());
    const auto code = intact ? ExitCode::ok : ExitCode::blocked;
    if (context.json) {
        context.print_json(to_text(report));
        return code;
    }
    context.say(
        subject.bundle ? head_of_bundle(report, !key.empty()) : head_of_installation(report)
    );
    context.say(mode_line(report, subject.bundle && intact, context.style));
    if (!intact)
        for (const auto& finding : findings->get_array())
            context.print(finding_text(finding, context.style));
    if (const auto left_out = number(report, "findings_left_out"); left_out != "0")
        context.print(fmt::format("  and {} more\n", left_out));
    context.say(
        intact ? context.style.paint(Paint::green, "intact") + "\n"
               : context.style.paint(Paint::red, "not intact") + "\n"
    );
    return code;
}

} // namespace

void add_verify_commands(Commands& commands) {
    commands.push_back(
        {{"verify"},
         "Verify a data directory, database or exported evidence offline",
         {Option{"path", "path", "the directory or the ZIP", false, false, true},
          valued("postgres", "CONNINFO", "PostgreSQL instead of a directory"),
          valued("key", "KEY|@FILE", "the verifier key that is trusted")},
         verify,
         "slipway verify CHG-12.zip --key @slipway.pub",
         false,
         Reach::here}
    );
}

} // namespace slipway::cli
