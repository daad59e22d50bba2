// SPDX-License-Identifier: Apache-2.0
// Everything that the ledger proves, read in one transaction: a running server writes on meanwhile,
// and what is compared must be of one moment.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "domain/ledger/named_attachments.hpp"
#include "domain/ledger/opening.hpp"
#include "store/admin.hpp"
#include "store/batch.hpp"
#include "store/blobs.hpp"
#include "store/file_check.hpp"
#include "store/forged_rows.hpp"
#include "store/migrate.hpp"
#include "store/place.hpp"

namespace slipway::store {

namespace {

using Kind = domain::LedgerFindingKind;

constexpr std::uint64_t blobs_at_once = 200;

// A digest is as good as any hash of it.
struct DigestHash {
    std::size_t operator()(const Digest& digest) const {
        std::size_t hash = 0;
        std::copy_n(digest.bytes.begin(), sizeof hash, reinterpret_cast<std::uint8_t*>(&hash));
        return hash;
    }
};

// The entry that first names it, and whether its bytes were found.
struct Naming {
    std::uint64_t seq = 0;
    bool found = false;
};

struct BlobRow {
    std::string tenant;
    std::string digest;
    StoredBlob blob;
};

domain::LedgerHead head_of(Connection& db) {
    const auto frontier = read_frontier(db, false);
    return {frontier.size(), frontier.root()};
}

// Hands what is scanned to the verifier.
class Entries {
  public:
    explicit Entries(domain::LedgerVerifier& verifier) : verifier_(verifier) {}

    void add(const ScannedEvent& event) {
        Digest leaf{}; // what is no digest is the leaf of nothing
        if (event.leaf.size() == leaf.bytes.size())
            std::copy(event.leaf.begin(), event.leaf.end(), leaf.bytes.begin());
        if (event.at != at_) {
            at_ = event.at;
            at_text_ = to_text(at_);
        }
        verifier_.add(
            event.seq, event.body, leaf,
            {event.tenant, event.kind, event.stream, event.version, event.type, at_text_, {}}
        );
    }

  private:
    domain::LedgerVerifier& verifier_;
    Time at_{}; // the entries of one command have the same
    std::string at_text_ = to_text(Time{});
};

class Verification {
  public:
    Verification(Connection& db, const std::optional<domain::VerifierKey>& trusted)
        : db_(db), verifier_(rules(db, trusted), checkpoint_notes(db)) {}

    domain::LedgerReport run() {
        read_entries();
        report_ = verifier_.finish();
        if (!head_fault_.empty())
            report_.add({0, 0, Kind::head_damaged, head_fault_, "ledger_head"});
        check_nodes();
        check_attachments();
        for (const auto& row : forged_rows(db_))
            report_.add({0, 0, Kind::no_entries, row.text(), row.file()});
        check_states();
        return std::move(report_);
    }

  private:
    domain::LedgerRules rules(Connection& db, const std::optional<domain::VerifierKey>& trusted) {
        domain::LedgerRules rules;
        const auto key = trusted ? trusted : key_of_first_entry(db);
        if (key) {
            rules.keys.push_back(*key);
            rules.origin = key->name;
        }
        rules.head = sound_head(db);
        rules.must_be_signed = true;
        return rules;
    }

    // A head that cannot be read proves nothing about the entries, which are looked at all the
    // same.
    std::optional<domain::LedgerHead> sound_head(Connection& db) {
        try {
            return head_of(db);
        } catch (const DatabaseError& error) {
            if (error.broken || error.code != ErrorCode::internal)
                throw;
            head_fault_ = error.what();
            return std::nullopt;
        }
    }

    static std::optional<domain::VerifierKey> key_of_first_entry(Connection& db) {
        const auto first = db.text("select body from event where seq = 0");
        const auto opening = domain::read_opening(first.value_or(""));
        if (!opening)
            return std::nullopt;
        const auto key = domain::verifier_key_from_text(opening->key);
        return key ? std::optional(*key) : std::nullopt;
    }

    static std::vector<std::string> checkpoint_notes(Connection& db) {
        std::vector<std::string> notes;
        db.query("select note from checkpoint order by size", {}, 1, [&](const Row& row) {
            notes.push_back(row.text(0));
        });
        return notes;
    }

