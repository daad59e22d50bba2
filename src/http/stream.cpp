// SPDX-License-Identifier: Apache-2.0
#include "domain/records/register_table.hpp"
#include "http/answers.hpp"
#include "http/authentication.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

using domain::Permission;

// The ledger from one position on, as server-sent events (WHATWG HTML, section 9.2). It reads the
// store and keeps nothing, so a slow reader costs no memory. It ends when its reader may read no
// longer. With a transcript, the lines of the change's running step come between the entries; they
// have no id, because only the ledger's positions can be resumed from.
class LedgerFeed final : public EventSource {
  public:
    LedgerFeed(app::Store& store, Reader reader, std::string change, std::uint64_t position)
        : store_(store), reader_(std::move(reader)), change_(std::move(change)),
          position_(position) {}

    void show_lines(const app::LiveLines& live, const TenantId& tenant) {
        live_ = &live;
        live_position_ = live.start(tenant, change_);
    }

    Result<std::string> next() override {
        actor_ = TRY(reader_.actor());
        // The lines of a step were written before the entry of its end.
        auto out = live_ ? lines() : std::string{};
        out += TRY(entries());
        return out;
    }

    bool more() const override { return more_; }

  private:
    std::string lines() {
        const auto page = live_->after(actor_.tenant, change_, live_position_);
        std::string out;
        if (page.left_out > 0)
            out += fmt::format(": {} lines left out\n\n", page.left_out);
        live_position_ = page.next;
        for (const auto& line : page.lines) {
            out += "event: transcript_line\ndata: {\"type\":\"transcript_line\",\"run\":";
            append_quoted(out, line.run);
            out += ",\"step\":";
            append_quoted(out, line.step);
            out += fmt::format(",\"at\":\"{}\",\"text\":", to_text(line.at));
            append_quoted(out, line.text);
            out += "}\n\n";
        }
        return out;
    }

    Result<std::string> entries() {
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
    Reader reader_;
    app::Actor actor_; // as of this call of next()
    std::string change_;
    std::uint64_t position_;
    const app::LiveLines* live_ = nullptr;
    std::uint64_t live_position_ = 0;
    bool more_ = false;
};

Result<Response> follow(Services& services, Call& call) {
    app::Store& store = services.door.store();
    const std::string change(call.query("change").value_or(""));
    if (!change.empty() && !is_slug(change))
        return fail_field("query.change", "expected the id of a change");
    std::uint64_t position = 0;
    if (const auto last = call.request.header(Header::last_event_id); last && !last->empty()) {
        position = TRY(whole_number("Last-Event-ID", *last)) + 1;
    } else if (call.query("after")) {
        position = TRY(query_number(call, "after", 0)) + 1;
    } else {
        position = TRY(store.ledger_size());
    }
    const auto feed = std::make_shared<LedgerFeed>(
        store, Reader(services.identity, call.request, Permission::change_read), change, position
    );
    if (const auto transcript = call.query("transcript"); transcript && *transcript != "true")
        return fail_field("query.transcript", "expected true, or nothing at all");
    else if (transcript && change.empty())
        return fail_field("query.transcript", "needs a change whose lines are meant");
    else if (transcript)
        feed->show_lines(services.live, call.actor.tenant);
    Response response;
    response.content_type = "text/event-stream";
    response.events = feed;
    return response;
}

} // namespace

void add_stream(Routes& routes, Services& services) {
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
        {"transcript", "true: with a change, also what its running step writes on this server"},
    };
    route.handler = [&services](Call& call) -> Result<Response> { return follow(services, call); };
    routes.push_back(std::move(route));
}

} // namespace slipway::http
