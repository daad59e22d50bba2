// SPDX-License-Identifier: Apache-2.0
// Passwords as Argon2id text (RFC 9106, through libsodium's crypto_pwhash_str). One hash takes
// limits::password_memory, so no more than limits::password_hashes_at_once run at the same time and
// an idle server keeps nothing of it; who finds limits::password_waiting_max waiting is refused at
// once, so that a flood of logins never takes the threads of everybody else. Passwords never appear
// in messages, events or logs.
#pragma once

#include <atomic>
#include <cstddef>
#include <semaphore>
#include <string>
#include <string_view>

#include "base/limits.hpp"
#include "base/result.hpp"

namespace slipway::app {

// Tests lower it; a server never does.
struct PasswordCost {
    unsigned operations = limits::password_operations;
    std::size_t memory = limits::password_memory;
};

class Passwords {
  public:
    explicit Passwords(PasswordCost cost);

    // Errors: unavailable when too many hashes are under way.
    Result<std::string> hash(std::string_view password);
    // False for a wrong password. With an empty hash the same work is done and the answer is no, so
    // that an unknown person takes the same time. Errors: unavailable.
    Result<bool> verify(std::string_view hash, std::string_view password);

  private:
    PasswordCost cost_;
    std::atomic<int> waiting_{0};
    std::counting_semaphore<> slots_{limits::password_hashes_at_once};
};

// Whether a password may be chosen: long enough, not one of the passwords everybody tries, not made
// of a few characters, without the person's own id. Errors: invalid_input on `field`.
Result<void>
check_password(std::string_view field, std::string_view password, std::string_view person);

} // namespace slipway::app