    void read_entries() {
        Entries entries(verifier_);
        db_.scan_events(0, [&](const ScannedEvent& event) {
            entries.add(event);
            if (domain::may_name_attachments(event.body))
                note_attachments(event);
            return true;
        });
    }

    void note_attachments(const ScannedEvent& event) {
        const auto json = parse_json(event.body);
        if (!json)
            return; // its head or its hash has told
        for (const auto& digest : domain::named_attachments(*json))
            named_[std::string(event.tenant)].try_emplace(digest, Naming{event.seq});
    }

    // The hashes for proofs: a checkpoint must never be made of others.
    void check_nodes() {
        std::vector<domain::Subtree> expected(verifier_.nodes().begin(), verifier_.nodes().end());
        std::sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) {
            return std::pair(a.level, a.index) < std::pair(b.level, b.index);
        });
        const auto differs = [&](unsigned level, std::uint64_t index, std::string_view what) {
            report_.add(
                {index << level, ((index + 1) << level) - 1, Kind::node_differs,
                 fmt::format("the hash at level {}, position {}: {}", level, index, what)}
            );
        };
        auto next = expected.begin();
        db_.query(
            "select level, position, hash from ledger_node order by level, position", {}, 3,
            [&](const Row& row) {
                const std::pair place(static_cast<unsigned>(row.number(0) & 63), row.number(1));
                for (; next != expected.end() && std::pair(next->level, next->index) < place;
                     ++next)
                    differs(next->level, next->index, "is missing");
                if (next == expected.end() || std::pair(next->level, next->index) != place) {
                    if (verifier_.tree_known())
                        differs(place.first, place.second, "the ledger is not that long");
                    return;
                }
                if (row.text(2) != next->hash.hex())
                    differs(next->level, next->index, "is not the one of the entries");
                ++next;
            }
        );
        for (; next != expected.end(); ++next)
            differs(next->level, next->index, "is missing");
    }

    void check_attachments() {
        BlobRow last;
        for (std::vector<BlobRow> rows; !(rows = next_blobs(last)).empty(); last = rows.back())
            for (const auto& row : rows)
                check_blob(row);
        for (const auto& [tenant, digests] : named_)
            for (const auto& [digest, naming] : digests)
                if (!naming.found)
                    find_attachment(
                        naming.seq, Kind::attachment_missing, digest.hex(),
                        fmt::format("entry {} of tenant {} names it", naming.seq, tenant)
                    );
    }

    std::vector<BlobRow> next_blobs(const BlobRow& last) {
        std::vector<BlobRow> rows;
        db_.query(
            "select tenant, digest, upload, size from blob "
            "where (tenant, digest) > (:tenant, :digest) order by tenant, digest limit :limit",
            {last.tenant, last.digest, blobs_at_once}, 4,
            [&](const Row& row) {
                rows.push_back({row.text(0), row.text(1), {row.number(2), row.number(3)}});
            }
        );
        return rows;
    }

    void check_blob(const BlobRow& row) {
        std::uint64_t seq = 0;
        const auto digest = digest_from_hex(row.digest);
        if (const auto tenant = named_.find(row.tenant); digest && tenant != named_.end())
            if (const auto named = tenant->second.find(*digest); named != tenant->second.end()) {
                named->second.found = true;
                seq = named->second.seq;
            }
        ++report_.attachments;
        if (const auto found = digest_of(row); !digest || found != digest)
            find_attachment(
                seq, Kind::attachment_altered, row.digest,
                fmt::format(
                    "the bytes kept for tenant {} {}", row.tenant,
                    found ? "have the digest " + found->hex() : "are incomplete or no Base64"
                )
            );
    }

    std::optional<Digest> digest_of(const BlobRow& row) {
        Sha256 hash;
        auto left = row.blob.size;
        for (std::uint64_t position = 0; left != 0; ++position) {
            const auto data = read_chunk(db_, TenantId(row.tenant), row.blob.upload, position);
            const auto chunk = data ? from_base64(*data) : fail(ErrorCode::not_found, "");
            if (!chunk || chunk->empty() || chunk->size() > left)
                return std::nullopt;
            left -= chunk->size();
            hash.update(*chunk);
        }
        return hash.finish();
    }

