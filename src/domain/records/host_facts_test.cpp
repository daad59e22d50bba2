// SPDX-License-Identifier: Apache-2.0
#include "domain/records/host_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::domain {
namespace {

using testing::HasSubstr;

std::string document_of(std::string_view facts) {
    return fmt::format(
        R"({{"slipway_facts":1,"gathered_at":"2026-11-22T20:00:00Z","facts":{{{}}}}})", facts
    );
}

std::string field_refused(std::string_view bytes) {
    const auto document = read_fact_document(bytes);
    if (document || document.error().fields.empty())
        return {};
    return document.error().fields.front().field;
}

TEST(HostFacts, are_read_as_they_were_printed) {
    const auto document =
        read_fact_document(document_of(R"("kernel":"6.1","file./etc/a\\b":"absent")"));
    ASSERT_TRUE(document.has_value()) << document.error().message;
    EXPECT_EQ(document->gathered_at, time_from_text("2026-11-22T20:00:00Z").value());
    EXPECT_EQ(document->facts, (HostFacts{{"kernel", "6.1"}, {"file./etc/a\\b", "absent"}}));
    EXPECT_EQ(read_fact_document(write_facts(document->facts))->facts, document->facts);
}

TEST(HostFacts, are_found_below_what_a_login_script_says) {
    const auto document = read_printed_facts(
        {"Welcome to web-1", R"({"slipway_facts":1,)", R"("facts":{)", R"("kernel":"6.1"}})", "}"}
    );
    EXPECT_FALSE(document.has_value()) << "a brace too many";
    EXPECT_TRUE(read_printed_facts({"Welcome", R"({"slipway_facts":1,)",
                                    R"("facts":{"kernel":"6.1"}})"})
                    .has_value());
    EXPECT_THAT(read_printed_facts({"Welcome"}).error().message, HasSubstr("printed no facts"));
}

TEST(HostFacts, never_hold_a_secret) {
    EXPECT_EQ(field_refused(document_of(R"("db.password":"hunter2")")), "facts.db.password");
    EXPECT_EQ(field_refused(document_of(R"("site.API_KEY":"k")")), "facts.site.API_KEY");
    // A package may be called so; its value is a version.
    EXPECT_EQ(field_refused(document_of(R"("package.libsecret-1-0":"0.20")")), "");
    EXPECT_EQ(field_refused(document_of(R"("file./etc/secret":"sha256 ab")")), "");
}

TEST(HostFacts, that_are_malformed_or_too_many_are_refused) {
    EXPECT_EQ(field_refused(R"({"slipway_facts":2,"facts":{"kernel":"6"}})"), "slipway_facts");
    EXPECT_EQ(field_refused(document_of("")), "facts");
    EXPECT_EQ(field_refused(document_of(R"("kernel":6)")), "facts.kernel");
    EXPECT_EQ(field_refused(document_of(R"("kernel":"6\n1")")), "facts.kernel");
    EXPECT_EQ(
        field_refused(document_of(
            fmt::format(R"("kernel":"{}")", std::string(limits::fact_value_max + 1, 'x'))
        )),
        "facts.kernel"
    );
    const auto long_name = std::string(limits::fact_name_max + 1, 'x');
    EXPECT_THAT(
        field_refused(document_of(fmt::format(R"("{}":"6")", long_name))), HasSubstr("facts.xxx")
    );
    std::string many;
    for (std::size_t i = 0; i <= limits::host_facts_max; ++i)
        many += fmt::format(R"({}"f{}":"1")", i ? "," : "", i);
    EXPECT_EQ(read_fact_document(document_of(many)).error().code, ErrorCode::limit_exceeded);
    EXPECT_EQ(
        read_fact_document(std::string(limits::host_facts_bytes_max + 1, ' ')).error().code,
        ErrorCode::limit_exceeded
    );
}

TEST(HostFacts, are_the_servers_to_write_and_stay_with_their_machine) {
    RingRecord stored;
    stored.hosts = {{"web-1", {}, "10.0.0.1", {}}, {"web-2", {}, "10.0.0.2", {}}};
    for (auto& host : stored.hosts)
        host.found = FactsFound{};
    auto written = stored;
    written.hosts[0].found.reset();                 // left out
    written.hosts[0].role = "web";                  // it is the same machine
    written.hosts[1].address = "10.0.0.3";          // it is another one
    written.hosts.push_back({"web-3", {}, {}, {}}); // it is new
    written.hosts[2].found = FactsFound{};          // and nobody looked
    keep_found(written, stored);
    EXPECT_TRUE(written.hosts[0].found.has_value());
    EXPECT_FALSE(written.hosts[1].found.has_value());
    EXPECT_FALSE(written.hosts[2].found.has_value());
}

} // namespace
} // namespace slipway::domain
