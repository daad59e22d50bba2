// SPDX-License-Identifier: Apache-2.0
// Every threshold of every gate, as data (policies/*.yaml). The values here are the defaults of
// policies/default.yaml, so a file may name only what it changes. Each decision keeps the policy's
// digest, so that an auditor can tell which rules were in force.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.hpp"
#include "domain/identity/roles.hpp"

namespace slipway::domain {

using namespace std::chrono_literals;

struct Policy {
    std::string name = "default";
    Digest digest; // of the file's bytes

    // rfc-specific
    std::uint32_t summary_words_min = 8;
    std::vector<std::string> vague_phrases = {"upgrade middleware",  "various fixes",
                                              "minor changes",       "apply updates",
                                              "general maintenance", "routine maintenance",
                                              "misc changes",        "update system",
                                              "as discussed",        "bug fixes"};
    // impact-traced
    Span ci_stale_after = 90 * 24h;
    std::uint32_t impact_depth = 6;
    Span job_after_window = 12h; // a job whose next run is this soon after the window counts
    // classification
    std::uint32_t standard_approvals = 2;    // people who stand behind a catalogue entry
    std::uint32_t standard_failures_max = 0; // of the catalogue entry's last ten runs
    // window
    Span window_max = 24h;
    Span smoke_reserve = 15min; // kept for smoke tests after a rollback
    std::string friday_evening_from = "16:00";
    // ring and rehearsal
    Span ring_deploy_valid_for = 30 * 24h;
    Span rehearsal_valid_for = 14 * 24h;
    Span parity_valid_for = 7 * 24h;
    Span ring_facts_age_max = 30 * 24h;
    // preflight
    Span preflight_valid_for = 24h;
    // backup-restorable
    Span backup_age_max = 24h;
    Span restore_proof_age_max = 7 * 24h;
    Span fresh_backup_before_window = 4h; // for a database
    // defects
    std::vector<std::string> defect_severities = {"blocker", "critical"};
    // cab
    std::uint32_t quorum = 2;
    std::uint32_t emergency_quorum = 2;
    Span retrospective_review_within = 72h;
    Span owed_step_within = 72h;
    // notice
    Span notice_ahead = 24h;
    Span emergency_notice_ahead = 0s;
    // run-exact: the clock of a deployment that is under way
    Span abort_by_margin = 5min;    // kept beside what the rollback took when it was rehearsed
    Span abort_by_lead = 15min;     // who is called is called this long ahead
    Span window_extension_max = 1h; // all extensions of one window together
    // snapshot
    Span snapshot_age_max = 4h;
    Span snapshot_expires_after = 7 * 24h;
    Span snapshot_longest = 30 * 24h;   // with every extension
    Span snapshot_reminder_ahead = 24h; // of its removal
    Span snapshot_measured_every = 24h; // its size
    // stabilised
    Span stabilisation = 48h;
    // waivers
    Span waiver_longest = 30 * 24h;
    std::vector<std::string> never_waived = {
        "run-exact", "cab-decision", "classification", "rfc-specific", "closure"};
    std::vector<Role> waiver_roles = {Role::change_manager, Role::cab_chair};

    SLIPWAY_FIELDS {
        visit("name", self.name, required("name of the policy"));
        visit("summary_words_min", self.summary_words_min);
        visit("vague_phrases", self.vague_phrases);
        visit("ci_stale_after", self.ci_stale_after);
        visit("impact_depth", self.impact_depth);
        visit("job_after_window", self.job_after_window);
        visit("standard_approvals", self.standard_approvals);
        visit("standard_failures_max", self.standard_failures_max);
        visit("window_max", self.window_max);
        visit("smoke_reserve", self.smoke_reserve);
        visit("friday_evening_from", self.friday_evening_from);
        visit("ring_deploy_valid_for", self.ring_deploy_valid_for);
        visit("rehearsal_valid_for", self.rehearsal_valid_for);
        visit("parity_valid_for", self.parity_valid_for);
        visit("ring_facts_age_max", self.ring_facts_age_max);
        visit("preflight_valid_for", self.preflight_valid_for);
        visit("backup_age_max", self.backup_age_max);
        visit("restore_proof_age_max", self.restore_proof_age_max);
        visit("fresh_backup_before_window", self.fresh_backup_before_window);
        visit("defect_severities", self.defect_severities);
        visit("quorum", self.quorum);
        visit("emergency_quorum", self.emergency_quorum);
        visit("retrospective_review_within", self.retrospective_review_within);
        visit("owed_step_within", self.owed_step_within);
        visit("notice_ahead", self.notice_ahead);
        visit("emergency_notice_ahead", self.emergency_notice_ahead);
        visit("abort_by_margin", self.abort_by_margin);
        visit("abort_by_lead", self.abort_by_lead);
        visit("window_extension_max", self.window_extension_max);
        visit("snapshot_age_max", self.snapshot_age_max);
        visit("snapshot_expires_after", self.snapshot_expires_after);
        visit("snapshot_longest", self.snapshot_longest);
        visit("snapshot_reminder_ahead", self.snapshot_reminder_ahead);
        visit("snapshot_measured_every", self.snapshot_measured_every);
        visit("stabilisation", self.stabilisation);
        visit("waiver_longest", self.waiver_longest);
        visit("never_waived", self.never_waived);
        visit("waiver_roles", self.waiver_roles);
    }
};

// Reads a policy file. `gates` are the ids that there are. Errors: invalid_input with every value
// that no gate could follow, each as `file:line: field: reason`.
Result<Policy> read_policy(
    std::string_view text, std::string_view file_name, const std::set<std::string_view>& gates
);

} // namespace slipway::domain
