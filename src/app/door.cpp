// SPDX-License-Identifier: Apache-2.0
#include "app/door.hpp"

#include <algorithm>

#include "app/change_summary.hpp"
#include "app/door_inside.hpp"
#include "app/event.hpp"
#include "app/replay.hpp"
#include "app/unreadable.hpp"
#include "base/assert.hpp"
#include "domain/calendar/window.hpp"
#include "domain/change/decision.hpp"
#include "domain/change/timers.hpp"

namespace slipway::app {

namespace {

// How long a timer rests that fired and could do nothing.
constexpr auto timer_pause = std::chrono::minutes(1);

Error version_conflict(std::uint64_t expected, std::uint64_t actual) {
    return {
        ErrorCode::conflict,
        fmt::format(
            "it has changed: you named version {}, it is at {}; load it again", expected, actual
        )};
}

// The bytes of a version never change, or changes that run on it could not be read any longer.
tl::unexpected<Error> fail_conflict_of_workflow(const domain::Workflow& workflow) {
    return fail(
        ErrorCode::conflict,
        fmt::format(
            "the file of workflow {} was edited and still says version {}, which is in use with "
            "other bytes; give it a new version and start the server again",
            workflow.name, workflow.version
        )
    );
}

// Commands that ask for what takes long, and is not to be done twice at the same moment.
bool is_done_once_at_a_time(std::string_view command) {
    return command == "run_smoke" || command == "verify_backup" || command == "preflight" ||
           command == "take_snapshot";
}

// Whether the command asks the window's gate, which alone looks at other changes: finding them
// costs more than the rest of most commands. (close asks it for what was never deployed.) A command
// that is missing here is refused by the gate.
bool looks_at_window(
    const std::string& command, const Json& body, const domain::Change& change,
    const domain::Facts& facts
) {
    // What is left of the gate when its waiver is gone.
    if (command == "tick" || command == "revoke_waiver")
        return std::any_of(
            change.waivers.begin(), change.waivers.end(),
            [](const domain::Waiver& waiver) {
                return waiver.gate == "window" && waiver.state == domain::WaiverState::granted &&
                       !waiver.end_noted;
            }
        );
    if (command == "start_run")
        return text_or_empty(body, "purpose") == to_text(domain::RunPurpose::deployment);
    if (command != "complete_step")
        return command == "close";
    const auto asks = [&](std::string_view id) {
        const auto* step = domain::find_step(*facts.workflow, id);
        return step &&
               (step->kind == domain::StepKind::window || step->kind == domain::StepKind::execute);
    };
    const auto* also = find(body, "also");
    return asks(text_or_empty(body, "step")) ||
           (also && also->is_array() &&
            std::any_of(also->get_array().begin(), also->get_array().end(), [&](const Json& id) {
                return id.is_string() && asks(view(id.get_string()));
            }));
}

bool is_registered(const domain::Records& records, std::string_view kind, const std::string& id) {
    if (kind == "board")
        return records.boards.contains(id);
    if (kind == "catalogue_entry")
        return records.catalogue.contains(id);
    return kind == "ring" ? records.rings.contains(id) : records.rosters.contains(id);
}

// The registered records that a change begins to use: they must still be there when that is
// committed. What it used before, the index of changes keeps from being removed. What is not
// registered may be named too; the gates say so.
std::set<StreamKey> newly_used(
    const domain::Change& before, const domain::Change& after, const domain::Records& registered
) {
    std::set<StreamKey> keys;
    const auto known = records_used(before);
    for (auto& name : records_used(after))
        if (std::find(known.begin(), known.end(), name) == known.end() &&
            is_registered(registered, name.first, name.second))
            keys.insert({after.tenant, std::move(name.first), std::move(name.second)});
    auto people = people_assigned(after);
    people.emplace_back("change_owner", after.change_owner);
    auto people_known = people_assigned(before);
    people_known.emplace_back("change_owner", before.change_owner);
    for (const auto& part : people)
        if (std::find(people_known.begin(), people_known.end(), part) == people_known.end() &&
            registered.people.contains(part.second))
            keys.insert({after.tenant, "person", part.second.value});
    if (!after.scope || after.scope.is_same_as(before.scope))
        return keys;
    std::set<CiId> scoped;
    if (before.scope)
        for (const auto& item : before.scope->cis)
            scoped.insert(item.ci);
    for (const auto& item : after.scope->cis)
        if (!scoped.contains(item.ci) && registered.cis.contains(item.ci))
            keys.insert({after.tenant, "ci", item.ci.value});
    return keys;
}

// Reading a runbook may take a second. No other command on the change waits for that, and none of
// the threads that answer quickly does it.
bool is_long_to_read(const CommandRequest& request) {
    return request.command == "pin_runbook";
}

// The transcripts that a report names and that nobody has uploaded.
Result<std::vector<Digest>>
unknown_transcripts(Store& store, const TenantId& tenant, const Json& body) {
    std::vector<Digest> unknown;
    const auto* steps = find(body, "steps");
    // What is no list, or too long a one, is refused when the body is read.
    if (steps == nullptr || !steps->is_array() ||
        steps->get_array().size() > limits::runbook_steps_max)
        return unknown;
    for (const auto& step : steps->get_array()) {
        const auto digest = digest_from_hex(text_or_empty(step, "transcript"));
        if (!digest || *digest == Digest{})
            continue;
        const auto size = store.blob_size(tenant, *digest);
        if (!size && size.error().code != ErrorCode::not_found)
            return tl::unexpected(size.error());
        if (!size)
            unknown.push_back(*digest);
    }
    return unknown;
}

} // namespace

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
    const auto json = parse_json(kept->body);
    if (!json)
        return fail(
            ErrorCode::internal, "the answer that was kept for this Idempotency-Key cannot be read",
            json.error().message
        );
    Answer answer;
    answer.id = text_or_empty(*json, "id");
    answer.body = kept->body;
    answer.version = std::strtoull(kept->etag.c_str(), nullptr, 10);
    answer.replayed = true;
    answer.created = kept->status == 201;
    return std::optional(std::move(answer));
}

