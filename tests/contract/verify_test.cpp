// SPDX-License-Identifier: Apache-2.0
// Nothing that stands in the database can be changed unnoticed: entries, the columns beside them,
// the head, the hashes for proofs, checkpoints, attachments, records without entries.
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "contract/contract.hpp"
#include "domain/ledger/named_attachments.hpp"
#include "store/connection.hpp"
#include "store/place.hpp"

namespace slipway::contract {

using Kind = domain::LedgerFindingKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class VerifyContract : public StoreContract {
  protected:
    Digest put(const std::string& bytes) {
        auto writer = must(store().new_blob(acme));
        must(writer->write(bytes));
        return must(writer->finish());
    }

    void write_naming(const std::string& id, const std::string& data) {
        const auto key = key_of(id);
        app::StreamWrite write;
        write.key = key;
        write.events.push_back(event_with(key, 1, "attached", data));
        write.state = R"({"version":1})";
        must(store().commit(commit_of(std::move(write))));
    }

    // 600 entries, two attachments, signed.
    void fill() {
        begin_ledger();
        must(store().commit(commit_of(write_of(key_of("web"), 0, 597))));
        report_ = put("a report");
        write_naming("file", fmt::format(R"({{"digest":"{}","size_bytes":8}})", report_.hex()));
        transcript_ = put("a transcript");
        write_naming("run", fmt::format(R"({{"transcript":"{}"}})", transcript_.hex()));
        sign();
    }

    domain::LedgerReport verify() { return must(store::verify(place(), std::nullopt)); }

    void expect_finding(std::string_view sql, Kind kind, std::string_view what) {
        fill();
        close();
        ASSERT_TRUE(verify().intact()) << encode(verify());
        damage(sql);
        const auto report = verify();
        EXPECT_FALSE(must(store::doctor(place())).empty())
            << "the doctor finds it as well: " << sql;
        for (const auto& finding : report.findings)
            if (finding.kind == kind &&
                (finding.file + " " + finding.message).find(what) != std::string::npos)
                return;
        ADD_FAILURE() << sql << ": " << encode(report);
    }

    std::vector<std::string> kinds() {
        std::vector<std::string> found;
        for (const auto& finding : verify().findings)
            found.emplace_back(to_text(finding.kind));
        return found;
    }

    Digest report_;
    Digest transcript_;
};

TEST_P(VerifyContract, a_whole_installation_is_intact) {
    fill();
    close();
    const auto report = verify();
    EXPECT_TRUE(report.intact()) << encode(report);
    EXPECT_EQ(report.entries, 600U);
    EXPECT_EQ(report.signed_entries, 600U);
    EXPECT_EQ(report.attachments, 2U);
    EXPECT_EQ(report.streams, 4U);
}

TEST_P(VerifyContract, a_ledger_that_is_gone_was_intact) {
    close(); // the tables are there, and empty
    const auto report = verify();
    ASSERT_EQ(report.findings.size(), 1U) << encode(report);
    EXPECT_EQ(report.findings[0].kind, Kind::truncated);
    EXPECT_THAT(report.findings[0].message, HasSubstr("not even the first"));
    EXPECT_EQ(code_of(store::rebuild(place(), replay, true)), ErrorCode::blocked);
}

TEST_P(VerifyContract, columns_of_an_entry_are_named) {
    for (const auto* change :
         {"type = 'vote'", "stream = 'CHG-9'", "tenant = 'evil'", "kind = 'person'",
          "version = 9000", "at = at + 1"}) {
        SCOPED_TRACE(change);
        const auto sql = fmt::format("update event set {} where seq = 5", change);
        expect_finding(sql, Kind::mislabelled, "entry 5: ");
        if (HasFailure())
            return;
        TearDown();
        SetUp();
    }
}

TEST_P(VerifyContract, a_leaf_that_is_no_digest_is_named) {
    expect_finding("update event set leaf = 'x' where seq = 5", Kind::altered, "entry 5");
}

TEST_P(VerifyContract, a_flipped_chunk_is_named) {
    expect_finding(
        "update blob_chunk set data = 'YSByZXBvcnQ/' where data = 'YSByZXBvcnQ='",
        Kind::attachment_altered, sha256("a report").hex()
    );
}

TEST_P(VerifyContract, a_missing_chunk_is_named) {
    expect_finding(
        "delete from blob_chunk where data = 'YSByZXBvcnQ='", Kind::attachment_altered,
        sha256("a report").hex()
    );
}

TEST_P(VerifyContract, a_missing_attachment_is_named) {
    expect_finding(
        fmt::format("delete from blob where digest = '{}'", sha256("a report").hex()),
        Kind::attachment_missing, sha256("a report").hex()
    );
}

TEST_P(VerifyContract, a_missing_transcript_is_named) {
    expect_finding(
        fmt::format("delete from blob where digest = '{}'", sha256("a transcript").hex()),
        Kind::attachment_missing, "entry 599"
    );
}

TEST_P(VerifyContract, a_renamed_attachment_is_named) {
    expect_finding(
        "update blob set digest = 'x' where size = 8", Kind::attachment_altered, "attachments/x"
    );
}

TEST_P(VerifyContract, hashes_for_proofs_are_named) {
    expect_finding(
        fmt::format("update ledger_node set hash = '{}' where position = 1", Digest{}.hex()),
        Kind::node_differs, "level 8, position 1"
    );
}

TEST_P(VerifyContract, a_missing_hash_for_proofs_is_named) {
    expect_finding(
        "delete from ledger_node where position = 0", Kind::node_differs, "position 0: is missing"
    );
}

TEST_P(VerifyContract, a_hash_beyond_the_ledger_is_named) {
    expect_finding(
        fmt::format(
            "insert into ledger_node (level, position, hash) values (8, 7, '{}')", Digest{}.hex()
        ),
        Kind::node_differs, "position 7"
    );
}

TEST_P(VerifyContract, a_ledger_without_checkpoints_is_named) {
    expect_finding("delete from checkpoint", Kind::not_signed, "no checkpoint holds");
}

TEST_P(VerifyContract, a_person_out_of_nowhere_is_named) {
    expect_finding(
        "insert into stream (tenant, kind, id, version, removed) "
        "values ('acme', 'person', 'eve', 1, 0)",
        Kind::no_entries, "records/acme/person/eve"
    );
}

TEST_P(VerifyContract, a_state_that_cannot_be_read_is_named) {
    expect_finding(
        R"(update document set state = '{"version' where id = 'web')", Kind::state_unreadable,
        "records/acme/ci/web its state cannot be read"
    );
    for (const auto& finding : must(store::doctor(place())))
        EXPECT_THAT(finding.remedy, HasSubstr("slipway admin rebuild"));
    EXPECT_EQ(must(store::rebuild(place(), replay, true)).different, 1U);
    EXPECT_TRUE(verify().intact());
}

TEST_P(VerifyContract, states_are_read_to_the_last_one) {
    begin_ledger();
    for (int i = 0; i < 250; ++i)
        must(store().commit(commit_of(write_of(key_of(fmt::format("web-{:03}", i)), 0))));
    sign();
    close();
    EXPECT_TRUE(verify().intact());
    damage("update document set state = '{' where id in ('web-000', 'web-101', 'web-249')");
    EXPECT_EQ(verify().findings.size(), 3U);
}

TEST_P(VerifyContract, a_dropped_middle_entry_is_all_that_is_missing) {
    fill();
    close();
    damage("delete from event where seq = 300");
    const auto report = verify();
    ASSERT_FALSE(report.findings.empty());
    for (const auto& finding : report.findings)
        EXPECT_THAT(
            (std::vector{Kind::missing, Kind::version_gap}), testing::Contains(finding.kind)
        ) << encode(report);
    EXPECT_EQ(report.findings.front().seq_from, 300U);
    EXPECT_EQ(report.findings.front().seq_to, 300U);
}

TEST_P(VerifyContract, an_entry_behind_the_end_is_named) {
    fill();
    close();
    const auto forged = event_of(key_of("web"), 598);
    damage(fmt::format(
        "insert into event (seq, tenant, kind, stream, version, type, at, leaf, body) values "
        "(600, 'acme', 'ci', 'web', 598, 'written', 598, '{}', '{}')",
        forged.leaf.hex(), forged.body
    ));
    EXPECT_THAT(kinds(), ElementsAre("beyond_head"));
    EXPECT_EQ(verify().findings.front().seq_from, 600U);
}

TEST_P(VerifyContract, a_damaged_head_is_named_and_the_entries_are_looked_at) {
    for (const auto* change : {"frontier = 'x'", "frontier = ''", "size = 7"}) {
        SCOPED_TRACE(change);
        fill();
        close();
        damage(fmt::format("update ledger_head set {}", change));
        damage("update event set type = 'vote' where seq = 5");
        EXPECT_THAT(kinds(), testing::UnorderedElementsAre("head_damaged", "mislabelled"));
        const auto report = verify();
        EXPECT_EQ(report.entries, 600U);
        EXPECT_EQ(report.signed_entries, 600U);
        EXPECT_GE(must(store::doctor(place())).size(), 2U);
        for (const auto& finding : report.findings)
            if (finding.kind == Kind::head_damaged) {
                EXPECT_EQ(finding.file, "ledger_head");
                EXPECT_THAT(finding.message, HasSubstr("the ledger head is damaged"));
            }
        TearDown();
        SetUp();
    }
}

TEST_P(VerifyContract, an_end_that_is_gone_is_named) {
    fill();
    must(store().commit(commit_of(write_of(key_of("web"), 597, 2)))); // not signed yet
    close();
    damage("delete from event where seq = 601");
    const auto report = verify();
    ASSERT_EQ(report.findings.size(), 1U) << encode(report);
    EXPECT_EQ(report.findings[0].kind, Kind::truncated);
    EXPECT_EQ(report.findings[0].seq_from, 601U);
    EXPECT_THAT(report.findings[0].message, HasSubstr("head"));
}

TEST_P(VerifyContract, another_key_is_not_trusted) {
    fill();
    close();
    const auto other = must(domain::make_signing_key("contract.test", domain::KeyBytes{8}));
    const auto report = must(store::verify(place(), other.verifier));
    EXPECT_FALSE(report.intact());
    EXPECT_EQ(report.checkpoints, 0U);
}

TEST_P(VerifyContract, a_running_server_raises_no_alarm) {
    fill();
    std::jthread writer([&](const std::stop_token& stop) {
        for (std::uint64_t version = 597; !stop.stop_requested(); ++version) {
            must(store().commit(commit_of(write_of(key_of("web"), version))));
            if (version % 7 == 0)
                sign();
        }
    });
    for (int i = 0; i < 40; ++i) {
        const auto report = verify();
        EXPECT_TRUE(report.intact()) << encode(report);
    }
}

// What happens to the file beneath SQLite. (The files of PostgreSQL are its own operator's.)
class DamagedFile : public VerifyContract {
  protected:
    void SetUp() override {
        VerifyContract::SetUp();
        fill();
        close();
    }

