// SPDX-License-Identifier: Apache-2.0
#include "client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

namespace slipway::test {

Client::Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(socket_);
        socket_ = -1;
    }
}

Client::~Client() {
    if (socket_ >= 0)
        ::close(socket_);
}

bool Client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool Client::fill() {
    char piece[65536];
    const auto got = ::recv(socket_, piece, sizeof piece, 0);
    if (got <= 0)
        return false;
    buffer_.append(piece, static_cast<std::size_t>(got));
    return true;
}

Reply Client::receive(bool head_only) {
    Reply reply;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
        if (!fill())
            return reply;
    const std::string head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    reply.status = std::stoi(head.substr(head.find(' ') + 1, 3));
    for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
        const auto line_end = head.find("\r\n", at);
        const auto colon = head.find(": ", at);
        std::string name = head.substr(at, colon - at);
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
            return static_cast<char>(std::tolower(c));
        });
        reply.headers[name] = head.substr(colon + 2, line_end - colon - 2);
        at = line_end + 2;
    }
    if (reply.status == 100)
        return receive(head_only);
    const auto length = reply.headers.find("content-length");
    const std::size_t size = length == reply.headers.end() ? 0 : std::stoull(length->second);
    while (!head_only && buffer_.size() < size)
        if (!fill())
            break;
    if (!head_only) {
        reply.body = buffer_.substr(0, size);
        buffer_.erase(0, size);
    }
    return reply;
}

std::string Client::receive_until(std::string_view text) {
    while (buffer_.find(text) == std::string::npos)
        if (!fill())
            return {};
    const auto end = buffer_.find(text) + text.size();
    std::string out = buffer_.substr(0, end);
    buffer_.erase(0, end);
    return out;
}

bool Client::closed_by_server() {
    char byte = 0;
    return buffer_.empty() && ::recv(socket_, &byte, 1, 0) == 0;
}

Reply Client::request(
    std::string_view method, std::string_view target, std::string_view body, std::string_view extra
) {
    std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n", method, target);
    if (!bearer.empty())
        text += fmt::format("Authorization: Bearer {}\r\n", bearer);
    if (!body.empty() && extra.find("Content-Type") == std::string_view::npos)
        text += "Content-Type: application/json\r\n";
    if (!body.empty() || method == "POST" || method == "PUT")
        text += fmt::format("Content-Length: {}\r\n", body.size());
    text += extra;
    text += "\r\n";
    text += body;
    if (!send(text))
        return {};
    auto reply = receive(method == "HEAD");
    if (answered)
        answered(method, target, reply.status);
    return reply;
}

} // namespace slipway::test
