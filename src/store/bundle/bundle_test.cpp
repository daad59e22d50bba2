// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <zip.h>

#include "domain/ledger/checkpoint.hpp"
#include "domain/ledger/envelope.hpp"
#include "domain/ledger/proof.hpp"
#include "store/bundle/bundle.hpp"
#include "store/bundle/manifest.hpp"

namespace slipway::store {
namespace {

namespace fs = std::filesystem;
using Kind = BundleFindingKind;

// A directory of this test, removed with everything in it.
class Folder {
  public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "slipway-bundle-XXXXXX").string();
        path_ = mkdtemp(name.data());
    }

    ~Folder() { fs::remove_all(path_); }

    fs::path operator/(std::string_view name) const { return path_ / name; }

    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(path_), fs::directory_iterator())
        );
    }

  private:
    fs::path path_;
};

const domain::SigningKey& ledger_key() {
    static const auto key =
        domain::make_signing_key("slipway.example/ledger", domain::KeyBytes{1}).value();
    return key;
}

const std::string rollback_file = "1. stop the batch job\n2. restore 1.4\n";
const std::string transcript_file = std::string(100000, 't');

struct Sample {
    Bundle bundle;
    std::map<Digest, std::string> blobs;

    ReadAttachment reader() const {
        return [this](const Digest& digest, const ByteSink& sink) -> Result<void> {
            const auto found = blobs.find(digest);
            if (found == blobs.end())
                return fail(ErrorCode::not_found, "no such attachment");
            const std::string_view bytes = found->second;
            for (std::size_t at = 0; at < bytes.size(); at += 4096)
                TRY(sink(bytes.substr(at, 4096)));
            return {};
        };
    }
};

std::string entry(
    std::string_view stream, std::uint64_t version, std::string_view body,
    std::string_view type = "noted", std::string_view member = "body"
) {
    return domain::write_envelope(
               {.tenant = "main",
                .kind = "change",
                .stream = stream,
                .version = version,
                .type = type,
                .at = "2026-11-22T19:53:12.123Z",
                .actor = "ada"}
           ) +
           fmt::format(R"(,"{}":{}}})", member, body);
}

std::string opening(const domain::VerifierKey& key, domain::LedgerMode mode) {
    return domain::write_envelope(
               {.tenant = "main",
                .kind = "ledger",
                .stream = "ledger",
                .version = 1,
                .type = domain::opening_type,
                .at = "2026-11-22T19:53:12.123Z",
                .actor = "slipway"}
           ) +
           fmt::format(
               R"(,"data":{}}})", encode(domain::LedgerOpening{mode, key.name, key_text(key)})
           );
}

// A ledger that is opened and has these entries, of which one in `apart` is of CHG-1 and exported,
// from the first on, behind the opening.
void seal(
    Bundle& bundle, std::vector<std::string> entries, std::size_t apart,
    const std::string& first = opening(ledger_key().verifier, domain::LedgerMode::sandbox)
) {
    entries.insert(entries.begin(), first);
    std::vector<Digest> leaves;
    for (const auto& bytes : entries)
        leaves.push_back(domain::leaf_hash(bytes));
    domain::LeafSubtrees reader(leaves);
    bundle.tenant = TenantId("main");
    bundle.change = ChangeId("CHG-1");
    const auto take = [&](std::uint64_t seq) {
        bundle.entries.push_back(
            {seq, entries[seq], domain::inclusion_proof(seq, leaves.size(), reader).value()}
        );
    };
    take(0);
    for (std::uint64_t seq = 1; seq < leaves.size(); seq += apart)
        take(seq);
    bundle.checkpoint = domain::sign_checkpoint(
        {ledger_key().verifier.name,
         leaves.size(),
         domain::tree_root(leaves.size(), reader).value(),
         {}},
        ledger_key()
    );
}

