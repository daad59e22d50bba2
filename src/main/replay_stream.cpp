// SPDX-License-Identifier: Apache-2.0
#include "main/replay_stream.hpp"

#include <fmt/format.h>

#include "app/change_summary.hpp"
#include "app/replay.hpp"
#include "domain/ledger/envelope.hpp"

namespace slipway {

namespace {

// The bytes of an event's data, exactly as they were hashed.
std::string_view data_of(std::string_view body) {
    constexpr std::string_view mark = ",\"data\":";
    const auto at = body.find(mark);
    if (at == std::string_view::npos)
        return "{}";
    return body.substr(at + mark.size(), body.size() - at - mark.size() - 1);
}

// What was hashed says of which type an event is and when it happened; the columns only repeat it.
Result<domain::Envelope> head_of(const app::StoredEvent& event) {
    if (const auto head = domain::scan_envelope(event.body))
        return *head;
    return fail(
        ErrorCode::internal, fmt::format("entry {} has no head: run slipway verify", event.seq)
    );
}

Result<app::StreamWrite>
replay_change(const app::StreamKey& key, std::span<const app::StoredEvent> events) {
    app::StreamWrite write;
    write.key = key;
    domain::Change change;
    TRY(app::apply_events(change, events));
    write.state = encode(change);
    // The worker looks at a rebuilt change at once and sets its timers anew.
    write.summary = app::summarise(change, Time{});
    return write;
}

} // namespace

Result<app::StreamWrite>
replay_stream(const app::StreamKey& key, std::span<const app::StoredEvent> events) {
    if (key.kind == "change")
        return replay_change(key, events);
    app::StreamWrite write;
    write.key = key;
    constexpr std::string_view document = "{\"document\":";
    for (const auto& event : events) {
        const auto data = data_of(event.body);
        write.removed = TRY(head_of(event)).type == key.kind + "_removed";
        if (data.starts_with(document))
            write.state = data.substr(document.size(), data.size() - document.size() - 1);
        else if (!write.removed)
            write.state = key.kind == "person_access" ? "{}" : data;
    }
    return write;
}

} // namespace slipway
