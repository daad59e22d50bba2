// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"

namespace slipway::cli {

namespace {

// A proof or checkpoint: a document of the server with these query parameters.
Command proof(
    std::string name, std::string summary, std::string path, std::vector<Option> options,
    std::string example
) {
    std::vector<std::string> names;
    for (auto& option : options) {
        option.required = true;
        names.push_back(option.name);
    }
    return {
        {"ledger", std::move(name)},
        std::move(summary),
        std::move(options),
        [path = std::move(path), names](Context& context, const Arguments& arguments) {
            return show_document(context, path + query_of(arguments, names));
        },
        std::move(example)};
}

} // namespace

void add_ledger_commands(Commands& commands) {
    commands.push_back(proof(
        "checkpoint", "The signed statement of the ledger's size and root",
        "/api/v1/ledger/checkpoint", {}, "slipway ledger checkpoint"
    ));
    commands.push_back(
        {{"ledger", "entries"},
         "Entries in ledger order, byte for byte",
         {valued("from", "SEQ", "the first position"), valued("limit", "N", "at most 200"),
          flag("all", "every page")},
         [](Context& context, const Arguments& arguments) {
             return show_list(
                 context, arguments, "/api/v1/ledger/entries", "",
                 {{"SEQ", "seq"}, {"LEAF", "leaf"}, {"ENTRY", "entry"}}, "from"
             );
         },
         "slipway ledger entries --from 100 --json"}
    );
    commands.push_back(proof(
        "inclusion", "Prove that an entry is in the ledger of this size (RFC 6962)",
        "/api/v1/ledger/proof/inclusion",
        {valued("seq", "N", "the entry's position"), valued("size", "N", "the ledger's size")},
        "slipway ledger inclusion --seq 7 --size 100"
    ));
    commands.push_back(proof(
        "consistency", "Prove that the ledger of one size begins with that of another (RFC 6962)",
        "/api/v1/ledger/proof/consistency",
        {valued("from", "N", "the smaller size"), valued("to", "N", "the larger size")},
        "slipway ledger consistency --from 50 --to 100"
    ));
}

} // namespace slipway::cli
