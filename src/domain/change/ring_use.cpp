// SPDX-License-Identifier: Apache-2.0
#include "domain/change/ring_use.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "base/this_machine.hpp"
#include "domain/change/aborted_steps.hpp"
#include "domain/change/approved_ring.hpp"
#include "domain/change/paging.hpp"
#include "domain/change/production_hosts.hpp"
#include "domain/change/run_hosts.hpp"
#include "domain/records/ring_machines.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::domain {

namespace {

std::vector<OtherRun> other_runs(const Facts& facts) {
    std::vector<OtherRun> runs;
    for (const auto& use : facts.ring_uses)
        for (const auto& run : use.under_way)
            if (std::none_of(runs.begin(), runs.end(), [&](const OtherRun& known) {
                    return known.change == run.change && known.run == run.run;
                }))
                runs.push_back(run);
    return runs;
}

// Those that touch what this change touches.
std::vector<OtherRun> runs_in_the_way(const Change& change, const Facts& facts) {
    auto runs = other_runs(facts);
    if (runs.empty())
        return runs;
    const auto ours = touched_on_production(change, *facts.records);
    std::erase_if(runs, [&](const OtherRun& run) {
        return std::none_of(run.touches.begin(), run.touches.end(), [&](const auto& thing) {
            return ours.contains(thing);
        });
    });
    return runs;
}

bool is_at_work(const OtherRun& run) {
    return !run.left || run.left->ends_by;
}

std::string where_it_runs(const OtherRun& run) {
    auto words = fmt::format(
        "{} of {} on {}, since {}", run.run.value, run.change.value, run.ring, to_text(run.began)
    );
    if (run.left)
        words += fmt::format(
            "; it was aborted, {} its step {} is still at work",
            run.left->ends_by ? "but" : "and nobody knows whether", run.left->step
        );
    return words;
}

// It was aborted already where a step is left.
std::string how_to_end(const OtherRun& run) {
    const auto remedy =
        run.left ? how_it_ends(run.change, run.run, *run.left)
                 : fmt::format(
                       "Let it end, or have it aborted (slipway change decide_run {} --run {} "
                       "--choice abort --reason WHY)",
                       run.change.value, run.run.value
                   );
    return remedy + "; its owner is " + run.owner.value;
}

tl::unexpected<Error>
refuse(const OtherRun& run, std::string message, std::string_view gate, std::string reason) {
    return fail_blocked(
        std::move(message),
        {{std::string(gate), "runs", std::move(reason), where_it_runs(run), how_to_end(run)}}
    );
}

// All names that a ring has for a machine, by each of them.
std::map<std::string, std::set<std::string>> machines_of(const RingRecord* ring) {
    std::map<std::string, std::set<std::string>> machines;
    if (ring == nullptr)
        return machines;
    for (const auto& host : ring->hosts) {
        std::set<std::string> names{machine_of(host.host), machine_of(host.address)};
        names.erase(""); // the server's own
        for (const auto& name : names)
            machines[name].insert(names.begin(), names.end());
    }
    return machines;
}

// Collects machines by every name that is known of them.
class Touched {
  public:
    Touched(std::string ring_id, const RingRecord* ring)
        : ring_id_(std::move(ring_id)), machines_(machines_of(ring)) {}

    void item(const CiId& ci) { things_.insert("item " + ci.value); }

    void host(const std::string& name) {
        const auto machine = machine_of(name);
        things_.insert("host " + (machine.empty() ? name : machine));
        if (const auto known = machines_.find(machine); known != machines_.end())
            for (const auto& own : known->second)
                things_.insert("host " + own);
    }

    // As the runbook names it; what runs on the server's own machine is told apart by its item.
    void named(const std::string& text, const Variables& variables) {
        if (is_this_machine(text))
            return;
        const auto filled = fill_variables(text, variables);
        if (!filled)
            things_.insert(fmt::format("host {} of {}", text, ring_id_));
        else if (!is_this_machine(*filled))
            host(*filled);
    }

    std::set<std::string> things() && { return std::move(things_); }

  private:
    std::string ring_id_;
    std::map<std::string, std::set<std::string>> machines_;
    std::set<std::string> things_;
};

// Once production was touched it is the ring that the change keeps.
const RingRecord* production_of(const Change& change, const Records& records) {
    if (const auto* deployed = last_run(change, RunPurpose::deployment))
        if (const auto* kept = kept_ring(change, *deployed))
            return kept;
    const auto known = records.rings.find(change.production_ring);
    return known == records.rings.end() ? nullptr : &known->second;
}

} // namespace

std::string ring_for(const Change& change, RunPurpose purpose) {
    return on_production(purpose) ? change.production_ring : change.test_ring;
}

