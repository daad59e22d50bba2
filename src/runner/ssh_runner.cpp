// SPDX-License-Identifier: Apache-2.0
#include "runner/ssh_runner.hpp"

#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "runner/far_side.hpp"
#include "runner/process.hpp"
#include "runner/step_run.hpp"
#include "runner/watch.hpp"

namespace slipway::runner {

using domain::RunbookStep;
using domain::RunOutcome;
using domain::StepResult;

namespace {

// What ssh may need of our own environment: whose keys, which agent, which tickets. SSH_ASKPASS and
// DISPLAY are left out, so that no window asks anybody.
std::vector<std::string> ssh_environment() {
    std::vector<std::string> environment{
        "PATH=" + std::string(search_path), "LANG=C.UTF-8", "SSH_ASKPASS_REQUIRE=never"};
    for (const auto* name :
         {"HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "KRB5CCNAME"})
        if (const char* value = std::getenv(name); value != nullptr)
            environment.push_back(fmt::format("{}={}", name, value));
    return environment;
}

long seconds(Span span) {
    return std::chrono::ceil<std::chrono::seconds>(span).count();
}

// Options given here win over ssh_config. They make ssh quiet, alone and observant, and say nothing
// about whom to trust.
std::vector<std::string>
ssh_arguments(const std::string& program, const SshOptions& options, const std::string& host) {
    std::vector<std::string> arguments{program};
    if (!options.config_file.empty())
        arguments.insert(arguments.end(), {"-F", options.config_file.string()});
    arguments.insert(arguments.end(), {"-T", "-e", "none"});
    for (auto option :
         {fmt::format("ConnectTimeout={}", seconds(options.connect_limit)),
          fmt::format("ServerAliveInterval={}", seconds(options.alive_interval)),
          fmt::format("ServerAliveCountMax={}", options.alive_count), std::string("BatchMode=yes"),
          // A connection that others share would outlive the step.
          std::string("ControlMaster=no"), std::string("ControlPath=none"),
          // What a configuration for people may have, and what would get in the step's way.
          std::string("RemoteCommand=none"), std::string("ClearAllForwardings=yes"),
          std::string("StdinNull=no"), std::string("ForkAfterAuthentication=no"),
          std::string("SessionType=default"), std::string("LogLevel=INFO")}) {
        arguments.emplace_back("-o");
        arguments.push_back(std::move(option));
    }
    arguments.insert(arguments.end(), {"--", host, std::string(far_side_command)});
    return arguments;
}

std::string new_mark(Random& random) {
    return "slipway-" + to_hex(random.bytes(16));
}

// Takes the last line off, without the line ends around it.
std::string_view take_last_line(std::string_view& text) {
    const auto end = text.find_last_not_of("\r\n");
    text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
    const auto before = text.find_last_of("\r\n");
    const auto begin = before == std::string_view::npos ? 0 : before + 1;
    const auto line = text.substr(begin);
    text = text.substr(0, begin);
    return line;
}

// The last lines of what ssh said, for a message: behind a jump host the reason is not in the last.
std::string last_words(std::string_view words) {
    std::string said;
    for (int lines = 0; lines < 3; ++lines) {
        const auto line = take_last_line(words);
        if (line.empty())
            break;
        said = said.empty() ? safe_text(line) : safe_text(line) + "; " + said;
    }
    return said.empty() ? "ssh gives no reason" : said;
}

// Why ssh did not let us in. A key that is not the known one may be somebody else's machine, so
// that comes first, and with it the line before, which says what is wrong with the key. The command
// above it, which throws the known key away, is left to the transcript.
std::string connecting_fault(const std::string& host, std::string_view words) {
    constexpr std::string_view refused = "Host key verification failed";
    const auto at = words.find(refused);
    if (at == std::string_view::npos)
        return fmt::format("could not connect to {}: {}", host, last_words(words));
    auto before = words.substr(0, at);
    const auto reason = take_last_line(before);
    return fmt::format(
        "{}, so nothing ran on {}{}{}", refused, host, reason.empty() ? "" : ": ", safe_text(reason)
    );
}

// All that ssh said goes below the transcript, since a refused key takes it several lines.
void quote_words(const FarSide& far_side, Transcript& transcript, Time at) {
    std::string_view rest = far_side.words();
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        transcript.take(fmt::format("ssh: {}\n", rest.substr(0, end)), at);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

// Before the script was sent. ConnectTimeout ends a silent host too, but only at its first word.
StepResult judge_connecting(
    StepRun& run, Cut cut, const FarSide& far_side, const std::string& host, Span waited
) {
    if (cut == Cut::stopped)
        return run.ended(RunOutcome::stopped, fmt::format("stopped before it began on {}", host));
    if (cut == Cut::timed_out)
        return run.not_started(fmt::format(
            "{} did not let us in within {}, so nothing ran there", host, to_text(waited)
        ));
    return run.not_started(connecting_fault(host, far_side.words()));
}

StepResult judge_running(
    StepRun& run, Cut cut, bool killed, const FarSide& far_side, const std::string& host
) {
    if (far_side.interpreter_missing())
        return run.not_started(fmt::format("the interpreter is not installed on {}", host));
    if (far_side.done_by_itself())
        cut = Cut::none; // it was only the connection that would not end
    const Ending ending{far_side.status().value_or(-1), 0, true};
    // Whoever runs it again beside itself does harm, so this is neither a failure nor a stop.
    if (cut != Cut::none && (!far_side.ended_there() || killed))
        return run.ended(
            RunOutcome::unknown,
            fmt::format(
                "{}, and {}, so it may still be running there",
                cut == Cut::stopped ? "stopped on request" : "not done within its time limit",
                far_side.ended_there() ? "something on " + host + " still holds its output"
                                       : host + " did not say that it ended"
            )
        );
    if (cut != Cut::none)
        return run.judged(cut, ending);
    if (!far_side.status())
        return run.ended(
            RunOutcome::unknown,
            fmt::format(
                "the connection to {} was lost, so how it ended there is unknown: {}", host,
                last_words(far_side.words())
            )
        );
    return run.judged(cut, ending);
}

} // namespace

SshRunner::SshRunner(const Clock& clock, Random& random, SshOptions options)
    : clock_(clock), random_(random), options_(std::move(options)) {}

StepResult SshRunner::run_step(
    const RunbookStep& step, const StepContext& context, TranscriptSink& sink
) const {
    StepRun run(step, context, clock_, sink);
    const auto environment = run.environment();
    if (!environment)
        return run.not_started(environment.error().message);
    const auto host = host_of(step.host, context);
    if (!host)
        return run.not_started("host: " + host.error().message);
    if (host->empty())
        return run.not_started("the step is for this machine, and this runner is for others");
    if (!is_program_name(step.interpreter))
        return run.not_started(fmt::format("\"{}\" is not an interpreter", step.interpreter));
    const auto ssh = find_program("ssh");
    if (ssh.empty())
        return run.not_started("the OpenSSH client (ssh) is not installed on this machine");
    if (context.stop.stop_requested())
        return run.ended(RunOutcome::stopped, "stopped before it began");
    const StopSignal stop(context.stop);
    if (auto fault = stop.fault(); !fault.empty())
        return run.not_started(std::move(fault));
    auto process = Process::start(
        {.arguments = ssh_arguments(ssh, options_, *host),
         .environment = ssh_environment(),
         .cwd = "/",
         .conversing = true}
    );
    if (!process)
        return run.not_started(process.error().message);
    const auto connecting = std::min(2 * options_.connect_limit, run.limit());
    FarSide far_side(new_mark(random_), step, *environment, connecting, run.transcript());
    Watch watch(*process, far_side, clock_, run.limit(), stop);
    const auto cut = watch.run();
    (void)process->wait(); // ssh's own status says less than the far side
    if (!far_side.status() && !far_side.interpreter_missing())
        quote_words(far_side, run.transcript(), clock_.now());
    run.transcript().finish(clock_.now());
    return far_side.began() ? judge_running(run, cut, watch.killed(), far_side, *host)
                            : judge_connecting(run, cut, far_side, *host, connecting);
}

} // namespace slipway::runner
