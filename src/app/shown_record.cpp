// SPDX-License-Identifier: Apache-2.0
#include "app/shown_record.hpp"

#include <fmt/format.h>

#include "app/unreadable.hpp"
#include "domain/change/duties.hpp"
#include "domain/records/ring_contents.hpp"

namespace slipway::app {

namespace {

// The document with its id and record version, as lists and single answers show it. (A
// configuration item has a version of its own.)
std::string shown(const std::string& id, std::uint64_t version, std::string_view document) {
    std::string body = "{\"id\":";
    append_quoted(body, id);
    body += fmt::format(",\"record_version\":{}", version);
    const auto members = document.substr(1);
    // A document that names itself (a blackout) is not named twice.
    constexpr std::string_view own_id = "\"id\":\"";
    if (members.starts_with(own_id)) {
        const auto rest = members.substr(members.find('"', own_id.size()) + 1);
        return body.append(rest);
    }
    if (members != "}")
        body += ',';
    return body.append(members);
}

// A board's document only raises the quorum; people want to know how many votes it takes. One that
// is not bound to meetings has none to show: what is shown can be sent back.
std::string with_quorum(std::string document, const domain::Policy& policy) {
    const auto board = restore<domain::BoardRecord>(std::string_view(document));
    auto json = parse_json(document);
    if (!board || !json)
        return document;
    auto& members = json->as_object();
    if (board->schedule.meetings.from.empty())
        members.stable_erase("schedule");
    members["quorum_applies"] = domain::quorum_of(&*board, policy, board->emergency);
    return to_text(*json);
}

// What a catalogue entry names and a change records.
std::string with_contents(std::string document, const std::string& id) {
    const auto ring = restore<domain::RingRecord>(std::string_view(document));
    if (!ring)
        return document;
    document.back() = ',';
    return document + fmt::format(R"("contents":"{}"}})", domain::ring_contents(id, *ring).hex());
}

} // namespace

std::string shown_record(
    const StreamKey& key, std::uint64_t version, const std::string& document,
    const domain::Policy& policy
) {
    auto body = shown(key.id, version, document);
    if (key.kind == "board")
        return with_quorum(std::move(body), policy);
    if (key.kind == "ring")
        return with_contents(std::move(body), key.id);
    return body;
}

Result<std::string> shown_record(const StoredStream& stored, const domain::Policy& policy) {
    if (const auto readable = parse_json(stored.state); !readable)
        return unreadable_state(stored.key, readable.error());
    return shown_record(stored.key, stored.version, stored.state, policy);
}

} // namespace slipway::app
