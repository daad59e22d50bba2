// SPDX-License-Identifier: Apache-2.0
#include "store/admin.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "store/batch.hpp"
#include "store/counts.hpp"
#include "store/file_check.hpp"
#include "store/ledger_rows.hpp"
#include "store/migrate.hpp"
#include "store/place.hpp"

namespace slipway::store {

Target target_of(const Place& place, bool read_only) {
    if (const auto* sqlite = std::get_if<SqliteOptions>(&place)) {
        SqliteFile file{fmt::format("{}/{}", sqlite->directory, database_file)};
        file.read_only = read_only;
        return file;
    }
    return PostgresServer{std::get<PostgresOptions>(place).conninfo, read_only};
}

namespace {

// A counted scan is cheap; only when it does not fit are the numbers looked at one by one.
std::vector<std::uint64_t> missing_numbers(Connection& db, const LedgerFacts& facts) {
    constexpr std::size_t listed_max = 100;
    std::vector<std::uint64_t> missing;
    std::uint64_t next = 0;
    const auto gap_until = [&](std::uint64_t end) {
        for (; next < end && missing.size() < listed_max; ++next)
            missing.push_back(next);
    };
    if (facts.count == facts.size && (facts.size == 0 || facts.last_seq == facts.size - 1))
        return missing;
    db.query("select seq from event order by seq", {}, 1, [&](const Row& row) {
        gap_until(row.number(0));
        next = row.number(0) + 1;
    });
    gap_until(facts.size);
    return missing;
}

} // namespace

LedgerFacts read_ledger_facts(Connection& db) {
    LedgerFacts facts;
    const auto frontier = read_frontier(db, false);
    facts.size = frontier.size();
    facts.root = frontier.root();
    db.query(
        "select count(*), coalesce(min(seq), 0), coalesce(max(seq), 0) from event", {}, 3,
        [&](const Row& row) {
            facts.count = row.number(0);
            facts.first_seq = row.number(1);
            facts.last_seq = row.number(2);
        }
    );
    facts.checkpoint_size = db.number("select coalesce(max(size), 0) from checkpoint").value_or(0);
    facts.missing = missing_numbers(db, facts);
    return facts;
}

Result<void> require_database(const Place& place) {
    const auto* sqlite = std::get_if<SqliteOptions>(&place);
    std::error_code failed;
    if (sqlite == nullptr ||
        std::filesystem::exists(fmt::format("{}/{}", sqlite->directory, database_file), failed))
        return {};
    return fail(
        ErrorCode::unavailable,
        fmt::format("there is no {} in {}", database_file, sqlite->directory)
    );
}

Result<LedgerFacts> ledger_facts(const Place& place) {
    return guarded([&]() -> Result<LedgerFacts> {
        Connection db(target_of(place, true));
        return read_ledger_facts(db);
    });
}

namespace {

constexpr std::uint64_t checkpoint_lag_max = 10000;

Finding damage(std::string what) {
    return {
        "integrity", fmt::format("{}: {}", database_file, std::move(what)),
        std::string(mend_of_damage)};
}

// What a finding of the verification is for the doctor.
Finding finding_of(const domain::LedgerFinding& found) {
    using Kind = domain::LedgerFindingKind;
    const auto message = fmt::format(
        "{}: {}{}{}", to_text(found.kind), found.file, found.file.empty() ? "" : ": ", found.message
    );
    switch (found.kind) {
    case Kind::no_entries:
        return {"streams", message, "find out who wrote it; slipway admin rebuild takes it away"};
    case Kind::state_unreadable:
        return {"streams", message, "stop the server and run slipway admin rebuild"};
    case Kind::attachment_altered:
    case Kind::attachment_missing:
        return {"blobs", message, "restore the newest backup, or attach the file again"};
    default:
        return {"ledger", message, "restore the newest backup that verifies"};
    }
}

// Looks at the rows of a database whose file is sound.
class Doctor {
  public:
    Doctor(Connection& db, bool server_runs) : db_(db), server_runs_(server_runs) {}

    std::vector<Finding> run() {
        verify();
        check_checkpoints();
        check_streams();
        check_counters();
        check_tasks();
        check_blobs();
        return std::move(findings_);
    }

  private:
    void add(std::string check, std::string message, std::string remedy) {
        findings_.push_back({std::move(check), as_valid_text(std::move(message)), std::move(remedy)}
        );
    }

    void verify() {
        const auto report = verify_all(db_, std::nullopt);
        for (const auto& found : report.findings)
            findings_.push_back(finding_of(found));
        if (report.findings_left_out != 0)
            add("ledger", fmt::format("and {} more", report.findings_left_out),
                "run slipway verify");
    }

