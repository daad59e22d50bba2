// SPDX-License-Identifier: Apache-2.0
#include "runner/id_token.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/hash.hpp"
#include "base/limits.hpp"
#include "runner/check.hpp"

namespace slipway::runner {

namespace {

template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* held) const {
        Free(held);
    }
};

using KeyHandle = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Number = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;

constexpr int key_bits_min = 2048; // RFC 7518, section 3.3
constexpr int key_bits_max = 16384;

tl::unexpected<Error> refuse(std::string reason) {
    return fail(ErrorCode::invalid_input, std::move(reason));
}

// RFC 4648, section 5, without padding.
std::optional<std::string> from_base64url(std::string_view text) {
    std::string plain(text);
    for (char& c : plain) {
        if (c == '+' || c == '/' || c == '=')
            return std::nullopt;
        c = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    plain.append((4 - plain.size() % 4) % 4, '=');
    auto bytes = from_base64(plain);
    return bytes ? std::optional(*std::move(bytes)) : std::nullopt;
}

Number number_of(std::string_view text) {
    const auto bytes = from_base64url(text);
    if (!bytes || bytes->empty() || bytes->size() > key_bits_max / 8)
        return nullptr;
    return Number(BN_bin2bn(
        reinterpret_cast<const unsigned char*>(bytes->data()), static_cast<int>(bytes->size()),
        nullptr
    ));
}

KeyHandle key_of(const Json& jwk) {
    const auto n = number_of(text_or_empty(jwk, "n"));
    const auto e = number_of(text_or_empty(jwk, "e"));
    const std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>> build(OSSL_PARAM_BLD_new()
    );
    if (!n || !e || !build || BN_num_bits(n.get()) < key_bits_min ||
        OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        return nullptr;
    const std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>> parameters(
        OSSL_PARAM_BLD_to_param(build.get())
    );
    const std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr)
    );
    EVP_PKEY* key = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
        return nullptr;
    return KeyHandle(key);
}

bool is_signed_by(EVP_PKEY* key, std::string_view text, std::string_view signature) {
    const std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
    return context &&
           EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
           EVP_DigestVerify(
               context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
               signature.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size()
           ) == 1;
}

// "RS256" or nothing said, for signatures or nothing said.
bool may_sign(const Json& jwk) {
    const auto use = text_or_empty(jwk, "use");
    const auto algorithm = text_or_empty(jwk, "alg");
    return text_or_empty(jwk, "kty") == "RSA" && (use.empty() || use == "sig") &&
           (algorithm.empty() || algorithm == "RS256");
}

// Those that the header's key id means; all that may sign when it names none.
Result<std::vector<const Json*>> candidates(const Json& keys, std::string_view key_id) {
    const auto* list = find(keys, "keys");
    if (list == nullptr || !list->is_array())
        return refuse("the provider's key set is none");
    if (list->get_array().size() > limits::sso_keys_max)
        return refuse(fmt::format("the provider has more than {} keys", limits::sso_keys_max));
    std::vector<const Json*> found;
    for (const auto& key : list->get_array())
        if (may_sign(key) && (key_id.empty() || text_or_empty(key, "kid") == key_id))
            found.push_back(&key);
    if (found.empty())
        return refuse(fmt::format(
            "the provider has no RSA key {} that could have signed it",
            key_id.empty() ? "at all" : shown(key_id)
        ));
    return found;
}

Result<void> check_signature(
    std::string_view text, std::string_view signature, const Json& header, const Json& keys
) {
    const auto algorithm = text_or_empty(header, "alg");
    if (algorithm != "RS256")
        return refuse(fmt::format("it is signed with {}, expected RS256", shown(algorithm)));
    if (find(header, "crit") != nullptr)
        return refuse("its header asks for what is not known here (crit)");
    for (const auto* jwk : TRY(candidates(keys, text_or_empty(header, "kid"))))
        if (const auto key = key_of(*jwk); key && is_signed_by(key.get(), text, signature))
            return {};
    return refuse("its signature is not by a key of the provider");
}

