// SPDX-License-Identifier: Apache-2.0
#include "app/library.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/unreadable.hpp"
#include "domain/change/steps.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::app {

namespace {

Result<std::string> read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    if (!file || !(bytes << file.rdbuf()))
        return fail(ErrorCode::invalid_input, "cannot read " + path.string());
    return bytes.str();
}

// A condition that cannot be asked is the fault of the workflow, whoever came upon it. One that is
// not answered in time mostly is not: then it helps to try again, and nothing is refused for good.
tl::unexpected<Error>
condition_failed(const domain::Workflow& workflow, const domain::Step& step, const Error& error) {
    const auto message = fmt::format(
        "the workflow {} cannot say whether its step {} applies", workflow.name, step.id.value
    );
    if (error.code == ErrorCode::timeout) {
        Error late{
            ErrorCode::unavailable,
            fmt::format(
                "{} at this moment: {}. Try again; if it stays so, give the workflow a condition "
                "that is quickly answered, and a new version",
                message, error.message
            ),
            step.when};
        late.retry_after_ms = 1000;
        return tl::unexpected(std::move(late));
    }
    return fail_blocked(
        message,
        {{"workflow", fmt::format("steps.{}.when", step.id.value),
          "the condition fails: " + error.message,
          fmt::format("{} version {}: {}", workflow.name, workflow.version, step.when),
          "Mend the condition in the workflow, give that a new version, and open a new change with "
          "it; a change keeps the version that it was opened with"}}
    );
}

Result<bool> ask(ExpressionCache& expressions, const std::string& condition, const Json& context) {
    const auto program = TRY(expressions.get(condition));
    auto holds = program.holds(context);
    // Conditions take microseconds, so the second time is almost always in time.
    if (!holds && holds.error().code == ErrorCode::timeout)
        holds = program.holds(context);
    return holds;
}

} // namespace

StreamKey workflow_key(const TenantId& tenant, const std::string& name, std::uint32_t version) {
    return {tenant, "workflow", fmt::format("{}-v{}", name, version)};
}

Result<std::unique_ptr<Library>> Library::open(const std::string& directory) {
    namespace fs = std::filesystem;
    std::unique_ptr<Library> library(new Library);
    const fs::path root(directory);
    std::error_code failed;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(root / "workflows", failed))
        if (entry.path().extension() == ".yaml")
            files.push_back(entry.path());
    if (files.empty())
        return fail(ErrorCode::invalid_input, "no workflow in " + (root / "workflows").string());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        auto yaml = TRY(read_file(file));
        auto workflow = std::make_shared<const domain::Workflow>(
            TRY(domain::read_workflow(yaml, file.filename().string()))
        );
        library->by_digest_[workflow->digest] = workflow;
        auto& newest = library->by_name_[workflow->name];
        if (!newest.workflow || newest.workflow->version < workflow->version)
            newest = {workflow, std::move(yaml)};
    }
    const auto policy = TRY(read_file(root / "policies" / "default.yaml"));
    library->policy_ = TRY(domain::read_policy(policy, "default.yaml", domain::gate_ids()));
    return library;
}

std::vector<std::string> Library::workflow_names() const {
    std::vector<std::string> names;
    for (const auto& [name, text] : by_name_)
        names.push_back(name);
    return names;
}

Result<WorkflowText> Library::newest(const std::string& name) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end())
        return fail_field(
            "workflow",
            fmt::format(
                "there is no workflow {}; known: {}", name, fmt::join(workflow_names(), ", ")
            )
        );
    return found->second;
}

Result<std::shared_ptr<const domain::Workflow>>
Library::of(Store& store, const TenantId& tenant, const domain::WorkflowRef& ref) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = by_digest_.find(ref.digest); found != by_digest_.end())
            return found->second;
    }
    const auto record = TRY(store.load(workflow_key(tenant, ref.name, ref.version)));
    const auto json = parse_json(record.state);
    if (!json)
        return unreadable_state(record.key, json.error());
    const auto yaml = text_or_empty(*json, "yaml");
    auto workflow =
        std::make_shared<const domain::Workflow>(TRY(domain::read_workflow(yaml, ref.name)));
    if (workflow->digest != ref.digest)
        return fail(
            ErrorCode::internal, "the stored workflow is not the one the change was opened with",
            ref.name
        );
    const std::lock_guard lock(mutex_);
    by_digest_[ref.digest] = workflow;
    return workflow;
}

Result<ApplicableSteps> Library::applicable(
    const domain::Workflow& workflow, const domain::Change& change, const ApplicableSteps& before
) {
    ApplicableSteps found{domain::when_context(change), {}};
    // Conditions see a small document that rarely changes, and running jq costs more than
    // comparing it.
    if (before.steps && before.context == found.context)
        return before;
    const auto context = TRY(parse_json(found.context));
    std::set<StepId> steps;
    for (const auto* step : domain::steps_of(workflow)) {
        if (!step->when.empty()) {
            const auto holds = ask(expressions_, step->when, context);
            if (!holds)
                return condition_failed(workflow, *step, holds.error());
            if (!*holds)
                continue;
        }
        steps.insert(step->id);
    }
    found.steps = std::make_shared<const std::set<StepId>>(std::move(steps));
    return found;
}

} // namespace slipway::app