    void check_checkpoints() {
        const auto size = ledger_size(db_);
        const auto covered =
            db_.number("select coalesce(max(size), 0) from checkpoint").value_or(0);
        if (covered + checkpoint_lag_max < size)
            add("checkpoints",
                fmt::format("the newest checkpoint covers {} of {} entries", covered, size),
                "see why the server's worker does not sign: its log names the cause");
    }

    void check_streams() {
        db_.query(
            "select s.tenant, s.kind, s.id, s.version, (select coalesce(max(e.version), 0) "
            "from event e where e.tenant = s.tenant and e.kind = s.kind and e.stream = s.id) "
            "from stream s where s.version <> (select coalesce(max(e.version), 0) from event e "
            "where e.tenant = s.tenant and e.kind = s.kind and e.stream = s.id) limit 100",
            {}, 5,
            [&](const Row& row) {
                add("streams",
                    fmt::format(
                        "{} {} of tenant {} is at version {}, its last entry is {}", row.text(1),
                        row.text(2), row.text(0), row.text(3), row.text(4)
                    ),
                    "stop the server and run slipway admin rebuild");
            }
        );
        db_.query(
            "select e.tenant, e.kind, e.stream from event e where e.version = 1 and not exists "
            "(select 1 from stream s where s.tenant = e.tenant and s.kind = e.kind "
            "and s.id = e.stream) limit 100",
            {}, 3,
            [&](const Row& row) {
                add("streams",
                    fmt::format(
                        "{} {} of tenant {} has entries and no record", row.text(1), row.text(2),
                        row.text(0)
                    ),
                    "stop the server and run slipway admin rebuild");
            }
        );
    }

    void check_counters() {
        for (const auto& count : late_counts(db_))
            add("counters", count.text(), "stop the server and run slipway admin rebuild");
    }

    void check_tasks() {
        db_.query(
            "select id, tenant, kind, change, attempts, last_error from task where dead = 1 "
            "order by id limit 100",
            {}, 6,
            [&](const Row& row) {
                add("tasks",
                    fmt::format(
                        "task {} ({}, tenant {}, change {}) was given up after {} attempts: {}",
                        row.text(0), row.text(2), row.text(1), row.text(3), row.text(4), row.text(5)
                    ),
                    fmt::format(
                        "mend what the error names, then slipway task retry {}", row.text(0)
                    ));
            }
        );
    }

    void check_blobs() {
        // Beside a running server an unfinished upload is most likely at work.
        const auto unfinished = db_.number("select count(*) from blob_upload").value_or(0);
        if (unfinished != 0 && !server_runs_)
            add("blobs", fmt::format("{} uploads were not finished", unfinished),
                "none needed: the server removes them when it sweeps");
        db_.query(
            "select c.tenant, c.upload from blob_chunk c where c.position = 0 and not exists "
            "(select 1 from blob b where b.tenant = c.tenant and b.upload = c.upload) "
            "and not exists (select 1 from blob_upload u where u.tenant = c.tenant "
            "and u.upload = c.upload) limit 100",
            {}, 2,
            [&](const Row& row) {
                add("blobs",
                    fmt::format(
                        "upload {} of tenant {} belongs to no attachment", row.text(1), row.text(0)
                    ),
                    "it only takes space; a restored backup has none of it");
            }
        );
    }

    Connection& db_;
    bool server_runs_;
    std::vector<Finding> findings_;
};

} // namespace

Result<std::vector<Finding>> doctor(const Place& place) {
    return guarded([&]() -> Result<std::vector<Finding>> {
        const auto* sqlite = std::get_if<SqliteOptions>(&place);
        try {
            Connection db(target_of(place, true));
            // What rows of a damaged file say would only be taken for more that is wrong.
            std::vector<Finding> damaged;
            for (auto& line : file_findings(db, FileCheck::indexes))
                damaged.push_back(damage(std::move(line)));
            if (!damaged.empty())
                return damaged;
            if (const auto fits = check_schema(db, migrations_of(db.dialect().name)); !fits)
                return std::vector<Finding>{
                    {"schema", fits.error().message, "use the slipway that fits this database"}};
            return Doctor(db, sqlite == nullptr || is_locked(sqlite->directory)).run();
        } catch (const DatabaseError& error) {
            if (!error.is_damage())
                throw;
            return std::vector<Finding>{damage(file_finding(error))};
        }
    });
}

} // namespace slipway::store