// A ledger of two changes in turn; CHG-1 is exported, its second entry names two attachments.
Sample make_sample(std::size_t versions = 4) {
    Sample sample;
    const Digest rollback = sha256(rollback_file);
    const Digest transcript = sha256(transcript_file);
    sample.blobs = {{rollback, rollback_file}, {transcript, transcript_file}};
    std::vector<std::string> entries;
    for (std::uint64_t version = 1; version <= versions; ++version) {
        const std::string body =
            version == 2
                ? fmt::format(
                      R"({{"files":[{{"digest":"{}","size_bytes":{}}}],"transcript":"{}"}})",
                      rollback.hex(), rollback_file.size(), transcript.hex()
                  )
                : fmt::format(R"({{"n":{},"digest":"{}"}})", version, sha256("scope").hex());
        for (const std::string_view stream : {"CHG-1", "CHG-2"})
            entries.push_back(entry(stream, version, body));
    }
    seal(sample.bundle, entries, 2);
    sample.bundle.attachments = {
        {rollback, "rollback.md", rollback_file.size()},
        {transcript, "run 1 transcript.txt", transcript_file.size()},
    };
    return sample;
}

std::string slurp(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
}

std::string zip_of(const Sample& sample) {
    Folder folder;
    const auto path = folder / "bundle.zip";
    const auto written = write_bundle(path, sample.bundle, ledger_key(), sample.reader());
    EXPECT_TRUE(written) << (written ? "" : written.error().message + written.error().detail);
    return slurp(path);
}

Bundle read_sample() {
    static const Bundle bundle = read_bundle_bytes(zip_of(make_sample())).value();
    return bundle;
}

BundleReport check(const Bundle& bundle) {
    return verify_bundle(bundle, ledger_key().verifier);
}

bool names(const BundleReport& report, std::string_view file, Kind kind) {
    for (const auto& finding : report.findings)
        if (finding.file == file && finding.kind == kind)
            return true;
    return false;
}

// A ZIP with these files, made without write_bundle().
std::string raw_zip(
    const std::vector<std::pair<std::string, std::string>>& files, int method = ZIP_CM_DEFLATE
) {
    Folder folder;
    const auto path = folder / "raw.zip";
    zip_t* zip = zip_open(path.c_str(), ZIP_CREATE, nullptr);
    for (const auto& [name, bytes] : files) {
        auto* source = zip_source_buffer(zip, bytes.data(), bytes.size(), 0);
        const auto index = zip_file_add(zip, name.c_str(), source, ZIP_FL_ENC_GUESS);
        EXPECT_GE(index, 0);
        zip_set_file_compression(zip, static_cast<zip_uint64_t>(index), method, 0);
    }
    EXPECT_EQ(zip_close(zip), 0);
    return slurp(path);
}

TEST(Bundle, ComesBackWholeAndIntact) {
    const auto sample = make_sample();
    Folder folder;
    const auto path = folder / "CHG-1.zip";
    ASSERT_TRUE(write_bundle(path, sample.bundle, ledger_key(), sample.reader()));
    EXPECT_EQ(folder.files(), 1u) << "nothing but the bundle remains";
    const auto bundle = read_bundle(path).value();
    EXPECT_EQ(bundle.entries, sample.bundle.entries);
    EXPECT_EQ(bundle.checkpoint, sample.bundle.checkpoint);
    const auto report = check(bundle);
    EXPECT_TRUE(report.intact()) << encode(report);
    EXPECT_EQ(report.entries, 5u) << "the change's four, and the one that opened the ledger";
    EXPECT_EQ(report.attachments, 2u);
    EXPECT_EQ(report.checkpoint_size, 9u);
    EXPECT_TRUE(report.key_trusted);
    EXPECT_FALSE(verify_bundle(bundle, std::nullopt).key_trusted);
    EXPECT_TRUE(verify_bundle(bundle, std::nullopt).intact());
}

