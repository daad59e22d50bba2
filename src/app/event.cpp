// SPDX-License-Identifier: Apache-2.0
#include "app/event.hpp"

#include "domain/change/events.hpp"
#include "domain/ledger/envelope.hpp"
#include "domain/ledger/merkle.hpp"

namespace slipway::app {

NewEvent make_event(const EventHead& head, std::string_view type, std::string_view data_json) {
    const std::string at = to_text(head.at);
    std::string body = domain::write_envelope(
        {head.key.tenant.value, head.key.kind, head.key.id, head.version, type, at,
         head.actor.person.value}
    );
    body += ",\"via\":";
    append_quoted(body, head.actor.via);
    body += ",\"data\":";
    body += data_json;
    body += '}';
    const Digest leaf = domain::leaf_hash(body);
    return {std::string(type), head.at, std::move(body), leaf};
}

Result<void> apply_events(domain::Change& change, std::span<const StoredEvent> events) {
    for (const auto& event : events) {
        // What is hashed counts, not the columns beside it.
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
