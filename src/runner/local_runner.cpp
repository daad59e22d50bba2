// SPDX-License-Identifier: Apache-2.0
#include "runner/local_runner.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/process.hpp"
#include "runner/step_run.hpp"
#include "runner/watch.hpp"

namespace slipway::runner {

using domain::RunbookStep;
using domain::StepResult;

namespace {

constexpr Span grace_after_term = std::chrono::seconds(2);

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

std::vector<std::string> make_environment(const domain::Variables& variables) {
    domain::Variables all{{"PATH", std::string(search_path)}, {"LANG", "C.UTF-8"}};
    // A script may need its user's home, for keys and settings; nothing else comes from here.
    if (const char* home = std::getenv("HOME"); home != nullptr)
        all["HOME"] = home;
    std::error_code ignored;
    all["TMPDIR"] = std::filesystem::temp_directory_path(ignored).string();
    for (const auto& [name, value] : variables)
        all[name] = value;
    std::vector<std::string> environment;
    for (const auto& [name, value] : all)
        environment.push_back(name + "=" + value);
    return environment;
}

// A step on this machine: its output is the transcript, and SIGTERM asks it to end.
class LocalStep final : public Attendant {
  public:
    explicit LocalStep(Transcript& transcript) : transcript_(transcript) {}

    void take_output(std::string_view bytes, Time at) override { transcript_.take(bytes, at); }

    void ask_to_end(Process& process) override { process.signal_group(SIGTERM); }

    Span grace() const override { return grace_after_term; }

    void finish(Time at) override { transcript_.finish(at); }

  private:
    Transcript& transcript_;
};

} // namespace

LocalRunner::LocalRunner(
    const Clock& clock, std::filesystem::path scratch, Result<Confinement> confinement
)
    : clock_(clock), scratch_(std::move(scratch)), confinement_(std::move(confinement)) {}

StepResult LocalRunner::run_step(
    const RunbookStep& step, const StepContext& context, TranscriptSink& sink
) const {
    StepRun run(step, context, clock_, sink);
    const auto environment = run.environment();
    if (!environment)
        return run.not_started(environment.error().message);
    const auto host = host_of(step.host, context);
    if (!host)
        return run.not_started("host: " + host.error().message);
    if (!host->empty())
        return run.not_started(fmt::format("the step is for {}, and this runner is local", *host));
    if (!confinement_)
        return run.not_started(confinement_.error().message);
    const auto program = find_program(step.interpreter);
    if (program.empty())
        return run.not_started(fmt::format("the interpreter {} is not installed", step.interpreter)
        );
    const auto script = ScriptFile::write(scratch_, step.script);
    if (!script)
        return run.not_started(script.error().message);
    if (context.stop.stop_requested())
        return run.ended(domain::RunOutcome::stopped, "stopped before it began");
    const StopSignal stop(context.stop);
    if (auto fault = stop.fault(); !fault.empty())
        return run.not_started(std::move(fault));
    Command command{
        {program, script->path()}, make_environment(*environment), context.cwd, *confinement_};
    command.confinement.readable.push_back(script->path());
    auto process = Process::start(command);
    if (!process)
        return run.not_started(process.error().message);
    LocalStep attendant(run.transcript());
    const auto cut = Watch(*process, attendant, clock_, run.limit(), stop).run();
    return run.judged(cut, process->wait());
}

} // namespace slipway::runner
