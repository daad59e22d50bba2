// SPDX-License-Identifier: Apache-2.0
// What a name server says of a name, held against what the list says.
#include <algorithm>

#include <fmt/format.h>

#include "runner/dns_query.hpp"

namespace slipway::runner {

using domain::DnsDemands;
using domain::RunOutcome;
using domain::SmokeCheck;

namespace {

using Records = std::vector<std::string>;

constexpr std::size_t records_shown_max = 10;

std::string listed(const Records& records) {
    std::string out;
    for (std::size_t i = 0; i < std::min(records.size(), records_shown_max); ++i)
        out += fmt::format("{}{}", i == 0 ? "" : ", ", shown(records[i]));
    if (records.size() > records_shown_max)
        out += fmt::format(" and {} more", records.size() - records_shown_max);
    return out;
}

Records plain(const Records& records, domain::DnsType type) {
    Records out;
    for (const auto& record : records)
        out.push_back(plain_record(type, record));
    return out;
}

// Whether each of `some` is among `others`.
bool all_in(const Records& some, const Records& others) {
    return std::all_of(some.begin(), some.end(), [&](const auto& record) {
        return std::find(others.begin(), others.end(), record) != others.end();
    });
}

// What was expected and is not so, or nothing.
std::string missing(const DnsDemands& demands, const Records& seen) {
    const auto has = plain(demands.has, demands.type);
    const auto exactly = plain(demands.exactly, demands.type);
    const auto one_of = plain(demands.one_of, demands.type);
    if (!all_in(has, seen))
        return "at least " + listed(has);
    if (!exactly.empty() && !(all_in(exactly, seen) && all_in(seen, exactly)))
        return "exactly " + listed(exactly);
    if (!one_of.empty() && !all_in(seen, one_of))
        return "nothing but " + listed(one_of);
    return {};
}

std::string code_text(int code) {
    switch (code) {
    case 2:
        return "the name server failed (SERVFAIL)";
    case 3:
        return "there is no such name (NXDOMAIN)";
    case 5:
        return "the name server refuses to say (REFUSED)";
    default:
        return fmt::format("the name server answered with code {}", code);
    }
}

} // namespace

CheckAnswer check_dns(const SmokeCheck& check, const std::stop_token& stop) {
    const auto demands = check.dns.value_or(DnsDemands{});
    const auto answer = ask_dns(demands.name, demands.type, demands.server, limit_of(check), stop);
    if (!answer)
        return answer.error();
    const auto of = fmt::format("{} {}", shown(demands.name), to_text(demands.type));
    if (answer->code != 0)
        return {RunOutcome::failed, 0, fmt::format("{}: {}", of, code_text(answer->code))};
    if (answer->records.empty())
        return {RunOutcome::failed, 0, fmt::format("{}: there is no record", of)};
    const auto seen = fmt::format("{} is {}", of, listed(answer->records));
    if (const auto wanted = missing(demands, answer->records); !wanted.empty())
        return {RunOutcome::unexpected_output, 0, fmt::format("{}, expected {}", seen, wanted)};
    return {RunOutcome::passed, 0, seen};
}

} // namespace slipway::runner
