// SPDX-License-Identifier: Apache-2.0
// A gate is a named predicate that must hold before a step or a transition. It is a pure function
// of the change and of facts that were gathered first; it never calls out. It says no with reasons,
// and each reason names what was looked at and how to mend it. The ids and what each refuses are
// those of docs/reference/gates.md; one file of this folder holds the gates of one phase of the
// checklist.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/change/change.hpp"
#include "domain/change/facts.hpp"

namespace slipway::domain {

SLIPWAY_ENUM(Verdict, pass, fail, waived, postponed, not_applicable)

// A fact that a gate looked at, with where it came from and how old it is.
struct FactUsed {
    std::string name;
    std::string source;
    std::optional<Time> at;

    SLIPWAY_FIELDS {
        visit("name", self.name);
        visit("source", self.source);
        visit("at", self.at);
    }
};

struct GateResult {
    std::string gate;
    StepId step;
    Verdict verdict{Verdict::pass};
    std::vector<Reason> reasons;       // why it says no
    std::vector<std::string> warnings; // it passes, but somebody should know
    std::vector<FactUsed> facts;
    std::string waiver; // id, when waived

    SLIPWAY_FIELDS {
        visit("gate", self.gate);
        visit("step", self.step);
        visit("verdict", self.verdict);
        visit("reasons", self.reasons);
        visit("warnings", self.warnings);
        visit("facts", self.facts);
        visit("waiver", self.waiver);
    }
};

// What a gate function fills in.
class GateFindings {
  public:
    explicit GateFindings(std::string_view gate) : gate_(gate) {}

    // `evidence` is what was looked at, `remedy` how to mend it; both are whole phrases.
    void
    refuse(std::string_view field, std::string message, std::string evidence, std::string remedy);
    void warn(std::string message);
    void looked_at(std::string name, std::string source, std::optional<Time> at = {});

    std::vector<Reason> reasons;
    std::vector<std::string> warnings;
    std::vector<FactUsed> facts;

  private:
    std::string_view gate_;
};

struct GateRow {
    std::string_view id;      // "rfc-specific"
    StepKind step;            // the kind of step that carries it
    std::string_view refuses; // one line for people: what it says no to
    void (*look)(const Change& change, const Facts& facts, GateFindings& findings);
};

// In the order of the checklist.
std::span<const GateRow> gate_table();
const GateRow* find_gate(std::string_view id);
bool has_gate(StepKind kind);
bool is_before_execution(const GateRow& gate); // asked again before production is touched
bool is_asked_at_closure(const GateRow& gate); // and these when the change is closed
// What a policy may name (domain::read_policy).
std::set<std::string_view> gate_ids();

// The verdict as of now: what the gate itself says, and what a waiver or a postponement makes of
// it.
GateResult evaluate(const GateRow& gate, const Change& change, const Facts& facts);
// Every gate, in the order of the checklist. No reason stands in two of them: a gate that depends
// on earlier ones names these (field "gates") instead of repeating what they say. Of a change that
// is over no reason has a remedy: every command that would mend it is refused.
std::vector<GateResult> evaluate_all(const Change& change, const Facts& facts);
// What speaks against touching production at this moment (run-exact): that it is outside of the
// window, said as `message`, and what the board still waits for.
std::optional<Reason> outside_window(const Change& change, const Facts& facts, std::string message);
std::vector<Reason> open_conditions(const Change& change);
// Those gates that must hold before production is touched, and do not.
std::vector<Reason> not_ready(const Change& change, const Facts& facts);

// Warns of the steps of aborted runs that may have been at work on its machines beside the run.
void warn_of_steps_left(const Run& run, GateFindings& findings);

// The gates, one declaration each; defined in planning.cpp, validation.cpp, review.cpp,
// deployment.cpp and closure.cpp.
namespace gates {
using Function = void(const Change&, const Facts&, GateFindings&);
Function rfc_specific, impact_traced, rollback_runbook, classification, window;
Function ring_parity, ring_deployed, smoke_staging, backup_restorable, rollback_rehearsed, defects;
Function cab_lead_time, cab_decision, notice, oncall;
Function snapshot, preflight, run_exact, smoke_production, rollback_done;
Function stabilised, pir, cmdb_updated, closure;
} // namespace gates

} // namespace slipway::domain
