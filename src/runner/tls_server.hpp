// SPDX-License-Identifier: Apache-2.0
// A real TLS server on a free port of 127.0.0.1 and the authority that issues its certificates, for
// the tests of this room only. Certificates hold from 2020 until a day that the test chooses, so no
// test depends on the machine's clock.
#pragma once

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/assert.hpp"
#include "runner/loopback_port.hpp"

namespace slipway::runner {

template <class T, void (*Free)(T*)>
struct OpensslFree {
    void operator()(T* object) const { Free(object); }
};

using Key = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY, EVP_PKEY_free>>;
using X509Certificate = std::unique_ptr<X509, OpensslFree<X509, X509_free>>;

struct Credentials {
    Key key;
    X509Certificate certificate;
};

class TestAuthority {
  public:
    // `until` is as ASN.1 writes it: 29990101000000Z.
    explicit TestAuthority(const std::string& until = "29990101000000Z") {
        own_ = make("Test authority", "", until);
    }

    // `names` as OpenSSL writes them: "DNS:www.example.com,IP:127.0.0.1".
    Credentials issue(const std::string& names, const std::string& until) {
        return make("server", names, until);
    }

    const X509* certificate() const { return own_.certificate.get(); }

    void write_pem(const std::filesystem::path& path) const {
        const std::unique_ptr<BIO, OpensslFree<BIO, BIO_free_all>> file(
            BIO_new_file(path.c_str(), "w")
        );
        ASSERT(file && PEM_write_bio_X509(file.get(), own_.certificate.get()) == 1);
    }

  private:
    Credentials make(const char* name, const std::string& names, const std::string& until) {
        Credentials made{Key(EVP_EC_gen("P-256")), X509Certificate(X509_new())};
        X509* certificate = made.certificate.get();
        ASSERT(made.key && certificate);
        X509_set_version(certificate, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial_);
        ASSERT(ASN1_TIME_set_string(X509_getm_notBefore(certificate), "20200101000000Z") == 1);
        ASSERT(ASN1_TIME_set_string(X509_getm_notAfter(certificate), until.c_str()) == 1);
        X509_NAME_add_entry_by_txt(
            X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
            reinterpret_cast<const unsigned char*>(name), -1, -1, 0
        );
        const bool first = own_.certificate == nullptr;
        const X509* issuer = first ? certificate : own_.certificate.get();
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
        X509_set_pubkey(certificate, made.key.get());
        if (first)
            extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
        else
            extend(certificate, NID_subject_alt_name, names);
        EVP_PKEY* signer = first ? made.key.get() : own_.key.get();
        ASSERT(X509_sign(certificate, signer, EVP_sha256()) > 0);
        return made;
    }

    static void extend(X509* certificate, int kind, const std::string& value) {
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
        ASSERT(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
        X509_EXTENSION_free(extension);
    }

    Credentials own_;
    long serial_ = 0;
};

class TlsServer {
  public:
    // With `chain`, that certificate is sent after the server's own, so many times.
    explicit TlsServer(const Credentials& credentials, const X509* chain = nullptr, int times = 1)
        : context_(SSL_CTX_new(TLS_server_method())) {
        SSL_CTX* context = context_.get();
        ASSERT(SSL_CTX_use_certificate(context, credentials.certificate.get()) == 1);
        ASSERT(SSL_CTX_use_PrivateKey(context, credentials.key.get()) == 1);
        for (int i = 0; chain != nullptr && i < times; ++i)
            ASSERT(SSL_CTX_add1_chain_cert(context, const_cast<X509*>(chain)) == 1);
        SSL_CTX_set_tlsext_servername_callback(context, &TlsServer::note_name);
        SSL_CTX_set_tlsext_servername_arg(context, this);
        listener_.listen();
        thread_ = std::thread([this] { serve(); });
    }

    ~TlsServer() {
        listener_.end();
        thread_.join();
    }

    TlsServer(const TlsServer&) = delete;

    std::string address() const { return listener_.address(); }

    // The name that the last client asked for (SNI); empty when it asked for none.
    std::string asked_for() const {
        const std::lock_guard lock(mutex_);
        return asked_for_;
    }

  private:
    void serve() {
        // A client that turns away in the middle must not end the test.
        sigset_t broken_pipe;
        sigemptyset(&broken_pipe);
        sigaddset(&broken_pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
        while (true) {
            const auto client = listener_.accept();
            if (client.get() < 0)
                return;
            const std::unique_ptr<SSL, OpensslFree<SSL, SSL_free>> tls(SSL_new(context_.get()));
            SSL_set_fd(tls.get(), client.get());
            if (SSL_accept(tls.get()) != 1)
                continue;
            char byte = 0;
            while (SSL_read(tls.get(), &byte, 1) > 0) {
            }
        }
    }

    // Is called before the client hears of us, so that it is known when the client is done.
    static int note_name(SSL* tls, int*, void* user) {
        auto* self = static_cast<TlsServer*>(user);
        const char* name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
        const std::lock_guard lock(self->mutex_);
        self->asked_for_ = name != nullptr ? name : "";
        return SSL_TLSEXT_ERR_OK;
    }

    std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX, SSL_CTX_free>> context_;
    LoopbackPort listener_;
    mutable std::mutex mutex_;
    std::string asked_for_;
    std::thread thread_;
};

} // namespace slipway::runner
