// SPDX-License-Identifier: Apache-2.0
// slipway gate CHG-12: the answer for a pipeline. Exit 0 only when a deployment would be accepted
// now. With --wait it asks again when the server says so, until the change can no longer be
// deployed or the time is up. A server that is away meanwhile is asked again.
#include <algorithm>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/waiting.hpp"

namespace slipway::cli {

namespace {

struct Clearance {
    bool go = false;
    bool over = false; // waiting cannot help: the deployment or its window is behind this change
    std::vector<Reason> reasons;
    std::string window_start; // empty: there is no window, or it has opened
    std::int64_t retry_after_ms = 0;
    std::string raw;
};

Result<Clearance> ask(const Context& context, const std::string& change) {
    Clearance out;
    const auto path = fmt::format("/api/v1/changes/{}/clearance", url_encoded(change));
    const auto json = TRY(context.get(path, &out.raw));
    const auto* go = find(json, "go");
    // Anything but a clear answer is no clearance.
    if (go == nullptr || !go->is_bool())
        return fail(ErrorCode::internal, "the server's answer says neither yes nor no");
    out.go = go->get_bool();
    if (const auto* over = find(json, "over"); over && over->is_bool())
        out.over = over->get_bool();
    if (const auto* reasons = find(json, "reasons"))
        out.reasons = reasons_of(*reasons);
    out.window_start = text_or_empty(json, "window_start");
    if (const auto* hint = find(json, "retry_after_ms"); hint && hint->is_int64())
        out.retry_after_ms = hint->get_int64();
    return out;
}

Span pause_of(std::int64_t hint_ms) {
    if (hint_ms <= 0)
        return limits::cli_wait_default;
    return std::clamp<Span>(Span(hint_ms), limits::cli_wait_min, limits::cli_wait_max);
}

Result<ExitCode>
settle(const Context& context, const std::string& change, const Clearance& clearance) {
    if (context.json)
        context.print_json(clearance.raw);
    if (clearance.go) {
        context.say(fmt::format(
            "{} {}: approved, inside its window, in no freeze, and no gate stands in the way\n",
            context.style.paint(Paint::green, "go"), clean(change)
        ));
        return ExitCode::ok;
    }
    if (context.json)
        return ExitCode::blocked;
    Error error{ErrorCode::blocked, change + " may not go on now"};
    error.reasons = clearance.reasons;
    return tl::unexpected(std::move(error));
}

// What it waits for. Nothing in it changes from one answer to the next while nothing happens, so it
// is said once.
std::string waits_for(const Result<Clearance>& clearance) {
    if (!clearance)
        return clean(clearance.error().message);
    std::string out;
    constexpr std::size_t shown = 4;
    const auto reasons = grouped(clearance->reasons);
    for (std::size_t i = 0; i < reasons.size() && i < shown; ++i)
        out += (out.empty() ? "" : "; ") + clean(reasons[i].message);
    if (reasons.size() > shown)
        out += fmt::format("; and {} more", reasons.size() - shown);
    if (out.empty())
        out = "no reason given";
    if (!clearance->window_start.empty())
        out += "; the window opens at " + clean(zoned_time(clearance->window_start));
    return out;
}

Result<ExitCode> wait_for(const Context& context, const std::string& change, Span most) {
    const Time deadline = context.around.clock.now() + most;
    std::string told;
    for (;;) {
        auto clearance = ask(context, change);
        if (!clearance && !is_passing(clearance.error()))
            return tl::unexpected(clearance.error());
        if (clearance && (clearance->go || clearance->over))
            return settle(context, change, *clearance);
        const auto left = deadline - context.around.clock.now();
        const auto pause = std::min<Span>(
            pause_of(clearance ? clearance->retry_after_ms : clearance.error().retry_after_ms),
            std::max<Span>(left, Span::zero())
        );
        const auto why = waits_for(clearance);
        // Beside the answer, which a pipeline may read from standard output.
        if (why != told && left > Span::zero() && !context.quiet)
            context.around.err << fmt::format("waiting for {}: {}\n", clean(change), why)
                               << std::flush;
        told = why;
        if (left <= Span::zero() || !context.around.wait(pause)) {
            Error error{
                ErrorCode::timeout,
                fmt::format("{}: no clearance within {}: {}", change, to_text(most), why)};
            if (clearance)
                error.reasons = clearance->reasons;
            return tl::unexpected(std::move(error));
        }
    }
}

} // namespace

void add_gate_commands(Commands& commands) {
    commands.push_back(
        {{"gate"},
         "For pipelines: exit 0 only if a deployment would start now",
         {positional("change", "the change, such as CHG-12"),
          flag("wait", "wait until it may, or until it never will"),
          valued("timeout", "SPAN", "with --wait: at most this long; 2h by default")},
         [](Context& context, const Arguments& arguments) -> Result<ExitCode> {
             const auto change = arguments.text("change");
             auto most = span_from_text(arguments.text("timeout", "2h"));
             if (!most)
                 return fail_option("timeout", most.error().message);
             if (arguments.has("timeout") && !arguments.has("wait"))
                 return fail_option("timeout", "is how long --wait waits at most: give both");
             if (arguments.has("wait"))
                 return wait_for(context, change, *most);
             return settle(context, change, TRY(ask(context, change)));
         },
         "slipway gate CHG-12 --wait --timeout 2h && ./deploy.sh"}
    );
}

} // namespace slipway::cli
