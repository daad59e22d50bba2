// SPDX-License-Identifier: Apache-2.0
#include "connectors/command_transport.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.hpp"
#include "base/file_descriptor.hpp"
#include "base/limits.hpp"
#include "base/program.hpp"

namespace slipway::connectors {

namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t last_words_max = 2000 + limits::secret_max;

// Input stands in memory before the program starts, so that no program can block us by not reading.
Result<void> make_input(FileDescriptor& file, std::string_view bytes) {
    file = FileDescriptor(::memfd_create("input", MFD_CLOEXEC));
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
    const bool given = name.front() == '/' && ::access(name.c_str(), X_OK) == 0;
    if (auto path = given ? name : find_program(name); !path.empty())
        return path;
    return fail(
        ErrorCode::invalid_input, "there is no program '" + name + "'; expected a name in " +
                                      std::string(search_path) +
                                      " or an absolute path to an executable file"
    );
}

Result<Program> start_command(const CommandRequest& request, int input, int output, int errors) {
    Spawn spawn;
    spawn.arguments = request.arguments;
    spawn.arguments.front() = TRY(program_path(request.arguments.front()));
    spawn.environment = {"PATH=" + std::string(search_path), "LANG=C.UTF-8"};
    for (const auto& [name, value] : request.environment)
        spawn.environment.push_back(name + "=" + value);
    spawn.files = {input, output, errors};
    spawn.folder = request.folder;
    spawn.session = true;
    spawn.confinement = request.confinement;
    if (request.folder != "/")
        spawn.confinement.writable.push_back(request.folder);
    auto program = Program::start(std::move(spawn));
    if (!program)
        return fail(
            program.error().code,
            "the program '" + request.arguments.front() + "': " + program.error().message
        );
    return program;
}

// As a shell tells it.
int status_of(const Ending& ending) {
    return ending.signal != 0 ? 128 + ending.signal : ending.exit_status;
}

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

Result<CommandAnswer> collect(
    const CommandRequest& request, Program& program, FileDescriptor& output, FileDescriptor& errors
) {
    const auto max = request.output_max > 0 ? request.output_max : limits::connector_output_max;
    const auto end = SteadyClock::now() + request.timeout;
    CommandAnswer answer;
    for (bool ended = false; !ended;) {
        if (request.stop.stop_requested())
            return fail(
                ErrorCode::unavailable,
                "the command '" + request.arguments.front() + "' was stopped on request"
            );
        const auto left = std::chrono::ceil<Span>(end - SteadyClock::now()).count();
        if (left <= 0)
            return fail(
                ErrorCode::timeout, "the command '" + request.arguments.front() +
                                        "' did not end within " + to_text(request.timeout)
            );
        std::array<pollfd, 3> files{
            pollfd{program.ended(), POLLIN, 0}, pollfd{output.get(), POLLIN, 0},
            pollfd{errors.get(), POLLIN, 0}};
        const Span::rep look = request.stop.stop_possible() ? 200 : 60'000;
        ::poll(files.data(), files.size(), static_cast<int>(std::min(left, look)));
        ended = (files[0].revents & POLLIN) != 0;
        if (ended) {
            // What it left running is ended before the last words are read.
            const auto ending = program.wait();
            if (!ending.known)
                return fail(
                    ErrorCode::unavailable, "the command '" + request.arguments.front() +
                                                "' ended, and the system does not say how"
                );
            answer.status = status_of(ending);
        }
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
    if (answer.status != 0 && answer.last_words.find_first_not_of(" \t\r\n") == std::string::npos) {
        const auto size = answer.output.size();
        answer.last_words_cut = size > last_words_max;
        answer.last_words = answer.output.substr(size - std::min(size, last_words_max));
    }
    return answer;
}

} // namespace

Result<CommandAnswer> run_command(const CommandRequest& request) {
    TRY(check(request));
    FileDescriptor input;
    TRY(make_input(input, request.input));
    auto output = TRY(make_pipe());
    auto errors = TRY(make_pipe());
    auto program =
        TRY(start_command(request, input.get(), output.theirs.get(), errors.theirs.get()));
    output.theirs.close();
    errors.theirs.close();
    return collect(request, program, output.ours, errors.ours);
}

} // namespace slipway::connectors
