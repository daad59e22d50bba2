// SPDX-License-Identifier: Apache-2.0
#include "connectors/command_transport.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.hpp"
#include "base/group_guard.hpp"
#include "base/limits.hpp"
#include "base/spawn.hpp"

namespace slipway::connectors {

namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t last_words_max = 2000 + limits::secret_max;
constexpr const char* search_path = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

class File {
  public:
    explicit File(int number = -1) : number_(number) {}

    File(const File&) = delete;
    File& operator=(const File&) = delete;

    ~File() { close(); }

    int get() const { return number_; }

    void reset(int number) {
        close();
        number_ = number;
    }

    void close() {
        if (number_ >= 0)
            ::close(number_);
        number_ = -1;
    }

  private:
    int number_;
};

Result<void> make_pipe(File& reading, File& writing) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        return fail(ErrorCode::unavailable, "no pipe for a command", std::strerror(errno));
    reading.reset(ends[0]);
    writing.reset(ends[1]);
    // Only our end may be non-blocking.
    ::fcntl(writing.get(), F_SETFL, ::fcntl(writing.get(), F_GETFL) & ~O_NONBLOCK);
    return {};
}

// Input stands in memory before the program starts, so that no program can block us by not reading.
Result<void> make_input(File& file, std::string_view bytes) {
    file.reset(::memfd_create("input", MFD_CLOEXEC));
    while (file.get() >= 0 && !bytes.empty()) {
        const auto written = ::write(file.get(), bytes.data(), bytes.size());
        if (written <= 0)
            return fail(ErrorCode::unavailable, "no memory for a command's input");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (file.get() < 0 || ::lseek(file.get(), 0, SEEK_SET) != 0)
        return fail(ErrorCode::unavailable, "no memory for a command's input");
    return {};
}

Result<void> check(const CommandRequest& request) {
    if (request.arguments.empty() || request.arguments.front().empty())
        return fail(ErrorCode::invalid_input, "the command names no program");
    if (request.arguments.size() > limits::connector_arguments_max)
        return fail(
            ErrorCode::invalid_input, "the command has more than " +
                                          std::to_string(limits::connector_arguments_max) +
                                          " arguments"
        );
    const auto bad = [](const std::string& text) { return text.find('\0') != std::string::npos; };
    bool refused = std::any_of(request.arguments.begin(), request.arguments.end(), bad);
    for (const auto& [name, value] : request.environment)
        refused = refused || bad(name) || bad(value) || name.find('=') != std::string::npos;
    if (refused)
        return fail(ErrorCode::invalid_input, "a NUL byte in a command's arguments");
    return {};
}

Result<std::string> program_path(const std::string& name) {
    if (name.front() == '/') {
        if (::access(name.c_str(), X_OK) == 0)
            return name;
    } else if (name.find('/') == std::string::npos) {
        std::string_view rest = search_path;
        while (!rest.empty()) {
            const auto colon = rest.find(':');
            const auto candidate = std::string(rest.substr(0, colon)) + "/" + name;
            if (::access(candidate.c_str(), X_OK) == 0)
                return candidate;
            rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
        }
    }
    return fail(
        ErrorCode::invalid_input, "there is no program '" + name + "'; expected a name in " +
                                      search_path + " or an absolute path to an executable file"
    );
}

Result<pid_t> spawn(const CommandRequest& request, int input, int output, int errors) {
    Spawn program;
    program.arguments = request.arguments;
    program.arguments.front() = TRY(program_path(request.arguments.front()));
    program.environment = {std::string("PATH=") + search_path, "LANG=C.UTF-8"};
    for (const auto& [name, value] : request.environment)
        program.environment.push_back(name + "=" + value);
    program.files = {input, output, errors};
    program.folder = request.folder;
    program.session = true;
    program.confinement = request.confinement;
    if (request.folder != "/")
        program.confinement.writable.push_back(request.folder);
    auto child = start_program(program);
    if (!child)
        return fail(
            ErrorCode::invalid_input,
            "the program '" + request.arguments.front() + "': " + child.error().message
        );
    return child;
}

// Owns a started child: whatever way we leave, its group is ended and it is reaped.
class Child {
  public:
    explicit Child(pid_t pid)
        : pid_(pid), file_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    ~Child() { end(); }

    int file() const { return file_.get(); }

    // The child is not reaped before the signal, so its group's number is still its own.
    // Nothing when the system kept no account of its end, as where SIGCHLD is ignored.
    std::optional<int> end() {
        if (pid_ == 0)
            return status_;
        ::kill(-pid_, SIGKILL);
        if (guard_)
            guard_->end();
        int status = 0;
        pid_t waited = 0;
        while ((waited = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
        }
        pid_ = 0;
        if (waited > 0)
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return status_;
    }

    // So that it ends with us.
    Result<void> guard() {
        guard_.emplace(TRY(GroupGuard::watch(pid_)));
        return {};
    }

  private:
    pid_t pid_;
    File file_;
    std::optional<GroupGuard> guard_;
    std::optional<int> status_;
};

// Reads what is there, but no more at once than a few pipes hold: who writes without end must not
// keep us from looking at the clock. False when the writer has closed its end.
bool drain(int file, std::string& into, std::size_t max, bool keep_end) {
    constexpr int reads_at_once = 16;
    std::array<char, 65536> buffer{};
    for (int reads = 0; reads < reads_at_once; ++reads) {
        const auto count = ::read(file, buffer.data(), buffer.size());
        if (count < 0)
            return errno == EAGAIN || errno == EINTR;
        if (count == 0)
            return false;
        into.append(buffer.data(), static_cast<std::size_t>(count));
        if (keep_end && into.size() > max)
            into.erase(0, into.size() - max);
        if (!keep_end && into.size() > max)
            return true;
    }
    return true;
}

Result<CommandAnswer>
collect(const CommandRequest& request, Child& child, File& output, File& errors) {
    const auto max = request.output_max > 0 ? request.output_max : limits::connector_output_max;
    const auto end = SteadyClock::now() + request.timeout;
    CommandAnswer answer;
    for (bool ended = false; !ended;) {
        if (request.stop.stop_requested())
            return fail(
                ErrorCode::unavailable,
                "the command '" + request.arguments.front() + "' was ended: the server stops"
            );
        const auto left = std::chrono::ceil<Span>(end - SteadyClock::now()).count();
        if (left <= 0)
            return fail(
                ErrorCode::timeout, "the command '" + request.arguments.front() +
                                        "' did not end within " + to_text(request.timeout)
            );
        std::array<pollfd, 3> files{
            pollfd{child.file(), POLLIN, 0}, pollfd{output.get(), POLLIN, 0},
            pollfd{errors.get(), POLLIN, 0}};
        const Span::rep look = request.stop.stop_possible() ? 200 : 60'000;
        ::poll(files.data(), files.size(), static_cast<int>(std::min(left, look)));
        ended = (files[0].revents & POLLIN) != 0;
        // What it left running is ended before the last words are read.
        const auto status = ended ? child.end() : std::nullopt;
        if (ended && !status)
            return fail(
                ErrorCode::unavailable, "the command '" + request.arguments.front() +
                                            "' ended, and the system does not say how"
            );
        answer.status = status.value_or(0);
        if (output.get() >= 0 && !drain(output.get(), answer.output, max, false))
            output.close();
        if (errors.get() >= 0 && !drain(errors.get(), answer.last_words, last_words_max, true))
            errors.close();
        answer.last_words_cut = answer.last_words_cut || answer.last_words.size() == last_words_max;
        if (answer.output.size() > max)
            return fail(
                ErrorCode::limit_exceeded, "the command '" + request.arguments.front() +
                                               "' wrote more than " + std::to_string(max) + " bytes"
            );
    }
    return answer;
}

} // namespace

Result<CommandAnswer> run_command(const CommandRequest& request) {
    TRY(check(request));
    File input;
    File output_read;
    File output_write;
    File errors_read;
    File errors_write;
    TRY(make_input(input, request.input));
    TRY(make_pipe(output_read, output_write));
    TRY(make_pipe(errors_read, errors_write));
    Child child(TRY(spawn(request, input.get(), output_write.get(), errors_write.get())));
    output_write.close();
    errors_write.close();
    if (child.file() < 0)
        return fail(ErrorCode::unavailable, "a command cannot be watched", std::strerror(errno));
    TRY(child.guard());
    return collect(request, child, output_read, errors_read);
}

} // namespace slipway::connectors
