// SPDX-License-Identifier: Apache-2.0
// A TCP connection, and the TLS one over it: chain and name as libcurl verifies them, and how long
// the certificates of the chain still last.
#include <ctime>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "runner/curl_transfer.hpp"
#include "runner/transcript.hpp"

namespace slipway::runner {

using domain::RunOutcome;
using domain::SmokeCheck;

namespace {

// The address goes into a URL, so nothing that means something there may stand in it.
constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789.-_:[]";

struct Address {
    std::string_view host;
    std::string_view port;
};

std::optional<Address> split_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size() ||
        text.find_first_not_of(allowed) != std::string_view::npos)
        return std::nullopt;
    return Address{text.substr(0, colon), text.substr(colon + 1)};
}

CheckAnswer no_address(const std::string& text) {
    return {RunOutcome::not_started, 0, fmt::format("{} is not host:port", shown(text))};
}

template <class T, void (*Free)(T*)>
struct Freed {
    void operator()(T* object) const { Free(object); }
};

using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Bytes = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;

struct CertificateEnd {
    Time at{};
    std::string subject;
};

std::string subject_of(const X509& certificate) {
    const Bytes out(BIO_new(BIO_s_mem()));
    if (!out)
        return {};
    X509_NAME_print_ex(out.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253);
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    return {text, size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::optional<CertificateEnd> end_of(std::string_view pem) {
    const Bytes in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const Certificate certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    std::tm end{};
    if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1)
        return std::nullopt;
    const std::chrono::seconds since_epoch(::timegm(&end));
    return CertificateEnd{Time(since_epoch), subject_of(*certificate)};
}

// Of the certificates that the server sent, the one that ends first.
Seen<CertificateEnd> first_end(CURL* handle) {
    curl_certinfo* chain = nullptr;
    curl_easy_getinfo(handle, CURLINFO_CERTINFO, &chain);
    const int count = chain != nullptr ? chain->num_of_certs : 0;
    if (count > limits::smoke_certificates_max)
        return unseen(
            RunOutcome::failed,
            fmt::format("{} certificates, the limit is {}", count, limits::smoke_certificates_max)
        );
    std::optional<CertificateEnd> first;
    for (int i = 0; i < count; ++i)
        for (const auto* item = chain->certinfo[i]; item != nullptr; item = item->next) {
            const std::string_view text(item->data);
            if (!text.starts_with("Cert:"))
                continue;
            const auto end = end_of(text.substr(5));
            if (!end)
                return unseen(RunOutcome::failed, "a certificate cannot be read");
            if (!first || end->at < first->at)
                first = end;
        }
    if (!first)
        return unseen(RunOutcome::failed, "the server shows no certificate");
    return *std::move(first);
}

std::string days_text(long days) {
    return fmt::format("{} {}", days, days == 1 ? "day" : "days");
}

CheckAnswer judge_end(const CertificateEnd& end, std::optional<int> days, Time now) {
    const auto left = std::chrono::floor<std::chrono::days>(end.at - now).count();
    const auto when = end.at < now ? fmt::format("ended {} ago", days_text(-left))
                                   : fmt::format("ends in {}", days_text(left));
    const auto seen =
        fmt::format("the certificate of {} {}, at {}", shown(end.subject), when, to_text(end.at));
    if (left >= days.value_or(0))
        return {RunOutcome::passed, 0, seen};
    return {
        RunOutcome::failed, 0,
        fmt::format("{}; expected {} or more", seen, days_text(days.value_or(0)))};
}

} // namespace

CheckAnswer check_tcp(const SmokeCheck& check, const std::stop_token& stop) {
    if (!split_address(check.address))
        return no_address(check.address);
    CurlTransfer transfer(limit_of(check), stop);
    const auto url = "http://" + check.address + "/";
    transfer.set(CURLOPT_URL, url.c_str());
    transfer.set(CURLOPT_CONNECT_ONLY, 1L);
    if (auto failed = transfer.run())
        return *std::move(failed);
    return {RunOutcome::passed, 0, "connected"};
}

CheckAnswer check_tls(const SmokeCheck& check, Time now, const std::stop_token& stop) {
    const auto address = split_address(check.address);
    if (!address)
        return no_address(check.address);
    const auto demands = check.tls.value_or(domain::TlsDemands{});
    const auto& name = demands.server_name;
    if (name.find_first_not_of(allowed) != std::string::npos)
        return {RunOutcome::not_started, 0, fmt::format("{} is no name of a server", shown(name))};
    CurlTransfer transfer(limit_of(check), stop);
    // The URL has the name that is asked for and looked for; the connection goes to the address.
    const auto url =
        fmt::format("https://{}:{}/", name.empty() ? address->host : name, address->port);
    const std::unique_ptr<curl_slist, Freed<curl_slist, curl_slist_free_all>> where(
        curl_slist_append(nullptr, ("::" + check.address).c_str())
    );
    transfer.set(CURLOPT_URL, url.c_str());
    transfer.set(CURLOPT_CONNECT_TO, where.get());
    transfer.set(CURLOPT_CONNECT_ONLY, 1L);
    transfer.set(CURLOPT_CERTINFO, 1L);
    transfer.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!demands.ca.empty()) {
        transfer.set(CURLOPT_CAINFO, demands.ca.c_str());
        transfer.set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    if (auto failed = transfer.run())
        return *std::move(failed);
    const auto end = first_end(transfer.handle());
    if (!end)
        return end.error();
    return judge_end(*end, demands.days, now);
}

} // namespace slipway::runner
