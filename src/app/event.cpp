// SPDX-License-Identifier: Apache-2.0
#include "app/event.hpp"

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

} // namespace slipway::app