// A runbook, and what of it was carried out: each step with the digest that the runner named.
const std::string runbook_file = "---\npurpose: deployment\n---\n"
                                 "```sh {name=drain timeout=1m}\n./drain\n```\n"
                                 "```sh {name=switch timeout=1m}\n./switch 1.5\n```\n";

Sample sample_of_run(const Digest& ran, const Digest& switched) {
    Sample sample;
    const auto pinned = sha256(runbook_file);
    const auto steps = step_digests(runbook_file).value();
    sample.blobs = {{pinned, runbook_file}};
    sample.bundle.attachments = {{pinned, "deploy.md", runbook_file.size()}};
    std::string outlines;
    for (const auto& [name, digest] : steps)
        outlines += fmt::format(
            R"({}{{"name":"{}","digest":"{}"}})", outlines.empty() ? "" : ",", name, digest.hex()
        );
    const std::vector<std::pair<std::string, std::string>> told = {
        {"runbook_pinned",
         fmt::format(
             R"({{"purpose":"deployment","runbook":{{"digest":"{}","steps":[{}]}}}})", pinned.hex(),
             outlines
         )},
        {"cab_decided",
         fmt::format(
             R"({{"decision":{{"outcome":"approved","sections":{{"deployment_runbook":"{}"}}}}}})",
             pinned.hex()
         )},
        {"run_started",
         fmt::format(
             R"({{"run":{{"id":"run-1","purpose":"deployment","runbook":"{}"}}}})", ran.hex()
         )},
        {"run_step_reported",
         fmt::format(
             R"({{"run":"run-1","step":{{"name":"switch","digest":"{}"}}}})", switched.hex()
         )},
    };
    std::vector<std::string> entries;
    for (const auto& [type, data] : told)
        entries.push_back(entry("CHG-1", entries.size() + 1, data, type, "data"));
    seal(sample.bundle, entries, 1);
    return sample;
}

TEST(Bundle, ProvesThatWhatRanIsWhatWasApproved) {
    const auto approved = sha256(runbook_file);
    const auto step = step_digests(runbook_file)->at("switch");
    const auto checked = [](const Sample& sample) {
        return check(read_bundle_bytes(zip_of(sample)).value());
    };
    EXPECT_TRUE(checked(sample_of_run(approved, step)).intact());
    // Every entry is genuine, proven and sealed; they only tell of something else.
    auto edited = runbook_file;
    edited.back() = ' ';
    const auto other_runbook = checked(sample_of_run(sha256(edited), step));
    EXPECT_TRUE(names(other_runbook, entry_file(3), Kind::not_approved)) << encode(other_runbook);
    const auto other_step = checked(sample_of_run(approved, sha256("one character more")));
    ASSERT_EQ(other_step.findings.size(), 1u) << encode(other_step);
    EXPECT_TRUE(names(other_step, entry_file(4), Kind::not_approved));
}

TEST(Bundle, SaysOfWhatKindOfServerItIs) {
    EXPECT_EQ(check(read_sample()).mode, domain::LedgerMode::sandbox);
    const auto of_mode = [](domain::LedgerMode mode) {
        Sample sample;
        seal(sample.bundle, {entry("CHG-1", 1, "{}")}, 1, opening(ledger_key().verifier, mode));
        return check(read_bundle_bytes(zip_of(sample)).value());
    };
    EXPECT_TRUE(of_mode(domain::LedgerMode::production).intact());
    EXPECT_EQ(of_mode(domain::LedgerMode::production).mode, domain::LedgerMode::production);
    EXPECT_EQ(of_mode(domain::LedgerMode::sandbox).mode, domain::LedgerMode::sandbox);
}

// Bundles were written without the opening before.
TEST(Bundle, WithoutTheOpeningItIsWholeAndTellsNoMode) {
    auto sample = make_sample();
    sample.bundle.entries.erase(sample.bundle.entries.begin());
    const auto report = check(read_bundle_bytes(zip_of(sample)).value());
    EXPECT_TRUE(report.intact()) << encode(report);
    EXPECT_EQ(report.mode, std::nullopt);
}

