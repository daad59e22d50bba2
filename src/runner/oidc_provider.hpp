// SPDX-License-Identifier: Apache-2.0
// An OpenID provider as a process of its own, for the tests of this room only: the one of ours
// (tests/oidc/provider.py), which also does things wrong, or Django's (django_provider.py), which
// people run. It ends with this object.
#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <stdlib.h>

#include "base/assert.hpp"

namespace slipway::runner {

class OidcProvider {
  public:
    static constexpr const char* user = "smoke@harbor";
    static constexpr const char* password = "correct horse & <battery>";
    static constexpr const char* client_secret = "a client's secret";
    static constexpr const char* redirect = "https://www.harbor.example/callback";

    // `fault` is what it does wrong; empty: nothing.
    explicit OidcProvider(const std::string& fault = {})
        : OidcProvider("python3", "provider", fault) {}

    // Debian's interpreter has Debian's Django.
    static OidcProvider django() { return {"/usr/bin/python3", "django_provider", ""}; }

    ~OidcProvider() {
        ::pclose(input_);
        std::filesystem::remove_all(folder_);
    }

    OidcProvider(const OidcProvider&) = delete;

    const std::string& issuer() const { return issuer_; }

  private:
    OidcProvider(const char* python, const char* program, const std::string& fault) {
        using namespace std::chrono_literals;
        char name[] = "/tmp/slipway-oidc-XXXXXX";
        ASSERT(::mkdtemp(name) != nullptr);
        folder_ = name;
        const auto ready = folder_ / "ready";
        const auto command = fmt::format(
            "exec {} -B {}/tests/oidc/{}.py --ready {} --fault '{}'", python, SLIPWAY_ROOT, program,
            ready.string(), fault
        );
        // Its input is what keeps it alive.
        input_ = ::popen(command.c_str(), "we");
        ASSERT(input_ != nullptr);
        const auto end = std::chrono::steady_clock::now() + 30s;
        while (!std::filesystem::exists(ready) && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(10ms); // house: bounded poll
        std::ifstream(ready) >> issuer_;
        ASSERT(!issuer_.empty());
    }

    std::filesystem::path folder_;
    std::FILE* input_ = nullptr;
    std::string issuer_;
};

} // namespace slipway::runner
