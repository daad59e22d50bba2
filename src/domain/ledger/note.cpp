// SPDX-License-Identifier: Apache-2.0
#include "domain/ledger/note.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <sodium.h>

#include "base/assert.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/limits.hpp"

namespace slipway::domain {

namespace {

static_assert(crypto_sign_SEEDBYTES == sizeof(KeyBytes));
static_assert(crypto_sign_PUBLICKEYBYTES == sizeof(KeyBytes));

constexpr std::string_view private_prefix = "PRIVATE+KEY+";
constexpr std::string_view line_prefix = "\xE2\x80\x94 "; // U+2014 em dash and a space
constexpr char ed25519 = 0x01;                            // signature type of the note format

std::string_view view_of(const KeyBytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

// What Unicode calls White_Space beyond ASCII, in UTF-8.
bool has_unicode_space(std::string_view text) {
    constexpr std::array<std::string_view, 19> spaces = {
        "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
        "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
        "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
        "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80",
    };
    return std::any_of(spaces.begin(), spaces.end(), [&](std::string_view space) {
        return text.find(space) != std::string_view::npos;
    });
}

// "Key names MUST be non-empty and MUST NOT contain any Unicode spaces or plus characters."
bool is_key_name(std::string_view name) {
    if (name.empty() || name.size() > limits::name_max || !is_valid_text(name))
        return false;
    for (const char c : name)
        if (static_cast<unsigned char>(c) <= 0x20 || c == '+' || c == 0x7F)
            return false;
    return !has_unicode_space(name);
}

// "Signed notes MUST be valid UTF-8 and MUST NOT contain any ASCII control characters (those below
// U+0020) other than newline."
bool is_note_text(std::string_view text) {
    return is_valid_text(text) && std::none_of(text.begin(), text.end(), [](char c) {
               return static_cast<unsigned char>(c) < 0x20 && c != '\n';
           });
}

// One text for one value: what base64 leaves open (unused bits at the end) is refused.
Result<std::string> from_exact_base64(std::string_view text) {
    auto bytes = TRY(from_base64(text));
    if (to_base64(bytes) != text)
        return fail(ErrorCode::invalid_input, "expected padded base64");
    return bytes;
}

// "key ID = SHA-256(key name || 0x0A || 0x01 || 32-byte Ed25519 public key)[:4]"
std::uint32_t key_id(std::string_view name, const KeyBytes& public_key) {
    std::string input(name);
    input += '\n';
    input += ed25519;
    input += view_of(public_key);
    const auto hash = sha256(input).bytes;
    return std::uint32_t{hash[0]} << 24 | std::uint32_t{hash[1]} << 16 |
           std::uint32_t{hash[2]} << 8 | std::uint32_t{hash[3]};
}

std::string key_text(const VerifierKey& key, const KeyBytes& bytes) {
    std::string encoded(1, ed25519);
    encoded += view_of(bytes);
    return fmt::format("{}+{:08x}+{}", key.name, key.id, to_base64(encoded));
}

struct KeyParts {
    std::string name;
    std::string id;
    KeyBytes bytes{};
};

Result<KeyParts> split_key(std::string_view text) {
    const auto bad = [](std::string_view what) { return fail_field("key", std::string(what)); };
    const auto first = text.find('+');
    const auto second = first == text.npos ? text.npos : text.find('+', first + 1);
    if (second == text.npos)
        return bad("expected <name>+<id>+<base64>");
    KeyParts parts{
        std::string(text.substr(0, first)),
        std::string(text.substr(first + 1, second - first - 1))};
    if (!is_key_name(parts.name))
        return bad(fmt::format("expected a name of 1 to {} bytes", limits::name_max));
    const auto encoded = from_exact_base64(text.substr(second + 1));
    if (!encoded || encoded->size() != 1 + sizeof(KeyBytes) || encoded->front() != ed25519)
        return bad("expected the base64 of an Ed25519 key: 0x01 and 32 bytes");
    std::copy_n(encoded->begin() + 1, sizeof(KeyBytes), parts.bytes.begin());
    return parts;
}

Result<NoteSignature> parse_signature(std::string_view line) {
    const auto bad = [] {
        return fail_field("note", "expected signature lines: em dash, name, base64");
    };
    if (!line.starts_with(line_prefix))
        return bad();
    line.remove_prefix(line_prefix.size());
    const auto space = line.find(' ');
    if (space == line.npos || !is_key_name(line.substr(0, space)))
        return bad();
    auto bytes = from_exact_base64(line.substr(space + 1));
    if (!bytes || bytes->size() < 5)
        return bad();
    NoteSignature signature{std::string(line.substr(0, space)), 0, bytes->substr(4)};
    for (std::size_t i = 0; i < 4; ++i)
        signature.key_id = signature.key_id << 8 | static_cast<unsigned char>((*bytes)[i]);
    return signature;
}

} // namespace

Result<SigningKey> make_signing_key(std::string_view name, const KeyBytes& seed) {
    if (!is_key_name(name))
        return fail_field(
            "name",
            fmt::format("expected 1 to {} bytes of UTF-8 without space or plus", limits::name_max)
        );
    SigningKey key;
    key.seed = seed;
    key.verifier.name = name;
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret;
    ASSERT(
        crypto_sign_seed_keypair(key.verifier.public_key.data(), secret.data(), seed.data()) == 0
    );
    sodium_memzero(secret.data(), secret.size());
    key.verifier.id = key_id(name, key.verifier.public_key);
    return key;
}

std::string key_text(const VerifierKey& key) {
    return key_text(key, key.public_key);
}

std::string key_text(const SigningKey& key) {
    return std::string(private_prefix) + key_text(key.verifier, key.seed);
}

Result<VerifierKey> verifier_key_from_text(std::string_view text) {
    auto parts = TRY(split_key(text));
    VerifierKey key{parts.name, key_id(parts.name, parts.bytes), parts.bytes};
    if (key_text(key) != text)
        return fail_field("key", "the key id is not that of this name and key");
    return key;
}

Result<SigningKey> signing_key_from_text(std::string_view text) {
    if (!text.starts_with(private_prefix))
        return fail_field("key", fmt::format("expected {}...", private_prefix));
    const auto parts = TRY(split_key(text.substr(private_prefix.size())));
    auto key = TRY(make_signing_key(parts.name, parts.bytes));
    if (key_text(key) != text)
        return fail_field("key", "the key id is not that of this name and key");
    return key;
}

std::string sign_note(std::string_view text, const SigningKey& key) {
    ASSERT(text.ends_with('\n') && is_note_text(text));
    KeyBytes public_key;
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret;
    ASSERT(crypto_sign_seed_keypair(public_key.data(), secret.data(), key.seed.data()) == 0);
    std::string signature(4 + crypto_sign_BYTES, '\0');
    for (std::size_t i = 0; i < 4; ++i)
        signature[i] = static_cast<char>(key.verifier.id >> (24 - 8 * i) & 0xFF);
    ASSERT(
        crypto_sign_detached(
            reinterpret_cast<unsigned char*>(signature.data()) + 4, nullptr, bytes_of(text),
            text.size(), secret.data()
        ) == 0
    );
    sodium_memzero(secret.data(), secret.size());
    return fmt::format("{}\n{}{} {}\n", text, line_prefix, key.verifier.name, to_base64(signature));
}

Result<Note> parse_note(std::string_view note) {
    if (note.size() > limits::note_max)
        return fail(
            ErrorCode::limit_exceeded, fmt::format("note: longer than {} bytes", limits::note_max)
        );
    if (!is_note_text(note))
        return fail_field("note", "expected UTF-8 without control characters");
    // "The text is separated from the signatures by the last empty line in the note."
    const auto blank = note.rfind("\n\n");
    if (blank == note.npos || !note.ends_with('\n') || blank + 2 == note.size())
        return fail_field("note", "expected text, a blank line and signature lines");
    Note parsed{std::string(note.substr(0, blank + 1)), {}};
    for (auto rest = note.substr(blank + 2); !rest.empty();) {
        if (parsed.signatures.size() == limits::note_signatures_max)
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format("note: more than {} signatures", limits::note_signatures_max)
            );
        const auto end = rest.find('\n');
        parsed.signatures.push_back(TRY(parse_signature(rest.substr(0, end))));
        rest.remove_prefix(end + 1);
    }
    return parsed;
}

Result<std::string> verify_note(std::string_view note, const VerifierKey& key) {
    auto parsed = TRY(parse_note(note));
    bool verified = false;
    for (const auto& signature : parsed.signatures) {
        // "Verifiers MUST ignore signatures from unknown keys, even if they share a name or ID (but
        // not both) with a known key."
        if (signature.name != key.name || signature.key_id != key.id)
            continue;
        // "If a signature from a known key fails to verify, clients SHOULD reject the whole note."
        if (signature.bytes.size() != crypto_sign_BYTES ||
            crypto_sign_verify_detached(
                bytes_of(signature.bytes), bytes_of(parsed.text), parsed.text.size(),
                key.public_key.data()
            ) != 0)
            return fail_field("note", fmt::format("the signature of {} is false", key.name));
        verified = true;
    }
    if (!verified)
        return fail_field("note", fmt::format("is not signed by {}", key_text(key)));
    return std::move(parsed.text);
}

} // namespace slipway::domain