std::string ring_concerned(const Change& change, std::string_view command, const Json& body) {
    if (command == "roll_back")
        return ring_for(change, RunPurpose::rollback);
    if (command == "start_run") {
        const auto purpose = from_text<RunPurpose>(text_or_empty(body, "purpose"));
        return purpose ? ring_for(change, *purpose) : std::string{};
    }
    if (command != "run_smoke" && command != "record_smoke")
        return {};
    const auto occasion = from_text<SmokeOccasion>(text_or_empty(body, "occasion"));
    return occasion ? ring_for(change, run_tested_on(*occasion)) : std::string{};
}

std::set<std::string> touched_on_production(const Change& change, const Records& records) {
    const auto* ring = production_of(change, records);
    Touched touched(change.production_ring, ring);
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{}) {
        touched.item(scoped.ci);
        if (const auto host = host_of(scoped, records); !host.empty())
            touched.host(host);
    }
    const auto variables =
        ring ? host_variables(change, change.production_ring, *ring) : Variables{};
    for (const auto& [purpose, runbook] : change.runbooks) {
        for (const auto* list : {&runbook.steps, &runbook.undo})
            for (const auto& step : *list)
                touched.named(step.host, variables);
        for (const auto& host : runbook.smoke_hosts)
            touched.named(host, variables);
    }
    return std::move(touched).things();
}

const Run* own_run_before(const Change& change, const Run& run) {
    const Run* before = nullptr;
    for (const auto& one : change.runs) {
        if (one.id == run.id)
            break;
        if (one.ring == run.ring)
            before = &one;
    }
    return before;
}

std::optional<std::uint64_t> next_ring_turn(const Facts& facts) {
    return facts.ring_uses.empty() ? std::nullopt
                                   : std::optional(facts.ring_uses.front().turns + 1);
}

Result<void> require_ring_free(const Facts& facts, std::string_view gate) {
    auto runs = other_runs(facts);
    std::erase_if(runs, [](const OtherRun& run) { return !is_at_work(run); });
    if (runs.empty())
        return {};
    return refuse(
        runs.front(), "the ring is in use by another change", gate,
        runs.front().left ? "a step of an aborted run of another change is at work on its machines"
                          : "a run of another change is under way on its machines"
    );
}

Result<void> require_nothing_touched(const Change& change, const Facts& facts) {
    auto runs = runs_in_the_way(change, facts);
    std::erase_if(runs, [](const OtherRun& run) { return !is_at_work(run); });
    if (runs.empty())
        return {};
    return refuse(
        runs.front(), "another change is at work on the same machines", "run-exact",
        runs.front().left ? "a step of an aborted run of another change touches the same"
                          : "a run of another change that touches the same is under way"
    );
}

std::vector<std::string>
left_where_it_begins(const Change& change, const Run& run, const Facts& facts) {
    std::vector<std::string> left;
    for (const auto& other :
         on_production(run.purpose) ? runs_in_the_way(change, facts) : other_runs(facts))
        if (other.left)
            left.push_back(
                fmt::format("{} of {} of {}", other.left->step, other.run.value, other.change.value)
            );
    for (const auto& own : steps_left_beside(change, run.ring, run.executor, facts.now))
        left.push_back(fmt::format("{} of {}", own.left.step, own.run->id.value));
    return left;
}

void say_others(Decider& decider) {
    for (const auto& run : runs_in_the_way(decider.change(), decider.facts()))
        decider.say(fmt::format(
            "also under way, and touching the same: {}; its owner is {}", where_it_runs(run),
            run.owner.value
        ));
}

void call_others(Decider& decider, const RunId& begun) {
    const auto& change = decider.change();
    for (const auto& run : runs_in_the_way(change, decider.facts()))
        page(
            decider, run.owner,
            fmt::format("{} goes back beside your {}", change.id.value, run.change.value),
            fmt::format(
                "{}\n{} of {} began. Also under way, and touching the same: {}.\n{}\n",
                change.title, begun.value, change.id.value, where_it_runs(run), how_to_end(run)
            )
        );
}

std::uint64_t other_runs_since(const Change& change, const Run& run, std::uint64_t turn) {
    if (!run.ring_turn || turn <= *run.ring_turn)
        return 0;
    const auto own = std::count_if(change.runs.begin(), change.runs.end(), [&](const Run& one) {
        return one.ring == run.ring && one.ring_turn && *one.ring_turn > *run.ring_turn &&
               *one.ring_turn <= turn;
    });
    return turn - *run.ring_turn - static_cast<std::uint64_t>(own);
}

} // namespace slipway::domain
