// SPDX-License-Identifier: Apache-2.0
#include "main/ledger_keeper.hpp"

#include <algorithm>
#include <set>

#include "app/event.hpp"
#include "domain/change/change.hpp"
#include "domain/ledger/checkpoint.hpp"
#include "domain/ledger/proof.hpp"
#include "store/bundle/bundle.hpp"

namespace slipway {

namespace {

const TenantId own_tenant("main");

app::Actor setup_actor() {
    return {own_tenant, PersonId("slipway"), {}, {}, "setup"};
}

Result<void> commit_entry(
    app::Store& store, const app::StreamKey& key, const app::Actor& actor, Time now,
    std::string_view type, const JsonObject& data
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
        const auto receipt = store.commit(std::move(commit));
        if (receipt)
            return {};
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max)
            return tl::unexpected(receipt.error());
    }
}

Result<domain::SigningKey> stored_key(app::Store& store) {
    const auto text = TRY(store.setting("ledger_key"));
    if (!text)
        return fail(ErrorCode::not_found, "the ledger has no key yet");
    return domain::signing_key_from_text(*text);
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
    std::unique_ptr<LedgerKeeper> keeper(new LedgerKeeper(store, clock));
    const app::StreamKey first{own_tenant, "ledger", "ledger"};
    const auto begun = TRY(store.setting("mode"));
    if (!begun) {
        keeper->mode_ = mode.value_or(Mode::production);
        const auto origin = "slipway-" + readable_token(random, 10);
        domain::KeyBytes seed{};
        const auto bytes = random.bytes(seed.size());
        std::copy(bytes.begin(), bytes.end(), seed.begin());
        keeper->key_ = TRY(domain::make_signing_key(origin, seed));
        TRY(store.put_setting("ledger_key", domain::key_text(keeper->key_)));
        if (!store.load(first))
            TRY(commit_entry(
                store, first, setup_actor(), clock.now(), "ledger_opened",
                {{"mode", to_text(keeper->mode_)},
                 {"origin", origin},
                 {"key", domain::key_text(keeper->key_.verifier)}}
            ));
        TRY(store.put_setting("mode", std::string(to_text(keeper->mode_))));
        return keeper;
    }
    keeper->mode_ = from_text<Mode>(*begun).value_or(Mode::production);
    if (mode && *mode != keeper->mode_)
        return fail(
            ErrorCode::conflict, fmt::format(
                                     "this is a {} server: its ledger says so in its first entry, "
                                     "and it can never become "
                                     "a {} one; use another data directory",
                                     to_text(keeper->mode_), to_text(*mode)
                                 )
        );
    keeper->key_ = TRY(stored_key(store));
    return keeper;
}

Result<domain::VerifierKey> stored_verifier_key(app::Store& store) {
    return TRY(stored_key(store)).verifier;
}

Result<app::StoredCheckpoint> LedgerKeeper::publish() {
    const std::lock_guard lock(mutex_);
    const auto size = TRY(store_.ledger_size());
    // The newest one is the only one from this size on.
    const auto known = TRY(store_.checkpoints(size, 1));
    if (!known.empty())
        return known.front();
    const domain::Checkpoint checkpoint{key_.verifier.name, size, TRY(store_.ledger_root(size))};
    app::StoredCheckpoint stored{size, clock_.now(), domain::sign_checkpoint(checkpoint, key_)};
    TRY(store_.put_checkpoint(stored));
    return stored;
}

Result<void> LedgerKeeper::export_change(
    const TenantId& tenant, const std::string& change, const std::filesystem::path& path
) {
    const app::StreamKey key{tenant, "change", change};
    const auto stream = TRY(store_.load(key));
    const auto state = TRY(restore<domain::Change>(std::string_view(stream.state)));
    const auto checkpoint = TRY(publish());
    store::Bundle bundle{tenant, ChangeId(change), {}, checkpoint.note, {}};
    StoreSubtrees subtrees(store_);
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
    return store::write_bundle(path, bundle, key_, [&](const Digest& digest, const auto& sink) {
        return store_.read_blob(tenant, digest, sink);
    });
}

Result<void>
LedgerKeeper::note_advance(const PersonId& by, const TenantId& tenant, Time now, Span offset) {
    const app::Actor actor{tenant, by, {}, {}, "sandbox"};
    TRY(store_.put_setting("clock_offset_ms", std::to_string(offset.count())));
    return commit_entry(
        store_, {tenant, "sandbox", "clock"}, actor, now, "clock_advanced",
        {{"offset", slipway::to_text(offset)}}
    );
}

Result<Span> LedgerKeeper::clock_offset() {
    const auto stored = TRY(store_.setting("clock_offset_ms"));
    return Span(stored ? std::strtoll(stored->c_str(), nullptr, 10) : 0);
}

} // namespace slipway