TEST(Bundle, AnOpeningThatWasTakenOutOrSwappedIsFound) {
    auto taken_out = read_sample();
    taken_out.entries.erase(taken_out.entries.begin());
    EXPECT_TRUE(names(check(taken_out), "entries/0001.json", Kind::missing));

    // Whoever does not have the key: the manifest made to fit is not the sealed one.
    auto sample = make_sample();
    sample.bundle.entries.erase(sample.bundle.entries.begin());
    taken_out.manifest = read_bundle_bytes(zip_of(sample)).value().manifest;
    EXPECT_TRUE(names(check(taken_out), "seal.txt", Kind::bad_seal));

    const auto production = opening(ledger_key().verifier, domain::LedgerMode::production);
    auto swapped = read_sample();
    swapped.entries[0].bytes = production;
    const auto report = check(swapped);
    EXPECT_TRUE(names(report, "entries/0001.json", Kind::altered)) << encode(report);
    EXPECT_TRUE(names(report, "entries/0001.json", Kind::bad_proof));
    EXPECT_EQ(report.mode, std::nullopt) << "what is not proved is not said";

    // Under a seal too: the checkpoint's tree does not begin with it.
    sample = make_sample();
    sample.bundle.entries[0].bytes = production;
    EXPECT_TRUE(names(
        check(read_bundle_bytes(zip_of(sample)).value()), "entries/0001.json", Kind::bad_proof
    ));

    const auto other = domain::make_signing_key("slipway.example/ledger", domain::KeyBytes{2});
    for (const auto& first :
         {opening(other->verifier, domain::LedgerMode::production), entry("CHG-1", 1, "{}")}) {
        sample = {};
        seal(sample.bundle, {entry("CHG-1", 1, "{}")}, 1, first);
        const auto of_another = check(read_bundle_bytes(zip_of(sample)).value());
        EXPECT_FALSE(of_another.intact());
        EXPECT_EQ(of_another.mode, std::nullopt);
    }
}

TEST(Bundle, ACommentOfTheZipIsNoEvidence) {
    Folder folder;
    const auto path = folder / "commented.zip";
    const auto sample = make_sample();
    ASSERT_TRUE(write_bundle(path, sample.bundle, ledger_key(), sample.reader()));
    zip_t* zip = zip_open(path.c_str(), 0, nullptr);
    ASSERT_EQ(zip_set_archive_comment(zip, "APPROVED BY ALL", 15), 0);
    ASSERT_EQ(zip_file_set_comment(zip, 0, "by hand", 7, 0), 0);
    ASSERT_EQ(zip_close(zip), 0);
    const auto report = check(read_bundle(path).value());
    EXPECT_EQ(report.findings.size(), 2u) << encode(report);
    EXPECT_TRUE(names(report, "the comment of the ZIP", Kind::unlisted));
    EXPECT_TRUE(names(report, "the comment of README.txt", Kind::unlisted));
}

TEST(Bundle, EqualBundlesAreEqualBytes) {
    const auto first = zip_of(make_sample());
    ASSERT_EQ(setenv("TZ", "Pacific/Auckland", 1), 0);
    tzset();
    const auto second = zip_of(make_sample());
    ASSERT_EQ(unsetenv("TZ"), 0);
    tzset();
    EXPECT_EQ(first, second);
}