Result<Answer> answer_or_kept(
    Store& store, const Actor& actor, const std::optional<IdempotencyKey>& key,
    Result<Answer> answer
) {
    if (answer)
        return answer;
    auto kept = kept_answer(store, actor, key);
    return kept && *kept ? Result<Answer>(**std::move(kept)) : answer;
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

Result<LoadedChange>
Door::Inside::load(const TenantId& tenant, const std::string& change, Trust trust) {
    if (change_number(change) == 0)
        return fail(ErrorCode::not_found, no_change_called(change));
    const StreamKey key{tenant, "change", change};
    const auto known = cache.find(key);
    if (known && trust == Trust::cache && parts.store.is_only_writer())
        return *known;
    const auto moment = cache.moment();
    auto stored = parts.store.load(key, known ? known->version : 0);
    if (!stored && stored.error().code == ErrorCode::not_found)
        return fail(ErrorCode::not_found, "there is no change " + change);
    if (!stored)
        return tl::unexpected(std::move(stored).error());
    if (known && known->version == stored->version)
        return *known;
    LoadedChange loaded;
    loaded.version = stored->version;
    loaded.stored_version = stored->version - stored->since.size();
    loaded.size = stored->state.size();
    for (const auto& event : stored->since)
        loaded.size += event.body.size();
    loaded.change = std::make_shared<const domain::Change>(TRY(change_of(*stored)));
    const auto workflow = TRY(library->of(parts.store, tenant, loaded.change->workflow));
    loaded.applicable = TRY(library->applicable(*workflow, *loaded.change, {}));
    cache.put_read(key, loaded, moment);
    return loaded;
}

Result<domain::Facts> Door::Inside::gather(const Actor& actor, const LoadedChange& loaded) {
    domain::Facts facts;
    facts.now = parts.clock.now();
    facts.actor = actor.person;
    facts.roles = actor.roles;
    facts.system = actor.via == "worker";
    facts.policy = &library->policy();
    facts.records = TRY(records.of(actor.tenant));
    const auto workflow = TRY(library->of(parts.store, actor.tenant, loaded.change->workflow));
    facts.workflow = workflow.get(); // the library keeps it
    facts.applicable = loaded.applicable.steps;
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
    if (ours.empty())
        return std::vector<domain::OtherChange>{};
    query.tenant = change.tenant;
    query.cis = {ours.begin(), ours.end()};
    query.window_from = window.start;
    query.window_until = window.end;
    query.limit = limits::page_size_max;
    std::vector<domain::OtherChange> others;
    for (;;) {
        const auto page = TRY(parts.store.find_changes(query));
        for (const auto& other : page) {
            const bool over = other.state == "closed" || other.state == "cancelled";
            if (other.id == change.id.value || over)
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

Result<std::optional<domain::LintReport>>
Door::Inside::lint_named(const Actor& actor, const CommandRequest& request) {
    std::optional<domain::LintReport> report;
    if (!is_long_to_read(request))
        return report;
    const auto digest = digest_from_hex(text_or_empty(request.body, "digest"));
    if (!digest)
        return report; // the decision says so
    const auto size = parts.store.blob_size(actor.tenant, *digest);
    if (!size && size.error().code == ErrorCode::not_found)
        return report;
    if (TRY(size) > limits::runbook_file_max)
        return fail_field(
            "digest",
            fmt::format(
                "is {} bytes long, the limit of a runbook is {}", *size, limits::runbook_file_max
            )
        );
    std::string bytes;
    TRY(parts.store.read_blob(actor.tenant, *digest, [&](std::string_view chunk) {
        bytes += chunk;
        return Result<void>{};
    }));
    const std::lock_guard one_at_a_time(linting);
    report = domain::lint_text(bytes);
    return report;
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
    } else if (command == "extend_window" && change.window) {
        // Others begin to matter where the window has ended until now.
        if (const auto until = time_from_text(text_or_empty(body, "until")))
            facts.others = TRY(others(change, {domain::window_end(change), *until}));
    } else if (looks_at_window(command, body, change, facts)) {
        TRY(gather_others(change, facts));
    }
    TRY(gather_ring_uses(command, body, change, facts));
    TRY(gather_altered_runbooks(command, body, change, facts));
    if (is_done_once_at_a_time(command))
        facts.tasks = TRY(tasks_in_hand({.tenant = change.tenant, .change = change.id.value}));
    if (command == "compare_ring")
        for (const auto& id : {change.test_ring, change.production_ring})
            if (const auto ring = facts.records->rings.find(id); ring != facts.records->rings.end())
                facts.gathered.merge(TRY(gathered_facts(change.tenant, ring->second)));
    if (command == "attach" || command == "pin_runbook") {
        const auto digest = digest_from_hex(text_or_empty(body, "digest"));
        const auto size =
            digest ? parts.store.blob_size(change.tenant, *digest) : fail(ErrorCode::not_found, "");
        facts.attachment_known = size.has_value();
        facts.attachment_size = size.value_or(0);
    }
    // The worker has stored what it names itself.
    if (command == "report_run" && !facts.system)
        facts.unknown_transcripts = TRY(unknown_transcripts(parts.store, change.tenant, body));
    if (command == "record_smoke" && !text_or_empty(body, "junit").empty() && parts.read_junit) {
        auto junit = parts.read_junit(text_or_empty(body, "junit"));
        if (!junit)
            return fail_field("junit", junit.error().message);
        facts.junit = *std::move(junit);
    }
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
    const Actor& actor, const StreamKey& key, const LoadedChange& loaded, std::string_view command,
    const domain::Decision& decision, domain::Facts& facts, LoadedChange& next
) {
    static const domain::Change nothing;
    const auto& before = loaded.change ? *loaded.change : nothing;
    Commit commit;
    StreamWrite write{key, loaded.version, {}, {}, false, {}};
    next = {
        loaded.version + decision.events.size(), {}, loaded.stored_version, loaded.size, {}, {}};
    for (const auto& event : decision.events) {
        next.size += event.data.size();
        if (event.data.size() > limits::event_body_max)
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format(
                    "what one command records is at most {} bytes long, this is {}",
                    limits::event_body_max, event.data.size()
                )
            );
        write.events.push_back(make_event(
            {key, loaded.version + write.events.size() + 1, facts.now, actor}, event.type,
            event.data
        ));
    }
    // The worker must be able to go on, and a person to close what is full.
    const auto size_max =
        limits::state_document_max +
        (facts.system || domain::is_over(decision.next) ? limits::state_document_spare : 0);
    if (next.version - loaded.stored_version >= limits::state_lag_max ||
        loaded.stored_version == 0 || next.size > size_max) {
        write.state = encode(decision.next);
        next.stored_version = next.version;
        next.size = write.state.size();
    }
    if (next.size > size_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("the record of a change is at most {} bytes long", size_max)
        );
    // Timers belong to the steps that apply now, after the decision.
    next.applicable = TRY(library->applicable(*facts.workflow, decision.next, loaded.applicable));
    facts.applicable = next.applicable.steps;
    auto summary = summarise(decision.next, domain::wake_at(decision.next, facts));
    // A timer that could do nothing (a board without a next meeting) is not asked in a circle.
    if (command == "tick" && summary.wake_at && *summary.wake_at <= facts.now)
        summary.wake_at = facts.now + timer_pause;
    if (loaded.summary) {
        write.search_changed = summary.search_text != loaded.summary->search_text;
        write.filters_changed = !summary.is_filtered_like(*loaded.summary);
    }
    const bool same =
        loaded.summary && !write.search_changed && summary.is_shown_like(*loaded.summary);
    next.summary =
        same ? loaded.summary : std::make_shared<const ChangeSummary>(std::move(summary));
    if (!same)
        write.summary = *next.summary;
    commit.writes.push_back(std::move(write));
    for (const auto& task : decision.tasks)
        commit.tasks.push_back({task.kind, key.tenant, key.id, task.payload, Time{}}); // at once
    commit.records_named = newly_used(before, decision.next, *facts.records);
    commit.records_held.size = facts.records->ledger_size;
    for (const auto& record : decision.records) {
        const StreamKey record_key{key.tenant, record.kind, record.id};
        const auto stored = parts.store.load(record_key);
        if (!stored && stored.error().code != ErrorCode::not_found)
            return tl::unexpected(stored.error());
        // What was loaded now may be newer than the record that the decision edited.
        commit.records_held.keys.push_back(record_key);
        commit.writes.push_back(TRY(record_write(
            actor, record_key, stored ? stored->version : 0, "put", record.document, false
        )));
    }
    return commit;
}

Result<std::optional<StreamWrite>>
Door::Inside::keep_workflow(const Actor& actor, const WorkflowText& text) {
    const auto key = workflow_key(actor.tenant, text.workflow->name, text.workflow->version);
    {
        const std::lock_guard lock(kept_mutex);
        if (kept_workflows.contains(key))
            return std::optional<StreamWrite>{};
    }
    const auto kept = parts.store.load(key);
    if (!kept && kept.error().code != ErrorCode::not_found)
        return tl::unexpected(kept.error());
    if (!kept) {
        std::string document = "{\"yaml\":";
        append_quoted(document, text.yaml);
        return std::optional(TRY(record_write(actor, key, 0, "put", document + "}", false)));
    }
    const auto document = parse_json(kept->state);
    if (!document)
        return unreadable_state(key, document.error());
    if (text_or_empty(*document, "yaml") != text.yaml)
        return fail_conflict_of_workflow(*text.workflow);
    const std::lock_guard lock(kept_mutex);
    kept_workflows.insert(key);
    return std::optional<StreamWrite>{};
}

Result<Door::Inside::Decided> Door::Inside::decide_once(
    const Actor& actor, const CommandRequest& request, const domain::CommandRow& row, Trust trust,
    const std::optional<domain::LintReport>& runbook
) {
    auto loaded = TRY(load(actor.tenant, request.change, trust));
    // What is committed can be read a moment before the cache has it.
    if (trust == Trust::cache && request.if_version && *request.if_version != loaded.version)
        loaded = TRY(load(actor.tenant, request.change, Trust::store));
    if (request.if_version && *request.if_version != loaded.version)
        return tl::unexpected(version_conflict(*request.if_version, loaded.version));
    auto facts = TRY(gather(actor, loaded));
    TRY(gather_for(request.command, request.body, *loaded.change, facts));
    facts.runbook = runbook;
    auto decision = TRY(row.decide(*loaded.change, request.body, facts));
    Decided decided{
        {actor.tenant, "change", request.change}, {}, {}, {}, !decision.records.empty(), false};
    decided.answer.id = request.change;
    decided.answer.version = loaded.version + decision.events.size();
    decided.answer.body = answer_body(decision, decided.answer.version);
    decided.commit =
        TRY(commit_of(actor, decided.key, loaded, row.name, decision, facts, decided.next));
    if (decision.next.runs.size() > loaded.change->runs.size())
        for (auto& write : take_rings(actor, decision.next, facts))
            decided.commit.writes.push_back(std::move(write));
    decided.uses_records = !decided.commit.records_named.empty();
    decided.commit.task_end = request.task_end;
    // What is asked for twice at the same moment, with no event between, would be done twice.
    if (is_done_once_at_a_time(request.command))
        decided.commit.tasks_held = TasksHeld{
            actor.tenant, request.change, facts.tasks.empty() ? TaskId{} : facts.tasks.back().id};
    keep_answer(decided.commit, actor, request.idempotency, decided.answer, facts.now);
    decided.next.change = std::make_shared<const domain::Change>(std::move(decision.next));
    return decided;
}

Result<Answer> Door::Inside::settle(Decided decided, const Result<Receipt>& receipt) {
    // What was refused was perhaps decided on a record that is gone.
    if (decided.edits_records || (decided.uses_records && !receipt))
        records.forget(decided.key.tenant);
    if (!receipt)
        return tl::unexpected(receipt.error());
    decided.answer.ledger_size = receipt->next_seq;
    cache.put(decided.key, std::move(decided.next));
    return std::move(decided.answer);
}

Result<Answer> Door::Inside::decide(
    const Actor& actor, const CommandRequest& request, const domain::CommandRow& row
) {
    const auto runbook = TRY(lint_named(actor, request));
    const std::lock_guard turn(turn_of(actor.tenant, request.change));
    for (int attempt = 1;; ++attempt) {
        auto decided = TRY(on_newest_records(actor.tenant, [&] {
            const auto trust = attempt == 1 ? Trust::cache : Trust::store;
            return decide_once(actor, request, row, trust, runbook);
        }));
        const auto receipt = parts.store.commit(std::move(decided.commit));
        auto answer = settle(std::move(decided), receipt);
        if (answer || answer.error().code != ErrorCode::conflict ||
            attempt >= limits::decide_retries_max || is_lease_lost(answer.error()))
            return answer;
        if (auto kept = TRY(kept_answer(parts.store, actor, request.idempotency)))
            return *std::move(kept);
    }
}

Result<const domain::CommandRow*>
Door::Inside::allowed(const Actor& actor, const CommandRequest& request) const {
    const auto* row = domain::find_command(request.command);
    if (row == nullptr || (row->internal && actor.via != "worker"))
        return fail(ErrorCode::not_found, "there is no command " + request.command.substr(0, 64));
    TRY(require_permission(actor, row->permission));
    return row;
}

Result<Answer> Door::execute(const Actor& actor, const CommandRequest& request) {
    const auto* row = TRY(inside_->allowed(actor, request));
    if (auto kept = TRY(kept_answer(inside_->parts.store, actor, request.idempotency)))
        return *std::move(kept);
    return answer_or_kept(
        inside_->parts.store, actor, request.idempotency,
        request.command == "open" ? inside_->open(actor, request)
                                  : inside_->decide(actor, request, *row)
    );
}

void Door::execute_later(const Actor& actor, const CommandRequest& request, Done done) {
    ASSERT(request.command != "open");
    if (is_long_to_read(request))
        return done(std::nullopt);
    // Only a look whether somebody has the turn now, so as not to wait behind him: it is given back
    // at once, and the store refuses whoever was overtaken.
    if (const std::unique_lock turn(
            inside_->turn_of(actor.tenant, request.change), std::try_to_lock
        );
        !turn)
        return done(std::nullopt);
    std::optional<Answer> kept;
    const auto decide = [&]() -> Result<std::optional<Inside::Decided>> {
        const auto* row = TRY(inside_->allowed(actor, request));
        kept = TRY(kept_answer(store(), actor, request.idempotency));
        if (kept)
            return std::optional<Inside::Decided>{};
        return std::optional(TRY(inside_->on_newest_records(actor.tenant, [&] {
            return inside_->decide_once(actor, request, *row, Inside::Trust::cache, {});
        })));
    };
    auto found = decide();
    if (!found)
        return done(answer_or_kept(
            store(), actor, request.idempotency, tl::unexpected(std::move(found).error())
        ));
    if (kept)
        return done(*std::move(kept));
    const auto decided = std::make_shared<Inside::Decided>(*std::move(*found));
    inside_->parts.store.commit_later(
        std::move(decided->commit),
        [inside = inside_.get(), decided, done = std::move(done)](Result<Receipt> receipt) {
            auto answer = inside->settle(std::move(*decided), receipt);
            if (answer || answer.error().code != ErrorCode::conflict)
                done(std::move(answer));
            else
                done(std::nullopt);
        }
    );
}

Result<std::size_t> Door::wake(std::size_t limit) {
    const auto keys = TRY(inside_->parts.store.changes_to_wake(clock().now(), limit));
    Result<std::size_t> touched = keys.size();
    for (const auto& key : keys) {
        const Actor worker{key.tenant, PersonId(std::string(the_server)), {}, {}, "worker"};
        auto answer = execute(worker, {key.id, "tick", JsonObject{}, {}, {}, {}});
        // Another server was quicker: that is as good.
        if (answer || answer.error().code == ErrorCode::conflict)
            continue;
        // One change that cannot be looked at must not stop the timers of all the others.
        answer.error().message = key.id + ": " + answer.error().message;
        if (touched)
            touched = tl::unexpected(std::move(answer).error());
        TRY(store().rest_change(key, clock().now() + timer_pause));
    }
    return touched;
}

} // namespace slipway::app
