// SPDX-License-Identifier: Apache-2.0
// One connection, over TCP or TLS: the coroutine that reads requests one after the other and writes
// their answers in the same order, which is all that pipelining asks for. Only listener.cpp and
// listener_tls.cpp include this, because it brings Asio and Beast. A connection belongs to one loop
// and is touched by that loop's thread only; workers hand their results back by posting to it.
// Every co_await stands in a statement of its own, its temporaries named: g++ 12 destroys those of
// larger expressions twice.
#pragma once

#include "http/client_address.hpp"
#include "http/loop.hpp"

namespace slipway::http {

// What a stream does before the first request and after the last; empty for plain TCP.
template <class Stream>
struct Manners {
    std::function<Task<bool>(Stream&)> begin = {};
    std::function<Task<void>(Stream&)> end = {};
};

template <class Stream>
class Connection final : public Held {
  public:
    Connection(Server& server, Loop& loop, Place place, Stream stream, Manners<Stream> manners)
        : place_(std::move(place)), server_(server), loop_(loop), stream_(std::move(stream)),
          manners_(std::move(manners)) {
        ErrorBits ignored;
        const auto peer = socket().remote_endpoint(ignored);
        address_ = ignored ? std::string{} : peer.address().to_string();
        held_at_ = loop_.held.insert(loop_.held.end(), this);
    }

    ~Connection() override { loop_.held.erase(held_at_); }

    void close() override {
        ErrorBits ignored;
        socket().close(ignored);
    }

    Task<void> run();

  private:
    using Parser = beast::http::request_parser<beast::http::string_body>;
    using UploadParser = beast::http::request_parser<beast::http::buffer_body>;
    using Sink = Result<std::unique_ptr<BodySink>>;

    auto& socket() { return stream_.lowest_layer(); }

    Executor executor() { return loop_.io.get_executor(); }

    void allow(Span span) { deadline = Steady::now() + span; }

    Task<bool> fill();
    Task<bool> serve_one();
    Task<bool> read_header(Parser& parser);
    std::optional<Response> check_protocol(Parser& parser, Request& request);
    Response too_large(std::size_t limit) const;
    std::optional<Response> check_body(const Prepared& prepared, std::uint64_t announced) const;
    Task<std::optional<Response>> read_body(Parser& parser, std::size_t limit, bool large);
    Task<std::optional<Response>> answer_early(Prepared& prepared, Parser& parser);
    Task<Response> take_upload(const Prepared& prepared, Parser& parser);
    Task<Response> fill_sink(const Prepared& prepared, Parser& parser, Sink& sink);
    Task<Response> take_request(Prepared& prepared, Parser& parser);
    Task<bool> send(Response response, bool head_only);
    Task<bool> send_text(std::string_view text);
    Task<bool> send_stream(BodyStream stream);
    Task<void> send_events(std::shared_ptr<EventSource> events);
    Task<void> linger();
    Response refusal(ErrorCode code, std::string message, int status) const;
    Response busy() const;

