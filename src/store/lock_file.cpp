// SPDX-License-Identifier: Apache-2.0
#include "store/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include <fmt/format.h>

namespace slipway::store {

namespace {

std::string holder(int descriptor) {
    char text[32] = {};
    const auto size = ::pread(descriptor, text, sizeof text - 1, 0);
    std::string pid(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    while (!pid.empty() && pid.back() == '\n')
        pid.pop_back();
    return pid.empty() ? "unknown" : pid;
}

// Whoever only looks holds the lock for a moment, which must not keep a server from starting.
bool take_soon(int descriptor) {
    constexpr auto pause = std::chrono::milliseconds(10);
    for (int tries_left = 20;; --tries_left) {
        if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK || tries_left == 0)
            return false;
        std::this_thread::sleep_for(pause); // house: bounded poll
    }
}

} // namespace

Result<LockFile> LockFile::take(const std::string& directory) {
    const auto path = directory + "/lock";
    LockFile lock;
    lock.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock.descriptor_ < 0)
        return fail(
            ErrorCode::unavailable, fmt::format("cannot open {}: {}", path, std::strerror(errno))
        );
    if (!take_soon(lock.descriptor_))
        return fail(
            ErrorCode::conflict,
            fmt::format(
                "another slipway process ({}) uses the data directory {}: stop it first, or give "
                "this one a directory of its own",
                holder(lock.descriptor_), directory
            )
        );
    const auto pid = fmt::format("{}\n", ::getpid());
    if (::ftruncate(lock.descriptor_, 0) != 0 ||
        ::pwrite(lock.descriptor_, pid.data(), pid.size(), 0) < 0)
        return fail(
            ErrorCode::unavailable, fmt::format("cannot write {}: {}", path, std::strerror(errno))
        );
    return lock;
}

LockFile::~LockFile() {
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

bool is_locked(const std::string& directory) {
    const int descriptor = ::open((directory + "/lock").c_str(), O_RDWR | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    // Shared, so that two who look do not take each other for a server. (flock(2) cannot be asked
    // without taking it, and /proc/locks is silent about other containers.)
    const bool held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    ::close(descriptor);
    return held;
}

} // namespace slipway::store
