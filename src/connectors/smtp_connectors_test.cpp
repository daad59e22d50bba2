// SPDX-License-Identifier: Apache-2.0
// connectors/smtp.yaml against an SMTP sink on loopback.
#include "connectors/connectors_fixture.hpp"

#include "base/hash.hpp"

namespace slipway::connectors {

namespace {

using namespace test;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class SmtpConnectors : public ConnectorsTest {
  protected:
    void mail(const SmtpSink& sink, bool starttls = false) {
        configure(
            "smtp",
            JsonObject{
                {"address", sink.url()},
                {"from", "release@example.org"},
                {"user", "slipway"},
                {"password", secret_reference()},
                {"starttls", starttls}}
        );
    }

    const app::NoticeSend notice{
        "",
        "Wartung für Größen",
        "Beginn 22:00\n.\nEnde",
        {"a@example.org", "b@example.org"},
        {{"X-Slipway-Change", "CHG-12"}}};
};

TEST_F(SmtpConnectors, RefusalsHaveTheirCodes) {
    struct Case {
        const char* word;
        const char* answer;
        ErrorCode code;
        app::Retry retry;
    };

    for (const auto& one :
         {Case{"RCPT", "550 5.1.1 no such user", ErrorCode::invalid_input, app::Retry::never},
          Case{"RCPT", "452 4.5.3 too many", ErrorCode::unavailable, app::Retry::later},
          Case{"AUTH", "535 5.7.8 wrong password", ErrorCode::invalid_input, app::Retry::never},
          Case{"DATA", "554 5.7.1 spam", ErrorCode::invalid_input, app::Retry::never},
          Case{"MAIL", "421 4.3.2 closing", ErrorCode::unavailable, app::Retry::later}}) {
        SmtpSink sink(one.word, one.answer);
        mail(sink);
        const auto receipt = ask("smtp", notice);
        ASSERT_FALSE(receipt) << one.word;
        EXPECT_EQ(receipt.error().code, one.code) << one.word << all_texts(receipt.error());
        EXPECT_EQ(app::retry_of(receipt.error()).retry, one.retry) << one.word;
        EXPECT_THAT(all_texts(receipt.error()), Not(HasSubstr(secret)));
        EXPECT_TRUE(sink.mails().empty());
    }
}

TEST_F(SmtpConnectors, WithoutStarttlsNothingIsSentInTheClear) {
    SmtpSink sink;
    mail(sink, true);
    const auto receipt = ask("smtp", notice);
    ASSERT_FALSE(receipt);
    EXPECT_THAT(receipt.error().message, HasSubstr("STARTTLS"));
    EXPECT_THAT(sink.commands(), Not(Contains(HasSubstr("AUTH"))));
    EXPECT_TRUE(sink.mails().empty());
}

TEST_F(SmtpConnectors, WhyAMailWasNotHandedOverIsSaid) {
    {
        SmtpSink gone;
        mail(gone);
    }
    const auto receipt = ask("smtp", notice);
    ASSERT_FALSE(receipt);
    EXPECT_EQ(receipt.error().code, ErrorCode::unavailable);
    EXPECT_THAT(receipt.error().message, HasSubstr("connect to server"));
}

TEST_F(SmtpConnectors, NoHeaderAndNoRecipientSlipsIn) {
    SmtpSink sink;
    mail(sink);
    auto bad = notice;
    bad.subject = "x\r\nBcc: eve@example.org";
    EXPECT_EQ(ask("smtp", bad).error().code, ErrorCode::invalid_input);
    bad = notice;
    bad.recipients = {"a@example.org>\r\nRCPT TO:<eve@example.org"};
    EXPECT_EQ(ask("smtp", bad).error().code, ErrorCode::invalid_input);
    bad.recipients = {};
    EXPECT_THAT(ask("smtp", bad).error().message, HasSubstr("recipients"));
    EXPECT_TRUE(sink.commands().empty());
}

TEST_F(SmtpConnectors, ANoticeArrivesWhole) {
    SmtpSink sink;
    mail(sink);
    const auto receipt = ask("smtp", notice);
    ASSERT_TRUE(receipt) << all_texts(receipt.error());
    EXPECT_TRUE(receipt->delivered);
    EXPECT_THAT(receipt->detail, HasSubstr("queued as 4Fx"));
    ASSERT_EQ(sink.mails().size(), 1U);
    const auto text = sink.mails()[0];
    EXPECT_THAT(text, HasSubstr("Message-ID: <" + receipt->message_id + ">\r\n"));
    EXPECT_THAT(text, HasSubstr("X-Slipway-Change: CHG-12\r\n"));
    EXPECT_THAT(text, HasSubstr("=?utf-8?B?" + to_base64("Wartung für Größen") + "?="));
    EXPECT_THAT(text, HasSubstr("\r\n..\r\nEnde\r\n")); // dot stuffed on the wire
    EXPECT_THAT(sink.commands(), Contains(HasSubstr("RCPT TO:<b@example.org>")));
    const auto again = ask("smtp", notice);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->message_id, receipt->message_id);
}

TEST_F(SmtpConnectors, APageIsAMailToThePerson) {
    SmtpSink sink;
    mail(sink);
    const auto receipt =
        ask("smtp", app::OncallPage{"Ada", "ada@example.org", "You are on call", "CHG-12"});
    ASSERT_TRUE(receipt) << all_texts(receipt.error());
    EXPECT_THAT(sink.mails().at(0), HasSubstr("To: ada@example.org\r\n"));
}

} // namespace

} // namespace slipway::connectors
