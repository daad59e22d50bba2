// SPDX-License-Identifier: Apache-2.0
// What people and pipelines ask of a change: its record, its gates, its checklist, its clearance.
#include <algorithm>

#include "app/door_inside.hpp"
#include "domain/calendar/slots.hpp"
#include "domain/calendar/zone.hpp"
#include "domain/change/abort_clock.hpp"
#include "domain/change/board_meeting.hpp"
#include "domain/change/impact.hpp"
#include "domain/change/notices.hpp"
#include "domain/change/run_times.hpp"
#include "domain/change/steps.hpp"
#include "domain/gates/clearance.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::app {

namespace {

using domain::Permission;

struct GatesView {
    std::string id;
    std::uint64_t version = 0;
    std::string state;
    Time at{};
    std::string policy;
    std::string note; // of a change that is over
    std::vector<domain::GateResult> gates;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("version", self.version);
        visit("state", self.state);
        visit("at", self.at);
        visit("policy", self.policy);
        visit("note", self.note);
        visit("gates", self.gates);
    }
};

// What becomes of facts and records afterwards says nothing of what was asked at the time.
std::string note_on(const domain::Change& change) {
    if (!domain::is_over(change))
        return {};
    return fmt::format(
        "{0} is {1} since {2}. This is what the gates would say now, and nothing of it is to be "
        "mended; which gates held when a step was completed is in its history: slipway change "
        "history {0}",
        change.id.value, to_text(change.state), to_text(change.closure->at)
    );
}

struct StepView {
    StepId id;
    std::string phase;
    std::string title;
    std::string kind;
    std::string guidance;
    bool applies = false;
    bool required = false;
    domain::StepRecord record;
    std::optional<Time> due_at;
    bool overdue = false;
    std::vector<std::string> roles;
    std::vector<domain::FieldSpec> form;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("phase", self.phase);
        visit("title", self.title);
        visit("kind", self.kind);
        visit("guidance", self.guidance);
        visit("applies", self.applies);
        visit("required", self.required);
        domain::StepRecord::fields(self.record, visit);
        visit("due_at", self.due_at);
        visit("overdue", self.overdue);
        visit("roles", self.roles);
        visit("fields", self.form);
    }
};

struct StepsView {
    std::string id;
    std::uint64_t version = 0;
    std::string workflow;
    std::uint32_t workflow_version = 0;
    std::vector<StepView> steps;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("version", self.version);
        visit("workflow", self.workflow);
        visit("workflow_version", self.workflow_version);
        visit("steps", self.steps);
    }
};

// What follows from the record, the policy and, while a deployment is under way, the time.
struct ClockView {
    std::optional<domain::AbortClock> abort_clock;
    std::vector<domain::RunComparison> timings; // runs on production beside their rehearsals

    SLIPWAY_FIELDS {
        visit("abort_clock", self.abort_clock);
        visit("timings", self.timings);
    }
};

std::string shown_change(
    const domain::Change& change, std::uint64_t version,
    const std::optional<domain::AbortClock>& abort_clock
) {
    const auto document = encode_answer(change);
    const auto clock =
        encode_answer(ClockView{abort_clock, domain::compare_with_rehearsals(change)});
    const auto members = clock.substr(1, clock.size() - 2);
    return fmt::format(
        "{{\"version\":{},{}{}{}", version, members, members.empty() ? "" : ",",
        std::string_view(document).substr(1)
    );
}

} // namespace

Result<std::vector<std::string>> Door::edited_workflows() {
    std::vector<std::string> edited;
    for (const auto& tenant : TRY(inside_->parts.store.tenants())) {
        const Actor server{tenant, PersonId(std::string(the_server)), {}, {}, "worker"};
        for (const auto& name : inside_->library->workflow_names()) {
            const auto kept = inside_->keep_workflow(server, TRY(inside_->library->newest(name)));
            if (!kept && kept.error().code == ErrorCode::conflict)
                edited.push_back(kept.error().message);
        }
    }
    return edited;
}

Result<Answer> Door::show_change(const Actor& actor, const std::string& change) {
    TRY(require_permission(actor, Permission::change_read));
    const auto loaded = TRY(inside_->load(actor.tenant, change));
    const auto facts = TRY(inside_->gather(actor, loaded));
    Answer answer;
    answer.id = change;
    answer.version = loaded.version;
    const auto clock = domain::abort_clock(*loaded.change, facts);
    answer.body = shown_change(*loaded.change, loaded.version, clock);
    answer.rules = inside_->rules();
    if (clock && !clock->run.empty())
        answer.rules += sha256(encode(*clock)).hex().substr(0, 8);
    return answer;
}

Result<domain::Change> Door::load_change(const Actor& actor, const std::string& change) {
    TRY(require_permission(actor, Permission::change_read));
    return *TRY(inside_->load(actor.tenant, change)).change;
}

Result<std::vector<ChangeSummary>> Door::find_changes(const Actor& actor, ChangeQuery query) {
    TRY(require_permission(actor, Permission::change_read));
    query.tenant = actor.tenant;
    return inside_->parts.store.find_changes(query);
}

Result<std::string> Door::show_gates(const Actor& actor, const std::string& change) {
    TRY(require_permission(actor, Permission::change_read));
    const auto loaded = TRY(inside_->load(actor.tenant, change));
    auto facts = TRY(inside_->gather(actor, loaded));
    TRY(inside_->gather_others(*loaded.change, facts));
    return encode_answer(GatesView{
        change, loaded.version, std::string(to_text(loaded.change->state)), facts.now,
        facts.policy->name, note_on(*loaded.change), domain::evaluate_all(*loaded.change, facts)});
}

