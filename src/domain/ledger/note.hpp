// SPDX-License-Identifier: Apache-2.0
// Signed notes (C2SP signed-note v1) with Ed25519 keys (signature type 0x01): text, a blank line,
// and signature lines that begin with an em dash. A note's text must not be used before
// verify_note() returned it. Keys are made of 32 random bytes that the caller brings; nothing here
// draws randomness. Limits: limits::note_max bytes, limits::note_signatures_max signatures.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace slipway::domain {

using KeyBytes = std::array<std::uint8_t, 32>;

// The public half. Text form: "<name>+<8 hexadecimal digits of the key id>+<base64>".
struct VerifierKey {
    std::string name;
    std::uint32_t id = 0;
    KeyBytes public_key{};
    bool operator==(const VerifierKey&) const = default;
};

// The secret half: the seed of RFC 8032. Text form: "PRIVATE+KEY+" and the form above with the
// seed in the place of the public key. Never log it.
struct SigningKey {
    VerifierKey verifier;
    KeyBytes seed{};
};

// Errors: invalid_input when the name is empty, longer than limits::name_max or has a space, a
// plus, a control character or bytes that are not UTF-8.
Result<SigningKey> make_signing_key(std::string_view name, const KeyBytes& seed);

std::string key_text(const VerifierKey& key);
std::string key_text(const SigningKey& key);
Result<VerifierKey> verifier_key_from_text(std::string_view text);
Result<SigningKey> signing_key_from_text(std::string_view text);

// The whole note. The text must be UTF-8 without control characters and end in a newline; that is
// the caller's duty (ASSERT).
std::string sign_note(std::string_view text, const SigningKey& key);

struct NoteSignature {
    std::string name;
    std::uint32_t key_id = 0;
    std::string bytes;
};

struct Note {
    std::string text;
    std::vector<NoteSignature> signatures;
};

// Takes a note apart and trusts nothing. Errors: invalid_input, limit_exceeded.
Result<Note> parse_note(std::string_view note);

// The text, when `key` signed it. Signatures of other keys are passed over, a false one of this key
// refuses the note. Errors: invalid_input.
Result<std::string> verify_note(std::string_view note, const VerifierKey& key);

} // namespace slipway::domain
