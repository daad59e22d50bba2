// SPDX-License-Identifier: Apache-2.0
#include "domain/change/run_start.hpp"

#include "domain/change/aborted_steps.hpp"
#include "domain/change/approved_ring.hpp"
#include "domain/change/decision.hpp"
#include "domain/change/ring_use.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/way_back.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain {

namespace {

// Who goes back is never held up.
Result<void> require_no_step_left(const Change& change, const StartRun& body, const Facts& facts) {
    if (body.purpose == RunPurpose::rollback)
        return {};
    const auto ring = ring_for(change, body.purpose);
    for (const auto& [run, left] : steps_left_beside(change, ring, body.executor, facts.now))
        if (left.ends_by)
            return fail_blocked(
                "an aborted run of this change is still at work",
                {{"run-exact", "runs",
                  fmt::format("{} of {} has not ended", left.step, run->id.value),
                  fmt::format("on {}, {}", run->ring, to_text(run->state)),
                  how_it_ends(change.id, run->id, left)}}
            );
    return {};
}

// `runs`: of that runbook itself; else it is only to be there.
std::string how_without_stored(const Change& change, RunPurpose purpose, bool runs) {
    std::string how = "Restore the database from a backup (slipway verify DATA names what else was "
                      "altered)";
    if (runs)
        how += fmt::format(
            ", or run your own copy of it and report that: give --executor external{}",
            purpose == RunPurpose::rollback ? "" : " and --digest"
        );
    if (runs && purpose == RunPurpose::rollback && !snapshots_back(change).empty())
        how += "; or go back without it: " + command_to_snapshots(change);
    return how;
}

// The runner hashes what it runs, and would stop at the first step. What runs elsewhere is not read
// from our store.
Result<void>
require_stored(const Change& change, RunPurpose purpose, const Facts& facts, bool runs = true) {
    const auto kind = runbook_for(purpose);
    const auto* runbook = runbook_of(change, kind);
    if (runbook == nullptr)
        return {};
    for (const auto& altered : facts.altered_runbooks)
        if (altered.pinned == runbook->digest)
            return fail_blocked(
                "other bytes than the approved ones never run",
                {{"run-exact", fmt::format("runbooks.{}", to_text(kind)),
                  "the stored runbook is not the pinned one",
                  fmt::format("pinned {}, stored {}", altered.pinned.hex(), altered.stored),
                  how_without_stored(change, purpose, runs)}}
            );
    return {};
}

} // namespace

Result<void> require_runbook(const Change& change, RunPurpose purpose) {
    if (runbook_of(change, runbook_for(purpose)))
        return {};
    // Runbooks stand still since production was touched.
    auto remedy = deployment_begun(change) ? how_to_go_back_or_stay(change)
                                           : std::string("Pin it with pin_runbook");
    return fail_blocked(
        "there is no runbook to run",
        {{"run-exact", "runbook", "no runbook is pinned for this purpose",
          std::string(to_text(runbook_for(purpose))), std::move(remedy)}}
    );
}

Result<void> may_start(const Change& change, const StartRun& body, const Facts& facts) {
    TRY(require_runbook(change, body.purpose));
    const auto* runbook = runbook_of(change, runbook_for(body.purpose));
    if (body.digest && *body.digest != runbook->digest)
        return fail_blocked(
            "other bytes than the approved ones never run",
            {{"run-exact", "digest", "this is not the pinned runbook",
              fmt::format("asked {}, pinned {}", body.digest->hex(), runbook->digest.hex()),
              "Pin those bytes and have them approved, or run the pinned ones"}}
        );
    // Our own runner hashes what it runs; of another runner somebody has to say it.
    if (!body.digest && body.purpose == RunPurpose::deployment &&
        body.executor == Executor::external)
        return fail_blocked(
            "nobody says which bytes will run",
            {{"run-exact", "digest", "a deployment that is run elsewhere names its bytes",
              "pinned " + runbook->digest.hex(),
              "Give the SHA-256 of the file that will be run, with --digest"}}
        );
    if (body.executor == Executor::local)
        TRY(require_stored(change, body.purpose, facts));
    // Where nobody could go back nobody begins. What runs elsewhere goes back from there.
    if (body.executor == Executor::local && body.purpose == RunPurpose::deployment)
        TRY(require_stored(change, RunPurpose::rollback, facts, false));
    if (const auto most = room_for_runs(on_production(body.purpose)); change.runs.size() >= most)
        return fail_full("purpose", "runs", most);
    for (const auto& run : change.runs)
        if (is_active(run))
            return fail_blocked(
                "another run of this change is going on",
                {{"run-exact", "runs", run.id.value + " has not ended",
                  std::string(to_text(run.state)),
                  fmt::format(
                      "Let it end, or abort it with decide_run --run {} --choice abort --reason "
                      "WHY",
                      run.id.value
                  )}}
            );
    TRY(require_no_step_left(change, body, facts));
    const auto ring = ring_for(change, body.purpose);
    if (!facts.records->rings.contains(ring))
        return fail_blocked(
            "there is no ring to run on",
            {{"run-exact", on_production(body.purpose) ? "production_ring" : "test_ring",
              "the change names no known ring", ring, "Name it with assign"}}
        );
    if (on_production(body.purpose))
        return {};
    TRY(require_ring_free(facts, "run-exact"));
    return require_no_production(ring, facts);
}

Result<void> may_deploy(const Change& change, const Facts& facts) {
    if (deployment_begun(change) &&
        (last_run(change, RunPurpose::deployment)->state == RunState::succeeded ||
         !change.failed_because.empty()))
        return fail_blocked(
            "the deployment has already run",
            {{"run-exact", "runs", "an approval is for one deployment",
              last_run(change, RunPurpose::deployment)->id.value, "Open a new change"}}
        );
    auto reasons = not_ready(change, facts);
    if (!reasons.empty())
        return fail_blocked("production may not be touched now", std::move(reasons));
    return require_nothing_touched(change, facts);
}

} // namespace slipway::domain
