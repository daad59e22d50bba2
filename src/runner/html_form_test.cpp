// SPDX-License-Identifier: Apache-2.0
#include "runner/html_form.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "runner/url.hpp"

namespace slipway::runner {
namespace {

TEST(HtmlForm, what_is_no_markup_is_no_form) {
    EXPECT_TRUE(find_forms("").empty());
    EXPECT_TRUE(find_forms("<").empty());
    EXPECT_TRUE(find_forms("< form>").empty());
    EXPECT_TRUE(find_forms("<!-- <form> --").empty());
    EXPECT_TRUE(find_forms("<script>'<form>'</script>").empty());
    EXPECT_TRUE(find_forms("<title><form></title>").empty());
    EXPECT_TRUE(find_forms("<SCRIPT><form></SCRIP>").empty());
    EXPECT_TRUE(find_forms("<input type=password name=p>").empty());
    EXPECT_EQ(find_forms("<form").size(), 1);
    EXPECT_EQ(find_forms("<form action='x").at(0).action, "x");
}

TEST(HtmlForm, keeps_to_its_limits) {
    std::string page;
    for (std::size_t i = 0; i <= limits::sso_forms_max; ++i)
        page += "<form></form>";
    EXPECT_EQ(find_forms(page).size(), limits::sso_forms_max);
    page = "<form>";
    for (std::size_t i = 0; i <= limits::sso_fields_max; ++i)
        page += "<input name=a>";
    EXPECT_EQ(find_forms(page).at(0).fields.size(), limits::sso_fields_max);
}

TEST(HtmlForm, a_form_without_one_password_is_no_login) {
    const auto password_of = [](std::string_view page) {
        auto forms = find_forms(page);
        return login_fields(forms.at(0)).password != nullptr;
    };
    EXPECT_FALSE(password_of("<form><input name=q></form>"));
    EXPECT_FALSE(password_of("<form><input type=password name=a><input type=password name=b></form>"
    ));
    EXPECT_FALSE(password_of("<form><input type=password></form>")); // no name: it is not sent
    EXPECT_FALSE(password_of("<form><input type=password name=a disabled></form>"));
    EXPECT_TRUE(password_of("<FORM><INPUT TYPE='Password' NAME=a></FORM>"));
}

TEST(HtmlForm, is_sent_as_a_browser_sends_it) {
    auto forms = find_forms(R"(<form method=post action="/in?a=1&amp;b=2&copy;&#x41;&#65;">
        <input type=hidden name=t value='a&quot;&lt;&#228;'><input name=user value=old>
        <input type="password" name="pass"/><input type=checkbox name=off><input type=text>
        <input type=checkbox name=on checked><input type=radio name=r value=1 checked>
        <input type=button name=b value=b><input type=submit name=go value="Sign in">
        <input type=submit name=go value=cancel></form>)");
    ASSERT_EQ(forms.size(), 1);
    EXPECT_EQ(forms[0].action, "/in?a=1&b=2&copy;AA");
    EXPECT_TRUE(forms[0].post);
    const auto fields = login_fields(forms[0]);
    ASSERT_NE(fields.user, nullptr);
    ASSERT_NE(fields.password, nullptr);
    EXPECT_EQ(fields.user->name, "user");
    fields.user->value = "a b";
    fields.password->value = "&=+";
    EXPECT_EQ(
        form_body(forms[0]), "t=a%22%3C%C3%A4&user=a%20b&pass=%26%3D%2B&on=on&r=1&go=Sign%20in"
    );
}

TEST(Url, is_resolved_only_to_what_can_be_fetched) {
    EXPECT_EQ(resolve_url("https://a.example/b/c?d", "e?f=1"), "https://a.example/b/e?f=1");
    EXPECT_EQ(resolve_url("https://a.example/b", "//c.example/"), "https://c.example/");
    EXPECT_EQ(resolve_url("https://a.example/b", ""), "https://a.example/b");
    for (const auto* bad : {"javascript:alert(1)", "file:///etc/passwd", "ftp://a.example/"})
        EXPECT_EQ(resolve_url("https://a.example/", bad), std::nullopt) << bad;
    EXPECT_EQ(resolve_url("", "x"), std::nullopt);
    EXPECT_EQ(origin_of("https://a.example/b"), "https://a.example:443");
    EXPECT_EQ(origin_of("http://a.example:8080"), "http://a.example:8080");
    EXPECT_EQ(origin_of(":"), "");
    EXPECT_EQ(query_value("http://x/?a=1&b=2%20+3&b=4#b=5", "b"), "2  3");
    EXPECT_EQ(query_value("http://x/?a", "a"), "");
    EXPECT_EQ(query_value("http://x/#a=1", "a"), std::nullopt);
}

} // namespace
} // namespace slipway::runner
