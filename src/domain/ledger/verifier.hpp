// SPDX-License-Identifier: Apache-2.0
// Checks a whole ledger in one pass: every entry against its stored leaf hash, the sequence for
// gaps, repeats and disorder, every signed checkpoint against the tree, and the versions of every
// stream. What it finds is a value that names the entries; nothing is repaired and nothing thrown.
// Memory does not grow with the ledger, except for one number per stream while streams are checked
// and one hash per 256 entries.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/codec.hpp"
#include "base/enums.hpp"
#include "base/limits.hpp"
#include "domain/ledger/checkpoint.hpp"
#include "domain/ledger/envelope.hpp"
#include "domain/ledger/merkle.hpp"
#include "domain/ledger/opening.hpp"

namespace slipway::domain {

// altered: the bytes do not have the stored leaf hash. missing: a sequence number that never came.
// reordered: entries that stand in another order than their sequence numbers. duplicated: a
// sequence number that came again. root_differs: the tree is not what a checkpoint says.
// bad_checkpoint: not a checkpoint that a trusted key signed for this ledger. shrinking_checkpoint:
// smaller than one signed before it, or of the same size with another root. truncated: a checkpoint
// covers entries that are not there, or the first entry, which every server's ledger has, is not.
// bad_envelope: the entry does not begin with the head that every entry has. mislabelled: the
// store's columns say something else than the entry. version_gap: a stream's version is not the one
// before plus one. beyond_head: entries behind the end that the store's head states. not_signed:
// there are entries, and no checkpoint of them holds. node_differs: a hash that the store keeps for
// proofs is not the one of the entries. no_entries: a record or a change in the store's tables that
// no entry made. attachment_altered, attachment_missing: the bytes kept under a digest are not
// those, or those that an entry names are not there. head_damaged: the store's head is none that a
// ledger can have. database_damaged: the database's own file is not as the database wrote it.
// state_unreadable: what the entries of a record or a change make is kept, and is no JSON. The last
// seven are found by the store, which knows its tables.
SLIPWAY_ENUM(
    LedgerFindingKind, altered, missing, reordered, duplicated, root_differs, bad_checkpoint,
    shrinking_checkpoint, truncated, bad_envelope, mislabelled, version_gap, beyond_head,
    not_signed, node_differs, no_entries, attachment_altered, attachment_missing, head_damaged,
    database_damaged, state_unreadable
)

struct LedgerFinding {
    std::uint64_t seq_from = 0;
    std::uint64_t seq_to = 0; // inclusive
    LedgerFindingKind kind{};
    std::string message;
    std::string file = {}; // what it is about when that is no entry: "attachments/<digest>"
    bool operator==(const LedgerFinding&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("seq_from", self.seq_from);
        visit("seq_to", self.seq_to);
        visit("kind", self.kind);
        visit("message", self.message);
        visit("file", self.file, optional("what it is about, when that is no entry"));
    }
};

struct LedgerReport {
    std::uint64_t entries = 0;        // that were read
    std::uint64_t checkpoints = 0;    // that hold
    std::uint64_t signed_entries = 0; // the size of the largest checkpoint that holds
    Digest root;                      // of the stored leaf hashes, up to the first missing entry
    std::uint64_t streams = 0;        // 0 unless streams were checked
    std::uint64_t versions_unchecked = 0; // entries of streams beyond LedgerRules::streams_max
    std::uint64_t attachments = 0;        // whose bytes were hashed
    std::optional<LedgerMode> mode;       // as the first entry says; absent when it says nothing
    std::vector<LedgerFinding> findings;
    std::uint64_t findings_left_out = 0; // beyond limits::ledger_findings_max

    bool intact() const { return findings.empty() && findings_left_out == 0; }

    // Keeps it, or counts it when there are limits::ledger_findings_max.
    void add(LedgerFinding finding);

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("entries", self.entries);
        visit("checkpoints", self.checkpoints);
        visit("signed_entries", self.signed_entries);
        visit("root", self.root);
        visit("streams", self.streams);
        visit("versions_unchecked", self.versions_unchecked);
        visit("attachments", self.attachments);
        visit("mode", self.mode, optional("of the server, as the first entry says"));
        visit("findings", self.findings, optional("what is wrong", limits::ledger_findings_max));
        visit("findings_left_out", self.findings_left_out);
    }
};

// What the store states beside the entries: how many there are, and their root.
struct LedgerHead {
    std::uint64_t size = 0;
    Digest root;
};

struct LedgerRules {
    std::string origin;            // of the checkpoints; empty: any
    std::vector<VerifierKey> keys; // trusted; several after a change of key
    std::optional<LedgerHead> head = std::nullopt;
    // A server's ledger: it has a first entry, signed in the same moment. That nothing is there, or
    // no checkpoint that holds, is a finding.
    bool must_be_signed = false;
    bool check_envelopes = true;
    bool check_streams = true;                            // needs check_envelopes
    std::size_t streams_max = limits::ledger_streams_max; // bounds the memory for versions
};

class LedgerVerifier {
  public:
    // `checkpoints` are the signed notes in the order in which they were issued. They come first
    // because the tree is compared at the moment when it has a checkpoint's size.
    LedgerVerifier(LedgerRules rules, std::span<const std::string> checkpoints);

    // Entries in the order in which they stand in the store.
    void add(std::uint64_t seq, std::string_view bytes, const Digest& stored_leaf);
    // The same, and what the store's columns say about the entry (stream_key is not looked at, nor
    // is the actor when it is empty: a store need not have a column for him).
    void
    add(std::uint64_t seq, std::string_view bytes, const Digest& stored_leaf,
        const Envelope& columns);

    // Once. nodes() and tree_known() say what was seen until then.
    LedgerReport finish();

    // The hashes that a store keeps for proofs (see Frontier::append), in the order of completion.
    std::span<const Subtree> nodes() const { return nodes_; }

    // False once an entry is missing: then nodes() ends before it.
    bool tree_known() const { return tree_known_; }

  private:
    struct ViewHash {
        using is_transparent = void;

        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };

    struct Expected {
        std::uint64_t size;
        Digest root;
    };

    void read_checkpoint(std::size_t number, std::string_view note);
    void check_envelope(std::uint64_t seq, std::string_view bytes, const Envelope* columns);
    void check_stream(std::uint64_t seq, const Envelope& envelope);
    void add_record(
        std::uint64_t seq, std::string_view bytes, const Digest& stored_leaf,
        const Envelope* columns
    );
    void place_out_of_order(std::uint64_t seq, const Digest& leaf);
    void take(const Digest& leaf);
    void take_waiting();
    void give_up_gap();
    void compare_checkpoints();
    void report_disorder();
    void check_end();
    void report(std::uint64_t from, std::uint64_t to, LedgerFindingKind kind, std::string message);

    LedgerRules rules_;
    LedgerReport report_;
    Frontier frontier_;
    std::vector<Subtree> nodes_;
    std::vector<Expected> expected_; // by size
    std::size_t compared_ = 0;       // how many of expected_ are done
    bool differs_ = false;           // the last comparison failed
    bool tree_known_ = true;         // false once an entry is missing: no root can be computed
    std::uint64_t next_ = 0;         // the sequence number that the tree needs next
    std::uint64_t above_ = 0;        // one more than the highest sequence number seen
    std::map<std::uint64_t, Digest> waiting_; // came before an entry with a lower number
    bool disorder_ = false;
    std::uint64_t disorder_from_ = 0;
    std::uint64_t disorder_to_ = 0;
    std::unordered_map<std::string, std::uint64_t, ViewHash, std::equal_to<>> versions_;
};

} // namespace slipway::domain
