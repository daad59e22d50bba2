// SPDX-License-Identifier: Apache-2.0
// The workflows and the policy in force. Files of the installation are read once, at start, and a
// malformed one stops it with file, line and reason. A workflow that a change was opened with is
// kept in the store as a record, so that the change keeps it whatever becomes of the file.
#pragma once

#include <map>
#include <memory>
#include <mutex>
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
    // The steps whose `when` holds for the change.
    Result<std::set<StepId>>
    applicable(const domain::Workflow& workflow, const domain::Change& change);

  private:
    Library() = default;

    std::map<std::string, WorkflowText> by_name_;
    domain::Policy policy_;
    std::mutex mutex_;
    std::map<Digest, std::shared_ptr<const domain::Workflow>> by_digest_;
    ExpressionCache expressions_;
    std::map<Digest, bool> answers_; // of a condition for a context; emptied when it is full
};

// The record under which a version is kept: kind "workflow", id "release-v3".
StreamKey workflow_key(const TenantId& tenant, const std::string& name, std::uint32_t version);

} // namespace slipway::app
