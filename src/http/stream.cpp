// SPDX-License-Identifier: Apache-2.0
#include "domain/records/register_table.hpp"
#include "http/answers.hpp"
#include "http/authentication.hpp"
#include "http/resources.hpp"
#include "http/transcript_feed.hpp"

namespace slipway::http {

namespace {

using domain::Permission;

// The ledger from one position on, as server-sent events (WHATWG HTML, section 9.2). It reads the
// store and keeps nothing, so a slow reader costs no memory. It ends when its reader may read no
// longer. With a transcript, the lines of the change's steps come between the entries.
class LedgerFeed final : public EventSource {
  public:
    LedgerFeed(app::Store& store, Reader reader, std::string change, std::uint64_t position)
        : store_(store), reader_(std::move(reader)), change_(std::move(change)),
          position_(position) {}

    Result<void> show_lines(
        const app::LiveTranscripts& live, const TenantId& tenant, const TranscriptPlaces& places
    ) {
        lines_.emplace(store_, live, tenant, change_);
        return lines_->begin(position_, places);
    }

    Result<std::string> next() override {
        actor_ = TRY(reader_.actor());
        more_ = false;
        auto out = TRY(entries());
        if (lines_ && !more_) {
            out += lines_->lines(last());
            more_ = lines_->more();
        }
        return out;
    }

    bool more() const override { return more_; }

  private:
    // A step in hand has begun with an entry, so there is a last one.
    std::uint64_t last() const { return position_ == 0 ? 0 : position_ - 1; }

    Result<std::string> entries() {
        // The size is read first: what is committed after it is found by the next call.
        const auto size = TRY(store_.ledger_size());
        if (size <= position_)
            return std::string{};
        const auto events =
            TRY(store_.events_from(position_, limits::event_stream_batch, actor_.tenant));
        std::string out;
        for (const auto& event : events) {
            // Held until the reader has taken it, and readers may be slow.
            if (out.size() >= limits::event_stream_bytes) {
                more_ = true;
                return out;
            }
            if (shows(event) && !TRY(append(out, event)))
                return out;
            position_ = event.seq + 1;
        }
        more_ = events.size() == limits::event_stream_batch;
        position_ = more_ ? position_ : std::max(size, position_);
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

    // False when lines that belong in front of the entry have filled this batch.
    Result<bool> append(std::string& out, const app::StoredEvent& event) {
        if (lines_) {
            out += TRY(lines_->before(event, last()));
            more_ = lines_->more();
            if (more_)
                return false;
        }
        const EventPlace place{event.seq, lines_ ? lines_->places() : TranscriptPlaces{}};
        // The entry is JSON on one line, so one data field carries it.
        out += fmt::format("id: {}\nevent: {}\ndata: ", to_text(place), event.type);
        out += event.body;
        out += "\n\n";
        if (lines_)
            lines_->note(event);
        return true;
    }

    app::Store& store_;
    Reader reader_;
    app::Actor actor_; // as of this call of next()
    std::string change_;
    std::uint64_t position_; // of the entry that comes next
    std::optional<TranscriptFeed> lines_;
    bool more_ = false;
};

Result<Response> follow(Services& services, Call& call) {
    app::Store& store = services.door.store();
    const std::string change(call.query("change").value_or(""));
    if (!change.empty() && !is_slug(change))
        return fail_field("query.change", "expected the id of a change");
    std::optional<EventPlace> after;
    if (const auto last = call.request.header(Header::last_event_id); last && !last->empty())
        after = TRY(event_place("Last-Event-ID", *last));
    else if (const auto given = call.query("after"))
        after = TRY(event_place("query.after", *given));
    const auto position = after ? after->entry + 1 : TRY(store.ledger_size());
    const auto feed = std::make_shared<LedgerFeed>(
        store, Reader(services.identity, call.request, Permission::change_read), change, position
    );
    if (const auto transcript = call.query("transcript"); transcript && *transcript != "true")
        return fail_field("query.transcript", "expected true, or nothing at all");
    else if (transcript && change.empty())
        return fail_field("query.transcript", "needs a change whose lines are meant");
    else if (transcript)
        TRY(feed->show_lines(
            services.live, call.actor.tenant, after ? after->transcripts : TranscriptPlaces{}
        ));
    if (!change.empty()) // one that is not there would be waited for in silence
        TRY(services.door.load_change(call.actor, change));
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
        {"after", "begin behind this event, by its id; by default with what comes next"},
        {"change", "only of this change"},
        {"transcript", "true: with a change, also what its steps write"},
    };
    route.handler = [&services](Call& call) -> Result<Response> { return follow(services, call); };
    routes.push_back(std::move(route));
}

} // namespace slipway::http
