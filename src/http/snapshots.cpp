// SPDX-License-Identifier: Apache-2.0
// Every snapshot that changes have taken: where it is, what it grew by, and until when it lives.
#include "base/schema.hpp"
#include "domain/change/change.hpp"
#include "http/answers.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

using domain::Permission;
using domain::SnapshotState;

struct SnapshotShown {
    std::string change;
    std::string title;
    std::string host;
    std::string id;
    std::string connector;
    std::string state;
    std::optional<Time> taken_at;
    Time expires_at{};
    bool overdue = false;
    std::uint64_t size_bytes = 0;
    std::int64_t grown_bytes = 0;
    std::optional<Time> measured_at;
    std::vector<domain::SnapshotExtension> extensions;
    std::string detail;

    SLIPWAY_FIELDS {
        visit("change", self.change, required("the change that took it"));
        visit("title", self.title, required("its title"));
        visit("host", self.host, required("what was snapshotted"));
        visit("id", self.id, optional("the provider's id; absent: it has not answered yet"));
        visit("connector", self.connector, optional("the provider; external: a person's"));
        visit("state", self.state, required("requested, taken, failed, reverted or removed"));
        visit("taken_at", self.taken_at, optional("when it was taken"));
        visit("expires_at", self.expires_at, required("when it is to be removed"));
        visit("overdue", self.overdue, optional("true: it is there behind its end"));
        visit("size_bytes", self.size_bytes, required("its size when last measured; 0: unknown"));
        visit("grown_bytes", self.grown_bytes, required("what it grew by since it was taken"));
        visit("measured_at", self.measured_at, optional("when it was last measured"));
        visit("extensions", self.extensions, optional("who let it live on, and why"));
        visit("detail", self.detail, optional("what the provider said", limits::text_max));
    }
};

SnapshotShown shown(
    const std::string& change, const std::string& title, const domain::Snapshot& snapshot, Time now
) {
    SnapshotShown out;
    out.change = change;
    out.title = title;
    out.host = snapshot.host;
    out.id = snapshot.id;
    out.connector = snapshot.connector;
    out.state = to_text(snapshot.state);
    out.taken_at = snapshot.taken_at;
    out.expires_at = snapshot.expires_at;
    out.overdue = domain::is_there(snapshot) && snapshot.expires_at <= now;
    out.size_bytes = snapshot.size_bytes;
    if (snapshot.first_size_bytes)
        out.grown_bytes = static_cast<std::int64_t>(snapshot.size_bytes) -
                          static_cast<std::int64_t>(*snapshot.first_size_bytes);
    out.measured_at = snapshot.measured_at;
    out.extensions = snapshot.extensions;
    out.detail = snapshot.detail;
    return out;
}

// A page looks at so many changes at most, whatever it finds: the next one goes on from there.
constexpr std::size_t looked_at_max = 1000;

Result<Response> list_snapshots(app::Door& door, Call& call) {
    const auto limit = TRY(page_limit(call));
    const auto state = call.query("state");
    if (state && !from_text<SnapshotState>(*state))
        return fail_field(
            "query.state", "expected one of: requested, taken, failed, reverted, removed"
        );
    app::ChangeQuery query;
    query.before_number = TRY(query_number(call, "cursor", 0));
    query.limit = limits::page_size_max;
    const auto now = door.clock().now();
    std::string items;
    std::size_t found = 0;
    for (std::size_t looked_at = 0; looked_at < looked_at_max;) {
        const auto page = TRY(door.find_changes(call.actor, query));
        for (const auto& summary : page) {
            const auto change = door.load_change(call.actor, summary.id);
            if (!change && change.error().code != ErrorCode::not_found)
                return tl::unexpected(change.error());
            ++looked_at;
            query.before_number = summary.number;
            if (!change)
                continue;
            for (const auto& snapshot : change->snapshots) {
                if (state ? to_text(snapshot.state) != *state : !domain::is_there(snapshot))
                    continue;
                items += items.empty() ? "" : ",";
                items += encode_answer(shown(summary.id, change->title, snapshot, now));
                ++found;
            }
            // All snapshots of a change stand on one page.
            if (found >= limit)
                return list_answer(items, std::to_string(summary.number));
        }
        if (page.size() < query.limit)
            return list_answer(items, "");
    }
    return list_answer(items, std::to_string(query.before_number));
}

} // namespace

void add_snapshots(Routes& routes, Services& services) {
    app::Door& door = services.door;
    Route all;
    all.path = "/api/v1/snapshots";
    all.operation_id = "list_snapshots";
    all.summary = "The snapshots that are at their providers, of the newest changes first. A page "
                  "may be empty and have a next one.";
    all.tag = "changes";
    all.permission = Permission::change_read;
    all.query = {
        {"state", "only those in this state: requested, taken, failed, reverted, removed"},
        limit_parameter,
        cursor_parameter};
    all.response_schema = list_schema_of(schema_of<SnapshotShown>());
    all.handler = [&door](Call& call) -> Result<Response> { return list_snapshots(door, call); };
    routes.push_back(std::move(all));
}

} // namespace slipway::http
