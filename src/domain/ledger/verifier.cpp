// SPDX-License-Identifier: Apache-2.0
#include "domain/ledger/verifier.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.hpp"

namespace slipway::domain {

namespace {

std::string what_columns_say(const Envelope& entry, const Envelope& columns) {
    std::string differences;
    const auto compare = [&](std::string_view name, std::string_view ours,
                             std::string_view theirs) {
        if (ours != theirs)
            differences += fmt::format(
                "{}{} is \"{}\" in the entry and \"{}\" in the store",
                differences.empty() ? "" : "; ", name, ours, theirs
            );
    };
    compare("tenant", entry.tenant, columns.tenant);
    compare("kind", entry.kind, columns.kind);
    compare("stream", entry.stream, columns.stream);
    compare("version", fmt::format("{}", entry.version), fmt::format("{}", columns.version));
    compare("type", entry.type, columns.type);
    compare("at", entry.at, columns.at);
    if (!columns.actor.empty())
        compare("actor", entry.actor, columns.actor);
    return differences;
}

bool fits(const Envelope& columns, const Envelope& entry) {
    return columns.version == entry.version && columns.tenant == entry.tenant &&
           columns.kind == entry.kind && columns.stream == entry.stream &&
           columns.type == entry.type && columns.at == entry.at &&
           (columns.actor.empty() || columns.actor == entry.actor);
}

} // namespace

LedgerVerifier::LedgerVerifier(LedgerRules rules, std::span<const std::string> checkpoints)
    : rules_(std::move(rules)) {
    for (std::size_t i = 0; i < checkpoints.size(); ++i)
        read_checkpoint(i + 1, checkpoints[i]);
    std::stable_sort(expected_.begin(), expected_.end(), [](const auto& a, const auto& b) {
        return a.size < b.size;
    });
    compare_checkpoints();
}

void LedgerVerifier::read_checkpoint(std::size_t number, std::string_view note) {
    const std::uint64_t before = expected_.empty() ? 0 : expected_.back().size;
    const auto bad = [&](std::string why) {
        report(
            before, before, LedgerFindingKind::bad_checkpoint,
            fmt::format("checkpoint {} (after size {}): {}", number, before, why)
        );
    };
    if (rules_.keys.empty())
        return bad("no key is trusted");
    std::string why;
    for (const auto& key : rules_.keys) {
        const auto opened = open_checkpoint(note, key);
        if (!opened) {
            why += (why.empty() ? "" : "; ") + opened.error().message;
            continue;
        }
        if (!rules_.origin.empty() && opened->origin != rules_.origin)
            return bad(fmt::format("is of ledger {}, expected {}", opened->origin, rules_.origin));
        if (!expected_.empty() && opened->size < before)
            return report(
                opened->size, before - 1, LedgerFindingKind::shrinking_checkpoint,
                fmt::format(
                    "checkpoint {} says {} entries, the one before it {}", number, opened->size,
                    before
                )
            );
        if (!expected_.empty() && opened->size == before && opened->root != expected_.back().root)
            return report(
                before, before, LedgerFindingKind::shrinking_checkpoint,
                fmt::format(
                    "checkpoint {} has {} entries as the one before it, but another root", number,
                    before
                )
            );
        expected_.push_back({opened->size, opened->root});
        return;
    }
    bad(why);
}

void LedgerVerifier::add(std::uint64_t seq, std::string_view bytes, const Digest& stored_leaf) {
    add_record(seq, bytes, stored_leaf, nullptr);
}

void LedgerVerifier::add(
    std::uint64_t seq, std::string_view bytes, const Digest& stored_leaf, const Envelope& columns
) {
    add_record(seq, bytes, stored_leaf, &columns);
}

void LedgerVerifier::add_record(
    std::uint64_t seq, std::string_view bytes, const Digest& stored_leaf, const Envelope* columns
) {
    ++report_.entries;
    // The stored hash goes on into the tree: when the checkpoints then hold, the bytes are what was
    // altered, and every other entry is proved whole.
    if (leaf_hash(bytes) != stored_leaf)
        report(
            seq, seq, LedgerFindingKind::altered,
            fmt::format("entry {}: its bytes do not have the stored leaf hash", seq)
        );
    if (seq == next_ && waiting_.empty())
        take(stored_leaf);
    else
        place_out_of_order(seq, stored_leaf);
    above_ = std::max(above_, seq + 1);
    if (seq == 0)
        if (const auto opening = read_opening(bytes))
            report_.mode = opening->mode;
    if (rules_.check_envelopes)
        check_envelope(seq, bytes, columns);
}

void LedgerVerifier::check_envelope(
    std::uint64_t seq, std::string_view bytes, const Envelope* columns
) {
    const auto envelope = scan_envelope(bytes);
    if (!envelope)
        return report(
            seq, seq, LedgerFindingKind::bad_envelope,
            fmt::format("entry {}: does not begin with the head of an entry", seq)
        );
    if (columns != nullptr && !fits(*columns, *envelope))
        report(
            seq, seq, LedgerFindingKind::mislabelled,
            fmt::format("entry {}: {}", seq, what_columns_say(*envelope, *columns))
        );
    if (rules_.check_streams)
        check_stream(seq, *envelope);
}

void LedgerVerifier::check_stream(std::uint64_t seq, const Envelope& envelope) {
    auto found = versions_.find(envelope.stream_key);
    if (found == versions_.end()) {
        if (versions_.size() >= rules_.streams_max) {
            ++report_.versions_unchecked;
            return;
        }
        found = versions_.emplace(std::string(envelope.stream_key), 0).first;
    }
    const std::uint64_t expected = found->second + 1;
    if (envelope.version != expected)
        report(
            seq, seq, LedgerFindingKind::version_gap,
            fmt::format(
                "entry {}: version {} of {} {} (tenant {}), expected {}", seq, envelope.version,
                envelope.kind, envelope.stream, envelope.tenant, expected
            )
        );
    found->second = std::max(found->second, envelope.version);
}

// Entries that come before their turn wait for the one that the tree needs. If it comes, they were
// only in another order; if it never comes, it is missing.
void LedgerVerifier::place_out_of_order(std::uint64_t seq, const Digest& leaf) {
    if (seq < next_ || waiting_.contains(seq))
        return report(
            seq, seq, LedgerFindingKind::duplicated,
            fmt::format("entry {}: came again, or so late that it is reported as missing", seq)
        );
    if (seq < above_) {
        disorder_from_ = disorder_ ? std::min(disorder_from_, seq) : seq;
        disorder_to_ = above_ - 1;
        disorder_ = true;
    }
    waiting_.emplace(seq, leaf);
    take_waiting();
    if (waiting_.size() > limits::ledger_waiting_max)
        give_up_gap();
}

void LedgerVerifier::take_waiting() {
    while (!waiting_.empty() && waiting_.begin()->first == next_) {
        take(waiting_.begin()->second);
        waiting_.erase(waiting_.begin());
    }
    if (waiting_.empty())
        report_disorder();
}

void LedgerVerifier::give_up_gap() {
    const std::uint64_t first = next_;
    const std::uint64_t last = waiting_.begin()->first - 1;
    report(
        first, last, LedgerFindingKind::missing,
        fmt::format(
            "{}; no checkpoint beyond size {} can be compared",
            first == last ? fmt::format("entry {} is missing", first)
                          : fmt::format("entries {} to {} are missing", first, last),
            first
        )
    );
    tree_known_ = false;
    next_ = last + 1;
    take_waiting();
}

void LedgerVerifier::report_disorder() {
    if (!disorder_)
        return;
    disorder_ = false;
    report(
        disorder_from_, disorder_to_, LedgerFindingKind::reordered,
        fmt::format("entries {} to {} do not stand in their order", disorder_from_, disorder_to_)
    );
}

void LedgerVerifier::take(const Digest& leaf) {
    ++next_;
    if (!tree_known_)
        return;
    frontier_.append(leaf, &nodes_);
    if (compared_ < expected_.size() && expected_[compared_].size == frontier_.size())
        compare_checkpoints();
}

void LedgerVerifier::compare_checkpoints() {
    const std::uint64_t size = frontier_.size();
    const Digest root = frontier_.root();
    for (; compared_ < expected_.size() && expected_[compared_].size == size; ++compared_) {
        if (expected_[compared_].root == root) {
            differs_ = false;
            report_.signed_entries = size;
            ++report_.checkpoints;
            continue;
        }
        // After the first difference every later root differs as well, so one finding is enough
        // until a checkpoint holds again.
        if (!differs_)
            report(
                report_.signed_entries, size == 0 ? 0 : size - 1, LedgerFindingKind::root_differs,
                fmt::format(
                    "the tree of {} entries has root {}, the checkpoint says {}; the last "
                    "checkpoint that holds has {} entries",
                    size, root.hex(), expected_[compared_].root.hex(), report_.signed_entries
                )
            );
        differs_ = true;
    }
}

LedgerReport LedgerVerifier::finish() {
    while (!waiting_.empty())
        give_up_gap();
    report_disorder();
    check_end();
    // Behind a gap no checkpoint can be compared, and the gap has been reported.
    if (rules_.must_be_signed && tree_known_ && report_.entries != 0 && report_.signed_entries == 0)
        report(
            0, above_ - 1, LedgerFindingKind::not_signed,
            "no checkpoint holds: nothing proves that these are the entries that were written"
        );
    report_.root = frontier_.root();
    report_.streams = versions_.size();
    std::stable_sort(
        report_.findings.begin(), report_.findings.end(),
        [](const auto& a, const auto& b) { return a.seq_from < b.seq_from; }
    );
    return std::move(report_);
}

// What was signed, and what the store's head states, must be there; what stands behind the head
// was not put there by the store.
void LedgerVerifier::check_end() {
    const auto covered = expected_.empty() ? 0 : expected_.back().size;
    const auto stated = rules_.head ? rules_.head->size : above_;
    // Nobody says how many there were, and still they are gone.
    if (rules_.must_be_signed && covered == 0 && stated == 0 && above_ == 0)
        report(
            0, 0, LedgerFindingKind::truncated,
            "there is no entry, not even the first, which a server writes when it first starts"
        );
    if (const auto end = std::max(covered, stated); end > above_)
        report(
            above_, end - 1, LedgerFindingKind::truncated,
            fmt::format(
                "{} {} entries, the ledger ends after {}",
                covered == end ? "a checkpoint covers" : "the ledger's head states", end, above_
            )
        );
    if (stated < above_)
        report(
            stated, above_ - 1, LedgerFindingKind::beyond_head,
            fmt::format("the ledger's head states {} entries: these stand behind its end", stated)
        );
    // Once a checkpoint differed, the head's root differs as well.
    if (rules_.head && stated == above_ && tree_known_ && !differs_ &&
        rules_.head->root != frontier_.root())
        report(
            std::min(report_.signed_entries, above_ == 0 ? 0 : above_ - 1),
            above_ == 0 ? 0 : above_ - 1, LedgerFindingKind::root_differs,
            fmt::format(
                "the tree of {} entries has root {}, the ledger's head states {}", above_,
                frontier_.root().hex(), rules_.head->root.hex()
            )
        );
}

void LedgerVerifier::report(
    std::uint64_t from, std::uint64_t to, LedgerFindingKind kind, std::string message
) {
    report_.add({from, to, kind, std::move(message)});
}

void LedgerReport::add(LedgerFinding finding) {
    finding.message = as_valid_text(std::move(finding.message));
    finding.file = as_valid_text(std::move(finding.file));
    if (findings.size() < limits::ledger_findings_max)
        findings.push_back(std::move(finding));
    else
        ++findings_left_out;
}

} // namespace slipway::domain
