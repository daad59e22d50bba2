// SPDX-License-Identifier: Apache-2.0
// A socket at a free port of 127.0.0.1, from which the servers of this room's tests are made. Until
// it listens, a connection is refused; then it accepts what the system accepts for it, and answers
// nothing. For the tests only.
#pragma once

#include <string>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/assert.hpp"
#include "runner/process.hpp"

namespace slipway::runner {

class LoopbackPort {
  public:
    explicit LoopbackPort(int type = SOCK_STREAM)
        : socket_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        ASSERT(::bind(socket_.get(), generic, size) == 0);
        ASSERT(::getsockname(socket_.get(), generic, &size) == 0);
        number_ = ntohs(address.sin_port);
    }

    void listen() const { ASSERT(::listen(socket_.get(), 16) == 0); }

    // No descriptor once end() was called.
    FileDescriptor accept() const {
        return FileDescriptor(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }

    void end() const { ::shutdown(socket_.get(), SHUT_RDWR); }

    int get() const { return socket_.get(); }

    int number() const { return number_; }

    std::string address() const { return "127.0.0.1:" + std::to_string(number_); }

  private:
    FileDescriptor socket_;
    int number_ = 0;
};

} // namespace slipway::runner