TEST(Bundle, WritingRefusesWhatIsNotTrueAndLeavesNothing) {
    Folder folder;
    const auto path = folder / "bundle.zip";
    auto sample = make_sample();
    sample.blobs.begin()->second += "x";
    auto written = write_bundle(path, sample.bundle, ledger_key(), sample.reader());
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::invalid_input);

    sample = make_sample();
    sample.blobs.erase(sample.blobs.begin());
    written = write_bundle(path, sample.bundle, ledger_key(), sample.reader());
    EXPECT_EQ(written.error().code, ErrorCode::not_found);

    sample = make_sample();
    sample.bundle.attachments[0].size += 1;
    EXPECT_FALSE(write_bundle(path, sample.bundle, ledger_key(), sample.reader()));

    sample = make_sample();
    sample.bundle.checkpoint += "x";
    EXPECT_FALSE(write_bundle(path, sample.bundle, ledger_key(), sample.reader()));

    sample = make_sample();
    sample.bundle.change = ChangeId("two\nlines");
    EXPECT_FALSE(write_bundle(path, sample.bundle, ledger_key(), sample.reader()));
    EXPECT_EQ(folder.files(), 0u);

    sample = make_sample();
    written = write_bundle(folder / "no/such/x.zip", sample.bundle, ledger_key(), sample.reader());
    EXPECT_EQ(written.error().code, ErrorCode::unavailable);
}

TEST(Bundle, WritingHasLimits) {
    Folder folder;
    const auto path = folder / "bundle.zip";
    const auto code = [&](const Sample& sample) {
        return write_bundle(path, sample.bundle, ledger_key(), sample.reader()).error().code;
    };
    auto sample = make_sample();
    sample.bundle.entries.resize(limits::bundle_entries_max + 1);
    EXPECT_EQ(code(sample), ErrorCode::limit_exceeded);
    sample = make_sample();
    sample.bundle.entries[0].bytes.resize(limits::bundle_entry_max + 1);
    EXPECT_EQ(code(sample), ErrorCode::limit_exceeded);
    sample = make_sample();
    const std::string longest(limits::bundle_entry_max, 'x');
    sample.bundle.entries.assign(
        limits::bundle_entries_total_max / limits::bundle_entry_max + 1, {0, longest, {}}
    );
    EXPECT_EQ(code(sample), ErrorCode::limit_exceeded);
    sample = make_sample();
    sample.bundle.attachments.resize(limits::bundle_attachments_max + 1);
    EXPECT_EQ(code(sample), ErrorCode::limit_exceeded);
    sample = make_sample();
    sample.bundle.attachments[0].size = limits::attachment_max + 1;
    EXPECT_EQ(code(sample), ErrorCode::limit_exceeded);
}

// More entries than four digits can number, and more transcripts than a change has attachments.
TEST(Bundle, ALongChangeIsExported) {
    Sample sample;
    sample.bundle.tenant = TenantId("main");
    sample.bundle.change = ChangeId("CHG-1");
    const std::size_t entries = 12'000;
    std::vector<Digest> leaves;
    for (std::size_t i = 0; i < entries; ++i) {
        auto bytes =
            domain::write_envelope(
                {"main", "change", "CHG-1", i + 1, "noted", "2026-11-22T19:53:12.123Z", "ada"}
            ) +
            "}";
        leaves.push_back(domain::leaf_hash(bytes));
        sample.bundle.entries.push_back({i, std::move(bytes), {}});
    }
    domain::Frontier frontier;
    for (const auto& leaf : leaves)
        frontier.append(leaf);
    sample.bundle.checkpoint = domain::sign_checkpoint(
        {ledger_key().verifier.name, entries, frontier.root(), {}}, ledger_key()
    );
    for (std::size_t i = 0; i <= limits::attachments_per_change_max; ++i) {
        const auto bytes = fmt::format("transcript {}", i);
        sample.blobs.emplace(sha256(bytes), bytes);
        sample.bundle.attachments.push_back({sha256(bytes), "run.txt", bytes.size()});
    }
    Folder folder;
    const auto path = folder / "long.zip";
    const auto written = write_bundle(path, sample.bundle, ledger_key(), sample.reader());
    ASSERT_TRUE(written) << written.error().message;
    const auto bundle = read_bundle(path);
    ASSERT_TRUE(bundle) << bundle.error().message;
    EXPECT_EQ(bundle->entries.size(), entries);
    EXPECT_EQ(bundle->attachments.size(), limits::attachments_per_change_max + 1);
}

