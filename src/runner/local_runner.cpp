// SPDX-License-Identifier: Apache-2.0
#include "runner/local_runner.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/process.hpp"
#include "runner/transcript.hpp"

namespace slipway::runner {

using domain::RunbookStep;
using domain::RunOutcome;
using domain::StepResult;

namespace {

using MonotonicTime = std::chrono::steady_clock::time_point;

constexpr Span grace_after_term = std::chrono::seconds(2);
// A child left in the group that holds the output open is given this long after its parent's end.
constexpr Span grace_after_end = std::chrono::milliseconds(500);

// The script in a file that only this user can read, removed at the end.
class ScriptFile {
  public:
    static Result<ScriptFile> write(const std::filesystem::path& folder, std::string_view script) {
        std::error_code failed;
        const bool made = std::filesystem::create_directories(folder, failed);
        if (failed)
            return fail(ErrorCode::unavailable, "no place for the script: " + failed.message());
        if (made)
            ::chmod(folder.c_str(), S_IRWXU);
        std::string path = (folder / "step-XXXXXX").string();
        const FileDescriptor file(::mkostemp(path.data(), O_CLOEXEC)); // mode 0600
        if (file.get() < 0)
            return fail(
                ErrorCode::unavailable,
                "no place for the script: " + std::generic_category().message(errno)
            );
        ScriptFile written(path);
        while (!script.empty()) {
            const auto count = ::write(file.get(), script.data(), script.size());
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                return fail(
                    ErrorCode::unavailable,
                    "the script cannot be written: " + std::generic_category().message(errno)
                );
            script.remove_prefix(static_cast<std::size_t>(count));
        }
        return written;
    }

    ScriptFile(ScriptFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}

    ScriptFile& operator=(ScriptFile&&) = delete;

    ~ScriptFile() {
        if (!path_.empty())
            ::unlink(path_.c_str());
    }

    const std::string& path() const { return path_; }

  private:
    explicit ScriptFile(std::string path) : path_(std::move(path)) {}

    std::string path_;
};

bool is_variable_name(std::string_view name) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !name.empty() && letter(name.front()) &&
           std::all_of(name.begin(), name.end(), [&](char c) {
               return letter(c) || (c >= '0' && c <= '9');
           });
}

Result<std::vector<std::string>> make_environment(const domain::Variables& variables) {
    domain::Variables all{{"PATH", std::string(search_path)}, {"LANG", "C.UTF-8"}};
    // A script may need its user's home, for keys and settings; nothing else comes from here.
    if (const char* home = std::getenv("HOME"); home != nullptr)
        all["HOME"] = home;
    std::error_code ignored;
    all["TMPDIR"] = std::filesystem::temp_directory_path(ignored).string();
    for (const auto& [name, value] : variables) {
        if (!is_variable_name(name))
            return fail_field("variables", fmt::format("\"{}\" is not a name", name));
        if (value.find('\0') != std::string::npos)
            return fail_field("variables", fmt::format("the value of {} holds a NUL", name));
        all[name] = value;
    }
    std::vector<std::string> environment;
    for (const auto& [name, value] : all)
        environment.push_back(name + "=" + value);
    return environment;
}

bool is_here(std::string_view host) {
    return host.empty() || host == "localhost" || host == "127.0.0.1" || host == "::1";
}

enum class Cut : std::uint8_t { none, timed_out, stopped };

// Watches one process: moves its output into the transcript and ends it when it is time.
class Watch {
  public:
    Watch(Process& process, Transcript& transcript, const Clock& clock, Span limit)
        : process_(process), transcript_(transcript), clock_(clock),
          deadline_(std::chrono::steady_clock::now() + limit), wake_(::eventfd(0, EFD_CLOEXEC)) {}

    // Returns when the process has ended.
    Cut run(std::stop_token stop) {
        const std::stop_callback on_stop(stop, [this] {
            const std::uint64_t one = 1;
            [[maybe_unused]] const auto count = ::write(wake_.get(), &one, sizeof one);
        });
        Cut cut = Cut::none;
        bool killed = false;
        while (!wait_for_end()) {
            if (cut == Cut::none) {
                cut = stop.stop_requested() ? Cut::stopped : Cut::timed_out;
                process_.signal_group(SIGTERM);
                listening_ = false; // the callback may still write to the descriptor
                deadline_ = std::chrono::steady_clock::now() + grace_after_term;
            } else if (!killed) {
                killed = true;
                process_.signal_group(SIGKILL);
                deadline_ = MonotonicTime::max();
            }
        }
        drain(cut);
        return cut;
    }

  private:
    // True when the process has ended; false when the deadline came or a stop was asked for.
    bool wait_for_end() {
        while (true) {
            std::array<pollfd, 3> watched{{
                {process_.ended(), POLLIN, 0},
                {open_ ? process_.output() : -1, POLLIN, 0},
                {listening_ ? wake_.get() : -1, POLLIN, 0},
            }};
            const int ready = ::poll(watched.data(), watched.size(), milliseconds_left());
            if (ready < 0 && errno != EINTR)
                return false;
            if (ready > 0 && watched[1].revents != 0)
                read_some();
            if (ready > 0 && watched[0].revents != 0)
                return true;
            if ((ready > 0 && watched[2].revents != 0) || milliseconds_left() == 0)
                return false;
        }
    }

