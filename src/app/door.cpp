// SPDX-License-Identifier: Apache-2.0
#include "app/door.hpp"

#include "app/change_summary.hpp"
#include "app/door_inside.hpp"
#include "app/event.hpp"
#include "domain/calendar/window.hpp"
#include "domain/change/decision.hpp"
#include "domain/change/timers.hpp"
#include "domain/records/register_table.hpp"

namespace slipway::app {

namespace {

// How long a timer rests that fired and could do nothing.
constexpr auto timer_pause = std::chrono::minutes(1);

// The short answer to a command: what happened, and what the person should know.
std::string answer_body(const domain::Decision& decision, std::uint64_t version) {
    std::string body = "{\"id\":";
    append_quoted(body, decision.next.id.value);
    body += fmt::format(",\"version\":{},\"state\":", version);
    append_quoted(body, to_text(decision.next.state));
    body += ",\"events\":[";
    for (std::size_t i = 0; i < decision.events.size(); ++i) {
        body += i ? ",{\"type\":" : "{\"type\":";
        append_quoted(body, decision.events[i].type);
        body += ",\"data\":" + decision.events[i].data + "}";
    }
    body += "],\"said\":[";
    for (std::size_t i = 0; i < decision.said.size(); ++i) {
        body += i ? "," : "";
        append_quoted(body, decision.said[i]);
    }
    return body + "]}";
}

Error version_conflict(std::uint64_t expected, std::uint64_t actual) {
    return {
        ErrorCode::conflict,
        fmt::format(
            "it has changed: you named version {}, it is at {}; load it again", expected, actual
        )};
}

// Whether the command asks the window's gate, which alone looks at other changes: finding them
// costs more than the rest of most commands.
bool looks_at_window(const std::string& command, const Json& body, const domain::Facts& facts) {
    if (command == "start_run")
        return text_or_empty(body, "purpose") == to_text(domain::RunPurpose::deployment);
    if (command != "complete_step")
        return false;
    const auto* step = domain::find_step(*facts.workflow, text_or_empty(body, "step"));
    return step &&
           (step->kind == domain::StepKind::window || step->kind == domain::StepKind::execute);
}

} // namespace

std::optional<LoadedChange> ChangeCache::find(const StreamKey& key) {
    const std::lock_guard lock(mutex_);
    const auto found = changes_.find(key);
    if (found == changes_.end())
        return std::nullopt;
    uses_.splice(uses_.end(), uses_, found->second);
    return found->second->second;
}

void ChangeCache::put(const StreamKey& key, LoadedChange loaded) {
    const std::lock_guard lock(mutex_);
    const auto found = changes_.find(key);
    if (found == changes_.end()) {
        changes_[key] = uses_.emplace(uses_.end(), key, std::move(loaded));
    } else {
        auto& known = found->second->second;
        if (known.version < loaded.version)
            known = std::move(loaded);
        uses_.splice(uses_.end(), uses_, found->second);
    }
    // The one that nobody has used for longest goes: those that are worked on lie side by side.
    if (changes_.size() > limits::cached_changes_max) {
        changes_.erase(uses_.front().first);
        uses_.pop_front();
    }
}

Result<std::optional<Answer>>
kept_answer(Store& store, const Actor& actor, const std::optional<IdempotencyKey>& key) {
    if (!key)
        return std::optional<Answer>{};
    const auto kept = TRY(store.find_answer(actor.tenant, actor.person, key->key));
    if (!kept)
        return std::optional<Answer>{};
    if (kept->request != key->request)
        return fail(
            ErrorCode::conflict,
            "this Idempotency-Key was used for another request; choose a new one"
        );
    const auto json = TRY(parse_json(kept->body));
    Answer answer;
    answer.id = text_or_empty(json, "id");
    answer.body = kept->body;
    answer.version = std::strtoull(kept->etag.c_str(), nullptr, 10);
    answer.replayed = true;
    answer.created = kept->status == 201;
    return std::optional(std::move(answer));
}

void keep_answer(
    Commit& commit, const Actor& actor, const std::optional<IdempotencyKey>& key,
    const Answer& answer, Time now
) {
    if (key)
        commit.answer = KeptAnswer{
            actor.tenant,
            actor.person,
            key->key,
            key->request,
            answer.created ? 201 : 200,
            answer.body,
            std::to_string(answer.version),
            now};
}

Result<std::unique_ptr<Door>> Door::open(Parts parts) {
    auto inside = std::make_unique<Inside>(std::move(parts));
    inside->library = TRY(Library::open(inside->parts.data_directory));
    return std::unique_ptr<Door>(new Door(std::move(inside)));
}

Door::Door(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}

Door::~Door() = default;

const Clock& Door::clock() const {
    return inside_->parts.clock;
}

Store& Door::store() const {
    return inside_->parts.store;
}

Result<LoadedChange> Door::Inside::load(const TenantId& tenant, const std::string& change) {
    if (change_number(change) == 0)
        return fail(ErrorCode::not_found, "there is no change " + change.substr(0, 64));
    const StreamKey key{tenant, "change", change};
    const auto known = cache.find(key);
    auto stored = parts.store.load(key, known ? known->version : 0);
    if (!stored && stored.error().code == ErrorCode::not_found)
        return fail(ErrorCode::not_found, "there is no change " + change);
    if (!stored)
        return tl::unexpected(std::move(stored).error());
    if (known && known->version == stored->version)
        return *known;
    LoadedChange loaded{
        stored->version,
        std::make_shared<const domain::Change>(TRY(restore<domain::Change>(stored->state)))};
    cache.put(key, loaded);
    return loaded;
}

Result<domain::Facts> Door::Inside::gather(const Actor& actor, const domain::Change& change) {
    domain::Facts facts;
    facts.now = parts.clock.now();
    facts.actor = actor.person;
    facts.roles = actor.roles;
    facts.system = actor.via == "worker";
    facts.policy = &library->policy();
    facts.records = TRY(records.of(actor.tenant));
    const auto workflow = TRY(library->of(parts.store, actor.tenant, change.workflow));
    facts.workflow = workflow.get(); // the library keeps it
    facts.applicable = TRY(library->applicable(*workflow, change));
    return facts;
}

Result<std::vector<domain::OtherChange>>
Door::Inside::others(const domain::Change& change, const domain::Interval& window) {
    std::set<std::string> ours;
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<domain::ScopedCi>{})
        ours.insert(scoped.ci.value);
    if (change.impact)
        for (const auto& hit : change.impact->hits)
            ours.insert(hit.ci.value);
    ChangeQuery query;
    query.tenant = change.tenant;
    query.window_from = window.start;
    query.window_until = window.end;
    query.limit = limits::page_size_max;
    std::vector<domain::OtherChange> others;
    for (;;) {
        const auto page = TRY(parts.store.find_changes(query));
        for (const auto& other : page) {
            const bool over = other.state == "closed" || other.state == "cancelled";
            const bool meets = std::any_of(other.cis.begin(), other.cis.end(), [&](const auto& ci) {
                return ours.contains(ci);
            });
            if (other.id == change.id.value || over || !meets)
                continue;
            std::vector<CiId> cis;
            for (const auto& ci : other.cis)
                cis.emplace_back(ci);
            others.push_back(
                {ChangeId(other.id), other.title, {*other.window_start, *other.window_end}, cis}
            );
        }
        if (page.size() < query.limit || others.size() >= limits::list_max)
            return others;
        query.before_number = page.back().number;
    }
}

