// SPDX-License-Identifier: Apache-2.0
// Exclusive use of a data directory: an flock(2) on <directory>/lock, which the system releases
// when the process ends, however it ends. The file holds the process id, for the message only.
#pragma once

#include <string>
#include <utility>

#include "base/result.hpp"

namespace slipway::store {

class LockFile {
  public:
    // Errors: conflict when another process holds it, unavailable when it cannot be made.
    static Result<LockFile> take(const std::string& directory);

    LockFile() = default;
    ~LockFile();

    LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

    LockFile& operator=(LockFile&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }

    bool held() const { return descriptor_ >= 0; }

  private:
    int descriptor_ = -1;
};

// True when another process holds the directory now.
bool is_locked(const std::string& directory);

} // namespace slipway::store
