// SPDX-License-Identifier: Apache-2.0
// Opening a change, through the door: it takes its number inside the commit.
#include "app/door_inside.hpp"
#include "domain/change/decision.hpp"

namespace slipway::app {

Result<Answer> Door::Inside::open(const Actor& actor, const CommandRequest& request) {
    const auto* row = domain::find_command("open");
    const auto name = text_or_empty(request.body, "workflow");
    const auto text = TRY(library->newest(name.empty() ? "release" : std::string(name)));
    domain::Facts facts;
    facts.now = parts.clock.now();
    facts.actor = actor.person;
    facts.roles = actor.roles;
    facts.policy = &library->policy();
    facts.workflow = text.workflow.get();
    auto workflow_write = TRY(keep_workflow(actor, text));
    domain::Change blank;
    blank.tenant = actor.tenant;
    const auto at_first = TRY(library->applicable(*text.workflow, blank, {}));
    facts.applicable = at_first.steps;
    // What is refused takes no number, and the conditions, which do not look at it, are not asked
    // while all other commits wait.
    blank.id = ChangeId("CHG-0");
    const auto trial = TRY(on_newest_records(actor.tenant, [&]() -> Result<domain::Decision> {
        facts.records = TRY(records.of(actor.tenant));
        return row->decide(blank, request.body, facts);
    }));
    const auto after = TRY(library->applicable(*text.workflow, trial.next, at_first));
    Answer answer;
    LoadedChange opened;
    // Called by the store inside the transaction, with the number that comes next.
    const auto make = [&](std::uint64_t number) -> Result<Commit> {
        blank.id = ChangeId(fmt::format("CHG-{}", number));
        LoadedChange before;
        before.applicable = after;
        facts.applicable = at_first.steps;
        auto decision = TRY(row->decide(blank, request.body, facts));
        const StreamKey key{actor.tenant, "change", blank.id.value};
        auto commit = TRY(commit_of(actor, key, before, row->name, decision, facts, opened));
        answer.id = blank.id.value;
        answer.version = decision.events.size();
        answer.body = answer_body(decision, answer.version);
        answer.created = true;
        opened.change = std::make_shared<const domain::Change>(std::move(decision.next));
        keep_answer(commit, actor, request.idempotency, answer, facts.now);
        if (workflow_write)
            commit.writes.push_back(*workflow_write);
        return commit;
    };
    for (int attempt = 1;; ++attempt) {
        const auto receipt = parts.store.commit_numbered(actor.tenant, "change", make);
        if (receipt) {
            answer.ledger_size = receipt->next_seq;
            cache.put({actor.tenant, "change", answer.id}, opened);
            return answer;
        }
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max)
            return tl::unexpected(receipt.error());
        // Another request kept this workflow version first, has just used this key, or removed what
        // the change names.
        if (auto kept = TRY(kept_answer(parts.store, actor, request.idempotency)))
            return *std::move(kept);
        records.forget(actor.tenant);
        facts.records = TRY(records.of(actor.tenant));
        workflow_write = TRY(keep_workflow(actor, text));
    }
}

} // namespace slipway::app
