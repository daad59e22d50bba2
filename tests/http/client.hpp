// SPDX-License-Identifier: Apache-2.0
// A blocking HTTP client that sends exactly the bytes it is given, right or wrong. Every read has a
// limit of ten seconds, so that a server that does not answer fails the test.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace slipway::test {

struct Reply {
    int status = 0;                             // 0: the connection ended instead
    std::map<std::string, std::string> headers; // names in lower case
    std::string body;
};

class Client {
  public:
    explicit Client(std::uint16_t port);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // False when the server has closed.
    bool send(std::string_view bytes);
    Reply receive(bool head_only = false);
    // Reads until `text` has come; everything so far, or empty when the connection ended.
    std::string receive_until(std::string_view text);
    // True when the server closes and sends nothing more.
    bool closed_by_server();

    // One request with the usual header fields; `extra` are whole lines with CRLF.
    Reply request(
        std::string_view method, std::string_view target, std::string_view body = {},
        std::string_view extra = {}
    );

    std::string bearer; // sent by request() when not empty
    // Told of each answer that request() got.
    std::function<void(std::string_view method, std::string_view target, int status)> answered;

  private:
    bool fill();

    int socket_ = -1;
    std::string buffer_;
};

} // namespace slipway::test