    int milliseconds_left() const {
        if (deadline_ == MonotonicTime::max())
            return -1;
        const auto left = std::chrono::ceil<Span>(deadline_ - std::chrono::steady_clock::now());
        return static_cast<int>(std::clamp<Span::rep>(left.count(), 0, 3'600'000));
    }

    // Reads what is there, at most one buffer.
    void read_some() {
        const auto count = ::read(process_.output(), buffer_.data(), buffer_.size());
        if (count > 0)
            transcript_.take({buffer_.data(), static_cast<std::size_t>(count)}, clock_.now());
        else if (count == 0)
            open_ = false;
    }

    // The process has ended: its last words, and those of children that it left in its group. They
    // are ended first, since one that writes without end would never let us finish reading.
    void drain(Cut cut) {
        process_.signal_group(cut == Cut::none ? SIGTERM : SIGKILL);
        deadline_ = std::chrono::steady_clock::now() + grace_after_end;
        while (open_ && milliseconds_left() > 0) {
            pollfd output{process_.output(), POLLIN, 0};
            if (::poll(&output, 1, milliseconds_left()) > 0)
                read_some();
        }
        process_.signal_group(SIGKILL);
        transcript_.finish(clock_.now());
    }

    Process& process_;
    Transcript& transcript_;
    const Clock& clock_;
    MonotonicTime deadline_;
    FileDescriptor wake_;   // readable once a stop is asked for
    bool listening_ = true; // until the process is being ended
    bool open_ = true;      // somebody can still write
    std::array<char, 64 * 1024> buffer_;
};

void judge(
    const RunbookStep& step, Cut cut, bool end_known, const Transcript& transcript,
    StepResult& result
) {
    const auto says = [&](RunOutcome outcome, std::string message) {
        result.outcome = outcome;
        result.message = std::move(message);
    };
    if (cut == Cut::stopped)
        return says(RunOutcome::stopped, "stopped on request");
    if (cut == Cut::timed_out)
        return says(
            RunOutcome::timed_out,
            fmt::format("not done within its time limit of {}", to_text(step.timeout))
        );
    if (!end_known)
        return says(RunOutcome::failed, "it ended, and the system does not say how");
    if (result.signal != 0)
        return says(
            RunOutcome::signalled,
            fmt::format("ended by signal {} ({})", result.signal, ::strsignal(result.signal))
        );
    if (result.exit_status != step.exit_status)
        return says(
            RunOutcome::failed,
            fmt::format("exit status {}, expected {}", result.exit_status, step.exit_status)
        );
    const auto matches = domain::output_matches(step.expect, transcript.output());
    if (!matches)
        return says(RunOutcome::unexpected_output, matches.error().message);
    if (!*matches)
        return says(
            RunOutcome::unexpected_output,
            fmt::format(
                "the output does not have \"{}\"{}", step.expect,
                transcript.truncated() ? " in the part that was kept" : ""
            )
        );
    says(RunOutcome::passed, fmt::format("exit status {}", result.exit_status));
}

} // namespace

LocalRunner::LocalRunner(
    const Clock& clock, std::filesystem::path scratch, SecretSource secrets, const Pause& pause
)
    : clock_(clock), scratch_(std::move(scratch)), secrets_(std::move(secrets)), pause_(pause) {}

StepResult LocalRunner::run_step(
    const RunbookStep& step, const StepContext& context, TranscriptSink& sink
) const {
    StepResult result;
    result.name = step.name;
    result.step_digest = step.digest;
    result.outcome = RunOutcome::not_started;
    result.started = result.ended = clock_.now();
    Transcript transcript(sink);
    const auto finish = [&](std::string message) {
        if (!message.empty())
            result.message = std::move(message);
        result.ended = clock_.now();
        result.transcript_bytes = transcript.size();
        result.transcript_truncated = transcript.truncated();
        result.transcript = transcript.digest();
        return std::move(result);
    };
    if (!step.executable())
        return finish(fmt::format("a {} step is for people", to_text(step.kind)));
    const auto host = domain::fill_variables(step.host, context.variables);
    if (!host)
        return finish("host: " + host.error().message);
    if (!is_here(*host))
        return finish(fmt::format("the step is for {}, and this runner is local", *host));
    const auto program = find_program(step.interpreter);
    if (program.empty())
        return finish(fmt::format("the interpreter {} is not installed", step.interpreter));
    const auto script = ScriptFile::write(scratch_, step.script);
    if (!script)
        return finish(script.error().message);
    auto environment = make_environment(context.variables);
    if (!environment)
        return finish(environment.error().message);
    if (context.stop.stop_requested()) {
        result.outcome = RunOutcome::stopped;
        return finish("stopped before it began");
    }
    auto process =
        Process::start({{program, script->path()}, *std::move(environment), context.cwd});
    if (!process)
        return finish(process.error().message);
    const auto limit = step.timeout > Span::zero() ? step.timeout : domain::step_timeout_default;
    const auto cut = Watch(*process, transcript, clock_, limit).run(context.stop);
    const auto ending = process->wait();
    result.exit_status = ending.exit_status;
    result.signal = ending.signal;
    judge(step, cut, ending.known, transcript, result);
    return finish({});
}

} // namespace slipway::runner