TEST(Bundle, ReadingRefusesWhatIsNoBundle) {
    Folder folder;
    EXPECT_EQ(read_bundle(folder / "nothing.zip").error().code, ErrorCode::not_found);
    std::ofstream(folder / "text.zip") << "no zip";
    EXPECT_EQ(read_bundle(folder / "text.zip").error().code, ErrorCode::invalid_input);
    EXPECT_EQ(read_bundle_bytes("").error().code, ErrorCode::invalid_input);
    EXPECT_EQ(
        read_bundle_bytes(raw_zip({{"key.txt", "k"}})).error().message,
        "bundle: has no manifest.json"
    );
    EXPECT_FALSE(read_bundle_bytes(raw_zip({{"manifest.json", "{}"}})));
    EXPECT_FALSE(read_bundle_bytes(raw_zip({{"manifest.json", "[[["}})));
}

TEST(Bundle, NamesOutsideTheSetAreNoBundleOfTheirOwn) {
    for (const std::string name :
         {"../key.txt", "/etc/passwd", "entries/../key.txt", "entries/1.json", "entries/000a.json",
          "entries/", "attachments/x", "attachments/../../x", "C:\\key.txt", "KEY.TXT", "key.txt/",
          "entries/0001.json.exe"}) {
        const auto read = read_bundle_bytes(raw_zip({{name, "x"}}));
        ASSERT_FALSE(read) << name;
        EXPECT_EQ(read.error().message, "bundle: has no manifest.json") << name;
    }
}

TEST(Bundle, AFileThatIsNoPartOfItIsNamed) {
    const auto bundle = read_sample();
    for (const std::string name : {"notes.txt", "entries/0009.json", "../key.txt"}) {
        const auto read = read_bundle_bytes(
            raw_zip({{"manifest.json", bundle.manifest}, {name, "looks like evidence"}})
        );
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_TRUE(names(check(*read), name, Kind::unlisted)) << name;
    }
    const auto hostile =
        read_bundle_bytes(raw_zip({{"manifest.json", bundle.manifest}, {"\xff.txt", "x"}}));
    ASSERT_TRUE(hostile) << hostile.error().message;
    EXPECT_TRUE(names(check(*hostile), "file 2", Kind::unlisted));
}

TEST(Bundle, ReadingRefusesBombs) {
    const auto zip = raw_zip({{"key.txt", std::string(10 * limits::note_max, 'a')}});
    EXPECT_LT(zip.size(), 10000u) << "it is small on disk";
    EXPECT_EQ(read_bundle_bytes(zip).error().code, ErrorCode::limit_exceeded);
    EXPECT_EQ(
        read_bundle_bytes(
            raw_zip({{"entries/0001.json", std::string(limits::bundle_entry_max + 1, 'a')}})
        )
            .error()
            .code,
        ErrorCode::limit_exceeded
    );
    // A directory that lies about the size must not help: the sizes stand at fixed places.
    auto liar = raw_zip({{"manifest.json", std::string(limits::bundle_manifest_max + 1, ' ')}});
    const auto directory = liar.rfind("PK\x01\x02");
    for (const std::size_t place : {directory + 24, std::size_t{22}})
        liar.replace(place, 4, std::string("\x10\0\0\0", 4));
    EXPECT_FALSE(read_bundle_bytes(liar));
}

TEST(Bundle, ReadingHasLimitsOfNumber) {
    std::vector<std::pair<std::string, std::string>> files;
    for (std::size_t i = 0; i <= limits::bundle_files_max; ++i)
        files.emplace_back(fmt::format("{}", i), "");
    EXPECT_EQ(
        read_bundle_bytes(raw_zip(files, ZIP_CM_STORE)).error().code, ErrorCode::limit_exceeded
    );
    auto sample = make_sample();
    sample.bundle.entries[0].proof.resize(limits::proof_hashes_max + 1);
    Folder folder;
    const auto written =
        write_bundle(folder / "x.zip", sample.bundle, ledger_key(), sample.reader());
    EXPECT_EQ(written.error().fields.front().field, "entries[0].proof");
}

