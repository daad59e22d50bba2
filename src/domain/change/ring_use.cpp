// SPDX-License-Identifier: Apache-2.0
#include "domain/change/ring_use.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "domain/change/paging.hpp"
#include "domain/change/production_hosts.hpp"

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

std::string where_it_runs(const OtherRun& run) {
    return fmt::format(
        "{} of {} on {}, since {}", run.run.value, run.change.value, run.ring, to_text(run.began)
    );
}

tl::unexpected<Error>
refuse(const OtherRun& run, std::string message, std::string_view gate, std::string reason) {
    return fail_blocked(
        std::move(message),
        {{std::string(gate), "runs", std::move(reason), where_it_runs(run),
          fmt::format(
              "Let it end, or have it aborted (slipway change decide_run {} --run {} --choice "
              "abort --reason WHY); its owner is {}",
              run.change.value, run.run.value, run.owner.value
          )}}
    );
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
    std::set<std::string> touched;
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{}) {
        touched.insert("item " + scoped.ci.value);
        if (const auto host = host_of(scoped, records); !host.empty())
            touched.insert("host " + host);
    }
    for (const auto& [purpose, runbook] : change.runbooks)
        for (const auto& step : runbook.steps)
            if (!step.host.empty())
                touched.insert("host " + step.host);
    return touched;
}

std::optional<std::uint64_t> next_ring_turn(const Facts& facts) {
    return facts.ring_uses.empty() ? std::nullopt
                                   : std::optional(facts.ring_uses.front().turns + 1);
}

Result<void> require_ring_free(const Facts& facts, std::string_view gate) {
    if (const auto runs = other_runs(facts); !runs.empty())
        return refuse(
            runs.front(), "the ring is in use by another change", gate,
            "a run of another change is under way on its machines"
        );
    return {};
}

Result<void> require_nothing_touched(const Change& change, const Facts& facts) {
    if (const auto runs = runs_in_the_way(change, facts); !runs.empty())
        return refuse(
            runs.front(), "another change is at work on the same machines", "run-exact",
            "a run of another change that touches the same is under way"
        );
    return {};
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
                "{}\n{} of {} began. Also under way, and touching the same: {}.\nTo stop that one: "
                "slipway change decide_run {} --run {} --choice abort --reason WHY\n",
                change.title, begun.value, change.id.value, where_it_runs(run), run.change.value,
                run.run.value
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
