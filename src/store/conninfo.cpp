// SPDX-License-Identifier: Apache-2.0
#include "store/conninfo.hpp"

#include <array>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>

namespace slipway::store {

namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

// Nothing when libpq cannot read it.
Options options_of(const std::string& conninfo) {
    struct Free {
        void operator()(PQconninfoOption* parsed) const { PQconninfoFree(parsed); }
    };

    Options options;
    const std::unique_ptr<PQconninfoOption, Free> parsed(PQconninfoParse(conninfo.c_str(), nullptr)
    );
    for (const auto* option = parsed.get(); option && option->keyword; ++option)
        if (option->val)
            options.emplace_back(option->keyword, option->val);
    return options;
}

std::string in_quotes(std::string_view value) {
    std::string text = "'";
    for (const char letter : value) {
        if (letter == '\'' || letter == '\\')
            text += '\\';
        text += letter;
    }
    return text + "'";
}

} // namespace

std::string with_time_limits(const std::string& conninfo) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> limits{
        {{"connect_timeout", "10"},
         {"keepalives_idle", "15"},
         {"keepalives_interval", "5"},
         {"keepalives_count", "3"},
         {"tcp_user_timeout", "30000"}}};
    const auto options = options_of(conninfo);
    if (options.empty() && !conninfo.empty())
        return conninfo;
    std::set<std::string> said;
    std::string text;
    for (const auto& [name, value] : options) {
        said.insert(name);
        text += fmt::format("{}={} ", name, in_quotes(value));
    }
    // A service file may say them too, and what stands in the string goes before it.
    if (said.contains("service"))
        return text;
    for (const auto& [name, value] : limits)
        if (!said.contains(std::string(name)))
            text += fmt::format("{}={} ", name, value);
    return text;
}

std::vector<std::string> secret_files_of(const std::string& conninfo) {
    std::vector<std::string> files;
    for (const auto& [name, value] : options_of(conninfo))
        if (name == "passfile" || name == "sslkey")
            files.push_back(value);
    return files;
}

} // namespace slipway::store