TEST(Bundle, ReadsWhatAnotherZipProgramPackedAgain) {
    const auto sample = make_sample();
    const auto bundle = read_sample();
    std::vector<std::pair<std::string, std::string>> files = {
        {"manifest.json", bundle.manifest},
        {"seal.txt", bundle.seal},
        {"checkpoint.txt", bundle.checkpoint},
        {"key.txt", bundle.key},
        {"README.txt", bundle.readme}};
    for (std::size_t i = 0; i < bundle.entries.size(); ++i)
        files.emplace_back(entry_file(i), bundle.entries[i].bytes);
    for (const auto& [digest, bytes] : sample.blobs)
        files.emplace_back(attachment_file(digest), bytes);
    EXPECT_TRUE(check(read_bundle_bytes(raw_zip(files)).value()).intact());

    // The same pack, with one file less or other bytes at a time: each is named.
    for (std::size_t i = 1; i < files.size(); ++i) {
        auto fewer = files;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        const auto without = check(read_bundle_bytes(raw_zip(fewer)).value());
        EXPECT_TRUE(
            names(without, files[i].first, Kind::missing) ||
            names(without, files[i].first, Kind::bad_seal) ||
            names(without, files[i].first, Kind::attachment_missing)
        ) << files[i].first;
        auto other = files;
        other[i].second[other[i].second.size() / 2] ^= 1;
        const auto altered = check(read_bundle_bytes(raw_zip(other)).value());
        EXPECT_TRUE(
            names(altered, files[i].first, Kind::altered) ||
            names(altered, files[i].first, Kind::bad_seal) ||
            names(altered, files[i].first, Kind::attachment_altered)
        ) << files[i].first;
    }
}

TEST(Bundle, NamesFilesThatChangedPlaces) {
    auto bundle = read_sample();
    std::swap(bundle.entries[1].bytes, bundle.entries[3].bytes);
    const auto report = check(bundle);
    EXPECT_TRUE(names(report, "entries/0002.json", Kind::reordered)) << encode(report);
    EXPECT_TRUE(names(report, "entries/0004.json", Kind::reordered));
    EXPECT_TRUE(names(report, "entries/0002.json", Kind::bad_proof));
}

// What somebody does who also writes a manifest to fit, but does not have the ledger's key.
TEST(Bundle, TheSealFindsAManifestThatWasMadeToFit) {
    auto sample = make_sample();
    sample.bundle.entries.pop_back();
    const auto cut = read_bundle_bytes(zip_of(sample)).value();
    auto forged = read_sample();
    forged.manifest = cut.manifest;
    forged.entries.pop_back();
    const auto report = check(forged);
    ASSERT_EQ(report.findings.size(), 1u) << encode(report);
    EXPECT_TRUE(names(report, "seal.txt", Kind::bad_seal));
}

TEST(Bundle, NamesAMissingVersionEvenUnderASeal) {
    auto sample = make_sample();
    sample.bundle.entries.erase(sample.bundle.entries.begin() + 3);
    const auto report = check(read_bundle_bytes(zip_of(sample)).value());
    ASSERT_EQ(report.findings.size(), 1u) << encode(report);
    EXPECT_EQ(report.findings[0].message, "versions 3 to 3 of the change are missing");
}

TEST(Bundle, NamesAnAttachmentThatAnEntryNamesAndIsNotThere) {
    auto sample = make_sample();
    const auto gone = sample.bundle.attachments.back();
    sample.bundle.attachments.pop_back();
    const auto report = check(read_bundle_bytes(zip_of(sample)).value());
    ASSERT_EQ(report.findings.size(), 1u) << encode(report);
    EXPECT_TRUE(names(report, attachment_file(gone.sha256), Kind::attachment_missing));
}