Result<void> Door::Inside::gather_others(const domain::Change& change, domain::Facts& facts) {
    if (change.window)
        facts.others = TRY(others(change, {change.window->start, change.window->end}));
    return {};
}

Result<void> Door::Inside::gather_for(
    const std::string& command, const Json& body, const domain::Change& change, domain::Facts& facts
) {
    if (command == "schedule") {
        const domain::WindowSpec spec{
            std::string(text_or_empty(body, "start")), std::string(text_or_empty(body, "end")),
            std::string(text_or_empty(body, "zone"))};
        if (const auto window = domain::resolve_window(spec))
            facts.others = TRY(others(change, *window));
    } else if (looks_at_window(command, body, facts)) {
        TRY(gather_others(change, facts));
    }
    if (command == "attach" || command == "pin_runbook") {
        const auto digest = digest_from_hex(text_or_empty(body, "digest"));
        const auto size =
            digest ? parts.store.blob_size(change.tenant, *digest) : fail(ErrorCode::not_found, "");
        facts.attachment_known = size.has_value();
        facts.attachment_size = size.value_or(0);
        if (command == "pin_runbook" && size) {
            if (*size > limits::runbook_file_max)
                return fail_field(
                    "digest", fmt::format(
                                  "is {} bytes long, the limit of a runbook is {}", *size,
                                  limits::runbook_file_max
                              )
                );
            std::string bytes;
            TRY(parts.store.read_blob(change.tenant, *digest, [&](std::string_view chunk) {
                bytes += chunk;
                return Result<void>{};
            }));
            facts.runbook = domain::lint_text(bytes);
        }
    }
    if (command == "record_smoke" && !text_or_empty(body, "junit").empty() && parts.read_junit)
        facts.junit = TRY(parts.read_junit(text_or_empty(body, "junit")));
    return {};
}

