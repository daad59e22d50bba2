// SPDX-License-Identifier: Apache-2.0
#include "store/bundle/approved_runs.hpp"

#include <fmt/format.h>

#include "domain/runbook/runbook.hpp"

namespace slipway::store {

namespace {

constexpr std::string_view deployment_section = "deployment_runbook";
constexpr std::string_view rollback_section = "rollback_runbook";

Digest digest_at(const Json& value, std::string_view member) {
    return digest_from_hex(text_or_empty(value, member)).value_or(Digest{});
}

// Which of the two runbooks is carried out, by the purpose of a run.
std::string_view section_of(std::string_view purpose) {
    const bool deploys = purpose == "deployment" || purpose == "ring_deploy";
    return deploys ? deployment_section : rollback_section;
}

bool on_production(std::string_view purpose) {
    return purpose == "deployment" || purpose == "rollback";
}

StepDigests outlined_steps(const Json& runbook) {
    StepDigests steps;
    for (const std::string_view list : {"steps", "undo"}) {
        const auto* outlines = find(runbook, list);
        if (outlines == nullptr || !outlines->is_array())
            continue;
        for (const auto& step : outlines->get_array())
            steps.emplace(text_or_empty(step, "name"), digest_at(step, "digest"));
    }
    return steps;
}

} // namespace

std::optional<StepDigests> step_digests(std::string_view runbook) {
    const auto parsed = domain::parse_runbook(runbook);
    if (!parsed)
        return std::nullopt;
    StepDigests steps;
    for (const auto* list : {&parsed->steps, &parsed->undo})
        for (const auto& step : *list)
            steps.emplace(step.name, step.digest);
    return steps;
}

std::string ApprovedRuns::take(std::string_view type, const Json& data) {
    if (type == "runbook_pinned")
        return pin(data);
    if (type == "run_started")
        return start(data);
    if (type == "run_step_reported")
        return report(data);
    if (type == "cab_decided")
        decide(data);
    if (type == "approval_voided")
        if (const auto* decision = find(data, "decision"); decision && decision->is_bool())
            approved_.clear();
    return {};
}

// The outline in the entry is what the server ran by; the bytes must say the same.
std::string ApprovedRuns::pin(const Json& data) {
    const auto* runbook = find(data, "runbook");
    if (runbook == nullptr)
        return "pins no runbook";
    const Digest digest = digest_at(*runbook, "digest");
    auto steps = outlined_steps(*runbook);
    known_[digest] = steps;
    const auto read = runbooks_.find(digest);
    const bool same = read == runbooks_.end() || read->second == steps;
    const bool rolls_back = text_or_empty(data, "purpose") == "rollback";
    pinned_[std::string(rolls_back ? rollback_section : deployment_section)] = {
        digest, std::move(steps)};
    return same ? std::string()
                : fmt::format("its steps are not those of the runbook {}", digest.hex());
}

void ApprovedRuns::decide(const Json& data) {
    approved_.clear();
    const auto* decision = find(data, "decision");
    const auto* sections = decision ? find(*decision, "sections") : nullptr;
    if (sections == nullptr || !text_or_empty(*decision, "outcome").starts_with("approved"))
        return;
    for (const auto section : {deployment_section, rollback_section})
        if (const auto digest = digest_at(*sections, section); digest != Digest{})
            approved_[std::string(section)] = digest;
}

std::string ApprovedRuns::start(const Json& data) {
    const auto* run = find(data, "run");
    if (run == nullptr)
        return "starts no run";
    const auto purpose = text_or_empty(*run, "purpose");
    const auto section = section_of(purpose);
    const Digest runbook = digest_at(*run, "runbook");
    const std::string id(text_or_empty(*run, "id"));
    runs_[id] = {std::string(section), runbook};
    const auto pinned = pinned_.find(section);
    if (pinned == pinned_.end() || pinned->second.runbook != runbook)
        return fmt::format(
            "{} runs the runbook {}, and {} was pinned", id, runbook.hex(),
            pinned == pinned_.end() ? "none" : pinned->second.runbook.hex()
        );
    const auto approved = approved_.find(section);
    if (on_production(purpose) && approved != approved_.end() && approved->second != runbook)
        return fmt::format(
            "{} runs the runbook {} on production, and {} was approved", id, runbook.hex(),
            approved->second.hex()
        );
    return {};
}

// A step without a digest was not carried out (skipped, not begun), or is of a time before steps
// had theirs in the ledger; its name must be known all the same.
std::string ApprovedRuns::report(const Json& data) const {
    const std::string id(text_or_empty(data, "run"));
    const auto* step = find(data, "step");
    const auto run = runs_.find(id);
    if (step == nullptr || run == runs_.end())
        return fmt::format("reports a step of {}, which never started", id);
    const auto name = text_or_empty(*step, "name");
    const auto known = known_.find(run->second.runbook);
    const auto approved =
        known == known_.end() ? StepDigests::const_iterator{} : known->second.find(name);
    if (known == known_.end() || approved == known->second.end())
        return fmt::format(
            "{} carried out {}, which is no step of the runbook {}", id, name,
            run->second.runbook.hex()
        );
    const Digest digest = digest_at(*step, "digest");
    if (digest != Digest{} && digest != approved->second)
        return fmt::format(
            "{} carried out other bytes than the step {} of the runbook: ran {}, approved {}", id,
            name, digest.hex(), approved->second.hex()
        );
    return {};
}

} // namespace slipway::store
