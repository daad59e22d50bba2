// SPDX-License-Identifier: Apache-2.0
#include "scripted_server.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace slipway::test {

ScriptedServer::ScriptedServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        std::abort();
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

ScriptedServer::~ScriptedServer() {
    ends_ = true;
    thread_.join();
    ::close(listener_);
}

std::string ScriptedServer::address() const {
    return fmt::format("http://127.0.0.1:{}", port_);
}

void ScriptedServer::answer(
    int status, std::string_view body, std::string_view type, std::string_view extra
) {
    answer(Scripted{fmt::format(
        "HTTP/1.1 {} Scripted\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Connection: "
        "close\r\n\r\n{}",
        status, type, body.size(), extra, body
    )});
}

void ScriptedServer::answer(Scripted scripted) {
    const std::lock_guard lock(mutex_);
    script_.push_back(std::move(scripted));
}

std::vector<Seen> ScriptedServer::seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
}

void ScriptedServer::serve() {
    while (!ends_) {
        pollfd waiting{listener_, POLLIN, 0};
        if (::poll(&waiting, 1, 20) <= 0)
            continue;
        const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        Seen request;
        Scripted scripted;
        if (connection >= 0 && read_request(connection, request)) {
            {
                const std::lock_guard lock(mutex_);
                seen_.push_back(std::move(request));
                if (!script_.empty()) {
                    scripted = std::move(script_.front());
                    script_.pop_front();
                }
            }
            send(connection, scripted);
        }
        ::close(connection);
    }
}

bool ScriptedServer::read_request(int connection, Seen& request) {
    std::string bytes;
    std::size_t wanted = std::string::npos;
    std::size_t head = std::string::npos;
    while (bytes.size() < wanted) {
        char buffer[16384];
        const auto count = ::recv(connection, buffer, sizeof buffer, 0);
        if (count <= 0)
            return false;
        bytes.append(buffer, static_cast<std::size_t>(count));
        head = bytes.find("\r\n\r\n");
        if (head == std::string::npos || wanted != std::string::npos)
            continue;
        std::size_t at = bytes.find("\r\n");
        const auto line = bytes.substr(0, at);
        request.method = line.substr(0, line.find(' '));
        request.target =
            line.substr(request.method.size() + 1, line.rfind(' ') - request.method.size() - 1);
        while (at < head) {
            const auto end = bytes.find("\r\n", at + 2);
            const auto colon = bytes.find(':', at);
            std::string name = bytes.substr(at + 2, colon - at - 2);
            std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
                return static_cast<char>(std::tolower(c));
            });
            request.headers[name] = bytes.substr(colon + 2, end - colon - 2);
            at = end;
        }
        const auto length = request.headers.find("content-length");
        wanted = head + 4 + (length == request.headers.end() ? 0 : std::stoull(length->second));
    }
    request.body = bytes.substr(head + 4);
    return true;
}

void ScriptedServer::send(int connection, const Scripted& scripted) {
    for (std::size_t i = 0; i <= scripted.repeats; ++i) {
        std::string_view rest = scripted.bytes;
        while (!rest.empty()) {
            const auto count = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
            if (count <= 0)
                return;
            rest.remove_prefix(static_cast<std::size_t>(count));
        }
    }
    char ignored = 0;
    while (scripted.silent && !ends_) {
        pollfd waiting{connection, POLLIN, 0};
        if (::poll(&waiting, 1, 20) > 0 && ::recv(connection, &ignored, 1, 0) <= 0)
            return;
    }
}

} // namespace slipway::test
