// SPDX-License-Identifier: Apache-2.0
#include "base/hash.hpp"

#include <openssl/evp.h>

#include "base/assert.hpp"

namespace slipway {

namespace {

// Fetched once: EVP_sha256() would make every initialisation look the algorithm up again.
const EVP_MD* sha256_algorithm() {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    ASSERT(algorithm != nullptr);
    return algorithm;
}

constexpr std::string_view hex_digits = "0123456789abcdef";

// The value of each digit; 255 for what is none.
constexpr auto hex_values = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(255);
    for (std::size_t i = 0; i < hex_digits.size(); ++i)
        values[static_cast<unsigned char>(hex_digits[i])] = static_cast<std::uint8_t>(i);
    return values;
}();

unsigned hex_value(char c) {
    return hex_values[static_cast<unsigned char>(c)];
}

} // namespace

std::string to_hex(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += hex_digits[byte >> 4];
        text += hex_digits[byte & 15];
    }
    return text;
}

std::string Digest::hex() const {
    return to_hex(view());
}

Result<Digest> digest_from_hex(std::string_view hex) {
    const auto bad = [] {
        return fail(ErrorCode::invalid_input, "expected 64 lower-case hexadecimal digits");
    };
    if (hex.size() != 64)
        return bad();
    Digest digest;
    for (std::size_t i = 0; i < 32; ++i) {
        const auto high = hex_value(hex[2 * i]);
        const auto low = hex_value(hex[2 * i + 1]);
        if ((high | low) > 15)
            return bad();
        digest.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return digest;
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    ASSERT(EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), sha256_algorithm(), nullptr) == 1);
}

Sha256::~Sha256() {
    EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_));
}

Sha256::Sha256(Sha256&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}

Sha256& Sha256::operator=(Sha256&& other) noexcept {
    std::swap(context_, other.context_);
    return *this;
}

Sha256& Sha256::update(std::string_view bytes) {
    ASSERT(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1);
    return *this;
}

Digest Sha256::finish() {
    Digest digest;
    auto* context = static_cast<EVP_MD_CTX*>(context_);
    ASSERT(EVP_DigestFinal_ex(context, digest.bytes.data(), nullptr) == 1);
    ASSERT(EVP_DigestInit_ex(context, nullptr, nullptr) == 1);
    return digest;
}

Digest sha256(std::string_view bytes) {
    thread_local Sha256 hasher;
    return hasher.update(bytes).finish();
}

std::string to_base64(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3), '\0');
    const int written = EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(text.data()),
        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size())
    );
    text.resize(static_cast<std::size_t>(written));
    return text;
}

Result<std::string> from_base64(std::string_view text) {
    const auto bad = [] { return fail(ErrorCode::invalid_input, "expected padded base64"); };
    if (text.size() % 4 != 0)
        return bad();
    for (const char c : text)
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/' || c == '='))
            return bad();
    std::string bytes(text.size() / 4 * 3, '\0');
    const int written = EVP_DecodeBlock(
        reinterpret_cast<unsigned char*>(bytes.data()),
        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size())
    );
    if (written < 0)
        return bad();
    std::size_t padding = 0;
    while (padding < text.size() && text[text.size() - 1 - padding] == '=')
        ++padding;
    if (padding > 2)
        return bad();
    bytes.resize(static_cast<std::size_t>(written) - padding);
    return bytes;
}

} // namespace slipway
