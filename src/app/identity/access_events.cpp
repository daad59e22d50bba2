// SPDX-License-Identifier: Apache-2.0
#include "app/identity/access_events.hpp"

#include "app/event.hpp"
#include "base/limits.hpp"

namespace slipway::app {

Result<void> commit_access_event(
    Store& store, Time now, const Actor& actor, const PersonId& person, std::string_view type,
    std::string_view data_json, const std::function<Result<Commit>()>& make
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
        write.events.push_back(make_event({key, version + 1, now, actor}, type, data_json));
        write.state = "{}";
        Commit whole = TRY(make());
        whole.writes.push_back(std::move(write));
        const auto receipt = store.commit(std::move(whole));
        if (receipt)
            return {};
        if (receipt.error().code != ErrorCode::conflict ||
            attempt == limits::access_event_retries_max)
            return tl::unexpected(receipt.error());
    }
}

Result<void> commit_access_event(
    Store& store, Time now, const Actor& actor, const PersonId& person, std::string_view type,
    std::string_view data_json, Commit commit
) {
    const std::function<Result<Commit>()> make = [&] { return commit; };
    return commit_access_event(store, now, actor, person, type, data_json, make);
}

} // namespace slipway::app
