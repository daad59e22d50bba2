// SPDX-License-Identifier: Apache-2.0
#include "app/identity/access_events.hpp"

#include "base/limits.hpp"
#include "domain/ledger/envelope.hpp"
#include "domain/ledger/merkle.hpp"

namespace slipway::app {

namespace {

NewEvent access_event(
    const StreamKey& key, std::uint64_t version, Time now, const Actor& actor,
    std::string_view type, std::string_view data_json
) {
    const std::string at = to_text(now);
    std::string body = domain::write_envelope(
        {key.tenant.value, key.kind, key.id, version, type, at, actor.person.value}
    );
    body += ",\"via\":";
    append_quoted(body, actor.via);
    body += ",\"data\":";
    body += data_json;
    body += '}';
    const Digest leaf = domain::leaf_hash(body);
    return {std::string(type), now, std::move(body), leaf};
}

} // namespace

Result<void> commit_access_event(
    Store& store, Time now, const Actor& actor, const PersonId& person, std::string_view type,
    std::string_view data_json, Commit commit
) {
    const StreamKey key{actor.tenant, "person_access", person.value};
    for (int attempt = 1;; ++attempt) {
        const auto stream = store.load(key);
        if (!stream && stream.error().code != ErrorCode::not_found)
            return tl::unexpected(stream.error());
        const std::uint64_t version = stream ? stream->version : 0;
        StreamWrite write;
        write.key = key;
        write.expected_version = version;
        write.events.push_back(access_event(key, version + 1, now, actor, type, data_json));
        write.state = "{}";
        Commit whole = commit;
        whole.writes.push_back(std::move(write));
        const auto receipt = store.commit(std::move(whole));
        if (receipt)
            return {};
        if (receipt.error().code != ErrorCode::conflict ||
            attempt == limits::access_event_retries_max)
            return tl::unexpected(receipt.error());
    }
}

} // namespace slipway::app