    Place place_; // given back after all else has ended
    Server& server_;
    Loop& loop_;
    Stream stream_;
    Manners<Stream> manners_;
    std::string address_; // of the peer
    std::string client_;  // of whom the request that is read speaks for
    std::list<Held*>::iterator held_at_;
    std::optional<Share> download_;
    beast::flat_buffer buffer_;
    bool keep_alive_ = true;
    bool unread_ = false; // the client may still be sending what will not be read
};

template <class Stream>
Task<void> Connection<Stream>::run() {
    allow(server_.options.request_timeout);
    if (manners_.begin) {
        const bool begun = co_await manners_.begin(stream_);
        if (!begun)
            co_return;
    }
    bool more = true;
    while (more)
        more = co_await serve_one();
    if (!socket().is_open())
        co_return;
    allow(server_.options.linger_timeout);
    if (manners_.end)
        co_await manners_.end(stream_);
    if (unread_)
        co_await linger();
}

template <class Stream>
Task<bool> Connection<Stream>::fill() {
    constexpr std::size_t piece = 16 * 1024;
    ErrorBits failed;
    const std::size_t got = co_await stream_.async_read_some(
        buffer_.prepare(piece), asio::redirect_error(awaiting, failed)
    );
    buffer_.commit(got);
    co_return !failed;
}

// Closing at once would make the kernel throw away the answer that the client has not read yet.
template <class Stream>
Task<void> Connection<Stream>::linger() {
    ErrorBits ignored;
    socket().shutdown(asio::socket_base::shutdown_send, ignored);
    std::size_t read = 0;
    buffer_.clear();
    bool more = true;
    while (more && read < limits::linger_bytes_max) {
        more = co_await fill();
        read += buffer_.size();
        buffer_.clear();
    }
}

template <class Stream>
Response Connection<Stream>::refusal(ErrorCode code, std::string message, int status) const {
    Error error;
    error.code = code;
    error.message = std::move(message);
    return problem(error, status, "");
}

template <class Stream>
Response Connection<Stream>::busy() const {
    Error error;
    error.code = ErrorCode::unavailable;
    error.message = "the server has too much to do at this moment";
    error.retry_after_ms = 1000;
    return problem(error, "");
}

// False when the connection ends; a request that cannot be parsed was answered.
template <class Stream>
Task<bool> Connection<Stream>::read_header(Parser& parser) {
    parser.header_limit(limits::request_header_max);
    parser.body_limit(boost::none);
    parser.eager(false);
    if (buffer_.size() == 0) {
        allow(server_.options.idle_timeout);
        idle = true;
        bool filled = false;
        if (!server_.stopping)
            filled = co_await fill();
        idle = false;
        if (!filled)
            co_return false;
    }
    allow(server_.options.request_timeout);
    std::size_t taken = 0;
    while (true) {
        ErrorBits failed;
        const std::size_t used = parser.put(buffer_.data(), failed);
        buffer_.consume(used);
        taken += used;
        if (parser.is_header_done())
            co_return true;
        // Beast looks at the limit when the head is complete; a flood never is.
        if (taken + buffer_.size() > limits::request_header_max)
            failed = beast::http::error::header_limit;
        if (failed && failed != beast::http::error::need_more) {
            keep_alive_ = false;
            unread_ = true;
            const bool large = failed == beast::http::error::header_limit;
            Response refused =
                large ? refusal(
                            ErrorCode::limit_exceeded,
                            fmt::format(
                                "the head of a request has at most {} bytes",
                                limits::request_header_max
                            ),
                            431
                        )
                      : refusal(ErrorCode::invalid_input, "this is not an HTTP/1.1 request", 400);
            co_await send(std::move(refused), false);
            co_return false;
        }
        const bool filled = co_await fill();
        if (!filled)
            co_return false;
    }
}

// What RFC 9112 wants refused, and what two parties could read differently.
template <class Stream>
std::optional<Response> Connection<Stream>::check_protocol(Parser& parser, Request& request) {
    const auto& message = parser.get();
    request.method =
        method_from_name({message.method_string().data(), message.method_string().size()});
    request.target = {message.target().data(), message.target().size()};
    request.secure = static_cast<bool>(manners_.begin);
    if (const auto length = parser.content_length())
        request.content_length = *length;
    std::string forwarded; // of several fields one list: RFC 9110, section 5.3
    std::string forwarded_proto;
    for (const auto& field : message) {
        if (beast::iequals(field.name_string(), "X-Forwarded-For"))
            forwarded.append(forwarded.empty() ? "" : ",").append(field.value());
        if (beast::iequals(field.name_string(), "X-Forwarded-Proto"))
            forwarded_proto.append(forwarded_proto.empty() ? "" : ",").append(field.value());
        const auto name =
            header_from_name({field.name_string().data(), field.name_string().size()});
        if (!name)
            continue;
        if (request.header(*name))
            return refusal(
                ErrorCode::invalid_input, fmt::format("{}: stands twice", header_name(*name)), 400
            );
        request.set(*name, {field.value().data(), field.value().size()});
    }
    client_ = client_address(address_, forwarded, server_.options.trusted_proxies);
    request.address = client_;
    request.secure =
        request.secure ||
        came_over_tls_to_proxy(address_, forwarded_proto, server_.options.trusted_proxies);
    if (message.version() >= 11 && !request.header(Header::host))
        return refusal(ErrorCode::invalid_input, "Host: is required", 400);
    const auto coding = message.find(beast::http::field::transfer_encoding);
    if (coding != message.end() &&
        (!parser.chunked() || message.count(beast::http::field::content_length) != 0 ||
         !beast::iequals(coding->value(), "chunked")))
        return refusal(
            ErrorCode::invalid_input,
            "Transfer-Encoding: only chunked, and not together with Content-Length", 400
        );
    const auto expect = request.header(Header::expect);
    if (expect && !beast::iequals({expect->data(), expect->size()}, "100-continue"))
        return refusal(ErrorCode::invalid_input, "Expect: only 100-continue", 417);
    return std::nullopt;
}

template <class Stream>
Response Connection<Stream>::too_large(std::size_t limit) const {
    return refusal(
        ErrorCode::limit_exceeded,
        limit == 0 ? std::string("this operation takes no body")
                   : fmt::format("the body has at most {} bytes", limit),
        413
    );
}

template <class Stream>
std::optional<Response>
Connection<Stream>::check_body(const Prepared& prepared, std::uint64_t announced) const {
    if (announced <= prepared.body_limit())
        return std::nullopt;
    return too_large(prepared.body_limit());
}

// Nothing when the whole body is there; `closed` is an answer nobody reads.
template <class Stream>
Task<std::optional<Response>>
Connection<Stream>::read_body(Parser& parser, std::size_t limit, bool large) {
    parser.body_limit(limit);
    parser.eager(true);
    const auto latest = Steady::now() + server_.options.request_timeout * (large ? 20 : 1);
    while (!parser.is_done()) {
        ErrorBits failed = beast::http::error::need_more;
        if (buffer_.size() > 0)
            buffer_.consume(parser.put(buffer_.data(), failed));
        if (failed == beast::http::error::body_limit)
            co_return too_large(limit);
        if (failed && failed != beast::http::error::need_more)
            co_return refusal(ErrorCode::invalid_input, "the body is not valid HTTP", 400);
        if (parser.is_done())
            break;
        bool filled = true;
        if (failed)
            filled = co_await fill();
        if (!filled) {
            close();
            co_return Response{};
        }
        if (large)
            deadline = std::min(latest, Steady::now() + server_.options.request_timeout);
    }
    co_return std::nullopt;
}

template <class Stream>
Task<Response> Connection<Stream>::take_upload(const Prepared& prepared, Parser& parser) {
    Sink sink;
    Response response = co_await fill_sink(prepared, parser, sink);
    // It takes back what it did not finish, and that waits for the disk.
    const auto give_up = [&] { sink = {}; };
    co_await on_worker(server_, executor(), give_up);
    co_return response;
}

// What it throws is a fault of unknown effect, and not a server that has too much to do.
template <class Work>
auto told(const Work& work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::exception& thrown) {
        return fail(ErrorCode::internal, "exception", thrown.what());
    }
}

