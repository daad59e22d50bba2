// SPDX-License-Identifier: Apache-2.0
// A real OpenSSH server on a free port of 127.0.0.1, run by whoever runs the tests, with keys and a
// client configuration made for it in a folder of its own. For the tests only. Its ssh_config has
//   web1, web2     this server            inner        this server, by way of web1 (ProxyJump)
//   stranger       it, with another key in known_hosts
//   unknown        it, and nothing in known_hosts
//   locked         it, with a key of the client that it does not know
//   nobody         a port at which nobody listens
//   cut-off        this server, by way of nobody
//   silent         accepts connections and never says a word
//   mute           says that it speaks SSH, and then nothing more
#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.hpp"
#include "runner/loopback_port.hpp"
#include "runner/process.hpp"

namespace slipway::runner {

// Says that it speaks SSH, and then nothing more.
class MutePort : public LoopbackPort {
  public:
    // The greeting of RFC 4253, 4.2, to the next who comes; the connection is kept open.
    void greet_next() {
        pollfd coming{get(), POLLIN, 0};
        if (::poll(&coming, 1, 10'000) != 1)
            return;
        client_ = accept();
        constexpr std::string_view greeting = "SSH-2.0-mute\r\n";
        (void)::send(client_.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL);
    }

  private:
    FileDescriptor client_;
};

class LoopbackSshd {
  public:
    LoopbackSshd() {
        char name[] = "/tmp/slipway-sshd-XXXXXX";
        ASSERT(::mkdtemp(name) != nullptr);
        folder_ = name;
        silent_.listen();
        mute_.listen();
        for (const auto* key : {"host", "other", "user", "locked"})
            must_run({tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", path(key)});
        std::filesystem::copy_file(path("user.pub"), path("authorized"));
        // As root, sshd wants its folder, which its service would make.
        if (::geteuid() == 0)
            std::filesystem::create_directories("/run/sshd");
        for (int tries = 0; !start(); ++tries)
            ASSERT(tries < 10);
        write("ssh_config", client_configuration());
        write("known", known("host"));
        write("wrong", known("other"));
        write("empty", "");
    }

    ~LoopbackSshd() {
        sshd_.reset(); // ends it by its number
        std::filesystem::remove_all(folder_);
    }

    LoopbackSshd(const LoopbackSshd&) = delete;

    std::filesystem::path config() const { return path("ssh_config"); }

    const std::filesystem::path& folder() const { return folder_; }

    MutePort& mute() { return mute_; }

  private:
    std::string path(const std::string& name) const { return (folder_ / name).string(); }

    // tools/setup installs openssh-client and openssh-server.
    static std::string tool(std::string_view name) {
        auto found = find_program(name);
        ASSERT(!found.empty());
        return found;
    }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path(name)) << text;
    }

    void must_run(std::vector<std::string> arguments) const {
        auto process = Process::start({std::move(arguments), {"LANG=C.UTF-8"}, folder_});
        ASSERT(process.has_value());
        pollfd ended{process->ended(), POLLIN, 0};
        ASSERT(::poll(&ended, 1, 60'000) == 1);
        ASSERT(process->wait().exit_status == 0);
    }

    // Somebody else may take the port between our look and its bind; then another one is tried.
    bool start() {
        port_ = LoopbackPort().number();
        write(
            "sshd_config",
            fmt::format(
                "Port {0}\nListenAddress 127.0.0.1\nHostKey {1}/host\nPidFile none\n"
                "AuthorizedKeysFile {1}/authorized\nPasswordAuthentication no\n"
                "KbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\n"
                "PermitRootLogin prohibit-password\nLogLevel ERROR\nMaxStartups 100\n",
                port_, folder_.string()
            )
        );
        auto process = Process::start(
            {{tool("sshd"), "-D", "-f", path("sshd_config"), "-E", path("log")}, {}, folder_}
        );
        ASSERT(process.has_value());
        sshd_.emplace(*std::move(process));
        for (int i = 0; i < 3000; ++i) {
            pollfd ended{sshd_->ended(), POLLIN, 0};
            if (::poll(&ended, 1, 10) != 0)
                break;
            if (answers())
                return true;
        }
        sshd_.reset();
        return false;
    }

    bool answers() const {
        const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port_));
        return ::connect(
                   socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address
               ) == 0;
    }

    std::string known(const std::string& key) const {
        std::ifstream in(path(key + ".pub"));
        std::string kind;
        std::string text;
        in >> kind >> text;
        return fmt::format("[127.0.0.1]:{} {} {}\n", port_, kind, text);
    }

    std::string client_configuration() const {
        const auto* user = ::getpwuid(::geteuid());
        ASSERT(user != nullptr);
        const auto host = [](const std::string& names, const std::string& options) {
            return fmt::format("Host {}\n{}", names, options);
        };
        // The first value that is found counts, so what differs comes first.
        return host("stranger", "  UserKnownHostsFile " + path("wrong") + "\n") +
               host("unknown", "  UserKnownHostsFile " + path("empty") + "\n") +
               host("locked", "  IdentityFile " + path("locked") + "\n") +
               host("nobody", fmt::format("  Port {}\n", nobody_.number())) +
               host("silent", fmt::format("  Port {}\n", silent_.number())) +
               host("mute", fmt::format("  Port {}\n", mute_.number())) +
               host("inner", "  ProxyJump web1\n") + host("cut-off", "  ProxyJump nobody\n") +
               host(
                   "*", fmt::format(
                            "  HostName 127.0.0.1\n  Port {0}\n  User {1}\n"
                            "  UserKnownHostsFile {2}/known\n  GlobalKnownHostsFile /dev/null\n"
                            "  StrictHostKeyChecking yes\n  IdentitiesOnly yes\n",
                            port_, user->pw_name, folder_.string()
                        )
               ) +
               // Keys add up, so the one that opens the door is not for all.
               host("* !locked", "  IdentityFile " + path("user") + "\n");
    }

    std::filesystem::path folder_;
    LoopbackPort nobody_; // bound and not listening: a connection is refused
    LoopbackPort silent_;
    MutePort mute_;
    int port_ = 0;
    std::optional<Process> sshd_;
};

} // namespace slipway::runner