Result<StreamWrite> Door::Inside::record_write(
    const Actor& actor, const StreamKey& key, std::uint64_t version, std::string_view event,
    const std::string& document, bool removed
) {
    const Time now = parts.clock.now();
    const std::string data = removed ? "{}" : "{\"document\":" + document + "}";
    if (data.size() > limits::event_body_max)
        return fail(
            ErrorCode::limit_exceeded, fmt::format(
                                           "a record is at most {} bytes long, this one {}",
                                           limits::event_body_max, data.size()
                                       )
        );
    StreamWrite write{key, version, {}, document, removed, {}, false};
    write.events.push_back(
        make_event({key, version + 1, now, actor}, key.kind + "_" + std::string(event), data)
    );
    return write;
}

Result<Commit> Door::Inside::commit_of(
    const Actor& actor, const StreamKey& key, std::uint64_t version,
    const domain::Decision& decision, const domain::Facts& facts
) {
    Commit commit;
    StreamWrite write{key, version, {}, encode(decision.next), false, {}, true};
    if (write.state.size() > limits::state_document_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format(
                "the record of a change is at most {} bytes long", limits::state_document_max
            )
        );
    for (const auto& event : decision.events) {
        if (event.data.size() > limits::event_body_max)
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format(
                    "what one command records is at most {} bytes long, this is {}",
                    limits::event_body_max, event.data.size()
                )
            );
        write.events.push_back(make_event(
            {key, version + write.events.size() + 1, facts.now, actor}, event.type, event.data
        ));
    }
    write.summary = summarise(decision.next, domain::wake_at(decision.next, facts));
    commit.writes.push_back(std::move(write));
    for (const auto& task : decision.tasks)
        commit.tasks.push_back({task.kind, key.tenant, key.id, task.payload, Time{}}); // at once
    for (const auto& record : decision.records) {
        const StreamKey record_key{key.tenant, record.kind, record.id};
        const auto stored = parts.store.load(record_key);
        if (!stored && stored.error().code != ErrorCode::not_found)
            return tl::unexpected(stored.error());
        commit.writes.push_back(TRY(record_write(
            actor, record_key, stored ? stored->version : 0, "put", record.document, false
        )));
    }
    return commit;
}

Result<Answer> Door::Inside::open(const Actor& actor, const CommandRequest& request) {
    const auto* row = domain::find_command("open");
    const auto name = text_or_empty(request.body, "workflow");
    const auto text = TRY(library->newest(name.empty() ? "release" : std::string(name)));
    domain::Facts facts;
    facts.now = parts.clock.now();
    facts.actor = actor.person;
    facts.roles = actor.roles;
    facts.policy = &library->policy();
    facts.records = TRY(records.of(actor.tenant));
    facts.workflow = text.workflow.get();
    for (const auto* step : domain::steps_of(*text.workflow))
        if (step->when.empty())
            facts.applicable.insert(step->id);
    const auto workflow_at =
        workflow_key(actor.tenant, text.workflow->name, text.workflow->version);
    std::optional<StreamWrite> workflow_write;
    if (!parts.store.load(workflow_at)) {
        std::string document = "{\"yaml\":";
        append_quoted(document, text.yaml);
        workflow_write = TRY(record_write(actor, workflow_at, 0, "put", document + "}", false));
    }
    Answer answer;
    std::shared_ptr<const domain::Change> opened;
    // Called by the store inside the transaction, with the number that comes next.
    const auto make = [&](std::uint64_t number) -> Result<Commit> {
        domain::Change blank;
        blank.id = ChangeId(fmt::format("CHG-{}", number));
        blank.tenant = actor.tenant;
        const auto decision = TRY(row->decide(blank, request.body, facts));
        const StreamKey key{actor.tenant, "change", blank.id.value};
        auto commit = TRY(commit_of(actor, key, 0, decision, facts));
        answer.id = blank.id.value;
        answer.version = decision.events.size();
        answer.body = answer_body(decision, answer.version);
        answer.created = true;
        opened = std::make_shared<const domain::Change>(decision.next);
        keep_answer(commit, actor, request.idempotency, answer, facts.now);
        if (workflow_write)
            commit.writes.push_back(*workflow_write);
        return commit;
    };
    for (int attempt = 1;; ++attempt) {
        const auto receipt = parts.store.commit_numbered(actor.tenant, "change", make);
        if (receipt) {
            answer.ledger_size = receipt->next_seq;
            cache.put({actor.tenant, "change", answer.id}, {answer.version, opened});
            return answer;
        }
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max)
            return tl::unexpected(receipt.error());
        // Another request kept this workflow version first, or has just used this key.
        workflow_write.reset();
        if (auto kept = TRY(kept_answer(parts.store, actor, request.idempotency)))
            return *std::move(kept);
    }
}

