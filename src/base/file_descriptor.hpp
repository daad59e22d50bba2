// SPDX-License-Identifier: Apache-2.0
// Owns a file descriptor: it is closed with the object.
#pragma once

#include <utility>

#include <unistd.h>

namespace slipway {

class FileDescriptor {
  public:
    explicit FileDescriptor(int fd = -1) noexcept : fd_(fd) {}

    FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}

    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        if (this != &other) {
            close();
            fd_ = other.release();
        }
        return *this;
    }

    ~FileDescriptor() { close(); }

    int get() const noexcept { return fd_; }

    int release() noexcept { return std::exchange(fd_, -1); }

    void close() noexcept {
        if (fd_ >= 0)
            ::close(release());
    }

  private:
    int fd_;
};

} // namespace slipway