template <class Stream>
Task<Response> Connection<Stream>::fill_sink(const Prepared& prepared, Parser& parser, Sink& sink) {
    Api& api = server_.api;
    const auto open = [&] { sink = api.open_upload(prepared); };
    const bool opened = co_await on_worker(server_, executor(), open);
    if (!opened)
        co_return busy();
    if (!sink)
        co_return api.refuse(prepared, sink.error());
    UploadParser upload(std::move(parser));
    upload.body_limit(limits::attachment_max);
    upload.eager(true);
    std::string chunk(limits::blob_chunk, '\0');
    const auto latest = Steady::now() + server_.options.request_timeout * 20;
    while (!upload.is_done()) {
        auto& body = upload.get().body();
        if (body.data == nullptr) {
            body.data = chunk.data();
            body.size = chunk.size();
        }
        ErrorBits failed = beast::http::error::need_more;
        if (buffer_.size() > 0)
            buffer_.consume(upload.put(buffer_.data(), failed));
        if (failed == beast::http::error::body_limit)
            co_return refusal(
                ErrorCode::limit_exceeded,
                fmt::format("an attachment has at most {} bytes", limits::attachment_max), 413
            );
        const bool full = body.size == 0 || failed == beast::http::error::need_buffer;
        if (failed && failed != beast::http::error::need_more && !full)
            co_return refusal(ErrorCode::invalid_input, "the body is not valid HTTP", 400);
        if (full || upload.is_done()) {
            const std::string_view bytes(chunk.data(), chunk.size() - body.size);
            Result<void> written;
            const auto write = [&] { written = told([&] { return (*sink)->write(bytes); }); };
            const bool ran = co_await on_worker(server_, executor(), write);
            if (!ran)
                co_return busy();
            if (!written)
                co_return api.refuse(prepared, written.error());
            body.data = nullptr;
        } else {
            const bool filled = co_await fill();
            if (!filled) {
                close();
                co_return Response{};
            }
        }
        deadline = std::min(latest, Steady::now() + server_.options.request_timeout);
    }
    Result<Response> done;
    const auto finish = [&] { done = told([&] { return (*sink)->finish(); }); };
    const bool finished = co_await on_worker(server_, executor(), finish);
    if (!finished)
        co_return busy();
    unread_ = false;
    co_return done ? *std::move(done) : api.refuse(prepared, done.error());
}

