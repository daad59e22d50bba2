// SPDX-License-Identifier: Apache-2.0
#include "base/schema.hpp"

#include <gtest/gtest.h>

namespace slipway {

namespace {

SLIPWAY_ENUM(Choice, approve, reject)

struct SchemaItem {
    std::string name;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("name", self.name, required("its name", 10));
    }
};

struct SchemaRoot {
    PersonId person;
    Choice choice{};
    std::optional<Time> at;
    Span lead{};
    Digest bytes;
    std::vector<SchemaItem> items;
    std::map<std::string, int> counts;
    std::uint64_t size = 0;
    bool flag = false;
    Json extra;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("person", self.person, required("who"));
        visit("choice", self.choice, required("the vote"));
        visit("at", self.at, optional("when"));
        visit("lead", self.lead, optional("how early"));
        visit("bytes", self.bytes);
        visit("items", self.items, optional("what", 5));
        visit("counts", self.counts);
        visit("size", self.size);
        visit("flag", self.flag);
        visit("extra", self.extra);
    }
};

TEST(schema, says_what_the_decoder_enforces) {
    const char* members[] = {
        R"("person":{"type":"string","description":"who",)",
        R"("pattern":"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"},)",
        R"("choice":{"type":"string","description":"the vote","enum":["approve","reject"]},)",
        R"("at":{"type":"string","description":"when","format":"date-time"},)",
        R"x("lead":{"type":"string","description":"how early; a span such as )x",
        R"x(\"48h\" or \"1h30m\" (ms, s, m, h, d)","pattern":"^([0-9]+(ms|s|m|h|d))+$"},)x",
        R"("bytes":{"type":"string","description":"a SHA-256 in lower-case hexadecimal",)",
        R"("pattern":"^[0-9a-f]{64}$"},)",
        R"("items":{"type":"array","description":"what","items":{"type":"object",)",
        R"("properties":{"name":{"type":"string","description":"its name","minLength":1,)",
        R"("maxLength":10}},"required":["name"],"additionalProperties":false},"maxItems":5},)",
        R"("counts":{"type":"object","propertyNames":{"maxLength":255},"maxProperties":200,)",
        R"("additionalProperties":{"type":"integer","minimum":-2147483648,)",
        R"("maximum":2147483647}},"size":{"type":"integer","minimum":0},)",
        R"("flag":{"type":"boolean"},"extra":{"description":"any JSON value"})"};
    std::string expected = R"({"type":"object","properties":{)";
    for (const auto* part : members)
        expected += part;
    expected += R"(},"required":["person","choice"],"additionalProperties":false})";
    EXPECT_EQ(to_text(schema_of<SchemaRoot>()), expected);
}

TEST(schema, default_limits_are_those_of_the_codec) {
    const Json schema = schema_of<std::string>();
    EXPECT_EQ(schema.at("maxLength").to_number<std::size_t>(), limits::title_max);
}

} // namespace

} // namespace slipway
