// SPDX-License-Identifier: Apache-2.0
// That secrets are known again in what other programs make of them.
#include "connectors/secret_forms.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/limits.hpp"

namespace slipway::connectors {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view quoted = "pa'ss \"w\"o&rd<1>";
constexpr std::string_view umlauts = "ÄpfelGeheimß";

TEST(SecretForms, in_a_url) {
    const auto forms = secret_forms("Tok/en+Secret=9f");
    EXPECT_THAT(forms, Contains("Tok%2Fen%2BSecret%3D9f"));
    EXPECT_THAT(forms, Contains("Tok%2fen%2bSecret%3d9f"));
    EXPECT_THAT(forms, Contains("Tok/en%2BSecret%3D9f")); // quote() of Python
    EXPECT_THAT(secret_forms(quoted), Contains("pa%27ss+%22w%22o%26rd%3C1%3E"));
    EXPECT_THAT(secret_forms(quoted), Contains("pa%27ss%20%22w%22o%26rd%3c1%3e"));
    EXPECT_THAT(secret_forms(quoted), Contains("pa'ss%20%22w%22o%26rd%3C1%3E"));
}

TEST(SecretForms, what_a_percent_encoded_secret_stands_for) {
    const auto forms = secret_forms("Abc%2FdefTokenXyz");
    EXPECT_THAT(forms, Contains("Abc/defTokenXyz"));
    EXPECT_THAT(forms, Contains("Abc%2fdefTokenXyz"));
    EXPECT_THAT(forms, Contains("QWJjL2RlZlRva2VuWHl6")); // as basic authentication has it
    EXPECT_THAT(secret_forms("100%zz%4"), Contains("100%zz%4"));
    EXPECT_THAT(secret_forms("%41%42%43%ff"), Contains("ABC\xff"));
}

// A program quoted one line of a key file, and the whole of it was not found in its words.
TEST(SecretForms, of_several_lines_are_known_line_by_line) {
    const auto forms = secret_forms("-----BEGIN KEY-----\r\nAAAABBBBCCCC\nshort\n");
    EXPECT_THAT(forms, Contains("-----BEGIN KEY-----"));
    EXPECT_THAT(forms, Contains("AAAABBBBCCCC"));
    EXPECT_THAT(forms, testing::Not(Contains("short"))) << "that is an ordinary word";
}

TEST(SecretForms, in_json) {
    EXPECT_THAT(secret_forms(umlauts), Contains("\\u00c4pfelGeheim\\u00df"));
    EXPECT_THAT(secret_forms(umlauts), Contains("\\u00C4pfelGeheim\\u00DF"));
    EXPECT_THAT(secret_forms("key-\U0001F511/"), Contains("key-\\ud83d\\udd11/"));
    EXPECT_THAT(secret_forms("key-\U0001F511/"), Contains("key-\\ud83d\\udd11\\/"));
    EXPECT_THAT(secret_forms(quoted), Contains(R"(pa'ss \"w\"o\u0026rd\u003c1\u003e)")); // Go
    EXPECT_THAT(
        secret_forms(quoted), Contains(R"(pa\u0027ss \u0022w\u0022o\u0026rd\u003C1\u003E)") // .NET
    );
    EXPECT_THAT(secret_forms("a\tb\x01\\"), Contains(R"(a\tb\u0001\\)"));
}

TEST(SecretForms, in_html_and_xml) {
    for (const auto* form :
         {"pa'ss \"w\"o&amp;rd&lt;1&gt;", "pa'ss &quot;w&quot;o&amp;rd&lt;1&gt;",
          "pa&#39;ss &#34;w&#34;o&amp;rd&lt;1&gt;", "pa&#x27;ss &quot;w&quot;o&amp;rd&lt;1&gt;",
          "pa&#039;ss &quot;w&quot;o&amp;rd&lt;1&gt;", "pa&apos;ss &quot;w&quot;o&amp;rd&lt;1&gt;"})
        EXPECT_THAT(secret_forms(quoted), Contains(form));
}

TEST(SecretForms, in_the_quotes_of_shells) {
    for (const auto* form :
         {R"(pa'\''ss "w"o&rd<1>)", R"(pa'"'"'ss "w"o&rd<1>)", R"(pa\'ss "w"o&rd<1>)"})
        EXPECT_THAT(secret_forms(quoted), Contains(form));
    EXPECT_THAT(secret_forms("a$b`c\"d\\"), Contains(R"(a\$b\`c\"d\\)"));
}

TEST(SecretForms, a_plain_secret_has_few) {
    EXPECT_THAT(
        secret_forms("hunter22"),
        ElementsAre("aHVudGVyMjI=", "aHVudGVyMj", "h1bnRlcjIy", "odW50ZXIyM", "hunter22")
    );
    EXPECT_THAT(secret_forms("abc"), IsEmpty());
}

TEST(SecretForms, the_longest_first_and_none_that_is_ordinary_text) {
    EXPECT_TRUE(rc::check([](const std::string& secret) {
        const auto forms = secret_forms(secret);
        RC_ASSERT(forms.empty() == (secret.size() < limits::secret_shown_min));
        for (std::size_t i = 0; i < forms.size(); ++i) {
            RC_ASSERT(forms[i].size() >= limits::secret_shown_min);
            // In parentheses, as the macro evaluates both sides of an operator.
            RC_ASSERT((i == 0 || forms[i].size() <= forms[i - 1].size()));
        }
    }));
}

} // namespace
} // namespace slipway::connectors
