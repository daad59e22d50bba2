// SPDX-License-Identifier: Apache-2.0
#include "fake_door.hpp"

#include <array>
#include <charconv>

#include "base/schema.hpp"
#include "domain/change/command_table.hpp"
#include "domain/ledger/envelope.hpp"
#include "domain/ledger/merkle.hpp"
#include "domain/records/register_table.hpp"

namespace slipway::domain {

namespace {

struct Rename {
    std::string title;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("title", self.title, required("the new title"));
    }
};

struct Named {
    std::string name;
    std::string email;
    std::vector<Role> roles;
    bool inactive = false;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("name", self.name, required("its name"));
        visit("email", self.email);
        visit("roles", self.roles);
        visit("inactive", self.inactive);
    }
};

Result<std::string> normalise(const std::string&, const Json& document) {
    return encode(TRY(decode<Named>(document)));
}

constexpr std::array commands{
    CommandRow{"open", "Opens a change.", Permission::change_write, false, schema_of<Rename>, {}},
    CommandRow{"rename", "Renames it.", Permission::change_write, false, schema_of<Rename>, {}},
    CommandRow{"block", "Is refused.", Permission::change_write, false, nullptr, {}},
    CommandRow{"explode", "Goes wrong.", Permission::change_write, false, nullptr, {}},
    CommandRow{"wait", "Takes long.", Permission::change_write, false, nullptr, {}},
    CommandRow{"tick", "The worker's.", Permission::change_write, true, nullptr, {}},
};

constexpr std::array registers{
    RegisterRow{
        "person", "people", "person", Permission::change_read, Permission::people_manage,
        schema_of<Named>, normalise},
    RegisterRow{
        "ci", "cis", "configuration item", Permission::change_read, Permission::record_write,
        schema_of<Named>, normalise},
};

} // namespace

std::span<const CommandRow> command_table() {
    return commands;
}

std::span<const RegisterRow> register_table() {
    return registers;
}

const RegisterRow* find_register(std::string_view name) {
    for (const auto& row : registers)
        if (row.name == name)
            return &row;
    return nullptr;
}

} // namespace slipway::domain

namespace slipway::test {

Turnstile& turnstile() {
    static Turnstile one;
    return one;
}

} // namespace slipway::test

namespace slipway::app {

Result<void> require_permission(const Actor& actor, domain::Permission permission) {
    if (actor.may(permission))
        return {};
    return fail(ErrorCode::forbidden, fmt::format("needs the permission {}", to_text(permission)));
}

struct Door::Inside {
    Parts parts;

