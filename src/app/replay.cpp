// SPDX-License-Identifier: Apache-2.0
#include "app/replay.hpp"

#include "app/unreadable.hpp"
#include "domain/change/events.hpp"
#include "domain/ledger/envelope.hpp"

namespace slipway::app {

namespace {

Result<void> apply_one(domain::Change& change, const StoredEvent& event) {
    const auto head = domain::scan_envelope(event.body);
    if (!head)
        return fail(ErrorCode::internal, "it has no head");
    const auto body = TRY(parse_json(event.body));
    const auto* data = find(body, "data");
    return domain::apply_event(
        change, head->type, data ? *data : Json{},
        {TRY(kept_time_from_text(head->at)), PersonId(std::string(head->actor))}
    );
}

} // namespace

Result<void> apply_events(domain::Change& change, std::span<const StoredEvent> events) {
    for (const auto& event : events)
        if (const auto applied = apply_one(change, event); !applied)
            return unreadable(
                fmt::format("the stored entry {} cannot be read", event.seq), applied.error(),
                "run slipway verify, and restore the newest backup that verifies"
            );
    return {};
}

Result<domain::Change> change_of(const StoredStream& stored) {
    auto change = restore<domain::Change>(stored.state);
    if (!change)
        return unreadable_state(stored.key, change.error());
    TRY(apply_events(*change, stored.since));
    return change;
}

} // namespace slipway::app
