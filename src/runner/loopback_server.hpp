// SPDX-License-Identifier: Apache-2.0
// A small real HTTP/1.1 server on a free port of 127.0.0.1, for the tests of this room only. It
// answers one request a connection from a table of paths; a path that is not in the table gets no
// answer until the server goes.
#pragma once

#include <map>
#include <string>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/assert.hpp"
#include "runner/process.hpp"

namespace slipway::runner {

class LoopbackServer {
  public:
    // Values are whole answers, from the status line on.
    explicit LoopbackServer(std::map<std::string, std::string> answers)
        : answers_(std::move(answers)),
          listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        ASSERT(::bind(listener_.get(), generic, size) == 0);
        ASSERT(::listen(listener_.get(), 16) == 0);
        ASSERT(::getsockname(listener_.get(), generic, &size) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }

    ~LoopbackServer() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }

    LoopbackServer(const LoopbackServer&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  private:
    void serve() {
        std::vector<FileDescriptor> silent;
        while (true) {
            FileDescriptor connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (connection.get() < 0)
                return;
            const auto request = read_request(connection.get());
            const auto begin = request.find(' ');
            if (begin == std::string::npos)
                continue;
            const auto path = request.substr(begin + 1, request.find(' ', begin + 1) - begin - 1);
            const auto answer = answers_.find(path);
            if (answer == answers_.end())
                silent.push_back(std::move(connection));
            else
                (void)::send(
                    connection.get(), answer->second.data(), answer->second.size(), MSG_NOSIGNAL
                );
        }
    }

    static std::string read_request(int connection) {
        std::string request;
        char buffer[4096];
        while (request.find("\r\n\r\n") == std::string::npos) {
            const auto count = ::recv(connection, buffer, sizeof buffer, 0);
            if (count <= 0)
                return request;
            request.append(buffer, static_cast<std::size_t>(count));
        }
        return request;
    }

    std::map<std::string, std::string> answers_;
    FileDescriptor listener_;
    int port_ = 0;
    std::thread thread_;
};

} // namespace slipway::runner