    // Whether a state is what the entries make is for rebuild() to say. One that cannot even be
    // read is of no use to anybody.
    void check_states() {
        // In pages: libpq holds a whole answer in memory.
        constexpr std::uint64_t page = 100;
        app::StreamKey last;
        for (std::uint64_t rows = page; rows == page;) {
            rows = 0;
            db_.query(
                "select tenant, kind, id, state from document "
                "where (tenant, kind, id) > (:tenant, :kind, :id) "
                "order by tenant, kind, id limit :limit",
                {last.tenant.value, last.kind, last.id, page}, 4,
                [&](const Row& row) {
                    ++rows;
                    last = {TenantId(row.text(0)), row.text(1), row.text(2)};
                    check_state(last, row.text(3));
                }
            );
        }
    }

    void check_state(const app::StreamKey& key, const std::string& state) {
        if (const auto read = parse_json(state); !read)
            report_.add(
                {0, 0, Kind::state_unreadable,
                 fmt::format(
                     "its state cannot be read ({}): slipway admin rebuild makes it anew of its "
                     "entries",
                     read.error().message
                 ),
                 fmt::format("records/{}/{}/{}", key.tenant.value, key.kind, key.id)}
            );
    }

    void find_attachment(std::uint64_t seq, Kind kind, const std::string& digest, std::string why) {
        report_.add({seq, seq, kind, std::move(why), "attachments/" + digest});
    }

    Connection& db_;
    // Why the head cannot be read, if so; before verifier_, whose rules set it.
    std::string head_fault_;
    domain::LedgerVerifier verifier_;
    domain::LedgerReport report_;
    std::map<std::string, std::unordered_map<Digest, Naming, DigestHash>> named_; // by tenant
};

} // namespace

domain::LedgerReport verify_all(Connection& db, const std::optional<domain::VerifierKey>& trusted) {
    return at_one_moment(db, [&] { return Verification(db, trusted).run(); });
}

Result<void> check_entries(Connection& db) {
    const auto report = at_one_moment(db, [&] {
        domain::LedgerRules rules;
        rules.head = head_of(db);
        domain::LedgerVerifier verifier(std::move(rules), {});
        Entries entries(verifier);
        db.scan_events(0, [&](const ScannedEvent& event) {
            entries.add(event);
            return true;
        });
        return verifier.finish();
    });
    if (report.entries == 0)
        return fail(
            ErrorCode::blocked,
            "the ledger has no entry, so every state would be removed; run slipway verify"
        );
    if (report.intact())
        return {};
    return fail(ErrorCode::blocked, report.findings.front().message + "; run slipway verify");
}

namespace {

// What is wrong with the file comes first: most of what is wrong with its rows comes of it.
domain::LedgerReport
with_damage(domain::LedgerReport report, const std::vector<std::string>& damage) {
    if (damage.empty())
        return report;
    const auto others = std::exchange(report.findings, {});
    report.add({0, 0, Kind::database_damaged, std::string(mend_of_damage), database_file});
    for (const auto& line : damage)
        report.add({0, 0, Kind::database_damaged, line, database_file});
    for (const auto& other : others)
        report.add(other);
    return report;
}

} // namespace

Result<domain::LedgerReport>
verify(const Place& place, const std::optional<domain::VerifierKey>& trusted) {
    return guarded([&]() -> Result<domain::LedgerReport> {
        TRY(require_database(place));
        std::vector<std::string> damage;
        domain::LedgerReport report;
        try {
            Connection db(target_of(place, true));
            damage = file_findings(db, FileCheck::pages);
            TRY(check_schema(db, migrations_of(db.dialect().name)));
            report = verify_all(db, trusted);
        } catch (const DatabaseError& error) {
            if (damage.empty() && !error.is_damage())
                throw;
            // What can still be read of a damaged file is verified, but it may end anywhere.
            if (damage.empty())
                damage.push_back(file_finding(error));
        }
        return with_damage(std::move(report), damage);
    });
}

} // namespace slipway::store
