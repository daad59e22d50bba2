// SPDX-License-Identifier: Apache-2.0
#include "http/listener.hpp"

#include "http/connection.hpp"

namespace slipway::http {

namespace {

using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

Task<void> serve_plain(Server& server, Loop& loop, Tcp socket, Place place) {
    Connection<Tcp> connection(server, loop, std::move(place), std::move(socket), {});
    co_await connection.run();
}

void start_plain(Server& server, Loop& loop, Tcp socket, Place place) {
    asio::co_spawn(
        loop.io, serve_plain(server, loop, std::move(socket), std::move(place)), asio::detached
    );
}

// Closes what is past its deadline, and what is idle once the server stops.
Task<void> sweep(Server& server, Loop& loop, Span tick) {
    Timer timer(loop.io);
    while (true) {
        ErrorBits ignored;
        timer.expires_after(tick);
        co_await timer.async_wait(asio::redirect_error(awaiting, ignored));
        const auto now = Steady::now();
        for (auto* held : loop.held)
            if (now >= held->deadline || (server.stopping && held->idle))
                held->close();
    }
}

Span sweep_tick(const ListenerOptions& options) {
    const auto shortest =
        std::min({options.request_timeout, options.idle_timeout, options.linger_timeout});
    return std::clamp<Span>(shortest / 4, Span(5), Span(500));
}

} // namespace

struct Listener::Inside {
    Inside(Api& api, ListenerOptions options)
        : server{
              api, options, Workers(options.workers, options.queue),
              Workers(options.quick_workers, options.queue)} {
        for (unsigned i = 0; i < std::max(1U, options.io_threads); ++i)
            loops.push_back(std::make_unique<Loop>());
        acceptor.emplace(loops.front()->io);
    }

    Server server;
    std::vector<std::unique_ptr<Loop>> loops;
    std::optional<Acceptor> acceptor;
    Serve serve = start_plain;
    std::uint16_t port = 0;
    bool running = false;

    Result<void> open();
    Task<void> accept();
    void run();
    void stop();
    void close_all();
    bool wait_for_end(Span span);
};

Result<void> Listener::Inside::open() {
    ErrorBits failed;
    const auto address = asio::ip::make_address(server.options.address, failed);
    if (failed)
        return fail_field("listen", "expected an IPv4 or IPv6 address and a port");
    const asio::ip::tcp::endpoint endpoint(address, server.options.port);
    acceptor->open(endpoint.protocol(), failed);
    if (!failed)
        acceptor->set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed)
        acceptor->bind(endpoint, failed);
    if (!failed)
        acceptor->listen(asio::socket_base::max_listen_connections, failed);
    if (!failed)
        port = acceptor->local_endpoint(failed).port();
    if (failed)
        return fail(
            ErrorCode::unavailable, fmt::format(
                                        "cannot listen on {} port {}: {}", server.options.address,
                                        server.options.port, failed.message()
                                    )
        );
    return {};
}

Task<void> Listener::Inside::accept() {
    std::size_t next = 0;
    Timer pause(loops.front()->io);
    while (!server.stopping) {
        Loop& loop = *loops[next++ % loops.size()];
        ErrorBits failed;
        Tcp socket =
            co_await acceptor->async_accept(loop.io, asio::redirect_error(awaiting, failed));
        if (server.stopping)
            break;
        if (failed) {
            // Out of descriptors, most likely: those in use will come back.
            pause.expires_after(std::chrono::milliseconds(50));
            co_await pause.async_wait(asio::redirect_error(awaiting, failed));
            continue;
        }
        socket.set_option(asio::ip::tcp::no_delay(true), failed);
        auto place = Place::take(server, socket);
        if (!place) {
            constexpr std::string_view full =
                "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
                "Connection: close\r\n\r\n";
            socket.non_blocking(true, failed);
            socket.write_some(asio::buffer(full), failed);
            continue;
        }
        asio::post(loop.io, [this, &loop, s = std::move(socket), p = std::move(*place)]() mutable {
            serve(server, loop, std::move(s), std::move(p));
        });
    }
}

void Listener::Inside::run() {
    running = true;
    asio::co_spawn(loops.front()->io, accept(), asio::detached);
    for (auto& loop : loops) {
        asio::co_spawn(loop->io, sweep(server, *loop, sweep_tick(server.options)), asio::detached);
        loop->thread = std::thread([io = &loop->io] { io->run(); });
    }
}

void Listener::Inside::close_all() {
    for (auto& loop : loops)
        asio::post(loop->io, [l = loop.get()] {
            for (auto* held : l->held)
                held->close();
        });
}

bool Listener::Inside::wait_for_end(Span span) {
    std::unique_lock lock(server.mutex);
    return server.ended.wait_for(lock, span, [&] { return server.connections == 0; });
}

void Listener::Inside::stop() {
    if (!running)
        return;
    running = false;
    server.stopping = true;
    server.api.stop();
    asio::post(loops.front()->io, [this] {
        ErrorBits ignored;
        acceptor->close(ignored);
    });
    for (auto& loop : loops)
        asio::post(loop->io, [l = loop.get()] {
            ++l->wakes;
            for (auto* timer : l->waiting_streams)
                timer->cancel();
            for (auto* held : l->held)
                if (held->idle)
                    held->close();
        });
    if (!wait_for_end(server.options.stop_grace))
        close_all();
    server.quick.stop();
    server.workers.stop();
    wait_for_end(std::chrono::seconds(5));
    for (auto& loop : loops)
        loop->io.stop();
    for (auto& loop : loops)
        loop->thread.join();
}

Listener::Listener(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}

Listener::~Listener() {
    stop();
}

Result<std::unique_ptr<Listener>> Listener::start(Api& api, ListenerOptions options) {
    auto inside = std::make_unique<Inside>(api, options);
    if (!options.certificate_file.empty() || !options.key_file.empty())
        inside->serve = TRY(serve_tls(options.certificate_file, options.key_file));
    TRY(inside->open());
    inside->run();
    return std::unique_ptr<Listener>(new Listener(std::move(inside)));
}

std::uint16_t Listener::port() const {
    return inside_->port;
}

void Listener::wake_streams() {
    if (inside_->server.event_streams == 0)
        return;
    for (auto& loop : inside_->loops) {
        if (loop->wake_posted.exchange(true))
            continue;
        asio::post(loop->io, [l = loop.get()] {
            l->wake_posted = false;
            ++l->wakes;
            for (auto* timer : l->waiting_streams)
                timer->cancel();
        });
    }
}

void Listener::stop() {
    inside_->stop();
}

} // namespace slipway::http
