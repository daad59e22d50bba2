// SPDX-License-Identifier: Apache-2.0
// The workflows and the policy in force. Files of the installation are read once, at start, and a
// malformed one stops it with file, line and reason. A workflow that a change was opened with is
// kept in the store as a record, so that the change keeps it whatever becomes of the file.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "app/ports/store.hpp"
#include "base/jq.hpp"
#include "domain/change/change.hpp"
#include "domain/policy/policy.hpp"
#include "domain/workflow/workflow.hpp"

namespace slipway::app {

struct WorkflowText {
    std::shared_ptr<const domain::Workflow> workflow;
    std::string yaml;
};

// What the conditions of a change looked at, and the steps whose condition held.
struct ApplicableSteps {
    std::string context;
    std::shared_ptr<const std::set<StepId>> steps; // null when nothing was looked at yet
};

class Library {
  public:
    // Reads workflows/*.yaml and policies/default.yaml below `directory`.
    static Result<std::unique_ptr<Library>> open(const std::string& directory);

    const domain::Policy& policy() const { return policy_; }

    std::vector<std::string> workflow_names() const;
    // The version to open a new change with. Errors: invalid_input naming the known ones.
    Result<WorkflowText> newest(const std::string& name) const;
    // The version a change was opened with. Errors: internal when the record is gone or altered.
    Result<std::shared_ptr<const domain::Workflow>>
    of(Store& store, const TenantId& tenant, const domain::WorkflowRef& ref);
    // The steps whose `when` holds for the change. `before` is what was found for an earlier state
    // of the same change: mostly its conditions look at nothing that has changed since. Errors:
    // blocked, with workflow, version, step and expression, when a condition cannot be asked;
    // unavailable when it is not answered in time.
    Result<ApplicableSteps> applicable(
        const domain::Workflow& workflow, const domain::Change& change,
        const ApplicableSteps& before
    );

  private:
    Library() = default;

    std::map<std::string, WorkflowText> by_name_;
    domain::Policy policy_;
    std::mutex mutex_;
    std::map<Digest, std::shared_ptr<const domain::Workflow>> by_digest_;
    ExpressionCache expressions_;
};

// The record under which a version is kept: kind "workflow", id "release-v3".
StreamKey workflow_key(const TenantId& tenant, const std::string& name, std::uint32_t version);

} // namespace slipway::app