// What is answered without the body: a refusal that is known already, or one to somebody who may
// not send so much.
template <class Stream>
Task<std::optional<Response>> Connection<Stream>::answer_early(Prepared& prepared, Parser& parser) {
    const auto length = parser.content_length();
    const bool unknown = !length && parser.chunked();
    const std::uint64_t announced = length ? *length : unknown ? 1 : 0;
    if (!prepared.refusal)
        prepared.refusal = check_body(prepared, announced);
    if (prepared.refusal) {
        // A short body is read and thrown away, so that the connection can go on.
        if (unread_ && !unknown && announced <= limits::unasked_body_max) {
            const auto broken = co_await read_body(parser, limits::unasked_body_max, false);
            unread_ = broken.has_value();
        }
        co_return std::move(prepared.refusal);
    }
    std::optional<Response> refused;
    if (!prepared.needs_admission(unknown ? prepared.body_limit() : announced))
        co_return refused;
    const auto admit = [&] { refused = server_.api.admit(prepared); };
    const bool ran = co_await on_worker(server_, executor(), admit);
    if (!ran)
        refused = busy();
    co_return refused;
}

template <class Stream>
Task<Response> Connection<Stream>::take_request(Prepared& prepared, Parser& parser) {
    Api& api = server_.api;
    unread_ = !parser.is_done();
    std::optional<Share> share;
    if (prepared.large() && !prepared.refusal) {
        share.emplace(server_.large_bodies, limits::large_bodies_max);
        if (!share->taken())
            co_return busy();
    }
    std::optional<Response> early = co_await answer_early(prepared, parser);
    if (early)
        co_return *std::move(early);
    if (prepared.request.header(Header::expect) && !parser.is_done() && buffer_.size() == 0) {
        const bool sent = co_await send_text("HTTP/1.1 100 Continue\r\n\r\n");
        if (!sent)
            co_return Response{};
    }
    if (prepared.streamed()) {
        Response uploaded = co_await take_upload(prepared, parser);
        co_return uploaded;
    }
    std::optional<Response> broken =
        co_await read_body(parser, prepared.body_limit(), prepared.large());
    if (broken)
        co_return *std::move(broken);
    unread_ = false;
    // Before the work, which may fill a disk: those that cannot be sent are not made.
    const bool download = prepared.match.route && prepared.match.route->download;
    if (download && prepared.request.method != Method::head) {
        download_.emplace(server_.downloads, server_.options.downloads);
        if (!download_->taken())
            co_return busy();
    }
    prepared.request.body = parser.get().body();
    deadline = Steady::time_point::max(); // how long a use case takes is its own business
    std::optional<Response> response;
    if (prepared.later()) {
        const auto work = [&](std::function<void()> done) {
            api.run_later(prepared, [&response, done = std::move(done)](auto answer) {
                response = std::move(answer);
                done();
            });
        };
        const bool ran = co_await on_worker_until_done(server_.quick, executor(), work);
        if (!ran)
            co_return busy();
        if (response)
            co_return *std::move(response);
    }
    const auto run = [&] { response = api.run(prepared); };
    const bool ran = co_await on_worker(server_, executor(), run);
    if (!ran)
        co_return busy();
    co_return *std::move(response);
}

template <class Stream>
Task<bool> Connection<Stream>::serve_one() {
    Parser parser;
    const bool read = co_await read_header(parser);
    if (!read)
        co_return false;
    keep_alive_ = parser.keep_alive();
    Request request;
    std::optional<Response> refused = check_protocol(parser, request);
    if (refused) {
        keep_alive_ = false;
        unread_ = true;
        co_await send(*std::move(refused), false);
        co_return false;
    }
    const bool head_only = request.method == Method::head;
    Prepared prepared = server_.api.prepare(std::move(request));
    Response response = co_await take_request(prepared, parser);
    if (!socket().is_open())
        co_return false;
    // What was not read of this request would be taken for the next one.
    keep_alive_ = keep_alive_ && !unread_ && !server_.stopping && !response.events;
    const bool sent = co_await send(std::move(response), head_only);
    download_.reset();
    co_return sent&& keep_alive_;
}

template <class Stream>
Task<bool> Connection<Stream>::send_text(std::string_view text) {
    ErrorBits failed;
    co_await asio::async_write(
        stream_, asio::buffer(text.data(), text.size()), asio::redirect_error(awaiting, failed)
    );
    co_return !failed;
}

