// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "http/connection.hpp"

namespace slipway::http {

namespace {

using Tls = asio::ssl::stream<Tcp>;

Task<bool> handshake(Tls& stream) {
    ErrorBits failed;
    co_await stream.async_handshake(
        asio::ssl::stream_base::server, asio::redirect_error(awaiting, failed)
    );
    co_return !failed;
}

Task<void> goodbye(Tls& stream) {
    ErrorBits ignored;
    co_await stream.async_shutdown(asio::redirect_error(awaiting, ignored));
}

Task<void> serve_one_tls(
    Server& server, Loop& loop, Tcp socket, Place place, std::shared_ptr<asio::ssl::context> context
) {
    Connection<Tls> connection(
        server, loop, std::move(place), Tls(std::move(socket), *context),
        Manners<Tls>{handshake, goodbye}
    );
    co_await connection.run();
}

} // namespace

Result<Serve> serve_tls(const std::string& certificate_file, const std::string& key_file) {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    ErrorBits failed;
    context->set_options(
        asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1 |
            asio::ssl::context::no_compression,
        failed
    );
    context->use_certificate_chain_file(certificate_file, failed);
    if (failed)
        return fail_field("certificate_file", "cannot be used: " + failed.message());
    context->use_private_key_file(key_file, asio::ssl::context::pem, failed);
    if (failed)
        return fail_field("key_file", "cannot be used: " + failed.message());
    return Serve([context](Server& server, Loop& loop, Tcp socket, Place place) {
        asio::co_spawn(
            loop.io, serve_one_tls(server, loop, std::move(socket), std::move(place), context),
            asio::detached
        );
    });
}

} // namespace slipway::http
