// SPDX-License-Identifier: Apache-2.0
#include "connectors/mail_message.hpp"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/limits.hpp"

namespace slipway::connectors {

namespace {

using testing::HasSubstr;
using testing::Not;

Mail example() {
    return {"release@example.org",       {"ops@example.org", "ci@example.org"}, "Release 1.5",
            "Line one\n.dot line\nlast", {{"X-Slipway-Change", "CHG-12"}},      "abc@example.org",
            Time(Span(1795378548000))};
}

TEST(MailMessage, RefusesWhatWouldAddHeadersOrRecipients) {
    for (const auto* subject : {"a\r\nBcc: eve@example.org", "a\nb", "a\rb"}) {
        auto mail = example();
        mail.subject = subject;
        EXPECT_EQ(mail_text(mail).error().fields.at(0).field, "Subject") << subject;
    }
    for (const auto* address :
         {"", "a", "@b", "a@", "a b@c", "a@b\r\nc", "a@b,c@d", "<a@b>", "a@b@c", "ä@b", "a@.b"}) {
        auto mail = example();
        mail.to = {address};
        EXPECT_EQ(mail_text(mail).error().fields.at(0).field, "recipients[0]") << address;
        mail = example();
        mail.from = address;
        EXPECT_FALSE(mail_text(mail)) << address;
    }
    for (const auto* name : {"Bcc", "bcc", "Content-Type", "X: y", "", "Subject", "a b"}) {
        auto mail = example();
        mail.headers = {{name, "x"}};
        EXPECT_FALSE(mail_text(mail)) << name;
    }
    auto mail = example();
    mail.headers = {{"X-A", "b\r\nBcc: eve@example.org"}};
    EXPECT_FALSE(mail_text(mail));
    mail = example();
    mail.to.clear();
    EXPECT_FALSE(mail_text(mail));
    mail.to.assign(limits::mail_recipients_max + 1, "a@example.org");
    EXPECT_THAT(mail_text(mail).error().message, HasSubstr("at most 200"));
    mail = example();
    mail.subject.assign(limits::mail_header_max + 1, 'a');
    EXPECT_THAT(mail_text(mail).error().message, HasSubstr("2000"));
    mail = example();
    mail.body = "\xff";
    EXPECT_FALSE(mail_text(mail));
}

TEST(MailMessage, PlainTextStaysReadable) {
    const auto text = mail_text(example());
    ASSERT_TRUE(text);
    EXPECT_EQ(
        *text, "Date: Sun, 22 Nov 2026 20:15:48 +0000\r\n"
               "From: release@example.org\r\n"
               "To: ops@example.org,\r\n ci@example.org\r\n"
               "Subject: Release 1.5\r\n"
               "Message-ID: <abc@example.org>\r\n"
               "X-Slipway-Change: CHG-12\r\n"
               "MIME-Version: 1.0\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: 7bit\r\n"
               "\r\n"
               "Line one\r\n.dot line\r\nlast\r\n"
    );
}

TEST(MailMessage, BeyondAsciiIsEncoded) {
    auto mail = example();
    mail.subject = "Größe geändert";
    mail.body = "Grüße = alle \nEnde";
    const auto text = mail_text(mail);
    ASSERT_TRUE(text);
    EXPECT_THAT(*text, HasSubstr("Subject: =?utf-8?B?" + to_base64("Größe geändert") + "?=\r\n"));
    EXPECT_THAT(
        *text, HasSubstr("quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe =3D alle=20\r\nEnde\r\n")
    );
}

// Decodes what encoded_words made, for the property below.
std::string decoded(std::string_view words) {
    std::string out;
    for (auto at = words.find("=?utf-8?B?"); at != std::string_view::npos;
         at = words.find("=?utf-8?B?", at)) {
        at += 10;
        const auto end = words.find("?=", at);
        const auto piece = from_base64(words.substr(at, end - at));
        RC_ASSERT(piece.has_value());
        RC_ASSERT(is_valid_text(*piece)); // whole characters in each word
        out += *piece;
        at = end;
    }
    return out;
}

TEST(MailMessage, EncodedWordsKeepEveryTextAndTheirLimit) {
    EXPECT_TRUE(rc::check([] {
        const auto letters = *rc::gen::container<std::vector<std::string>>(
            rc::gen::element<std::string>("a", " ", "ö", "€", "𝄞", "=?")
        );
        std::string text;
        for (const auto& letter : letters)
            text += letter;
        const auto words = encoded_words(text);
        RC_ASSERT(decoded(words) == text);
        std::size_t length = 0;
        for (const char c : words) {
            length = c == '\n' ? 0 : length + 1;
            RC_ASSERT(length <= 78U);
        }
    }));
}

TEST(MailMessage, QuotedPrintableKeepsItsLineLimit) {
    EXPECT_TRUE(rc::check([](const std::string& bytes) {
        std::size_t length = 0;
        for (const unsigned char c : quoted_printable(bytes)) {
            RC_ASSERT(c == '\r' || c == '\n' || c == '\t' || (c >= ' ' && c < 127));
            length = c == '\r' || c == '\n' ? 0 : length + 1;
            RC_ASSERT(length <= 76U);
        }
    }));
}

TEST(MailMessage, TheSameKeyGivesTheSameId) {
    EXPECT_EQ(message_id_of("k", "a@example.org"), message_id_of("k", "a@example.org"));
    EXPECT_NE(message_id_of("k", "a@example.org"), message_id_of("l", "a@example.org"));
    EXPECT_THAT(message_id_of("k", "a@example.org"), HasSubstr("@example.org"));
}

} // namespace

} // namespace slipway::connectors
