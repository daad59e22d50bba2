// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a name server sends back: no crash, and what is read of them is in the form in
// which records are compared, and no more than the limit. The number of the question stands at the
// front of an answer; it is put there, so that what lies behind is looked at.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.hpp"
#include "runner/dns_packet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace slipway;
    using domain::DnsType;
    constexpr DnsType types[] = {
        DnsType::A, DnsType::AAAA, DnsType::CNAME, DnsType::TXT, DnsType::MX};
    std::string packet(reinterpret_cast<const char*>(data), size);
    for (const auto type : types) {
        const auto question = runner::make_dns_question("www.example.com", type);
        ASSERT(question.size() > 2);
        if (packet.size() >= 2)
            packet.replace(0, 2, question, 0, 2);
        const auto reply = runner::read_dns_reply(packet, question, type);
        ASSERT(reply.has_value() == runner::answers_question(packet, question));
        if (!reply || !reply->answer)
            continue;
        ASSERT(reply->answer->records.size() <= limits::smoke_answers_max);
        for (const auto& record : reply->answer->records)
            ASSERT(runner::plain_record(type, record) == record);
    }
    return 0;
}