template <class Stream>
Task<bool> Connection<Stream>::send(Response response, bool head_only) {
    allow(server_.options.request_timeout);
    std::optional<Share> share;
    if (response.events && !head_only) {
        share.emplace(server_.event_streams, server_.options.event_streams);
        if (!share->taken())
            response = busy();
    }
    const std::string head = write_head(response, loop_.date_now(), keep_alive_);
    const std::string_view body = head_only ? std::string_view{} : response.body;
    const std::array<asio::const_buffer, 2> pieces{
        asio::buffer(head), asio::buffer(body.data(), body.size())};
    ErrorBits failed;
    co_await asio::async_write(stream_, pieces, asio::redirect_error(awaiting, failed));
    if (failed || head_only)
        co_return !failed;
    if (response.stream) {
        const bool whole = co_await send_stream(*std::move(response.stream));
        co_return whole;
    }
    if (response.events)
        co_await send_events(std::move(response.events));
    co_return true;
}

// The worker writes into the pipe and waits until the loop has sent the piece; so one piece of the
// answer is in memory, and a slow client slows the reading down.
template <class Stream>
Task<bool> Connection<Stream>::send_stream(BodyStream stream) {
    const auto pipe = std::make_shared<Pipe>(loop_);
    const auto wake = [pipe, executor = executor()] {
        asio::post(executor, [pipe] { pipe->timer.cancel(); });
    };
    const auto produce = [pipe, wake, stream = std::move(stream)] {
        std::uint64_t written = 0;
        const auto result = stream.write([&](std::string_view bytes) -> Result<void> {
            std::unique_lock lock(pipe->mutex);
            pipe->chunk = bytes;
            pipe->full = !pipe->closed;
            wake();
            pipe->taken.wait(lock, [&] { return !pipe->full; });
            written += bytes.size();
            if (pipe->closed)
                return fail(ErrorCode::unavailable, "the client has gone");
            return {};
        });
        const std::lock_guard lock(pipe->mutex);
        pipe->whole = result.has_value() && written == stream.size;
        pipe->done = true;
        wake();
    };
    // The result of the job is awaited through the pipe, so it is started and not awaited here.
    asio::co_spawn(
        loop_.io,
        [&server = server_, executor = executor(), pipe, produce]() -> Task<void> {
            const bool ran = co_await on_worker(server, executor, produce);
            if (!ran) {
                pipe->done = true;
                pipe->timer.cancel();
            }
        },
        asio::detached
    );
    while (true) {
        std::unique_lock lock(pipe->mutex);
        if (pipe->full) {
            const auto chunk = pipe->chunk;
            lock.unlock();
            allow(server_.options.request_timeout);
            const bool sent = co_await send_text(chunk);
            lock.lock();
            pipe->closed = !sent;
            pipe->full = false;
            pipe->taken.notify_one();
        } else if (pipe->done) {
            co_return pipe->whole;
        } else {
            lock.unlock();
            ErrorBits ignored;
            // The worker's wake-up is posted to this loop, so it cannot come before the wait.
            pipe->timer.expires_after(std::chrono::seconds(1));
            co_await pipe->timer.async_wait(asio::redirect_error(awaiting, ignored));
        }
    }
}

template <class Stream>
Task<void> Connection<Stream>::send_events(std::shared_ptr<EventSource> events) {
    Timer timer(loop_.io);
    auto last_sent = Steady::now();
    bool connected = co_await send_text(": connected\n\n");
    while (connected && !server_.stopping) {
        const auto seen = loop_.wakes;
        deadline = Steady::time_point::max();
        Result<std::string> text;
        // What was read when it threw is lost to this stream: the next one begins behind what was
        // sent.
        const auto look = [&] {
            try {
                text = events->next();
            } catch (const std::exception& thrown) {
                text = fail(ErrorCode::internal, "exception", thrown.what());
            }
        };
        const bool ran = co_await on_worker(server_, executor(), look);
        if (ran && !text)
            break;
        std::string out = ran ? *std::move(text) : std::string{};
        if (out.empty() && Steady::now() - last_sent >= server_.options.event_heartbeat)
            out = ": heartbeat\n\n";
        if (!out.empty()) {
            allow(server_.options.request_timeout);
            connected = co_await send_text(out);
            last_sent = Steady::now();
        }
        if (ran && events->more())
            continue;
        ErrorBits ignored;
        deadline = Steady::time_point::max();
        if (loop_.wakes == seen && !server_.stopping) {
            timer.expires_after(
                std::min(server_.options.event_poll, server_.options.event_heartbeat)
            );
            loop_.waiting_streams.insert(&timer);
            co_await timer.async_wait(asio::redirect_error(awaiting, ignored));
            loop_.waiting_streams.erase(&timer);
        }
        timer.expires_after(server_.options.event_gap);
        co_await timer.async_wait(asio::redirect_error(awaiting, ignored));
    }
}

} // namespace slipway::http
