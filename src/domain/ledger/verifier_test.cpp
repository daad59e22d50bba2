// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fmt/format.h>

#include "domain/ledger/verifier.hpp"

namespace slipway::domain {
namespace {

struct Row {
    std::uint64_t seq = 0;
    std::string bytes;
    Digest leaf;
};

const SigningKey& ledger_key() {
    static const SigningKey key = make_signing_key("slipway.example/ledger", KeyBytes{1}).value();
    return key;
}

// Three streams in turn, each with versions 1, 2, 3...
std::string entry(std::uint64_t i) {
    const auto stream = fmt::format("CHG-{}", i % 3 + 1);
    return write_envelope(
               {.tenant = "main",
                .kind = "change",
                .stream = stream,
                .version = i / 3 + 1,
                .type = "field_set",
                .at = "2026-11-22T19:53:12.123Z",
                .actor = "ada"}
           ) +
           fmt::format(R"(,"body":{{"n":{}}}}})", i);
}

std::vector<Row> make_log(std::size_t size) {
    std::vector<Row> rows;
    for (std::size_t i = 0; i < size; ++i) {
        auto bytes = entry(i);
        const Digest leaf = leaf_hash(bytes);
        rows.push_back({i, std::move(bytes), leaf});
    }
    return rows;
}

std::string checkpoint_of(const std::vector<Row>& rows, std::size_t size) {
    Frontier frontier;
    for (std::size_t i = 0; i < size; ++i)
        frontier.append(rows[i].leaf);
    return sign_checkpoint({ledger_key().verifier.name, size, frontier.root(), {}}, ledger_key());
}

LedgerReport check(const std::vector<Row>& rows, const std::vector<std::string>& checkpoints) {
    LedgerRules rules;
    rules.origin = ledger_key().verifier.name;
    rules.keys = {ledger_key().verifier};
    LedgerVerifier verifier(rules, checkpoints);
    for (const auto& row : rows)
        verifier.add(row.seq, row.bytes, row.leaf);
    return verifier.finish();
}

bool names(
    const LedgerReport& report, LedgerFindingKind kind, std::uint64_t from, std::uint64_t to
) {
    for (const auto& finding : report.findings)
        if (finding.kind == kind && finding.seq_from == from && finding.seq_to == to)
            return true;
    return false;
}

// A difference between tree and checkpoint names the range since the last checkpoint that holds.
bool covers(const LedgerReport& report, LedgerFindingKind kind, std::uint64_t seq) {
    for (const auto& finding : report.findings)
        if (finding.kind == kind && finding.seq_from <= seq && seq <= finding.seq_to)
            return true;
    return false;
}

using Kind = LedgerFindingKind;

struct Sample {
    std::vector<Row> rows;
    std::vector<std::string> checkpoints;
    std::size_t at; // an entry to do something to
};

Sample random_sample(std::size_t min_size = 1) {
    const auto size = *rc::gen::inRange<std::size_t>(min_size, 65);
    Sample sample{make_log(size), {}, *rc::gen::inRange<std::size_t>(0, size)};
    for (std::size_t at = *rc::gen::inRange<std::size_t>(0, size); at < size;
         at += *rc::gen::inRange<std::size_t>(1, 20))
        sample.checkpoints.push_back(checkpoint_of(sample.rows, at));
    sample.checkpoints.push_back(checkpoint_of(sample.rows, size));
    return sample;
}

void flip_bit(std::string& bytes) {
    const auto bit = *rc::gen::inRange<std::size_t>(0, bytes.size() * 8);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
}

RC_GTEST_PROP(LedgerVerifier, SaysNothingAboutAWholeLog, ()) {
    const auto sample = random_sample();
    const auto report = check(sample.rows, sample.checkpoints);
    RC_ASSERT(report.intact());
    RC_ASSERT(report.entries == sample.rows.size());
    RC_ASSERT(report.signed_entries == sample.rows.size());
    RC_ASSERT(report.checkpoints == sample.checkpoints.size());
}

RC_GTEST_PROP(LedgerVerifier, NamesAFlippedBit, ()) {
    auto sample = random_sample();
    flip_bit(sample.rows[sample.at].bytes);
    const auto report = check(sample.rows, sample.checkpoints);
    RC_ASSERT(names(report, Kind::altered, sample.at, sample.at));
    // The stored leaves still have the signed root, so nothing else is suspected of it.
    RC_ASSERT(report.signed_entries == sample.rows.size());
}

RC_GTEST_PROP(LedgerVerifier, NamesAFlippedLeafHash, ()) {
    auto sample = random_sample();
    sample.rows[sample.at].leaf.bytes[*rc::gen::inRange<std::size_t>(0, 32)] ^= 1;
    const auto report = check(sample.rows, sample.checkpoints);
    RC_ASSERT(names(report, Kind::altered, sample.at, sample.at));
    RC_ASSERT(covers(report, Kind::root_differs, sample.at));
}

RC_GTEST_PROP(LedgerVerifier, NamesTheRangeOfAnAlterationWithItsHash, ()) {
    auto sample = random_sample();
    auto& row = sample.rows[sample.at];
    flip_bit(row.bytes);
    row.leaf = leaf_hash(row.bytes);
    RC_ASSERT(covers(check(sample.rows, sample.checkpoints), Kind::root_differs, sample.at));
}

RC_GTEST_PROP(LedgerVerifier, NamesADroppedEntry, ()) {
    auto sample = random_sample();
    const auto last = sample.rows.size() - 1;
    sample.rows.erase(sample.rows.begin() + static_cast<std::ptrdiff_t>(sample.at));
    const auto report = check(sample.rows, sample.checkpoints);
    RC_ASSERT(
        names(report, sample.at == last ? Kind::truncated : Kind::missing, sample.at, sample.at)
    );
}

RC_GTEST_PROP(LedgerVerifier, NamesTheRangeOfADropThatWasRenumbered, ()) {
    auto sample = random_sample(2);
    const auto size = sample.rows.size();
    sample.rows.erase(sample.rows.begin() + static_cast<std::ptrdiff_t>(sample.at));
    for (std::size_t i = 0; i < sample.rows.size(); ++i)
        sample.rows[i].seq = i;
    const auto report = check(sample.rows, sample.checkpoints);
    RC_ASSERT(names(report, Kind::truncated, size - 1, size - 1));
    const bool followed = sample.at + 3 < size; // the stream goes on behind the dropped entry
    RC_ASSERT(!followed || names(report, Kind::version_gap, sample.at + 2, sample.at + 2));
}

RC_GTEST_PROP(LedgerVerifier, NamesSwappedRows, ()) {
    auto sample = random_sample(2);
    const auto other = *rc::gen::inRange<std::size_t>(0, sample.rows.size());
    RC_PRE(other != sample.at);
    std::swap(sample.rows[sample.at], sample.rows[other]);
    const auto report = check(sample.rows, sample.checkpoints);
    RC_ASSERT(names(report, Kind::reordered, std::min(sample.at, other), std::max(sample.at, other))
    );
    RC_ASSERT(report.signed_entries == sample.rows.size());
}

RC_GTEST_PROP(LedgerVerifier, NamesTheRangeOfSwappedContents, ()) {
    auto sample = random_sample(2);
    const auto other = *rc::gen::inRange<std::size_t>(0, sample.rows.size());
    RC_PRE(other != sample.at);
    std::swap(sample.rows[sample.at], sample.rows[other]);
    std::swap(sample.rows[sample.at].seq, sample.rows[other].seq);
    const auto report = check(sample.rows, sample.checkpoints);
    RC_ASSERT(covers(report, Kind::root_differs, std::min(sample.at, other)));
}

RC_GTEST_PROP(LedgerVerifier, NamesATruncation, ()) {
    auto sample = random_sample();
    const auto last = sample.rows.size() - 1;
    sample.rows.resize(sample.at);
    RC_ASSERT(names(check(sample.rows, sample.checkpoints), Kind::truncated, sample.at, last));
}

RC_GTEST_PROP(LedgerVerifier, NamesADuplicate, ()) {
    auto sample = random_sample();
    const auto row = sample.rows[sample.at];
    const auto place = *rc::gen::inRange<std::size_t>(sample.at + 1, sample.rows.size() + 1);
    sample.rows.insert(sample.rows.begin() + static_cast<std::ptrdiff_t>(place), row);
    const auto report = check(sample.rows, sample.checkpoints);
    RC_ASSERT(names(report, Kind::duplicated, sample.at, sample.at));
    RC_ASSERT(report.signed_entries + 1 == sample.rows.size());
}

RC_GTEST_PROP(LedgerVerifier, NamesAFlippedCheckpoint, ()) {
    auto sample = random_sample();
    flip_bit(sample.checkpoints[*rc::gen::inRange<std::size_t>(0, sample.checkpoints.size())]);
    const auto report = check(sample.rows, sample.checkpoints);
    RC_ASSERT(report.findings.size() == 1u);
    RC_ASSERT(report.findings[0].kind == Kind::bad_checkpoint);
    RC_ASSERT(report.checkpoints + 1 == sample.checkpoints.size());
}

TEST(LedgerVerifier, TrustsNoCheckpointWithoutAKey) {
    const auto rows = make_log(3);
    LedgerVerifier verifier({}, std::vector{checkpoint_of(rows, 3)});
    for (const auto& row : rows)
        verifier.add(row.seq, row.bytes, row.leaf);
    const auto report = verifier.finish();
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_EQ(report.findings[0].message, "checkpoint 1 (after size 0): no key is trusted");
    EXPECT_EQ(report.checkpoints, 0u);
}

TEST(LedgerVerifier, NamesACheckpointOfAnotherLedgerOrKey) {
    const auto rows = make_log(2);
    const auto stranger = make_signing_key("other.example", KeyBytes{2}).value();
    const auto root = leaf_hash("x");
    const auto report = check(
        rows, {sign_checkpoint({"other.example", 2, root, {}}, ledger_key()),
               sign_checkpoint({ledger_key().verifier.name, 2, root, {}}, stranger)}
    );
    ASSERT_EQ(report.findings.size(), 2u);
    EXPECT_EQ(report.findings[0].kind, Kind::bad_checkpoint);
    EXPECT_NE(report.findings[0].message.find("other.example"), std::string::npos);
    EXPECT_EQ(report.findings[1].kind, Kind::bad_checkpoint);
}

TEST(LedgerVerifier, AcceptsTheOldAndTheNewKeyAfterAChange) {
    const auto rows = make_log(4);
    const auto newer = make_signing_key("slipway.example/ledger", KeyBytes{3}).value();
    Frontier frontier;
    for (const auto& row : rows)
        frontier.append(row.leaf);
    const std::vector<std::string> notes = {
        checkpoint_of(rows, 2),
        sign_checkpoint({newer.verifier.name, 4, frontier.root(), {}}, newer)};
    LedgerRules rules;
    rules.keys = {ledger_key().verifier, newer.verifier};
    LedgerVerifier verifier(rules, notes);
    for (const auto& row : rows)
        verifier.add(row.seq, row.bytes, row.leaf);
    const auto report = verifier.finish();
    EXPECT_TRUE(report.intact());
    EXPECT_EQ(report.checkpoints, 2u);
}

TEST(LedgerVerifier, NamesShrinkingCheckpoints) {
    const auto rows = make_log(5);
    const auto fork = sign_checkpoint(
        {ledger_key().verifier.name, 5, leaf_hash("another history"), {}}, ledger_key()
    );
    const auto report = check(rows, {checkpoint_of(rows, 5), checkpoint_of(rows, 3), fork});
    EXPECT_TRUE(names(report, Kind::shrinking_checkpoint, 3, 4));
    EXPECT_TRUE(names(report, Kind::shrinking_checkpoint, 5, 5));
    EXPECT_EQ(report.checkpoints, 1u);
}

TEST(LedgerVerifier, NamesAWrongRootOfTheEmptyLedger) {
    const auto note =
        sign_checkpoint({ledger_key().verifier.name, 0, leaf_hash("not empty"), {}}, ledger_key());
    EXPECT_TRUE(names(check({}, {note}), Kind::root_differs, 0, 0));
    EXPECT_TRUE(check({}, {checkpoint_of({}, 0)}).intact());
}

TEST(LedgerVerifier, NamesColumnsThatSaySomethingElse) {
    const auto rows = make_log(1);
    auto columns = scan_envelope(rows[0].bytes).value();
    columns.actor = ""; // a store need not keep him beside
    columns.version = 1;
    {
        LedgerVerifier verifier({}, {});
        verifier.add(0, rows[0].bytes, rows[0].leaf, columns);
        EXPECT_TRUE(verifier.finish().intact());
    }
    columns.actor = "mallory";
    columns.version = 2;
    LedgerVerifier verifier({}, {});
    verifier.add(0, rows[0].bytes, rows[0].leaf, columns);
    const auto report = verifier.finish();
    ASSERT_TRUE(names(report, Kind::mislabelled, 0, 0));
    EXPECT_EQ(
        report.findings[0].message,
        "entry 0: version is \"1\" in the entry and \"2\" in the store; "
        "actor is \"ada\" in the entry and \"mallory\" in the store"
    );
}

LedgerReport check_against_head(const std::vector<Row>& rows, const LedgerHead& head) {
    LedgerRules rules;
    rules.head = head;
    LedgerVerifier verifier(rules, {});
    for (const auto& row : rows)
        verifier.add(row.seq, row.bytes, row.leaf);
    return verifier.finish();
}

TEST(LedgerVerifier, ComparesTheHead) {
    const auto rows = make_log(5);
    Frontier frontier;
    for (const auto& row : rows)
        frontier.append(row.leaf);
    EXPECT_TRUE(check_against_head(rows, {5, frontier.root()}).intact());
    EXPECT_TRUE(names(check_against_head(rows, {5, leaf_hash("x")}), Kind::root_differs, 0, 4));
    EXPECT_TRUE(names(check_against_head(rows, {3, frontier.root()}), Kind::beyond_head, 3, 4));
    EXPECT_TRUE(names(check_against_head(rows, {8, frontier.root()}), Kind::truncated, 5, 7));
    EXPECT_TRUE(names(check_against_head({}, {1, leaf_hash("x")}), Kind::truncated, 0, 0));
    // What is missing in the middle is not also missing at the end.
    auto gap = rows;
    gap.erase(gap.begin() + 2);
    const auto report = check_against_head(gap, {5, frontier.root()});
    EXPECT_TRUE(names(report, Kind::missing, 2, 2));
    EXPECT_FALSE(covers(report, Kind::truncated, 4));
}

TEST(LedgerVerifier, NamesALedgerThatNobodySigned) {
    const auto rows = make_log(3);
    LedgerRules rules;
    rules.must_be_signed = true;
    rules.keys = {ledger_key().verifier};
    for (const auto& notes :
         {std::vector<std::string>{}, {checkpoint_of(rows, 0)}, {checkpoint_of(rows, 2)}}) {
        LedgerVerifier verifier(rules, notes);
        for (const auto& row : rows)
            verifier.add(row.seq, row.bytes, row.leaf);
        const auto report = verifier.finish();
        const bool nobody = notes.empty() || notes[0] == checkpoint_of(rows, 0);
        EXPECT_EQ(names(report, Kind::not_signed, 0, 2), nobody);
        EXPECT_EQ(report.intact(), !nobody);
    }
}

TEST(LedgerVerifier, NamesALedgerThatIsGone) {
    LedgerRules rules;
    rules.must_be_signed = true;
    rules.keys = {ledger_key().verifier};
    for (const auto& head :
         {std::optional<LedgerHead>{}, std::optional(LedgerHead{0, Frontier{}.root()})})
        for (const auto& notes : {std::vector<std::string>{}, {checkpoint_of({}, 0)}}) {
            rules.head = head;
            EXPECT_TRUE(names(LedgerVerifier(rules, notes).finish(), Kind::truncated, 0, 0));
        }
    EXPECT_TRUE(check({}, {}).intact()) << "of what is no server's ledger nothing is known";
}

TEST(LedgerVerifier, GivesTheHashesThatAStoreKeeps) {
    const auto rows = make_log(513);
    LedgerVerifier verifier({}, {});
    Frontier frontier;
    std::vector<Subtree> expected;
    for (const auto& row : rows) {
        verifier.add(row.seq, row.bytes, row.leaf);
        frontier.append(row.leaf, &expected);
    }
    EXPECT_EQ(expected.size(), 2u);
    EXPECT_TRUE(std::equal(
        expected.begin(), expected.end(), verifier.nodes().begin(), verifier.nodes().end()
    ));
}

TEST(LedgerVerifier, NamesBytesThatAreNoEntry) {
    for (const std::string bytes : {"", "{}", R"({"v":2})"})
        EXPECT_TRUE(names(check({{0, bytes, leaf_hash(bytes)}}, {}), Kind::bad_envelope, 0, 0));
}

TEST(LedgerVerifier, FindingsHaveALimitAndAreCounted) {
    auto rows = make_log(limits::ledger_findings_max + 5);
    for (auto& row : rows)
        row.leaf.bytes[0] ^= 1;
    const auto report = check(rows, {});
    EXPECT_EQ(report.findings.size(), limits::ledger_findings_max);
    EXPECT_EQ(report.findings_left_out, 5u);
    EXPECT_FALSE(report.intact());
}

TEST(LedgerVerifier, StreamsHaveALimitAndTheReportSaysSo) {
    LedgerRules rules;
    rules.streams_max = 2;
    LedgerVerifier verifier(rules, {});
    for (const auto& row : make_log(9)) // three streams in turn
        verifier.add(row.seq, row.bytes, row.leaf);
    const auto report = verifier.finish();
    EXPECT_TRUE(report.intact());
    EXPECT_EQ(report.streams, 2u);
    EXPECT_EQ(report.versions_unchecked, 3u);
}

TEST(LedgerVerifier, GivesUpOnAGapWithinItsMemoryLimit) {
    LedgerRules rules;
    rules.check_envelopes = false;
    LedgerVerifier verifier(rules, {});
    const Digest leaf = leaf_hash("x");
    verifier.add(0, "x", leaf);
    for (std::uint64_t seq = 2; seq < limits::ledger_waiting_max + 10; ++seq)
        verifier.add(seq, "x", leaf);
    verifier.add(1, "x", leaf);
    const auto report = verifier.finish();
    EXPECT_TRUE(names(report, Kind::missing, 1, 1));
    EXPECT_TRUE(names(report, Kind::duplicated, 1, 1)) << "too late";
}

TEST(Envelope, RefusesWhatIsNotCanonical) {
    const std::string good = entry(0);
    ASSERT_TRUE(scan_envelope(good));
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"{\"v\":1", "{ \"v\":1"},
             {"\"v\":1", "\"v\":2"},
             {"\"tenant\":\"main\"", "\"tenant\":\"\""},
             {"\"main\"", "\"m\\u0061in\""},
             {"\"version\":1", "\"version\":01"},
             {"\"version\":1", "\"version\":0"},
             {"\"version\":1", "\"version\":-1"},
             {"\"version\":1", "\"version\":18446744073709551616"},
             {"\"kind\"", "\"kinds\""},
             {"\"ada\",", "\"ada\"x"},
         }) {
        std::string bad = good;
        const auto at = bad.find(from);
        ASSERT_NE(at, std::string::npos);
        bad.replace(at, from.size(), to);
        EXPECT_FALSE(scan_envelope(bad)) << bad;
    }
    for (std::size_t size = 0; size < good.find(",\"body\""); ++size)
        EXPECT_FALSE(scan_envelope(std::string_view(good).substr(0, size)));
}

TEST(Envelope, ReadsWhatItWrote) {
    const auto bytes = entry(4);
    const auto envelope = scan_envelope(bytes).value();
    EXPECT_EQ(envelope.tenant, "main");
    EXPECT_EQ(envelope.kind, "change");
    EXPECT_EQ(envelope.stream, "CHG-2");
    EXPECT_EQ(envelope.version, 2u);
    EXPECT_EQ(envelope.actor, "ada");
    EXPECT_EQ(envelope.stream_key, R"(main","kind":"change","stream":"CHG-2")");
    EXPECT_TRUE(scan_envelope(write_envelope(envelope) + "}"));
}

} // namespace
} // namespace slipway::domain
