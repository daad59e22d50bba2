// SPDX-License-Identifier: Apache-2.0
// A Scenario carries out commands by name for different people, as the server would: it gathers the
// facts, keeps the events, and after every command checks that replaying the events' JSON gives the
// very bytes of the decided state. The functions below it are the honest way through a life, one
// stage each. Nothing here is linked into a program.
#pragma once

#include "domain/change/command_table.hpp"
#include "domain/change/decision.hpp"
#include "domain/change/testing/tenant.hpp"

namespace slipway::domain::testing {

struct StoredEvent {
    std::string type;
    std::string data;
    Stamp stamp;
};

class Scenario {
  public:
    explicit Scenario(const Workflow& workflow = release_workflow());

    // The decision alone, without the permission that the server would ask for first.
    Result<Decision> decide(std::string_view person, std::string_view command, const Json& body);
    // Carries it out when it is not refused.
    Result<void> attempt(std::string_view person, std::string_view command, const Json& body);
    // For the honest way: a refusal, or a missing permission, fails the test.
    void does(std::string_view person, std::string_view command, std::string_view body = "{}");
    // For refusals: acceptance fails the test. Checks (f): each refusal says something.
    Error refused(std::string_view person, std::string_view command, std::string_view body = "{}");
    void complete(std::string_view person, std::string_view step);
    void pin(std::string_view person, const RunbookFile& file, std::string_view purpose);
    // Starts a run with executor external and brings it to its end; pia takes its decisions.
    void run(std::string_view person, std::string_view purpose);
    void smoke(std::string_view person, std::string_view occasion, bool passed = true);

    void wait_until(std::string_view time) { now = at(time); }

    Facts facts(std::string_view person) const;
    bool has_said(std::string_view part) const;

    Change change;
    Change replayed; // what the events alone add up to
    Time now;
    Records records = complete_records();
    Policy policy;
    const Workflow* workflow;
    std::vector<OtherChange> others;
    std::map<std::string, RingUse> ring_uses; // by ring
    std::map<std::string, RunbookFile> files; // by digest
    std::vector<StoredEvent> events;
    std::vector<TaskDraft> tasks;
    std::vector<TaskInHand> in_hand; // what the worker has not done yet
    std::vector<std::string> said;

  private:
    void keep(Decision decision, const Facts& facts);
    mutable std::shared_ptr<const Records> shared_;
    mutable std::uint64_t shared_version_ = 0;
};

std::string explain(const Error& error);
const Reason& first(const Error& error); // an empty one where there is none
// The body of start_run for a deployment of this file by another runner.
std::string deployment_elsewhere(const RunbookFile& file = deployment_file());

// Each continues where the one before ends; the last line says where the clock then stands.
void open(Scenario& s); // opening; people, rings and roster are named
void plan(Scenario& s, std::string_view type = "normal"); // phase 1 complete
void validate(Scenario& s);                               // phase 2 complete
void take_to_cab(Scenario& s);      // submitted in time, approved at the meeting, step complete
void announce(Scenario& s);         // notice delivered, on-call acknowledged; a day to go
void make_ready(Scenario& s);       // backup and snapshot fresh; the window has begun
void deploy(Scenario& s);           // the deployment has run and its step is complete
void stabilise(Scenario& s);        // smoke tests passed, 72 hours went by
void wind_up(Scenario& s);          // review and CMDB complete; only closing is left
void report_rollback(Scenario& s);  // the one that has begun runs to its end
void tell_of_rollback(Scenario& s); // notice delivered
void review_failure(Scenario& s);   // with an action; CMDB complete
Owed owed_review(Time since);       // a retrospective review that is due at once
void record_backup(Scenario& s);    // proven for every item of the scope, one hour ago
void report_snapshots(Scenario& s);

// A normal change after these stages; each is built once, and a test works on its own copy.
const Scenario& queued();   // on the agenda, in time
const Scenario& approved(); // the CAB has decided
const Scenario& ready();    // in the window, with everything done
const Scenario& deployed();
const Scenario& settled(); // only closing is left

} // namespace slipway::domain::testing
