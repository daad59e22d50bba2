// SPDX-License-Identifier: Apache-2.0
// Tasks that run a smoke list. The report says what it was asked to look at and when it began, so
// that nothing that was seen earlier, or elsewhere, speaks for a run.
#include <algorithm>

#include "domain/change/approved_ring.hpp"
#include "domain/change/smoke_subject.hpp"
#include "domain/change/tasks.hpp"
#include "worker/tasks.hpp"

namespace slipway::worker {

namespace {

JsonObject result_report(const domain::CheckResult& result) {
    JsonObject report{
        {"name", result.name},
        {"passed", result.passed()},
        {"detail", cut_text(result.message, limits::text_max)},
        {"took_ms", std::max((result.ended - result.started).count(), Span::rep{0})}};
    if (result.tries > 0)
        report["tries"] = result.tries;
    return report;
}

// What is seen of the production ring from the outside, by a probe; and why nothing is. Nobody
// outside needs to reach a test ring.
Result<void> look_from_outside(
    const TaskContext& context, const domain::SmokeTask& task, const domain::Runbook& book,
    const domain::Variables& variables, JsonObject& body
) {
    const bool production = task.occasion == domain::SmokeOccasion::production ||
                            task.occasion == domain::SmokeOccasion::rollback;
    const bool wanted = std::any_of(book.smoke.begin(), book.smoke.end(), [](const auto& check) {
        return check.outside;
    });
    if (!production || !wanted)
        return {};
    app::OutsideView view{{}, {}, "this server takes no probes"};
    if (context.parts.probes != nullptr) {
        auto work = app::make_probe_work(book.smoke, variables);
        work.change = context.task.change;
        work.ring = task.ring;
        view = context.parts.probes->ask(context.task.tenant, std::move(work), context.stop);
    }
    if (context.stop.stop_requested())
        return fail(ErrorCode::unavailable, "the smoke test was cut short");
    if (!view.not_outside.empty())
        body["not_outside"] = view.not_outside;
    for (const auto& result : view.results) {
        auto report = result_report(result);
        report["outside"] = true;
        report["seen_from"] = view.seen_from;
        body["results"].get_array().push_back(std::move(report));
    }
    return {};
}

// The ring as the run that is tested found it: what it left behind is tested where it went.
Result<app::RingSetting> setting_of_tested(
    const TaskContext& context, const domain::Change& change, const domain::SmokeTask& task
) {
    const auto subject = domain::smoke_subject(change, task.occasion);
    if (!subject || subject->where->ring != task.ring)
        return setting_of(context, task.ring, {}, nullptr);
    return setting_of(
        context, task.ring, subject->where->ring_contents,
        domain::kept_ring(change, *subject->where)
    );
}

Result<void> run_smoke_list(
    const TaskContext& context, const domain::Change& change, const domain::SmokeTask& task,
    const domain::Runbook& book, JsonObject& body
) {
    const auto setting = TRY(setting_of_tested(context, change, task));
    // The record may have become another since it was asked for.
    if (!domain::on_production(domain::run_tested_on(task.occasion)) &&
        setting.kind == domain::RingKind::production)
        return fail(
            ErrorCode::blocked,
            fmt::format("a test never runs on production, and {} is a production ring", task.ring)
        );
    body["results"] = JsonArray{};
    for (const auto& check : book.smoke) {
        const auto result = context.parts.runner.run_check(check, setting, context.stop);
        if (context.stop.stop_requested())
            return fail(ErrorCode::unavailable, "the smoke test was cut short");
        body["results"].get_array().push_back(result_report(result));
    }
    return look_from_outside(context, task, book, setting.variables, body);
}

} // namespace

Result<void> carry_out_smoke(const TaskContext& context) {
    const auto task = TRY(restore<domain::SmokeTask>(std::string_view(context.task.payload)));
    const auto change = TRY(context.change());
    if (domain::is_superseded(change, task.occasion, task.run))
        return context.drop(); // it would look at what another run has done
    JsonObject body;
    body["occasion"] = to_text(task.occasion);
    if (!task.run.empty())
        body["run"] = task.run.value;
    body["ring"] = task.ring;
    body["began"] = to_text(context.parts.door.clock().now());
    const auto runbook = read_runbook(context, task.runbook);
    const auto ran = runbook ? run_smoke_list(context, change, task, *runbook, body)
                             : Result<void>(tl::unexpected(runbook.error()));
    // What follows may have to be tried for long until it is heard.
    body["ended"] = to_text(context.parts.door.clock().now());
    // An edited ring is put back by a person, and so is an altered runbook, and not by another try.
    const bool in_vain =
        !ran && (ran.error().code == ErrorCode::blocked || (!runbook && !passes(ran.error())));
    if (!ran && !in_vain && (!context.last_attempt || context.stop.stop_requested()))
        return ran;
    if (runbook)
        body["list"] = runbook->smoke_digest.hex();
    if (!ran)
        body["results"] = JsonArray{JsonObject{
            {"name", "smoke"},
            {"passed", false},
            {"detail", cut_text("could not be run: " + ran.error().message, limits::text_max)}}};
    return context.finish("record_smoke", std::move(body));
}

} // namespace slipway::worker
