// SPDX-License-Identifier: Apache-2.0
// What the connections of a listener share: the loops, one thread each, the limits that are
// counted, and the way from a loop to a worker and back. Only connection.hpp includes this, because
// it brings Asio and Beast.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "app/identity/rate_limit.hpp"
#include "base/clock.hpp"
#include "http/head.hpp"
#include "http/listener.hpp"
#include "http/problem.hpp"
#include "http/workers.hpp"

namespace slipway::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

using Executor = asio::io_context::executor_type;
template <class T>
using Task = asio::awaitable<T, Executor>;
using Tcp = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Steady = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Steady, asio::wait_traits<Steady>, Executor>;
using ErrorBits = boost::system::error_code;
inline constexpr asio::use_awaitable_t<Executor> awaiting{};

// What a loop knows of a connection.
class Held {
  public:
    virtual ~Held() = default;
    virtual void close() = 0;
    Steady::time_point deadline = Steady::time_point::max();
    bool idle = false; // between requests
};

// One thread, its sockets and their deadlines.
struct Loop {
    std::list<Held*> held;
    std::set<Timer*> waiting_streams;
    std::uint64_t wakes = 0;
    std::atomic<bool> wake_posted{false};
    std::thread thread;
    std::string date;
    std::chrono::seconds date_second{-1};
    // Destroyed first: the coroutines that are left in it still look at the rest.
    asio::io_context io{1};

    const std::string& date_now() {
        const auto now = SystemClock{}.now();
        const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
        if (second != date_second) {
            date = http_date(now);
            date_second = second;
        }
        return date;
    }
};

// Counts what is bounded; a Share gives its place back.
class Share {
  public:
    Share(std::atomic<std::size_t>& count, std::size_t most) : count_(count), taken_(true) {
        if (count_.fetch_add(1) >= most) {
            count_.fetch_sub(1);
            taken_ = false;
        }
    }

    ~Share() {
        if (taken_)
            count_.fetch_sub(1);
    }

    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    bool taken() const { return taken_; }

  private:
    std::atomic<std::size_t>& count_;
    bool taken_;
};

// What all connections share.
struct Server {
    Api& api;
    ListenerOptions options;
    Workers workers;
    Workers quick; // ListenerOptions::quick_workers
    std::atomic<bool> stopping{false};
    std::atomic<std::size_t> large_bodies{0};
    std::atomic<std::size_t> downloads{0};
    std::atomic<std::size_t> event_streams{0};
    std::mutex mutex = {};
    std::condition_variable ended = {};
    std::size_t connections = 0;                        // under the mutex
    std::map<std::string, std::size_t> by_network = {}; // of these; under the mutex
};

// The place of one connection among those that are counted; gives itself back.
class Place {
  public:
    // Nothing when the server has as many as it may, or as many from this network.
    static std::optional<Place> take(Server& server, const Tcp& socket) {
        ErrorBits gone;
        const auto peer = socket.remote_endpoint(gone);
        const auto network = gone ? std::string{} : app::network_of(peer.address().to_string());
        const bool own = network.starts_with("127.") || (!gone && peer.address().is_loopback());
        const auto& options = server.options;
        const auto most =
            own && options.spare_loopback ? options.connections : options.connections_per_network;
        const std::lock_guard lock(server.mutex);
        auto& here = server.by_network[network];
        if (server.connections >= options.connections || here >= most) {
            if (here == 0)
                server.by_network.erase(network);
            return std::nullopt;
        }
        ++server.connections;
        ++here;
        return Place(server, network);
    }

    Place(Place&& other) noexcept
        : server_(std::exchange(other.server_, nullptr)), network_(std::move(other.network_)) {}

    Place& operator=(Place&&) = delete;

    ~Place() {
        if (server_ == nullptr)
            return;
        const std::lock_guard lock(server_->mutex);
        --server_->connections;
        if (--server_->by_network[network_] == 0)
            server_->by_network.erase(network_);
        server_->ended.notify_all();
    }

  private:
    Place(Server& server, std::string network) : server_(&server), network_(std::move(network)) {}

    Server* server_;
    std::string network_;
};

using Serve = std::function<void(Server&, Loop&, Tcp, Place)>;
// Errors: invalid_input when the certificate or key cannot be used.
Result<Serve> serve_tls(const std::string& certificate_file, const std::string& key_file);

// Runs the function on one of the workers, gives it another function to call once it is done, from
// whatever thread, and comes back to the loop then; false when the queue is full, or when the
// function threw, such as for want of memory. What it throws ends no thread and so no server.
template <class Function>
Task<bool> on_worker_until_done(Workers& workers, Executor executor, Function function) {
    return asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(bool)>(
        [&workers, executor](auto handler, Function work) {
            using Done = decltype(handler);

            struct Work final : Job {
                Work(Workers& w, Executor e, Function f, Done d)
                    : workers(w), executor(e), function(std::move(f)),
                      done(std::make_shared<Done>(std::move(d))) {}

                void run() override {
                    workers.begin_later();
                    const auto back = [w = &workers, e = executor, d = done, t = told](bool ran) {
                        if (t->exchange(true))
                            return;
                        asio::post(e, [d, ran] { std::move (*d)(ran); });
                        w->end_later();
                    };
                    try {
                        function([back] { back(true); });
                    } catch (const std::exception&) {
                        back(false);
                    }
                }

                Workers& workers;
                Executor executor;
                Function function;
                std::shared_ptr<Done> done;
                std::shared_ptr<std::atomic<bool>> told =
                    std::make_shared<std::atomic<bool>>(false);
            };

            auto own =
                std::make_unique<Work>(workers, executor, std::move(work), std::move(handler));
            const auto done = own->done;
            std::unique_ptr<Job> job = std::move(own);
            if (!workers.submit(job))
                asio::post(executor, [done] { std::move (*done)(false); });
        },
        awaiting, std::move(function)
    );
}

// Runs the function on a worker and comes back to the loop; false as above.
template <class Function>
Task<bool> on_worker(Server& server, Executor executor, Function function) {
    return on_worker_until_done(
        server.workers, executor,
        [f = std::move(function)](const auto& done) mutable {
            f();
            done();
        }
    );
}

// Hands the pieces of a long answer from a worker to the loop, one at a time.
struct Pipe {
    explicit Pipe(Loop& loop) : timer(loop.io) {}

    std::mutex mutex = {};
    std::condition_variable taken = {};
    std::string_view chunk = {};
    bool full = false;
    bool closed = false; // the client has gone
    bool done = false;   // the worker has ended
    bool whole = false;  // ... and has written everything
    Timer timer;         // cancelled on the loop to wake the coroutine
};

} // namespace slipway::http
