// SPDX-License-Identifier: Apache-2.0
#include "app/identity/passwords.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <sodium.h>

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/json.hpp"

namespace slipway::app {

namespace {

// Of the published lists of leaked passwords, those with 12 characters or more that lead them.
constexpr std::string_view common_passwords[] = {
    "123456789012",    "1234567890123",  "12345678901234",   "123456789123",
    "123123123123",    "1q2w3e4r5t6y",   "1qaz2wsx3edc",     "qwertyuiopas",
    "qwertyuiop123",   "qwerty123456",   "qwertyuiop[]",     "asdfghjkl123",
    "zxcvbnm12345",    "abcdefghijkl",   "abcdef123456",     "abc123abc123",
    "password1234",    "password12345",  "password123456",   "passwordpassword",
    "mypassword123",   "newpassword123", "changemechangeme", "changeme1234",
    "letmein12345",    "letmeinletmein", "welcome12345",     "welcome123456",
    "administrator",   "administrator1", "admin1234567",     "admin12345678",
    "adminadminadmin", "rootrootroot",   "iloveyou1234",     "iloveyouforever",
    "sunshine1234",    "princess1234",   "football1234",     "monkey123456",
    "dragon123456",    "superman1234",   "trustno1trustno1", "correcthorsebatterystaple",
    "slipwayslipway",  "slipway12345",   "companyname1",     "summer202420",
    "winter202420",    "unknown12345",
};

// Releases its slot on every way out.
class Slot {
  public:
    Slot(std::counting_semaphore<>& slots, std::atomic<int>& waiting)
        : slots_(slots), taken_(slots.try_acquire() || wait(waiting)) {}

    ~Slot() {
        if (taken_)
            slots_.release();
    }

    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    bool taken() const { return taken_; }

  private:
    bool wait(std::atomic<int>& waiting) {
        const bool may = waiting.fetch_add(1) < limits::password_waiting_max;
        const bool taken = may && slots_.try_acquire_for(limits::password_wait);
        waiting.fetch_sub(1);
        return taken;
    }

    std::counting_semaphore<>& slots_;
    bool taken_;
};

tl::unexpected<Error> busy() {
    Error error{ErrorCode::unavailable, "too many people sign in at this moment"};
    error.retry_after_ms = 2000;
    return tl::unexpected(std::move(error));
}

Result<std::string> argon2id(std::string_view password, PasswordCost cost) {
    std::array<char, crypto_pwhash_STRBYTES> text{};
    if (crypto_pwhash_str_alg(
            text.data(), password.data(), password.size(), cost.operations, cost.memory,
            crypto_pwhash_ALG_ARGON2ID13
        ) != 0)
        return fail(ErrorCode::unavailable, "not enough memory to hash a password");
    return std::string(text.data());
}

} // namespace

Passwords::Passwords(PasswordCost cost) : cost_(cost) {
    ASSERT(sodium_init() >= 0);
}

Result<std::string> Passwords::hash(std::string_view password) {
    const Slot slot(slots_, waiting_);
    if (!slot.taken())
        return busy();
    return argon2id(password, cost_);
}

Result<bool> Passwords::verify(std::string_view hash, std::string_view password) {
    const Slot slot(slots_, waiting_);
    if (!slot.taken())
        return busy();
    if (hash.empty()) {
        // Hashing costs what verifying costs, and the answer is no in any case.
        TRY(argon2id(password, cost_));
        return false;
    }
    const std::string text(hash); // libsodium wants a terminated text
    return crypto_pwhash_str_verify(text.c_str(), password.data(), password.size()) == 0;
}

Result<void>
check_password(std::string_view field, std::string_view password, std::string_view person) {
    const std::string name(field);
    if (password.size() < limits::password_min)
        return fail_field(
            name, fmt::format("must have at least {} characters", limits::password_min)
        );
    if (password.size() > limits::password_max)
        return fail_field(name, fmt::format("is longer than {} bytes", limits::password_max));
    if (!is_valid_text(password))
        return fail_field(name, "must be UTF-8 text without NUL");
    const std::string folded = ascii_lower(password);
    if (std::find(std::begin(common_passwords), std::end(common_passwords), folded) !=
        std::end(common_passwords))
        return fail_field(name, "is one of the passwords that are tried first; choose another");
    if (std::set<char>(folded.begin(), folded.end()).size() < 5)
        return fail_field(name, "must have at least 5 different characters");
    if (person.size() >= 4 && folded.find(ascii_lower(person)) != std::string::npos)
        return fail_field(name, "must not contain the person's id");
    return {};
}

} // namespace slipway::app
