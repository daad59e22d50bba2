// SPDX-License-Identifier: Apache-2.0
// A small real HTTP/1.1 server on a free port of 127.0.0.1, for the tests of this room only. It
// answers one request a connection from a table of paths; a path that is not in the table gets no
// answer until the server goes.
#pragma once

#include <map>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <sys/socket.h>

#include "runner/loopback_port.hpp"

namespace slipway::runner {

// A whole answer; `more` is header lines, each with its end.
inline std::string
http_answer(const std::string& status, const std::string& body, const std::string& more = {}) {
    return fmt::format(
        "HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}", status, body.size(),
        more, body
    );
}

class LoopbackServer {
  public:
    // Values are whole answers, from the status line on.
    explicit LoopbackServer(std::map<std::string, std::string> answers)
        : answers_(std::move(answers)) {
        listener_.listen();
        thread_ = std::thread([this] { serve(); });
    }

    ~LoopbackServer() {
        listener_.end();
        thread_.join();
    }

    LoopbackServer(const LoopbackServer&) = delete;

    std::string address() const { return listener_.address(); }

  private:
    void serve() {
        std::vector<FileDescriptor> silent;
        while (true) {
            auto connection = listener_.accept();
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
    LoopbackPort listener_;
    std::thread thread_;
};

} // namespace slipway::runner
