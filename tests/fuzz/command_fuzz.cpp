// SPDX-License-Identifier: Apache-2.0
// Any body for any command: the first byte chooses the command, the rest is its JSON. A command
// never crashes, a refusal says something, and what is decided can be replayed and stored.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/assert.hpp"
#include "domain/change/command_table.hpp"
#include "domain/change/decision.hpp"

namespace {

using namespace slipway;
using namespace slipway::domain;

// A change with a little of everything, so that ids such as D-1 and run-1 mean something.
Change some_change() {
    Change change;
    change.id = ChangeId("CHG-1");
    change.title = "T";
    change.requester = PersonId("rosa");
    change.change_owner = PersonId("rosa");
    change.production_ring = "production";
    change.test_ring = "staging";
    change.scope = Scope{};
    change.scope->cis.push_back({CiId("site"), "web-1", "1.4", "1.5"});
    change.impact = Impact{};
    change.impact->hits.emplace_back().ci = CiId("job");
    PinnedRunbook runbook;
    runbook.digest = sha256("runbook");
    for (const auto& [name, kind] : {std::pair{"go", "command"}, std::pair{"look", "decision"}}) {
        auto& step = runbook.steps.emplace_back();
        step.name = name;
        step.kind = kind;
    }
    change.runbooks["deployment"] = runbook;
    change.runbooks["rollback"] = runbook;
    Run run;
    run.id = RunId("run-1");
    run.runbook = runbook.digest;
    run.executor = Executor::external;
    for (const auto& step : runbook.steps)
        run.steps.emplace_back().name = step.name;
    change.runs.push_back(run);
    change.window = ChangeWindow{"2026-11-26T10:00", "2026-11-26T12:00", "UTC", {}, {}, {}, {}};
    change.defects.emplace_back().id = "D-1";
    change.snapshots.emplace_back().host = "web-1";
    change.waivers.emplace_back().id = "W-1";
    change.actions.emplace_back().id = "A-1";
    change.stabilisation = Stabilisation{};
    change.stabilisation->observations.emplace_back().id = "O-1";
    return change;
}

std::shared_ptr<const Records> some_records() {
    auto records = std::make_shared<Records>();
    records->people[PersonId("rosa")].roles = {Role::change_manager};
    records->cis[CiId("site")].name = "Site";
    records->cis[CiId("job")].depends_on = {CiId("site")};
    records->dependents[CiId("site")] = {CiId("job")};
    records->rings["staging"].kind = RingKind::staging;
    records->rings["production"].kind = RingKind::production;
    records->rings["production"].hosts.push_back({"web-1", {}, {}, {}});
    records->channels["mail"].connector = "smtp";
    records->rosters["team"].name = "Team";
    return records;
}

Workflow some_workflow() {
    Workflow workflow;
    workflow.name = "release";
    workflow.phases.emplace_back();
    for (const auto name : enum_names(StepKind{})) {
        auto& step = workflow.phases[0].steps.emplace_back();
        step.id = StepId(std::string(name));
        step.kind = *from_text<StepKind>(name);
    }
    return workflow;
}

void check_replay(const Decision& decision, const Change& before, const Stamp& stamp) {
    Change replayed = before;
    for (const auto& event : decision.events) {
        const auto data = parse_json(event.data);
        ASSERT(data.has_value());
        ASSERT(apply_event(replayed, event.type, *data, stamp).has_value());
    }
    const auto bytes = encode(decision.next);
    ASSERT(encode(replayed) == bytes);
    const auto restored = restore<Change>(bytes);
    ASSERT(restored.has_value() && encode(*restored) == bytes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto change = some_change();
    static const auto workflow = some_workflow();
    static const Policy policy;
    static const Facts facts = [] {
        Facts known;
        known.now = Time(std::chrono::milliseconds(1'795'000'000'000));
        known.actor = PersonId("rosa");
        known.roles = {Role::change_manager};
        known.policy = &policy;
        known.workflow = &workflow;
        std::set<StepId> applicable;
        for (const auto* step : steps_of(workflow))
            applicable.insert(step->id);
        known.applicable = std::make_shared<const std::set<StepId>>(std::move(applicable));
        known.records = some_records();
        return known;
    }();
    if (size == 0)
        return 0;
    const auto& row = command_table()[data[0] % command_table().size()];
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto body = parse_json(text);
    if (!body)
        return 0;
    const auto decision = row.decide(change, *body, facts);
    if (decision)
        check_replay(*decision, change, {facts.now, facts.actor});
    else
        ASSERT(!decision.error().fields.empty() || !decision.error().reasons.empty());
    return 0;
}
