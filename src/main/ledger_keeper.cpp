// SPDX-License-Identifier: Apache-2.0
#include "main/ledger_keeper.hpp"

#include <algorithm>
#include <set>

#include "app/event.hpp"
#include "app/replay.hpp"
#include "domain/change/change.hpp"
#include "domain/ledger/checkpoint.hpp"
#include "domain/ledger/named_attachments.hpp"
#include "domain/ledger/opening.hpp"
#include "domain/ledger/proof.hpp"

namespace slipway {

namespace {

const TenantId own_tenant("main");

app::Actor setup_actor() {
    return {own_tenant, PersonId(std::string(app::the_server)), {}, {}, "setup"};
}

Result<void> commit_entry(
    app::Store& store, const app::StreamKey& key, const app::Actor& actor, Time now,
    std::string_view type, const JsonObject& data,
    const std::map<std::string, std::string>& settings
) {
    for (int attempt = 1;; ++attempt) {
        const auto stream = store.load(key);
        if (!stream && stream.error().code != ErrorCode::not_found)
            return tl::unexpected(stream.error());
        const auto version = stream ? stream->version : 0;
        app::StreamWrite write{key, version, {}, to_text(Json(data)), false, {}, false};
        write.events.push_back(
            app::make_event({key, version + 1, now, actor}, type, to_text(Json(data)))
        );
        app::Commit commit;
        commit.writes.push_back(std::move(write));
        commit.put_settings = settings;
        const auto receipt = store.commit(std::move(commit));
        if (receipt)
            return {};
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max)
            return tl::unexpected(receipt.error());
    }
}

constexpr const char* key_setting = "ledger_key";

// Nothing when the ledger is empty. Errors: blocked when it is not and does not begin with one.
Result<std::optional<domain::LedgerOpening>> find_opening(app::Store& store) {
    // The size first: another server may begin the ledger between the two questions.
    if (TRY(store.ledger_size()) == 0)
        return std::optional<domain::LedgerOpening>{};
    const auto first = TRY(store.events_from(0, 1));
    const auto bad = [](const std::string& detail) {
        return fail(
            ErrorCode::blocked,
            "the ledger does not begin with its first entry: run slipway verify, then restore a "
            "backup",
            detail
        );
    };
    if (first.empty() || first.front().seq != 0)
        return bad("entry 0 is missing");
    auto opening = domain::read_opening(first.front().body);
    if (!opening)
        return bad(opening.error().message);
    return std::optional(*std::move(opening));
}

// A ledger whose end is gone must not be written on. (Another server may have added to it.)
Result<void> require_last_entry(app::Store& store) {
    const auto size = TRY(store.ledger_size());
    const auto last = TRY(store.events_from(size - 1, 1));
    if (last.empty() || last.front().seq != size - 1)
        return fail(
            ErrorCode::blocked,
            fmt::format(
                "the ledger's head states {} entries and the last of them is not there: run "
                "slipway verify, then restore a backup",
                size
            )
        );
    return {};
}

app::StoredCheckpoint
signed_checkpoint(const domain::SigningKey& key, const app::LedgerHead& head, Time now) {
    return {
        head.size, now,
        domain::sign_checkpoint({key.verifier.name, head.size, head.root, {}}, key)};
}

// The first entry, the key that it names and the checkpoint over it: one commit, so that no other
// server and no crash can come between. Nothing is written when another server was first.
Result<void> begin_ledger(app::Store& store, Time now, Random& random, Mode mode) {
    domain::KeyBytes seed{};
    const auto bytes = random.bytes(seed.size());
    std::copy(bytes.begin(), bytes.end(), seed.begin());
    const auto origin = "slipway-" + readable_token(random, 10);
    const auto key = TRY(domain::make_signing_key(origin, seed));
    const auto data = encode(domain::LedgerOpening{mode, origin, domain::key_text(key.verifier)});
    const app::StreamKey stream{own_tenant, "ledger", "ledger"};
    app::StreamWrite write{stream, 0, {}, data, false, {}, false};
    write.events.push_back(
        app::make_event({stream, 1, now, setup_actor()}, domain::opening_type, data)
    );
    app::Commit commit;
    // The tree of one entry is its leaf.
    commit.checkpoint = signed_checkpoint(key, {1, write.events.front().leaf}, now);
    commit.put_settings[key_setting] = domain::key_text(key);
    commit.writes.push_back(std::move(write));
    const auto receipt = store.commit(std::move(commit));
    if (!receipt && receipt.error().code != ErrorCode::conflict)
        return tl::unexpected(receipt.error());
    return {};
}

class StoreSubtrees final : public domain::SubtreeReader {
  public:
    explicit StoreSubtrees(app::Store& store) : store_(store) {}

    Result<Digest> subtree(unsigned level, std::uint64_t index) override {
        return store_.ledger_subtree(level, index);
    }

  private:
    app::Store& store_;
};

} // namespace