TEST(Bundle, NamesAKeyThatIsNotTrusted) {
    const auto other = domain::make_signing_key("slipway.example/ledger", domain::KeyBytes{2});
    const auto report = verify_bundle(read_sample(), other->verifier);
    EXPECT_FALSE(report.key_trusted);
    EXPECT_TRUE(names(report, "key.txt", Kind::untrusted_key));
    EXPECT_TRUE(names(report, "seal.txt", Kind::bad_seal));
    EXPECT_TRUE(names(report, "checkpoint.txt", Kind::bad_checkpoint));
}

TEST(Bundle, NamesEntriesOfAnotherTenant) {
    auto bundle = read_sample();
    bundle.tenant = TenantId("other");
    const auto report = check(bundle);
    EXPECT_TRUE(names(report, "entries/0002.json", Kind::foreign));
    EXPECT_FALSE(names(report, "entries/0001.json", Kind::foreign)) << "of the installation";
}

RC_GTEST_PROP(Bundle, EveryMutationOfItsEntriesIsNamed, ()) {
    auto bundle = read_sample();
    const auto at = *rc::gen::inRange<std::size_t>(0, bundle.entries.size());
    const auto place = bundle.entries.begin() + static_cast<std::ptrdiff_t>(at);
    const auto file = entry_file(at);
    switch (*rc::gen::inRange(0, 5)) {
    case 0: {
        const auto bit = *rc::gen::inRange<std::size_t>(0, place->bytes.size() * 8);
        place->bytes[bit / 8] = static_cast<char>(place->bytes[bit / 8] ^ (1 << bit % 8));
        const auto report = check(bundle);
        RC_ASSERT(names(report, file, Kind::altered));
        RC_ASSERT(names(report, file, Kind::bad_proof));
        break;
    }
    case 1:
        bundle.entries.erase(place);
        RC_ASSERT(names(check(bundle), file, Kind::missing));
        break;
    case 2:
        bundle.entries.insert(place, *place);
        RC_ASSERT(names(check(bundle), entry_file(at + 1), Kind::duplicated));
        break;
    case 3: {
        const auto other = *rc::gen::inRange<std::size_t>(0, bundle.entries.size());
        RC_PRE(other != at);
        std::swap(bundle.entries[at], bundle.entries[other]);
        const auto report = check(bundle);
        RC_ASSERT(std::any_of(report.findings.begin(), report.findings.end(), [](const auto& f) {
            return f.kind == Kind::reordered;
        }));
        break;
    }
    default:
        place->bytes.resize(*rc::gen::inRange<std::size_t>(0, place->bytes.size()));
        const auto report = check(bundle);
        RC_ASSERT(names(report, file, Kind::altered) || names(report, file, Kind::missing));
    }
}

RC_GTEST_PROP(Bundle, NoFlippedBitOfTheFilePassesAsAnotherBundle, ()) {
    static const std::string whole = zip_of(make_sample());
    auto zip = whole;
    const auto bit = *rc::gen::inRange<std::size_t>(0, zip.size() * 8);
    zip[bit / 8] = static_cast<char>(zip[bit / 8] ^ (1 << bit % 8));
    const auto read = read_bundle_bytes(zip);
    const bool refused = !read || !check(*read).intact();
    RC_ASSERT((refused || *read == read_sample()));
}

RC_GTEST_PROP(Bundle, NoTruncatedFileIsRead, ()) {
    static const std::string whole = zip_of(make_sample());
    const auto size = *rc::gen::inRange<std::size_t>(0, whole.size());
    RC_ASSERT(!read_bundle_bytes(std::string_view(whole).substr(0, size)));
}

} // namespace
} // namespace slipway::store