Result<std::string> Door::show_steps(const Actor& actor, const std::string& change) {
    TRY(require_permission(actor, Permission::change_read));
    const auto loaded = TRY(inside_->load(actor.tenant, change));
    const auto facts = TRY(inside_->gather(actor, loaded));
    StepsView view{change, loaded.version, facts.workflow->name, facts.workflow->version, {}};
    for (const auto& phase : facts.workflow->phases)
        for (const auto& step : phase.steps) {
            StepView row{
                step.id,
                phase.title,
                step.title,
                std::string(to_text(step.kind)),
                step.guidance,
                domain::applies(step, *loaded.change, facts),
                step.is_required(),
                {},
                domain::due_at(step, *loaded.change, facts),
                domain::is_overdue(step, *loaded.change, facts),
                {},
                step.form};
            if (const auto found = loaded.change->steps.find(step.id);
                found != loaded.change->steps.end())
                row.record = found->second;
            for (const auto role : step.roles)
                row.roles.emplace_back(to_text(role));
            view.steps.push_back(std::move(row));
        }
    return encode_answer(view);
}

Result<std::string> Door::show_clearance(const Actor& actor, const std::string& change) {
    TRY(require_permission(actor, Permission::change_read));
    const auto loaded = TRY(inside_->load(actor.tenant, change));
    auto facts = TRY(inside_->gather(actor, loaded));
    TRY(inside_->gather_others(*loaded.change, facts));
    const JsonObject deployment{{"purpose", to_text(domain::RunPurpose::deployment)}};
    TRY(inside_->gather_ring_uses("start_run", deployment, *loaded.change, facts));
    const auto clearance = domain::clearance_of(*loaded.change, facts);
    std::string body = "{\"id\":";
    append_quoted(body, change);
    if (clearance.window_start)
        body += fmt::format(",\"window_start\":\"{}\"", to_text(*clearance.window_start));
    body += fmt::format(
        ",\"go\":{},\"over\":{},\"state\":\"{}\",\"retry_after_ms\":{},\"reasons\":", clearance.go,
        clearance.over, to_text(loaded.change->state), clearance.retry_after_ms
    );
    return body + encode_answer(clearance.reasons) + "}";
}

Result<std::string>
Door::propose_windows(const Actor& actor, const std::string& change, const Json& query) {
    TRY(require_permission(actor, Permission::change_read));
    const auto loaded = TRY(inside_->load(actor.tenant, change));
    const auto& state = *loaded.change;
    const auto records = TRY(inside_->records.of(actor.tenant));
    Json wanted = query;
    // What the runbooks say need not be asked again.
    if (auto* object = wanted.if_object()) {
        const auto fill = [&](const char* name, domain::RunbookPurpose purpose) {
            const auto* runbook = domain::runbook_of(state, purpose);
            if (!object->contains(name) && runbook)
                (*object)[name] = to_text(
                    Span(domain::duration_of(*runbook) + inside_->library->policy().smoke_reserve)
                );
        };
        fill("duration", domain::RunbookPurpose::deployment);
        fill("rollback_duration", domain::RunbookPurpose::rollback);
        if (!object->contains("zone"))
            (*object)["zone"] = records->organisation.zone;
    }
    const auto request = TRY(decode<domain::SlotRequest>(wanted));
    const domain::Interval range{
        TRY(domain::to_instant(request.from, request.zone, "from")),
        TRY(domain::to_instant(request.until, request.zone, "until"))};
    std::vector<domain::BusyInterval> busy;
    for (const auto& other : TRY(inside_->others(state, range)))
        busy.push_back({other.window, other.id.value});
    const auto touched = domain::touched_items(state);
    domain::SlotRules rules;
    rules.now = clock().now();
    rules.meeting = domain::first_meeting(state, *records, *rules.now);
    const auto facts = TRY(inside_->gather(actor, loaded));
    const auto ahead = domain::notice_ahead(state, *facts.policy);
    if (const auto earliest = domain::earliest_to_announce(state, facts))
        rules.notice = domain::SlotNotice{
            *earliest, "no time is left to announce them " + to_text(ahead) + " ahead"};
    rules.busy = busy;
    rules.blackouts = records->blackouts;
    rules.touched = {touched, touched};
    rules.friday_from = inside_->library->policy().friday_evening_from;
    if (const auto roster = records->rosters.find(state.roster); roster != records->rosters.end())
        rules.day_hours = roster->second.day_hours;
    return encode_answer(TRY(domain::propose_slots(request, rules)));
}

Result<std::vector<StoredEvent>> Door::history(
    const Actor& actor, const std::string& change, HistoryOrder order, std::uint64_t cursor,
    std::size_t limit
) {
    TRY(require_permission(actor, Permission::change_read));
    const auto version = TRY(inside_->load(actor.tenant, change)).version;
    const StreamKey key{actor.tenant, "change", change};
    if (order == HistoryOrder::oldest)
        return inside_->parts.store.events_of(key, cursor, limit);
    // The version of a stream counts its events.
    const auto last = cursor == 0 ? version : std::min(version, cursor - 1);
    const auto before = last > limit ? last - limit : 0;
    auto events =
        TRY(inside_->parts.store.events_of(key, before, static_cast<std::size_t>(last - before)));
    std::reverse(events.begin(), events.end());
    return events;
}

} // namespace slipway::app
