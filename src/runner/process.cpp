// SPDX-License-Identifier: Apache-2.0
#include "runner/process.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace slipway::runner {

namespace {

tl::unexpected<Error> fail_system(const char* what, int number) {
    return fail(
        ErrorCode::unavailable, std::string(what) + ": " + std::generic_category().message(number)
    );
}

// Two ends that belong together; ours does not block.
struct Pair {
    FileDescriptor ours;
    FileDescriptor theirs;
};

Result<Pair> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return fail_system("no pipe", errno);
    Pair pair{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
    ::fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK);
    return pair;
}

Result<Pair> make_input() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_system("no socket", errno);
    Pair pair{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
    ::fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK);
    return pair;
}

} // namespace

std::string find_program(std::string_view name) {
    if (name.empty() || name.find('/') != std::string_view::npos)
        return {};
    for (auto rest = search_path; !rest.empty();) {
        const auto colon = rest.find(':');
        auto path = std::string(rest.substr(0, colon)) + "/" + std::string(name);
        if (::access(path.c_str(), X_OK) == 0)
            return path;
        rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    }
    return {};
}

Result<Process> Process::start(const Command& command) {
    auto output = TRY(make_pipe());
    Pair errors;
    Pair input;
    if (command.conversing) {
        errors = TRY(make_pipe());
        input = TRY(make_input());
    }
    Spawn spawn;
    spawn.arguments = command.arguments;
    spawn.environment = command.environment;
    spawn.folder = command.cwd;
    spawn.session = command.conversing;
    spawn.confinement = command.confinement;
    spawn.files = {
        input.theirs.get(), output.theirs.get(),
        command.conversing ? errors.theirs.get() : output.theirs.get()};
    auto program = TRY(Program::start(std::move(spawn)));
    return Process(
        std::move(program), std::move(output.ours), std::move(errors.ours), std::move(input.ours)
    );
}

} // namespace slipway::runner
