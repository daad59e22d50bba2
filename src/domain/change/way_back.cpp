// SPDX-License-Identifier: Apache-2.0
#include "domain/change/way_back.hpp"

#include <algorithm>
#include <map>

#include "domain/change/production_hosts.hpp"
#include "domain/change/reverts.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain {

namespace {

bool is_under_way(const Change& change) {
    return !hosts_going_back(change).empty() ||
           std::any_of(change.runs.begin(), change.runs.end(), [](const Run& run) {
               return is_active(run) && on_production(run.purpose);
           });
}

std::string goes_back_already(const Change& change, const Run& run) {
    return fmt::format(
        "{} goes back already: slipway run follow {}", run.id.value, change.id.value
    );
}

// With somebody's word for it.
std::string how_to_stay(const Change& change) {
    const auto& id = change.id.value;
    const auto* run = last_run(change, RunPurpose::deployment);
    if (run != nullptr && run->state == RunState::succeeded && change.failed_because.empty())
        return fmt::format(
            "mend it and test it: slipway change run_smoke {0} --occasion production; or have that "
            "waived: slipway change request_waiver {0} --gate smoke-production --reason TEXT",
            id
        );
    const auto abort =
        run != nullptr && is_active(*run)
            ? fmt::format(
                  "end the run: slipway change decide_run {} --run {} --choice abort --reason WHY; "
                  "then ",
                  id, run->id.value
              )
            : std::string();
    return fmt::format(
        "{}put production right by hand and have rollback-done waived: {}", abort,
        waiver_of_going_back(change)
    );
}

} // namespace

WayBack way_back_of(const Change& change, const Facts& facts) {
    if (change.failed_because.empty())
        return WayBack::not_failed;
    if (is_under_way(change))
        return WayBack::under_way;
    if (rolled_back_at(change))
        return WayBack::back;
    const auto verdict = evaluate(*find_gate("rollback-done"), change, facts).verdict;
    return verdict == Verdict::waived || verdict == Verdict::not_applicable ? WayBack::given_up
                                                                            : WayBack::open;
}

const Run* run_going_back(const Change& change) {
    for (const auto& run : change.runs) {
        const bool undone = run.purpose == RunPurpose::deployment && !run.undo.empty() &&
                            run.state == RunState::running;
        if (undone || (run.purpose == RunPurpose::rollback && is_active(run)))
            return &run;
    }
    return nullptr;
}

bool failed_and_not_back(const Change& change) {
    return !change.failed_because.empty() && !rolled_back_at(change);
}

std::vector<Snapshot> snapshots_back(const Change& change, const std::string& host) {
    const auto* deployed = last_run(change, RunPurpose::deployment);
    if (deployed == nullptr)
        return {};
    const bool again = !host.empty() || rolled_back_at(change).has_value();
    std::map<std::string, Snapshot> newest;
    for (const auto& known : change.snapshots)
        if (is_there(known) && is_automatic(known) && known.read_back &&
            known.tag == change.id.value && known.taken_at &&
            *known.taken_at <= deployed->started_at && (host.empty() || host == known.host) &&
            (again || went_back_to(change, known.host) == nullptr))
            newest.insert_or_assign(known.host, known);
    std::vector<Snapshot> found;
    for (auto& [name, snapshot] : newest)
        found.push_back(std::move(snapshot));
    return found;
}

std::string command_to_snapshots(const Change& change) {
    return fmt::format("slipway change revert_snapshot {} --reason WHY", change.id.value);
}

std::string command_to_go_back(const Change& change) {
    if (runbook_of(change, RunbookPurpose::rollback))
        return fmt::format("slipway change roll_back {} --reason WHY", change.id.value);
    return snapshots_back(change).empty() ? std::string() : command_to_snapshots(change);
}

std::string or_go_back(const Change& change) {
    if (const auto* run = run_going_back(change))
        return "; " + goes_back_already(change, *run);
    const auto command = command_to_go_back(change);
    return command.empty() ? command : ", or go back: " + command;
}

std::string how_to_go_back(const Change& change) {
    if (const auto* run = run_going_back(change))
        return goes_back_already(change, *run);
    const auto command = command_to_go_back(change);
    if (command.empty())
        return "No runbook and no snapshot leads back: " + how_to_stay(change);
    const bool both =
        runbook_of(change, RunbookPurpose::rollback) && !snapshots_back(change).empty();
    return fmt::format(
        "Go back: {}{}", command,
        both ? "; or to the snapshots: " + command_to_snapshots(change) : ""
    );
}

std::string how_to_go_back_or_stay(const Change& change) {
    auto how = how_to_go_back(change);
    if (!command_to_go_back(change).empty() && run_going_back(change) == nullptr)
        how += ". If nobody goes back, " + how_to_stay(change);
    return how;
}

std::string waiver_of_going_back(const Change& change) {
    return fmt::format(
        "slipway change request_waiver {} --gate rollback-done --reason TEXT", change.id.value
    );
}

} // namespace slipway::domain
