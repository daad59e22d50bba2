// SPDX-License-Identifier: Apache-2.0
// An HTTP server on a loopback port that answers what the test has written down, in order, and
// keeps what it was asked. An answer is raw bytes, so that it can be wrong in every way.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace slipway::test {

struct Seen {
    std::string method;
    std::string target;
    std::map<std::string, std::string> headers; // names in lower case
    std::string body;
};

struct Scripted {
    std::string bytes;
    bool silent = false;     // keeps the connection open and says nothing more
    std::size_t repeats = 0; // sends the bytes that often again, until the client closes
};

class ScriptedServer {
  public:
    ScriptedServer();
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    std::string address() const;
    // A whole answer with Content-Length.
    void answer(
        int status, std::string_view body, std::string_view type = "application/json",
        std::string_view extra = {}
    );
    void answer(Scripted scripted);

    // Reads the request and closes.
    void lose_connection() { answer(Scripted{}); }

    std::vector<Seen> seen() const;

  private:
    void serve();
    bool read_request(int connection, Seen& request);
    void send(int connection, const Scripted& scripted);

    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> ends_{false};
    mutable std::mutex mutex_;
    std::deque<Scripted> script_;
    std::vector<Seen> seen_;
    std::thread thread_;
};

} // namespace slipway::test