std::optional<Time> time_of(const Json& claims, std::string_view name) {
    const auto* value = find(claims, name);
    if (value == nullptr || !value->is_number())
        return std::nullopt;
    const double seconds = value->to_number<double>();
    if (!std::isfinite(seconds) || seconds < 0 || seconds > 253402300799.0)
        return std::nullopt;
    return Time(Span(std::llround(seconds * 1000)));
}

Result<void> check_audience(const Json& claims, const std::string& client) {
    const auto* audience = find(claims, "aud");
    const bool one = audience != nullptr && audience->is_string();
    const bool several = audience != nullptr && audience->is_array();
    const auto is_client = [&](const Json& name) {
        return name.is_string() && view(name.get_string()) == client;
    };
    const bool named =
        (one && is_client(*audience)) ||
        (several &&
         std::any_of(audience->get_array().begin(), audience->get_array().end(), is_client));
    if (!named)
        return refuse("it is not for this client (aud)");
    const auto party = text_or_empty(claims, "azp");
    if (several && audience->get_array().size() > 1 && party.empty())
        return refuse("it is for several, and does not say for whom it was made (azp)");
    if (!party.empty() && party != client)
        return refuse("it was made for another client (azp)");
    return {};
}

Result<void> check_times(const Json& claims, Time now) {
    const auto ends = time_of(claims, "exp");
    const auto made = time_of(claims, "iat");
    if (!ends || !made)
        return refuse(fmt::format(
            "it does not say when it {} ({})", ends ? "was made" : "ends", ends ? "iat" : "exp"
        ));
    if (*ends <= now)
        return refuse(fmt::format("it ended at {}, now it is {}", to_text(*ends), to_text(now)));
    if (*made > now + limits::smoke_ahead_max)
        return refuse(fmt::format(
            "it was made at {}, which is ahead of this machine's clock ({})", to_text(*made),
            to_text(now)
        ));
    if (const auto* from = find(claims, "nbf"); from != nullptr) {
        const auto begins = time_of(claims, "nbf");
        if (!begins || *begins > now + limits::smoke_ahead_max)
            return refuse("it does not hold yet (nbf)");
    }
    return {};
}

Result<void> check_claims(const Json& claims, const IdTokenDemands& demands, Time now) {
    if (text_or_empty(claims, "iss") != demands.issuer)
        return refuse(fmt::format(
            "its issuer is {}, expected {}", shown(text_or_empty(claims, "iss")),
            shown(demands.issuer)
        ));
    TRY(check_audience(claims, demands.client));
    TRY(check_times(claims, now));
    if (text_or_empty(claims, "sub").empty())
        return refuse("it does not say who signed in (sub)");
    if (!demands.nonce.empty() && text_or_empty(claims, "nonce") != demands.nonce)
        return refuse("it is not for this login (nonce)");
    return {};
}

Result<Json> read_part(std::string_view text, std::string_view what) {
    const auto bytes = from_base64url(text);
    auto json = bytes ? parse_json(*bytes) : Result<Json>(refuse({}));
    if (!json || !json->is_object())
        return refuse(fmt::format("its {} cannot be read", what));
    return json;
}

} // namespace

Result<Json>
verify_id_token(std::string_view token, const Json& keys, const IdTokenDemands& demands, Time now) {
    if (token.size() > limits::sso_token_max)
        return refuse(fmt::format("it is longer than {} bytes", limits::sso_token_max));
    const auto first = token.find('.');
    const auto second = first == token.npos ? first : token.find('.', first + 1);
    if (second == token.npos || token.find('.', second + 1) != token.npos)
        return refuse("it has not the three parts of a signed token");
    const auto header = TRY(read_part(token.substr(0, first), "header"));
    auto claims = TRY(read_part(token.substr(first + 1, second - first - 1), "content"));
    const auto signature = from_base64url(token.substr(second + 1));
    if (!signature)
        return refuse("its signature cannot be read");
    TRY(check_signature(token.substr(0, second), *signature, header, keys));
    TRY(check_claims(claims, demands, now));
    return claims;
}

} // namespace slipway::runner
