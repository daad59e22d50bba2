// SPDX-License-Identifier: Apache-2.0
// Serves the API on one address: HTTP/1.1 with keep-alive and pipelining, or the same over TLS.
// Sockets are read and written by coroutines on a few threads; requests run on workers. Limits:
// header 16 KiB, body by route, a request must arrive within its timeout, an idle connection is
// closed, so is a client that reads too slowly. HTTP/2 is a reverse proxy's business.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "base/limits.hpp"
#include "base/time.hpp"
#include "http/api.hpp"

namespace slipway::http {

struct ListenerOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;            // 0: any free one, see Listener::port()
    std::string certificate_file = {}; // PEM chain; with key_file: TLS 1.2 and later
    std::string key_file = {};
    unsigned io_threads = 1;
    std::size_t workers = limits::request_workers;
    // For what never waits for the disk. As many as processors: under load they find the next
    // command in the queue and need not be woken for it.
    std::size_t quick_workers = std::max(2U, std::thread::hardware_concurrency());
    std::size_t queue = limits::request_queue_max;
    std::size_t connections = limits::connections_max;
    std::size_t connections_per_network = limits::connections_per_network_max;
    bool spare_loopback = true; // a proxy on this machine brings everybody's connections
    std::vector<std::string> trusted_proxies = {}; // networks: see http/client_address.hpp
    std::size_t downloads = limits::downloads_max;
    std::size_t event_streams = limits::event_streams_max;
    Span request_timeout = limits::request_timeout; // to send a request, to take an answer
    Span idle_timeout = limits::idle_timeout;
    Span linger_timeout = limits::linger_timeout;
    Span stop_grace = std::chrono::seconds(20);
    Span event_heartbeat = limits::event_stream_heartbeat;
    Span event_poll = std::chrono::seconds(2);      // what other servers commit is found by looking
    Span event_gap = std::chrono::milliseconds(20); // events closer together go in one piece
};

class Listener {
  public:
    // Errors: unavailable (the address is in use or not ours), invalid_input (certificate or key).
    static Result<std::unique_ptr<Listener>> start(Api& api, ListenerOptions options);
    ~Listener(); // stop()
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    std::uint16_t port() const;
    // Something was committed: event streams look. Cheap, from any thread; for Store::on_committed.
    void wake_streams();
    // Accepts no more, lets requests in flight end within stop_grace, then closes what is left.
    void stop();

    struct Inside;

  private:
    explicit Listener(std::unique_ptr<Inside> inside);
    std::unique_ptr<Inside> inside_;
};

} // namespace slipway::http
