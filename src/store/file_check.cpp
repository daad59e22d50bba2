// SPDX-License-Identifier: Apache-2.0
#include "store/file_check.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "store/lost_pages.hpp"

namespace slipway::store {

namespace {

using Lines = std::vector<std::string>;

// One row may have many lines, under a headline that only names the database.
void add_lines(Lines& lines, std::string_view row) {
    while (!row.empty()) {
        const auto line = row.substr(0, row.find('\n'));
        row.remove_prefix(std::min(row.size(), line.size() + 1));
        if (!line.empty() && !line.starts_with("***") && line != "ok")
            lines.emplace_back(line);
    }
}

Lines answer_of(Connection& db, const std::string& pragma) {
    Lines lines;
    try {
        db.query(pragma, {}, 1, [&](const Row& row) { add_lines(lines, row.text(0)); });
    } catch (const DatabaseError& error) {
        if (!error.is_damage())
            throw;
        lines.push_back(file_finding(error));
    }
    return lines;
}

// The tables that have pages of their own, while the list of them can still be read.
Lines tables_of(Connection& db) {
    Lines tables;
    try {
        db.query(
            "select name from sqlite_master where type = 'table' and rootpage > 0 "
            "and name not glob '*[^a-z0-9_]*' order by name",
            {}, 1, [&](const Row& row) { tables.push_back(row.text(0)); }
        );
    } catch (const DatabaseError& error) {
        if (!error.is_damage())
            throw;
    }
    return tables;
}

} // namespace

std::string file_finding(const DatabaseError& error) {
    // SOCI puts the place in its own source before SQLite's words.
    const std::string_view words = error.what();
    const auto colon = words.rfind(": ");
    return std::string(colon == words.npos ? words : words.substr(colon + 2));
}

Error damaged(std::string what) {
    Error error{ErrorCode::blocked, "slipway.db is damaged"};
    error.reasons.push_back(
        {"integrity", "slipway.db", std::move(what), {}, std::string(mend_of_damage)}
    );
    return error;
}

std::vector<std::string> file_findings(Connection& db, FileCheck check) {
    if (!db.dialect().single_server)
        return {};
    const std::string_view pragma =
        check == FileCheck::indexes ? "pragma integrity_check" : "pragma quick_check";
    const bool whole = check != FileCheck::structure;
    auto lines = whole ? cut_pages(db) : Lines{};
    const auto of_file = answer_of(db, fmt::format("{}({})", pragma, limits::file_findings_max));
    const auto tables = tables_of(db);
    if (of_file.empty()) {
        if (std::find(tables.begin(), tables.end(), "migration") == tables.end())
            return {"it is an empty database, or none of slipway's: it has no tables"};
        return whole && lines.empty() ? zeroed_pages(db) : lines;
    }
    // Of the whole file SQLite names only pages, and then all those that it lost sight of.
    const auto cut = lines.size();
    for (const auto& table : tables)
        for (const auto& line : answer_of(db, fmt::format("{}({})", pragma, table)))
            lines.push_back(fmt::format("table {}, or an index of it: {}", table, line));
    if (lines.size() == cut)
        lines.insert(lines.end(), of_file.begin(), of_file.end());
    if (lines.size() > limits::file_findings_max)
        lines.resize(limits::file_findings_max);
    return lines;
}

Result<void> require_sound_file(Connection& db, FileCheck check) {
    const auto findings = file_findings(db, check);
    if (findings.empty())
        return {};
    return tl::unexpected(damaged(fmt::format("{}", fmt::join(findings, "; "))));
}

} // namespace slipway::store
