// SPDX-License-Identifier: Apache-2.0
#include "runner/process.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

namespace slipway::runner {

namespace {

Result<Pipe> make_input() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(ErrorCode::unavailable, "no socket: " + std::generic_category().message(errno));
    Pipe pair{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
    ::fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK);
    return pair;
}

} // namespace

Result<Process> Process::start(const Command& command) {
    auto output = TRY(make_pipe());
    Pipe errors;
    Pipe input;
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