    std::filesystem::path file() const { return directory_ + "/data/slipway.db"; }

    // Page 1 is the first.
    void zero_page(std::uint64_t page) {
        constexpr std::size_t size = 4096;
        std::fstream out(file(), std::ios::binary | std::ios::in | std::ios::out);
        out.seekp(static_cast<std::streamoff>((page - 1) * size));
        out << std::string(size, '\0');
        ASSERT_TRUE(out.flush());
    }

    std::uint64_t first_page_of(const std::string& name) {
        store::Connection db(store::target_of(place(), true));
        return db.number("select rootpage from sqlite_master where name = :name", {name}).value();
    }

    std::uint64_t number(std::string_view sql) {
        store::Connection db(store::target_of(place(), true));
        return db.number(sql).value_or(0);
    }

    // Writes states of several pages until the last page of the file is the end of one.
    void end_with_a_long_state() {
        constexpr auto last_owner =
            "select count(*) from dbstat where name = 'document' and pagetype = 'overflow' "
            "and pageno = (select max(pageno) from dbstat)";
        for (int i = 0; i < 20; ++i) {
            auto write = write_of(key_of(fmt::format("long-{}", i)), 0);
            write.state = fmt::format(R"({{"version":1,"text":"{}"}})", std::string(20'000, 'x'));
            must(store().commit(commit_of(std::move(write))));
            close();
            if (number(last_owner) == 1 &&
                number("select max(pageno) from dbstat") == number("pragma page_count"))
                return;
        }
        FAIL() << "no state is the last in the file";
    }

    // Named by verify and by doctor, with the file, `what` is wrong in it, and the mend; no backup
    // is made of it.
    void expect_damage(std::string_view what) {
        const auto report = verify();
        ASSERT_GE(report.findings.size(), 2U) << encode(report);
        EXPECT_LE(report.findings.size(), limits::ledger_findings_max);
        const auto& mend = report.findings[0];
        EXPECT_EQ(mend.kind, Kind::database_damaged);
        EXPECT_EQ(mend.file, "slipway.db");
        EXPECT_THAT(mend.message, HasSubstr("slipway admin restore"));
        EXPECT_EQ(report.findings[1].kind, Kind::database_damaged);
        EXPECT_THAT(report.findings[1].message, HasSubstr(std::string(what)));
        const auto findings = must(store::doctor(place()));
        ASSERT_FALSE(findings.empty());
        EXPECT_LE(findings.size(), limits::file_findings_max);
        EXPECT_EQ(findings[0].check, "integrity");
        EXPECT_THAT(findings[0].message, HasSubstr("slipway.db"));
        EXPECT_THAT(findings[0].message, HasSubstr(std::string(what)));
        EXPECT_THAT(findings[0].remedy, HasSubstr("slipway admin restore"));
        const auto copy = directory_ + "/copy";
        EXPECT_EQ(
            code_of(store::backup(std::get<store::SqliteOptions>(place()), copy)),
            ErrorCode::blocked
        );
        EXPECT_FALSE(std::filesystem::exists(copy));
    }

    void expect_no_server(std::string_view what) {
        const auto opened = store::open_sqlite(std::get<store::SqliteOptions>(place()));
        ASSERT_EQ(code_of(opened), ErrorCode::blocked);
        EXPECT_THAT(opened.error().message, HasSubstr(file().string()));
        ASSERT_EQ(opened.error().reasons.size(), 1U);
        EXPECT_THAT(opened.error().reasons[0].message, HasSubstr(std::string(what)));
        EXPECT_THAT(opened.error().reasons[0].remedy, HasSubstr("slipway admin restore"));
    }

    void expect_no_rebuild() {
        EXPECT_EQ(code_of(store::rebuild(place(), replay, true)), ErrorCode::blocked);
    }
};

TEST_P(DamagedFile, that_begins_with_zeros_is_named) {
    zero_page(1);
    expect_damage("file is not a database");
    expect_no_server("file is not a database");
    expect_no_rebuild();
}

TEST_P(DamagedFile, that_was_cut_off_is_named) {
    std::filesystem::resize_file(file(), std::filesystem::file_size(file()) / 2);
    expect_damage("the file ends too early");
    expect_no_server("the file ends too early");
    expect_no_rebuild();
}

TEST_P(DamagedFile, whose_last_page_is_cut_is_named) {
    end_with_a_long_state();
    const auto pages = number("pragma page_count");
    std::filesystem::resize_file(file(), std::filesystem::file_size(file()) - 1000);
    expect_damage("the file ends too early");
    EXPECT_THAT(
        verify().findings.at(2).message,
        HasSubstr(fmt::format("table or index document: page {} is cut off", pages))
    );
    expect_no_server("is cut off");
}

// The state that the page belonged to is made of its entries, and those are whole.
TEST_P(DamagedFile, whose_last_page_is_zeros_is_named_and_what_it_held_made_anew) {
    end_with_a_long_state();
    const auto pages = number("pragma page_count");
    zero_page(pages);
    const auto what =
        fmt::format("table or index document: page {} holds nothing but zeros", pages);
    expect_damage(what);
    expect_no_server(what);
    EXPECT_EQ(verify().findings.back().kind, Kind::state_unreadable);
    EXPECT_GE(must(store::rebuild(place(), replay, true)).different, 1U);
    EXPECT_TRUE(verify().intact()) << encode(verify());
    EXPECT_EQ(must(store().load(key_of("long-0"))).state, R"({"version":1})");
}

// The last page of a long value, which names no next one.
TEST_P(DamagedFile, that_ends_with_an_attachment_of_zeros_is_sound) {
    const auto digest = [this] {
        const auto writer = must(store().new_blob(acme));
        must(writer->write(std::string(limits::blob_chunk, '\0')));
        return must(writer->finish());
    }();
    close();
    EXPECT_TRUE(verify().intact()) << encode(verify());
    EXPECT_EQ(must(store().blob_size(acme, digest)), limits::blob_chunk);
}

// The pages that were given back hang on the one that the head of the file names.
TEST_P(DamagedFile, with_free_pages_of_zeros_is_sound) {
    const auto pages = number("pragma page_count");
    damage("insert into setting (name, value) values ('filler', hex(zeroblob(40000)))");
    damage("delete from setting where name = 'filler'");
    ASSERT_GT(number("pragma freelist_count"), 1U);
    std::ifstream in(file(), std::ios::binary);
    std::string head(100, '\0');
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    const auto list =
        static_cast<unsigned char>(head[34]) * 256U + static_cast<unsigned char>(head[35]);
    for (auto page = pages + 1; page <= number("pragma page_count"); ++page)
        if (page != list)
            zero_page(page);
    EXPECT_TRUE(verify().intact()) << encode(verify());
    EXPECT_EQ(must(store().load(key_of("web"))).version, 597U);
}

// What a server that was killed leaves, and one that runs.
TEST_P(DamagedFile, that_ends_too_early_beside_a_log_with_the_rest_is_sound) {
    auto write = write_of(key_of("long"), 0);
    write.state = fmt::format(R"({{"version":1,"text":"{}"}})", std::string(50'000, 'x'));
    must(store().commit(commit_of(std::move(write))));
    ASSERT_LT(std::filesystem::file_size(file()), number("pragma page_count") * 4096);
    EXPECT_TRUE(verify().intact()) << encode(verify());
}

TEST_P(DamagedFile, that_is_met_while_serving_ends_the_writing) {
    store();
    zero_page(first_page_of("stream"));
    EXPECT_FALSE(store().not_writing());
    const auto read = store().load(key_of("web"));
    ASSERT_EQ(code_of(read), ErrorCode::internal);
    EXPECT_TRUE(store().not_writing());
    ASSERT_EQ(read.error().reasons.size(), 1U);
    EXPECT_THAT(read.error().reasons[0].remedy, HasSubstr("slipway admin restore"));
    for (const auto* setting : {"first", "second"}) {
        const auto written = store().put_setting(setting, "x");
        ASSERT_EQ(code_of(written), ErrorCode::unavailable);
        EXPECT_THAT(
            written.error().message,
            HasSubstr("slipway.db is damaged, and nothing is written any more: stop the server")
        );
    }
    close();
    expect_damage("table stream");
}

TEST_P(DamagedFile, that_a_commit_meets_ends_the_writing) {
    store();
    zero_page(first_page_of("stream"));
    for (int i = 0; i < 2; ++i) {
        const auto written = store().commit(commit_of(write_of(key_of("new"), 0)));
        ASSERT_EQ(code_of(written), ErrorCode::unavailable);
        EXPECT_THAT(written.error().message, HasSubstr("nothing is written any more"));
    }
}

TEST_P(DamagedFile, with_a_hole_in_the_ledger_is_not_written_on) {
    damage("delete from event where seq = 300");
    expect_no_server("the ledger has 599 entries, and the last is number 599: entry 300 is missing"
    );
}

TEST_P(DamagedFile, that_is_empty_is_named) {
    std::filesystem::resize_file(file(), 0);
    expect_damage("no tables");
    expect_no_rebuild();
    std::filesystem::create_directory(file().parent_path() / "work"); // as a server does
    expect_no_server("the file is empty");
    EXPECT_EQ(std::filesystem::file_size(file()), 0U);
}

TEST_P(DamagedFile, that_is_empty_in_a_new_directory_is_a_new_one) {
    const store::SqliteOptions other{directory_ + "/other"};
    std::filesystem::create_directory(other.directory);
    std::ofstream(other.directory + "/slipway.db").flush();
    EXPECT_EQ(must(must(store::open_sqlite(other))->ledger_size()), 0U);
}

TEST_P(DamagedFile, with_a_lost_page_of_an_index_that_proves_nothing_is_named) {
    zero_page(first_page_of("bearer_expires"));
    expect_damage("table bearer");
}

TEST_P(DamagedFile, with_a_lost_page_of_a_table_is_named) {
    zero_page(first_page_of("kind_version"));
    expect_damage("table kind_version");
    expect_no_rebuild();
}

INSTANTIATE_TEST_SUITE_P(Store, DamagedFile, testing::Values("sqlite"), [](const auto& parameter) {
    return parameter.param;
});

TEST(NamedAttachments, are_found_by_a_look_at_the_bytes) {
    const auto hex = sha256("x").hex();
    const auto none = Digest{}.hex();
    const auto names = [](const std::string& text) {
        const auto count = domain::named_attachments(*parse_json(text)).size();
        EXPECT_EQ(domain::may_name_attachments(text), count != 0) << text;
        return count;
    };
    EXPECT_EQ(names("{}"), 0U);
    EXPECT_EQ(names(fmt::format(R"({{"transcript":"{}"}})", none)), 0U);
    EXPECT_EQ(
        names(fmt::format(R"([{{"transcript":"{}"}},{{"transcript":"{}"}}])", none, hex)), 1U
    );
    EXPECT_EQ(names(fmt::format(R"({{"a":{{"digest":"{}","size_bytes":1}}}})", hex)), 1U);
    EXPECT_EQ(names(fmt::format(R"({{"digest":"{}"}})", hex)), 0U);
}

CONTRACT(VerifyContract);

} // namespace slipway::contract
