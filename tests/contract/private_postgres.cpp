// SPDX-License-Identifier: Apache-2.0
#include "contract/private_postgres.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <libpq-fe.h>

namespace slipway::contract {

namespace {

using namespace std::chrono_literals;

constexpr const char* binaries = "/usr/lib/postgresql/15/bin";
constexpr auto start_timeout = 60s;

const passwd* unprivileged_user() {
    for (const char* name : {"postgres", "nobody"})
        if (const auto* user = ::getpwnam(name))
            return user;
    return nullptr;
}

// In the child only calls that are safe between fork and exec.
pid_t spawn(const std::vector<std::string>& arguments, const std::string& log) {
    std::vector<char*> argv;
    for (const auto& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const auto* user = ::geteuid() == 0 ? unprivileged_user() : nullptr;
    const uid_t uid = user ? user->pw_uid : 0;
    const gid_t gid = user ? user->pw_gid : 0;
    const pid_t pid = ::fork();
    if (pid != 0)
        return pid;
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int in = ::open("/dev/null", O_RDONLY);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    for (int descriptor = 3; descriptor < 256; ++descriptor)
        ::close(descriptor);
    if (uid != 0 && (::setgid(gid) != 0 || ::setuid(uid) != 0))
        ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGINT);
    if (::chdir("/") == 0)
        ::execv(argv[0], argv.data());
    ::_exit(127);
}

bool run(const std::vector<std::string>& arguments, const std::string& log) {
    const pid_t pid = spawn(arguments, log);
    int status = 0;
    return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

} // namespace

Result<std::unique_ptr<PrivatePostgres>> PrivatePostgres::start() {
    std::unique_ptr<PrivatePostgres> server(new PrivatePostgres);
    std::string pattern = (std::filesystem::temp_directory_path() / "slipway-pg-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        return fail(ErrorCode::unavailable, "cannot make a temporary directory");
    server->directory_ = pattern;
    if (const auto* user = ::geteuid() == 0 ? unprivileged_user() : nullptr)
        if (::chown(pattern.c_str(), user->pw_uid, user->pw_gid) != 0)
            return fail(ErrorCode::unavailable, "cannot hand over the temporary directory");
    if (!run(
            {fmt::format("{}/initdb", binaries), "-D", pattern + "/data", "-A", "trust", "-U",
             "slipway", "-E", "UTF8", "--locale=C", "--no-sync"},
            "/dev/null"
        ))
        return fail(ErrorCode::unavailable, "initdb failed");
    TRY(server->launch());
    return server;
}

Result<void> PrivatePostgres::launch() {
    pid_ = spawn(
        {fmt::format("{}/postgres", binaries), "-D", directory_ + "/data", "-k", directory_, "-c",
         "listen_addresses=", "-c", "shared_buffers=32MB", "-c", "max_connections=60"},
        "/dev/null"
    );
    const auto end = std::chrono::steady_clock::now() + start_timeout;
    const auto target = conninfo("postgres");
    while (::PQping(target.c_str()) != PQPING_OK) {
        if (std::chrono::steady_clock::now() > end || ::waitpid(pid_, nullptr, WNOHANG) != 0)
            return fail(ErrorCode::timeout, "the private PostgreSQL does not answer");
        std::this_thread::sleep_for(20ms); // house: bounded poll
    }
    return {};
}

void PrivatePostgres::stop(int signal) {
    if (pid_ <= 0)
        return;
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

PrivatePostgres::~PrivatePostgres() {
    // At once: a hundred databases that are deleted next would be flushed file by file first.
    stop(SIGQUIT);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

std::string PrivatePostgres::conninfo(const std::string& database) const {
    return fmt::format("host={} user=slipway dbname={}", directory_, database);
}

Result<std::string> PrivatePostgres::new_database() {
    const auto name = fmt::format("contract_{}", ++databases_);
    const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(
        ::PQconnectdb(conninfo("postgres").c_str()), ::PQfinish
    );
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(
        ::PQexec(connection.get(), fmt::format("create database {}", name).c_str()), ::PQclear
    );
    if (::PQresultStatus(result.get()) != PGRES_COMMAND_OK)
        return fail(ErrorCode::unavailable, ::PQerrorMessage(connection.get()));
    return conninfo(name);
}

Result<void> PrivatePostgres::restart() {
    stop(SIGINT); // as an operator does it
    return launch();
}

} // namespace slipway::contract