Result<std::unique_ptr<LedgerKeeper>> LedgerKeeper::open(
    app::Store& store, const Clock& clock, Random& random, std::optional<Mode> mode
) {
    auto opening = TRY(find_opening(store));
    if (!opening) {
        TRY(begin_ledger(store, clock.now(), random, mode.value_or(Mode::production)));
        opening = TRY(find_opening(store)); // ours, or that of the server that was first
    }
    if (!opening)
        return fail(ErrorCode::internal, "the ledger was begun, and its first entry is not there");
    if (mode && *mode != opening->mode)
        return fail(
            ErrorCode::conflict,
            fmt::format(
                "this is a {} server: its ledger says so in its first entry, and it can never "
                "become a {} one; start it {} --sandbox, or use another data directory",
                to_text(opening->mode), to_text(*mode),
                opening->mode == Mode::sandbox ? "with" : "without"
            )
        );
    TRY(require_last_entry(store));
    std::unique_ptr<LedgerKeeper> keeper(new LedgerKeeper(store, clock));
    keeper->mode_ = opening->mode;
    const auto key = TRY(store.setting(key_setting));
    if (!key)
        return fail(ErrorCode::internal, "the ledger's signing key is gone: restore a backup");
    keeper->key_ = TRY(domain::signing_key_from_text(*key));
    if (domain::key_text(keeper->key_.verifier) != opening->key)
        return fail(
            ErrorCode::internal,
            "the signing key in the database is not the one that the ledger's first entry names: "
            "restore a backup"
        );
    return keeper;
}

Result<app::StoredCheckpoint> LedgerKeeper::publish() {
    const std::lock_guard lock(mutex_);
    const auto head = TRY(store_.ledger_head());
    // The newest one is the only one from this size on.
    const auto known = TRY(store_.checkpoints(head.size, 1));
    if (!known.empty())
        return known.front();
    // Every commit carries the head on; the hashes for proofs are rows that only proofs read. What
    // is signed is the head, and nothing while the two differ.
    const auto root = store_.ledger_root(head.size);
    if (!root && root.error().code != ErrorCode::not_found)
        return tl::unexpected(root.error());
    if (!root || *root != head.root)
        return fail(
            ErrorCode::internal,
            "nothing is signed: the hashes that are kept for proofs do not fit the ledger's head; "
            "run slipway verify"
        );
    auto checkpoint = signed_checkpoint(key_, {head.size, head.root}, clock_.now());
    TRY(store_.put_checkpoint(checkpoint));
    return checkpoint;
}

Result<void> LedgerKeeper::export_change(
    const TenantId& tenant, const std::string& change, const std::filesystem::path& path
) {
    const app::StreamKey key{tenant, "change", change};
    const auto stream = TRY(store_.load(key));
    const auto state = TRY(app::change_of(stream));
    const auto checkpoint = TRY(publish());
    store::Bundle bundle{tenant, ChangeId(change), {}, checkpoint.note, {}};
    StoreSubtrees subtrees(store_);
    // The ledger's first entry says what kind of server it is. What is not there is found missing
    // by whoever verifies the installation, and is no reason to keep the rest back.
    for (const auto& first : TRY(store_.events_from(0, 1)))
        if (first.seq == 0)
            bundle.entries.push_back(
                {0, first.body, TRY(domain::inclusion_proof(0, checkpoint.size, subtrees))}
            );
    for (std::uint64_t after = 0;;) {
        const auto events = TRY(store_.events_of(key, after, limits::page_size_max));
        for (const auto& event : events) {
            if (event.seq >= checkpoint.size)
                break; // committed while we export: the next export has it
            auto proof = TRY(domain::inclusion_proof(event.seq, checkpoint.size, subtrees));
            bundle.entries.push_back({event.seq, event.body, std::move(proof)});
        }
        if (events.size() < limits::page_size_max)
            break;
        after = events.back().version;
    }
    std::set<Digest> known;
    const auto add = [&](const Digest& digest, const std::string& name) -> Result<void> {
        if (!known.insert(digest).second)
            return {};
        const auto size = store_.blob_size(tenant, digest);
        // What is not there is no reason to keep the rest back: whoever verifies finds it missing.
        if (!size && size.error().code == ErrorCode::not_found)
            return {};
        bundle.attachments.push_back({digest, name, TRY(size)});
        return {};
    };
    for (const auto& attachment : state.attachments)
        TRY(add(attachment.digest, attachment.name));
    for (const auto& run : state.runs)
        for (const auto& step : run.steps)
            if (step.transcript != Digest{})
                TRY(add(step.transcript, fmt::format("{}-{}.txt", run.id.value, step.name)));
    // What a preflight heard, or a step said at an earlier try, is named by its entry alone.
    for (const auto& entry : bundle.entries)
        if (const auto json = parse_json(entry.bytes))
            for (const auto& digest : domain::named_attachments(*json))
                TRY(add(digest, digest.hex() + ".txt"));
    TRY(check_export_size(bundle.attachments));
    return store::write_bundle(path, bundle, key_, [&](const Digest& digest, const auto& sink) {
        return store_.read_blob(tenant, digest, sink);
    });
}

Result<void> check_export_size(const std::vector<store::BundleAttachment>& attachments) {
    std::uint64_t size = 0;
    for (const auto& attachment : attachments)
        size += attachment.size;
    if (size <= limits::export_max)
        return {};
    return fail(
        ErrorCode::limit_exceeded,
        fmt::format(
            "the attachments of this change have {} bytes together, an export has at most {}", size,
            limits::export_max
        )
    );
}

Result<void>
LedgerKeeper::note_advance(const PersonId& by, const TenantId& tenant, Time now, Span offset) {
    const app::Actor actor{tenant, by, {}, {}, "sandbox"};
    return commit_entry(
        store_, {tenant, "sandbox", "clock"}, actor, now, "clock_advanced",
        {{"offset", slipway::to_text(offset)}},
        {{"clock_offset_ms", std::to_string(offset.count())}}
    );
}

Result<Span> LedgerKeeper::clock_offset() {
    const auto stored = TRY(store_.setting("clock_offset_ms"));
    return Span(stored ? std::strtoll(stored->c_str(), nullptr, 10) : 0);
}

} // namespace slipway