Result<Answer> Door::Inside::decide(
    const Actor& actor, const CommandRequest& request, const domain::CommandRow& row
) {
    for (int attempt = 1;; ++attempt) {
        const auto loaded = TRY(load(actor.tenant, request.change));
        if (request.if_version && *request.if_version != loaded.version)
            return tl::unexpected(version_conflict(*request.if_version, loaded.version));
        auto facts = TRY(gather(actor, *loaded.change));
        TRY(gather_for(request.command, request.body, *loaded.change, facts));
        auto decision = TRY(row.decide(*loaded.change, request.body, facts));
        Answer answer;
        answer.id = request.change;
        answer.version = loaded.version + decision.events.size();
        answer.body = answer_body(decision, answer.version);
        const StreamKey key{actor.tenant, "change", request.change};
        auto commit = TRY(commit_of(actor, key, loaded.version, decision, facts));
        commit.writes.front().search_changed =
            commit.writes.front().summary->search_text != search_text(*loaded.change);
        commit.task_end = request.task_end;
        // A timer that could do nothing (a board without a next meeting) is not asked in a circle.
        auto& wake_at = commit.writes.front().summary->wake_at;
        if (row.internal && wake_at && *wake_at <= facts.now)
            wake_at = facts.now + timer_pause;
        keep_answer(commit, actor, request.idempotency, answer, facts.now);
        const auto receipt = parts.store.commit(std::move(commit));
        if (receipt) {
            answer.ledger_size = receipt->next_seq;
            auto next = std::make_shared<const domain::Change>(std::move(decision.next));
            cache.put(key, {answer.version, std::move(next)});
            if (!decision.records.empty())
                records.forget(actor.tenant);
            return answer;
        }
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max ||
            request.task_end)
            return tl::unexpected(receipt.error());
        if (auto kept = TRY(kept_answer(parts.store, actor, request.idempotency)))
            return *std::move(kept);
    }
}

Result<Answer> Door::execute(const Actor& actor, const CommandRequest& request) {
    const auto* row = domain::find_command(request.command);
    if (row == nullptr || (row->internal && actor.via != "worker"))
        return fail(ErrorCode::not_found, "there is no command " + request.command.substr(0, 64));
    TRY(require_permission(actor, row->permission));
    if (auto kept = TRY(kept_answer(inside_->parts.store, actor, request.idempotency)))
        return *std::move(kept);
    return request.command == "open" ? inside_->open(actor, request)
                                     : inside_->decide(actor, request, *row);
}

Result<std::size_t> Door::wake(std::size_t limit) {
    const auto keys = TRY(inside_->parts.store.changes_to_wake(clock().now(), limit));
    std::size_t touched = 0;
    for (const auto& key : keys) {
        const Actor worker{key.tenant, PersonId("slipway"), {}, {}, "worker"};
        const auto answer = execute(worker, {key.id, "tick", JsonObject{}, {}, {}, {}});
        // Another server was quicker: that is as good.
        if (!answer && answer.error().code != ErrorCode::conflict)
            return tl::unexpected(answer.error());
        ++touched;
    }
    return touched;
}

} // namespace slipway::app