    // Appends one event and writes the state; the answer is what the door would give.
    Result<Answer> write(
        const Actor& actor, const StreamKey& key, std::string_view type, std::string state,
        std::optional<std::uint64_t> if_version, const std::optional<IdempotencyKey>& idempotency,
        bool removed = false
    ) {
        if (idempotency) {
            const auto kept =
                TRY(parts.store.find_answer(actor.tenant, actor.person, idempotency->key));
            if (kept && kept->request != idempotency->request)
                return fail(ErrorCode::conflict, "the key was used for another request");
            if (kept)
                return Answer{key.id, 1, kept->body, 0, true, kept->status == 201};
        }
        const auto stream = parts.store.load(key);
        const std::uint64_t version = stream ? stream->version : 0;
        if (if_version && *if_version != version)
            return fail(ErrorCode::conflict, "it has changed meanwhile");
        NewEvent event;
        event.type = type;
        event.at = parts.clock.now();
        event.body = domain::write_envelope(
                         {key.tenant.value, key.kind, key.id, version + 1, type, to_text(event.at),
                          actor.person.value}
                     ) +
                     ",\"data\":{}}";
        event.leaf = domain::leaf_hash(event.body);
        Commit commit;
        StreamWrite row;
        row.key = key;
        row.expected_version = version;
        row.events.push_back(event);
        row.state = state;
        row.removed = removed;
        commit.writes.push_back(std::move(row));
        if (idempotency)
            commit.answer = KeptAnswer{actor.tenant,
                                       actor.person,
                                       idempotency->key,
                                       idempotency->request,
                                       version == 0 ? 201 : 200,
                                       state,
                                       {},
                                       event.at};
        const auto receipt = TRY(parts.store.commit(std::move(commit)));
        return Answer{key.id, version + 1, state, receipt.next_seq, false, version == 0};
    }
};

Door::Door(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}

Door::~Door() = default;

Result<std::unique_ptr<Door>> Door::open(Parts parts) {
    return std::unique_ptr<Door>(new Door(std::make_unique<Inside>(Inside{std::move(parts)})));
}

Result<Answer> Door::execute(const Actor& actor, const CommandRequest& request) {
    if (request.command == "block")
        return fail_blocked(
            "the window is not open",
            {{"window", "window", "it is outside the window", "window 1", "wait for the window"}}
        );
    if (request.command == "explode")
        return fail(ErrorCode::internal, "a secret place broke", "the inside of it");
    if (request.command == "wait")
        test::turnstile().pass();
    else
        TRY(decode<domain::Rename>(request.body));
    std::string id = request.change;
    if (request.command == "open") {
        static std::atomic<int> number{0};
        id = fmt::format("CHG-{}", ++number);
    } else if (request.command != "wait" && !show_change(actor, id)) {
        return fail(ErrorCode::not_found, "there is no change " + id);
    }
    auto answer = TRY(inside_->write(
        actor, {actor.tenant, "change", id}, "change_" + request.command,
        fmt::format(R"({{"id":"{}","title":"{}"}})", id, text_or_empty(request.body, "title")),
        request.if_version, request.idempotency
    ));
    answer.created = request.command == "open";
    return answer;
}

void Door::execute_later(const Actor& actor, const CommandRequest& request, Done done) {
    done(execute(actor, request));
}

Result<Answer> Door::show_change(const Actor& actor, const std::string& change) {
    return show_record(actor, "change", change);
}

// What these changes are stands in their documents alone.
Result<domain::Change> Door::load_change(const Actor& actor, const std::string& change) {
    TRY(show_change(actor, change));
    return domain::Change{};
}

Result<std::vector<ChangeSummary>> Door::find_changes(const Actor&, ChangeQuery query) {
    std::vector<ChangeSummary> out;
    const auto first = query.before_number == 0 ? 101 : query.before_number;
    for (auto n = first - 1; n > 0 && out.size() < query.limit; --n) {
        ChangeSummary summary;
        summary.id = fmt::format("CHG-{}", n);
        summary.number = n;
        summary.title = query.text;
        summary.state = fmt::format("{}", fmt::join(query.states, ","));
        summary.overridden = query.overridden;
        out.push_back(std::move(summary));
    }
    return out;
}

Result<std::string> Door::show_gates(const Actor&, const std::string&) {
    return std::string(R"({"gates":[]})");
}

Result<std::string> Door::show_steps(const Actor&, const std::string&) {
    return std::string(R"({"steps":[]})");
}

Result<std::string> Door::show_clearance(const Actor&, const std::string&) {
    return std::string(R"({"go":true})");
}

Result<std::string> Door::propose_windows(const Actor&, const std::string&, const Json& query) {
    return to_text(query);
}

Result<std::vector<StoredEvent>> Door::history(
    const Actor& actor, const std::string& change, HistoryOrder order, std::uint64_t cursor,
    std::size_t limit
) {
    const StreamKey key{actor.tenant, "change", change};
    if (order == HistoryOrder::oldest)
        return inside_->parts.store.events_of(key, cursor, limit);
    auto events = TRY(inside_->parts.store.events_of(key, 0, limits::page_size_max));
    std::reverse(events.begin(), events.end());
    if (cursor != 0)
        std::erase_if(events, [&](const StoredEvent& event) { return event.version >= cursor; });
    events.resize(std::min(events.size(), limit));
    return events;
}

Result<Answer> Door::put_record(const Actor& actor, const RecordRequest& request) {
    const auto* row = domain::find_register(request.kind);
    TRY(require_permission(actor, row->write));
    const bool exists = show_record(actor, request.kind, request.id).has_value();
    if (request.must_exist && *request.must_exist != exists)
        return fail(ErrorCode::conflict, exists ? "it is there" : "it is not there");
    return inside_->write(
        actor, {actor.tenant, request.kind, request.id}, request.kind + "_put",
        TRY(row->normalise(request.id, request.body)), request.if_version, request.idempotency
    );
}

Result<void>
Door::check_references(const Actor&, const std::string&, const std::vector<RecordDraft>&) {
    return {};
}

Result<std::size_t> Door::
    put_records(const Actor& actor, const std::string& kind, const std::vector<RecordDraft>& records, const ImportRest&) {
    std::size_t created = 0;
    for (const auto& record : records) {
        if (record.id == "breaks")
            return fail(ErrorCode::unavailable, "the database has gone");
        if (record.id == "waits")
            test::turnstile().pass();
        created += TRY(put_record(actor, {kind, record.id, record.body, {}, {}, {}})).created;
    }
    return created;
}

Result<Answer> Door::remove_record(const Actor& actor, const RecordRequest& request) {
    TRY(show_record(actor, request.kind, request.id));
    return inside_->write(
        actor, {actor.tenant, request.kind, request.id}, request.kind + "_removed", "{}",
        request.if_version, request.idempotency, true
    );
}

Result<Answer>
Door::show_record(const Actor& actor, const std::string& kind, const std::string& id) {
    const auto stream = TRY(inside_->parts.store.load({actor.tenant, kind, id}));
    if (stream.removed)
        return fail(ErrorCode::not_found, "there is no such record");
    return Answer{id, stream.version, stream.state};
}

Result<RecordPage> Door::list_records(
    const Actor& actor, const std::string& kind, const std::string& after, std::size_t limit
) {
    RecordPage page;
    for (const auto& row : TRY(inside_->parts.store.list(actor.tenant, kind, after, limit))) {
        page.rows.emplace_back(row.version, row.state);
        page.next = row.key.id;
    }
    if (page.rows.size() < limit)
        page.next.clear();
    return page;
}

Result<std::vector<StoredTask>> Door::list_tasks(const Actor& actor, TaskQuery query) {
    TRY(require_permission(actor, domain::Permission::audit_read));
    return inside_->parts.store.list_tasks(query);
}

Result<Answer>
Door::retry_task(const Actor& actor, const TaskId& task, const std::optional<IdempotencyKey>&) {
    TRY(require_permission(actor, domain::Permission::system_manage));
    const auto receipt = TRY(inside_->parts.store.revive_task(actor.tenant, task, {}));
    return Answer{task.value, 1, "{}", receipt.next_seq, false, false};
}

Result<Answer> Door::gather_ring(
    const Actor& actor, const std::string& ring, const std::optional<IdempotencyKey>& idempotency
) {
    TRY(require_permission(actor, domain::Permission::change_run));
    auto answer = TRY(inside_->write(
        actor, {actor.tenant, "ring_gathering", ring}, "ring_gather_asked", "{}", {}, idempotency
    ));
    answer.created = false;
    return answer;
}

Result<Answer> Door::import_facts(
    const Actor& actor, const std::string& ring, const std::string& host, const Json&,
    const std::optional<IdempotencyKey>& idempotency
) {
    TRY(require_permission(actor, domain::Permission::record_write));
    if (host != "web-1")
        return fail_field("host", "is not a host of this ring");
    auto answer =
        TRY(inside_->write(actor, {actor.tenant, "ring", ring}, "ring_put", "{}", {}, idempotency));
    answer.created = false;
    return answer;
}

Result<std::string> Door::show_facts(const Actor& actor, const std::string&) {
    TRY(require_permission(actor, domain::Permission::change_read));
    return std::string(R"({"items":[],"next":""})");
}

Result<std::size_t> Door::wake(std::size_t) {
    return 0;
}

const Clock& Door::clock() const {
    return inside_->parts.clock;
}

Store& Door::store() const {
    return inside_->parts.store;
}

} // namespace slipway::app
