// SPDX-License-Identifier: Apache-2.0
#include "app/replay.hpp"

#include "domain/change/events.hpp"
#include "domain/ledger/envelope.hpp"

namespace slipway::app {

Result<void> apply_events(domain::Change& change, std::span<const StoredEvent> events) {
    for (const auto& event : events) {
        const auto head = domain::scan_envelope(event.body);
        if (!head)
            return fail(ErrorCode::internal, "a stored entry cannot be read");
        const auto body = TRY(parse_json(event.body));
        const auto* data = find(body, "data");
        TRY(domain::apply_event(
            change, head->type, data ? *data : Json{},
            {TRY(time_from_text(head->at)), PersonId(std::string(head->actor))}
        ));
    }
    return {};
}

Result<domain::Change> change_of(const StoredStream& stored) {
    auto change = TRY(restore<domain::Change>(stored.state));
    TRY(apply_events(change, stored.since));
    return change;
}

} // namespace slipway::app
