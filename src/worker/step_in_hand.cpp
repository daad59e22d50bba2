// SPDX-License-Identifier: Apache-2.0
#include "worker/step_in_hand.hpp"

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace slipway::worker {

namespace {

using domain::RunStepState;

RunStepState state_after(const domain::StepResult& result) {
    if (result.outcome == domain::RunOutcome::unknown)
        return RunStepState::unknown;
    return result.passed() ? RunStepState::succeeded : RunStepState::failed;
}

} // namespace

app::RunningStep
running_step(const TaskContext& context, const RunId& run, const std::string& step, int attempt) {
    return {context.task.tenant, context.task.change, run.value, step, attempt};
}

Json step_reports(const RunId& run, JsonArray steps) {
    JsonObject body;
    body["run"] = run.value;
    body["steps"] = std::move(steps);
    return body;
}

StepInHand::StepInHand(
    const TaskContext& context, const RunId& run, domain::RunbookStep step,
    app::RingSetting setting, int attempt
)
    : context_(context), run_(run), step_(std::move(step)), setting_(std::move(setting)),
      here_(running_step(context, run, step_.name, attempt)) {
    context_.parts.live.begin(here_);
}

StepInHand::~StepInHand() {
    context_.parts.live.end(here_);
}

JsonObject StepInHand::beginning() const {
    return {{"name", step_.name}, {"state", "running"}, {"digest", step_.digest.hex()}};
}

void StepInHand::carry_out() {
    // What is thrown here, such as for want of memory, leaves its end unknown and the others alone.
    try {
        file_.emplace(context_.parts.transcripts, here_);
        result_ =
            context_.parts.runner.run_step(step_, setting_, context_.stop, [&](const auto& line) {
                const auto text = domain::transcript_text(line);
                file_->add(text); // before anybody sees it
                context_.parts.live.add(here_, text);
            });
    } catch (const std::exception& thrown) {
        end_without_result(domain::RunOutcome::unknown, thrown.what());
    }
}

void StepInHand::not_started(std::string why) {
    end_without_result(domain::RunOutcome::not_started, std::move(why));
}

void StepInHand::end_without_result(domain::RunOutcome outcome, std::string why) {
    result_.name = step_.name;
    result_.step_digest = step_.digest;
    result_.outcome = outcome;
    result_.started = result_.ended = context_.parts.door.clock().now();
    result_.message = std::move(why);
}

// Nobody asked for a stop that the end of the server brought with it.
std::string StepInHand::what_it_says() const {
    const bool stopped = result_.outcome == domain::RunOutcome::stopped ||
                         result_.outcome == domain::RunOutcome::unknown;
    return stopped && context_.server_ends.stop_requested()
               ? "the server was ended: " + result_.message
               : result_.message;
}

JsonObject StepInHand::ending() const {
    return {
        {"name", result_.name},
        {"state", to_text(state_after(result_))},
        {"exit_status", result_.exit_status},
        {"detail", cut_text(what_it_says(), limits::text_max)},
        {"started_at", to_text(result_.started)},
        {"ended_at", to_text(result_.ended)},
        {"digest", result_.step_digest.hex()}};
}

Result<std::optional<RunStepState>> StepInHand::on_record() const {
    const auto change = TRY(context_.change());
    const auto* run = domain::find_run(change, run_);
    if (run == nullptr)
        return std::optional<RunStepState>{};
    for (const auto& known : run->undo.empty() ? run->steps : run->undo)
        if (known.name == here_.step && known.attempts == here_.attempt)
            return std::optional(known.state);
    return std::optional<RunStepState>{};
}

Result<void> StepInHand::tell_end(const JsonArray& begun, bool ends) {
    TRY(tell_until_heard(context_, context_.server_ends, [&](bool again) -> Result<void> {
        // With the end of the task its lease is gone too.
        if (again && TRY(on_record()) == state_after(result_))
            return ends ? Result<void>{} : context_.hold();
        auto end = ending();
        end["transcript"] = TRY(keep_transcript(context_, context_.parts.live.text(here_))).hex();
        JsonArray reports{std::move(end)};
        reports.insert(reports.end(), begun.begin(), begun.end());
        return context_.tell("report_run", step_reports(run_, std::move(reports)), ends);
    }));
    if (file_)
        file_->remove();
    return {};
}

JsonArray beginnings(const StepsInHand& steps) {
    JsonArray all;
    for (const auto& step : steps)
        all.push_back(step.beginning());
    return all;
}

Result<void>
tell_beginnings(const TaskContext& context, const RunId& run, const StepsInHand& steps) {
    return tell_until_heard(context, context.stop, [&](bool again) -> Result<void> {
        if (again && TRY(steps.front().on_record()) == RunStepState::running &&
            !run_was_ended(context))
            return context.hold();
        return context.tell("report_run", step_reports(run, beginnings(steps)), false);
    });
}

Ended carry_out_all(StepsInHand& steps) {
    std::mutex telling; // who ends last finds all others told
    std::size_t left = steps.size();
    StepInHand* last = nullptr;
    Result<void> told;
    const auto end = [&](StepInHand& step) {
        const std::lock_guard lock(telling);
        if (--left == 0)
            last = &step;
        else
            try {
                if (auto heard = step.tell_end({}, false); !heard)
                    told = std::move(heard);
            } catch (const std::exception& thrown) {
                told = fail(ErrorCode::internal, "exception", thrown.what());
            }
    };
    {
        std::vector<std::jthread> threads; // joined at the end of this block
        for (auto step = std::next(steps.begin()); step != steps.end(); ++step)
            try {
                threads.emplace_back([&end, step] {
                    step->carry_out();
                    end(*step);
                });
            } catch (const std::system_error&) {
                step->not_started("this server has no thread left for it");
                end(*step);
            }
        steps.front().carry_out();
        end(steps.front());
    }
    return {*last, std::move(told)};
}

} // namespace slipway::worker
