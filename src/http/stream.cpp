// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "domain/records/register_table.hpp"
#include "http/answers.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

using domain::Permission;

// The ledger from one position on, as server-sent events (WHATWG HTML, section 9.2). It reads the
// store and keeps nothing, so a slow reader costs no memory.
class LedgerFeed final : public EventSource {
  public:
    LedgerFeed(app::Store& store, app::Actor actor, std::string change, std::uint64_t position)
        : store_(store), actor_(std::move(actor)), change_(std::move(change)), position_(position) {
    }

    Result<std::string> next() override {
        more_ = false;
        // The size is read first: what is committed after it is found by the next call.
        const auto size = TRY(store_.ledger_size());
        if (size <= position_)
            return std::string{};
        const auto events =
            TRY(store_.events_from(position_, limits::event_stream_batch, actor_.tenant));
        std::string out;
        for (const auto& event : events)
            if (shows(event))
                append(out, event);
        more_ = events.size() == limits::event_stream_batch;
        const auto after = events.empty() ? position_ : events.back().seq + 1;
        position_ = more_ ? after : std::max(size, after);
        return out;
    }

    bool more() const override { return more_; }

  private:
    bool shows(const app::StoredEvent& event) const {
        if (!change_.empty())
            return event.key.kind == "change" && event.key.id == change_;
        if (event.key.kind == "change")
            return true;
        const auto* row = domain::find_register(event.key.kind);
        return actor_.may(row ? row->read : Permission::audit_read);
    }

    static void append(std::string& out, const app::StoredEvent& event) {
        // The entry is JSON on one line, so one data field carries it.
        out += fmt::format("id: {}\nevent: {}\ndata: ", event.seq, event.type);
        out += event.body;
        out += "\n\n";
    }

    app::Store& store_;
    app::Actor actor_;
    std::string change_;
    std::uint64_t position_;
    bool more_ = false;
};

Result<Response> follow(app::Store& store, Call& call) {
    const std::string change(call.query("change").value_or(""));
    if (!change.empty() && !is_slug(change))
        return fail_field("query.change", "expected the id of a change");
    std::uint64_t position = 0;
    if (const auto last = call.request.header(Header::last_event_id); last && !last->empty()) {
        const char* const end = last->data() + last->size();
        const auto [stop, failed] = std::from_chars(last->data(), end, position);
        if (failed != std::errc{} || stop != end)
            return fail_field("Last-Event-ID", "expected a whole number");
        ++position;
    } else if (call.query("after")) {
        position = TRY(query_number(call, "after", 0)) + 1;
    } else {
        position = TRY(store.ledger_size());
    }
    Response response;
    response.content_type = "text/event-stream";
    response.events = std::make_shared<LedgerFeed>(store, call.actor, change, position);
    return response;
}

} // namespace

void add_stream(Routes& routes, Services& services) {
    app::Store& store = services.door.store();
    Route route;
    route.path = "/api/v1/events/stream";
    route.operation_id = "follow_events";
    route.summary = "Ledger entries of this tenant as they are committed (server-sent events).";
    route.tag = "events";
    route.permission = Permission::change_read;
    route.response_type = "text/event-stream";
    route.query = {
        {"after", "begin behind this position; by default with what comes next"},
        {"change", "only of this change"},
    };
    route.handler = [&store](Call& call) -> Result<Response> { return follow(store, call); };
    routes.push_back(std::move(route));
}

} // namespace slipway::http
