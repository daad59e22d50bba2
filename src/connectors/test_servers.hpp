// SPDX-License-Identifier: Apache-2.0
// Real servers for tests, on a loopback port that the system chooses: a scripted HTTP server whose
// answers are raw bytes, so that it can misbehave, and an SMTP sink. Each serves one connection at
// a time on a thread that ends with the object. Only tests include this.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.hpp"

namespace slipway::connectors::test {

// A program in the background that runs as long as this object: it is ended when its keeper's
// input closes, and so also when the test dies.
class Daemon {
  public:
    explicit Daemon(const std::string& command)
        : input_(::popen((command + " & cat > /dev/null; kill $!; wait $!").c_str(), "we")) {
        ASSERT(input_ != nullptr);
    }

    Daemon(const Daemon&) = delete;

    ~Daemon() { ::pclose(input_); }

    // Whether what shows that it can be asked comes within a minute.
    static bool comes(const std::function<bool()>& ready) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (!ready()) {
            if (std::chrono::steady_clock::now() >= end)
                return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(10)); // house: bounded poll
        }
        return true;
    }

  private:
    std::FILE* input_;
};

// Accepts connections until it goes; `serve` gets each one.
class LoopbackServer {
  public:
    LoopbackServer() {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(listener_, 16);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
    }

    LoopbackServer(const LoopbackServer&) = delete;
    LoopbackServer& operator=(const LoopbackServer&) = delete;

    virtual ~LoopbackServer() { stop(); }

    std::string port() const { return std::to_string(port_); }

  protected:
    void start(std::function<void(int)> serve) {
        thread_ = std::thread([this, serve = std::move(serve)] {
            while (!stopping_) {
                if (!readable(listener_))
                    continue;
                const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
                if (connection < 0)
                    continue;
                serve(connection);
                ::close(connection);
            }
        });
    }

    void stop() {
        stopping_ = true;
        if (thread_.joinable())
            thread_.join();
        if (listener_ >= 0)
            ::close(listener_);
        listener_ = -1;
    }

    bool stopping() const { return stopping_; }

    // Waits a little for bytes; false when there are none yet.
    static bool readable(int file) {
        pollfd one{file, POLLIN, 0};
        return ::poll(&one, 1, 20) > 0;
    }

    // The next bytes, or empty when the other side is gone or the server stops.
    std::string receive(int connection) const {
        while (!stopping_)
            if (readable(connection)) {
                std::string bytes(65536, '\0');
                const auto count = ::recv(connection, bytes.data(), bytes.size(), 0);
                bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
                return bytes;
            }
        return {};
    }

    static bool send_all(int connection, std::string_view bytes) {
        while (!bytes.empty()) {
            const auto count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0)
                return false;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }

  private:
    int listener_ = -1;
    int port_ = 0;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

// What a handler may answer with beside plain bytes.
struct HttpReply {
    std::string bytes = {};
    bool endless = false; // repeats filler until the client leaves
    bool silent = false;  // then says nothing until the client leaves
};

inline HttpReply reply(int status, const std::string& body, const std::string& headers = {}) {
    return {
        "HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\nConnection: close\r\n" + headers + "\r\n" + body};
}

class HttpServer final : public LoopbackServer {
  public:
    using Handler = std::function<HttpReply(const std::string& request, int count)>;

    explicit HttpServer(Handler handler) : handler_(std::move(handler)) {
        start([this](int connection) { serve(connection); });
    }

    ~HttpServer() override { stop(); }

    std::string url() const { return "http://127.0.0.1:" + port(); }

    // Each request as it came: head and body.
    std::vector<std::string> requests() const {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }

  private:
    void serve(int connection) {
        std::string request;
        std::size_t wanted = std::string::npos;
        while (request.size() < wanted) {
            const auto bytes = receive(connection);
            if (bytes.empty())
                return;
            request += bytes;
            const auto head = request.find("\r\n\r\n");
            if (head == std::string::npos)
                continue;
            const auto length = request.find("Content-Length: ");
            wanted = head + 4;
            if (length < head)
                wanted += static_cast<std::size_t>(std::stoul(request.substr(length + 16)));
        }
        int count = 0;
        {
            const std::scoped_lock lock(mutex_);
            requests_.push_back(request);
            count = static_cast<int>(requests_.size());
        }
        const auto answer = handler_(request, count);
        send_all(connection, answer.bytes);
        while (answer.endless && !stopping() && send_all(connection, std::string(65536, 'x'))) {
        }
        if (answer.silent)
            receive(connection);
    }

    Handler handler_;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
};

// Takes mail; `refuse` begins the answer to the command of the same first word, "RCPT" for example.
class SmtpSink final : public LoopbackServer {
  public:
    explicit SmtpSink(std::string refused_word = {}, std::string refusal = {})
        : refused_word_(std::move(refused_word)), refusal_(std::move(refusal)) {
        start([this](int connection) { serve(connection); });
    }

    ~SmtpSink() override { stop(); }

    std::string url() const { return "smtp://127.0.0.1:" + port(); }

    std::vector<std::string> mails() const {
        const std::scoped_lock lock(mutex_);
        return mails_;
    }

    std::vector<std::string> commands() const {
        const std::scoped_lock lock(mutex_);
        return commands_;
    }

  private:
    void serve(int connection) {
        std::string buffer;
        bool signing_in = false;
        send_all(connection, "220 sink ESMTP\r\n");
        for (;;) {
            auto end = buffer.find("\r\n");
            while (end == std::string::npos) {
                const auto bytes = receive(connection);
                if (bytes.empty())
                    return;
                buffer += bytes;
                end = buffer.find("\r\n");
            }
            const auto line = buffer.substr(0, end);
            buffer.erase(0, end + 2);
            const auto word = line.substr(0, line.find(' '));
            {
                const std::scoped_lock lock(mutex_);
                commands_.push_back(line);
            }
            if (!refused_word_.empty() && word == refused_word_) {
                send_all(connection, refusal_ + "\r\n");
            } else if (word == "EHLO") {
                send_all(connection, "250-sink\r\n250 AUTH PLAIN\r\n");
            } else if (word == "AUTH") {
                signing_in = true;
                send_all(connection, "334 \r\n");
            } else if (signing_in) {
                signing_in = false;
                send_all(connection, "235 welcome\r\n");
            } else if (word == "DATA") {
                send_all(connection, "354 go on\r\n");
                take_mail(connection, buffer);
            } else if (word == "QUIT") {
                send_all(connection, "221 bye\r\n");
                return;
            } else {
                send_all(connection, "250 fine\r\n");
            }
        }
    }

    void take_mail(int connection, std::string& buffer) {
        auto end = buffer.find("\r\n.\r\n");
        while (end == std::string::npos) {
            const auto bytes = receive(connection);
            if (bytes.empty())
                return;
            buffer += bytes;
            end = buffer.find("\r\n.\r\n");
        }
        {
            const std::scoped_lock lock(mutex_);
            mails_.push_back(buffer.substr(0, end + 2));
        }
        buffer.erase(0, end + 5);
        send_all(connection, "250 2.0.0 queued as 4Fx\r\n");
    }

    std::string refused_word_;
    std::string refusal_;
    mutable std::mutex mutex_;
    std::vector<std::string> mails_;
    std::vector<std::string> commands_;
};

} // namespace slipway::connectors::test
