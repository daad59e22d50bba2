// SPDX-License-Identifier: Apache-2.0
// Manifests, settings, secrets and templates: what is refused, and that what ships is sound.
#include "connectors/manifest.hpp"

#include <rapidcheck.h>

#include "app/ports/fake_connectors.hpp"
#include "connectors/connectors_fixture.hpp"
#include "connectors/settings.hpp"
#include "connectors/text_template.hpp"

namespace slipway::connectors {

namespace {

using namespace test;
using testing::HasSubstr;
using testing::Not;

TEST(Manifest, RefusalsNameFileLineAndField) {
    const std::string good = "system: x\ntitle: X\ntransport: http\nbase: \"{.settings.u}\"\n";
    const std::string read = "capabilities:\n  cmdb:\n    read:\n      requests:\n";
    for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
             {good, "capabilities"},
             {good + "capabilities: {backups: {}}", "is no capability"},
             {good + "capabilities: {cmdb: {write: {requests: []}}}", "is no operation of cmdb"},
             {good + read + "        - {run: [sh]}", "x.yaml:9"},
             {good + read + "        - {path: /a, run: [sh]}", "exactly one of"},
             {good + read + "        - {path: a}", "begin with a slash"},
             {good + read + "        - {path: /, method: get}", "expected GET"},
             {good + read + "        - {path: \"/{.a\"}", "brace"},
             {good + read + "        - {path: /, headers: {\"a b\": c}}", "not a header name"},
             {good + read + "        - {path: /, measure: \"{.scratch}\"}", "exactly one of"},
             {good + read + "        - {path: /, demand: \"{}\"}", "belongs to measure"},
             {good + read + "        - {path: /, when_status: {404: {}}}", "either fail or answer"},
             {good + read + "        - {path: /, when_status: {not: {answer: .}}}", "number"},
             {good + read + "        - {path: /, page: {by: cursor, items: .}}", "next"},
             {good + read + "        - {path: /, unknown: 1}", "unknown"},
             {good + read + "        - {id: a, path: /}\n        - {id: a, path: /}", "twice"},
             {good + "auth: {scheme: bearer}\n" + read + "        - {path: /}", "auth.token"},
             {good + "auth: {scheme: oauth9}\n" + read + "        - {path: /}", "auth.scheme"},
             {good + "settings:\n  - {name: u, type: choice, help: h}\n" + read +
                  "        - {path: /}",
              "choices"},
             {good + "settings:\n  - {name: u, type: text, help: h, secret: true, default: x}\n" +
                  read + "        - {path: /}",
              "no default"}}) {
        const auto manifest = parse_manifest(text, "x.yaml");
        ASSERT_FALSE(manifest) << text;
        EXPECT_EQ(manifest.error().code, ErrorCode::invalid_input);
        EXPECT_THAT(manifest.error().message, HasSubstr("x.yaml:")) << text;
        EXPECT_THAT(manifest.error().message, HasSubstr(expected)) << text;
    }
}

TEST(Manifest, TheFileIsNamedAsItsSystem) {
    ManifestSet set;
    const auto added = add_manifest(
        set,
        "system: x\ntitle: X\ntransport: command\nevery_operation: {requests: [{run: [sh]}]}\n",
        "y.yaml"
    );
    ASSERT_FALSE(added);
    EXPECT_THAT(added.error().message, HasSubstr("x.yaml"));
    EXPECT_FALSE(load_manifests({"/no/such/folder"}));
}

TEST_F(ConnectorsTest, EveryShippedExpressionCompiles) {
    EXPECT_EQ(manifests_.size(), 12U);
    for (const auto& [system, manifest] : manifests_)
        for (const auto& program : expressions_of(*manifest)) {
            const auto compiled = JqProgram::compile(program);
            EXPECT_TRUE(compiled) << system << ": " << program << ": "
                                  << (compiled ? "" : compiled.error().message);
        }
}

TEST_F(ConnectorsTest, RequestsAndManifestsHaveALimit) {
    const auto text_of = [](const std::string& system, std::size_t requests) {
        std::string text = "system: " + system +
                           "\ntitle: T\ntransport: command\ncapabilities:\n  cmdb:\n    read:\n"
                           "      requests:\n";
        for (std::size_t i = 0; i < requests; ++i)
            text += "        - {run: [sh]}\n";
        return text;
    };
    EXPECT_TRUE(parse_manifest(text_of("x", limits::connector_requests_max), "x.yaml"));
    const auto many = parse_manifest(text_of("x", limits::connector_requests_max + 1), "x.yaml");
    ASSERT_FALSE(many);
    EXPECT_THAT(all_texts(many.error()), HasSubstr(std::to_string(limits::connector_requests_max)));
    ManifestSet set;
    for (std::size_t i = 0; i < limits::connector_manifests_max; ++i) {
        const auto system = fmt::format("s{}", i);
        ASSERT_TRUE(add_manifest(set, text_of(system, 1), system + ".yaml"));
    }
    EXPECT_TRUE(add_manifest(set, text_of("s0", 1), "s0.yaml")); // it was there before
    const auto one_more = add_manifest(set, text_of("more", 1), "more.yaml");
    ASSERT_FALSE(one_more);
    EXPECT_EQ(one_more.error().code, ErrorCode::limit_exceeded);
}

TEST_F(ConnectorsTest, TheDocumentedExampleIsAManifest) {
    std::ifstream file(SLIPWAY_ROOT "/docs/reference/connectors.md");
    const std::string page(std::istreambuf_iterator<char>(file), {});
    const auto begin = page.find("```yaml\n") + 8;
    const auto example = page.substr(begin, page.find("```\n", begin) - begin);
    const auto parsed = parse_manifest(example, "tracker.yaml");
    ASSERT_TRUE(parsed) << parsed.error().message;
    for (const auto& program : expressions_of(*parsed))
        EXPECT_TRUE(JqProgram::compile(program)) << program;
}

TEST_F(ConnectorsTest, APasswordInPlainTextIsNoReferenceToOne) {
    const auto checked = connectors().check(
        {"nightly", "restic", JsonObject{{"repository", "/backup"}, {"password", "hunter2"}}}
    );
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_input);
    EXPECT_EQ(checked.error().fields.front().field, "settings.password");
    EXPECT_THAT(checked.error().fields.front().message, HasSubstr("file:/path, env:NAME"));
    EXPECT_THAT(checked.error().message, Not(HasSubstr("hunter2")));
    const auto unknown = connectors().check({"nightly", "resti", {}});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().fields.front().field, "manifest");
    EXPECT_THAT(unknown.error().message, HasSubstr("restic"));
}

TEST_F(ConnectorsTest, TheListSaysWhatCanBeUsedAndWhatNot) {
    configure("webhook", JsonObject{{"url", secret_reference()}});
    configure("smtp", JsonObject{{"address", "http://x\n"}, {"colour", 1}});
    instances_.put(tenant, {"gone", "vanished", {}});
    const auto infos = connectors().list(tenant);
    ASSERT_TRUE(infos);
    ASSERT_EQ(infos->size(), 3U);
    EXPECT_THAT((*infos)[0].problem, HasSubstr("no manifest 'vanished'"));
    EXPECT_THAT((*infos)[1].problem, HasSubstr("settings.colour: is no setting of smtp"));
    EXPECT_THAT((*infos)[1].problem, HasSubstr("settings.from: is required"));
    EXPECT_EQ((*infos)[2].problem, "");
    EXPECT_EQ((*infos)[2].capabilities.at("notice"), std::vector<std::string>{"send"});
    EXPECT_TRUE(connectors().list(TenantId("other"))->empty());
    EXPECT_EQ(connectors().systems().size(), 12U);
}

TEST_F(ConnectorsTest, SettingsHaveTheirTypes) {
    const auto parsed = parse_manifest(
        R"yaml(
system: types
title: Types
transport: command
settings:
  - {name: url, type: url, help: h}
  - {name: number, type: number, help: h, default: 5}
  - {name: boolean, type: boolean, help: h}
  - {name: choice, type: choice, help: h, choices: [a, b]}
  - {name: list, type: list, help: h}
  - {name: map, type: map, help: h}
  - {name: path, type: path, help: h}
  - {name: secret, type: text, help: h, secret: true}
every_operation: {requests: [{run: [sh]}]}
)yaml",
        "types.yaml"
    );
    ASSERT_TRUE(parsed) << parsed.error().message;
    const auto check = [&](std::string_view name, Json value) {
        return checked_settings(*parsed, JsonObject{{name, std::move(value)}}, options_.policy);
    };
    for (const auto& [name, value] : std::vector<std::pair<std::string, Json>>{
             {"url", "ftp://x"},
             {"url", 1},
             {"url", "http://u:p@x"},
             {"number", "5"},
             {"boolean", "yes"},
             {"choice", "c"},
             {"list", "a"},
             {"map", "a"},
             {"list", JsonArray(limits::list_max + 1, "a")},
             {"list", JsonArray(1, 7)},
             {"path", "a/b"},
             {"path", "/a/../b"},
             {"path", "/a/"},
             {"secret", "x"},
             {"secret", 7},
             {"path", Json("/" + std::string(limits::text_max, 'a'))}}) {
        const auto checked = check(name, value);
        ASSERT_FALSE(checked) << name << to_text(value);
        EXPECT_EQ(checked.error().fields.at(0).field, "settings." + name);
    }
    EXPECT_FALSE(checked_settings(*parsed, JsonArray{}, options_.policy));
    const auto defaults = checked_settings(*parsed, {}, options_.policy);
    ASSERT_TRUE(defaults);
    EXPECT_EQ(defaults->at("number"), Json(5));
    EXPECT_TRUE(defaults->at("url").is_null());
    EXPECT_TRUE(check("path", "/a/b"));
    EXPECT_TRUE(check("secret", Json(secret_reference())));
}

TEST_F(ConnectorsTest, CallsThatCannotBeMade) {
    configure("webhook", JsonObject{{"url", secret_reference()}});
    const auto missing = ask("none", app::CmdbRead{CiId("web")});
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
    const auto not_offered = ask("webhook", app::CmdbRead{CiId("web")});
    EXPECT_EQ(not_offered.error().code, ErrorCode::not_found);
    EXPECT_THAT(not_offered.error().message, HasSubstr("does not offer cmdb.read"));
    const auto other = app::ask(
        connectors(), {TenantId("other"), "webhook", "", std::chrono::seconds(1)},
        app::NoticeSend{"", "s", "b", {}, {}}
    );
    EXPECT_EQ(other.error().code, ErrorCode::not_found); // another tenant's connector
    const auto wrong = connectors().call(
        {tenant, "webhook", app::Capability::notice, "send",
         JsonObject{{"subject", 7}, {"extra", true}}, "", std::chrono::seconds(1)}
    );
    EXPECT_EQ(wrong.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(wrong.error().message, HasSubstr("subject"));
}

TEST_F(ConnectorsTest, SecretsAreReferencesThatThePolicyAllows) {
    for (const auto& reference : std::vector<std::string>{
             secret, std::string("file:/etc/passwd"), "file:" + path("../../etc/passwd"),
             std::string("file:secret"), std::string("env:HOME"), std::string("env:"),
             std::string("command:/usr/bin/env"), std::string("command:"), std::string("http://x"),
             std::string()}) {
        const auto checked = check_reference(reference, options_.policy);
        ASSERT_FALSE(checked) << reference;
        EXPECT_THAT(checked.error().message, Not(HasSubstr(secret)));
        EXPECT_FALSE(resolve_reference(reference, options_.policy));
    }
    std::filesystem::create_symlink("/etc/passwd", path("link"));
    EXPECT_FALSE(resolve_reference("file:" + path("link"), options_.policy));
    EXPECT_FALSE(resolve_reference("file:" + path("missing"), options_.policy));
    write("large", std::string(limits::secret_max + 1, 'a'));
    EXPECT_FALSE(resolve_reference("file:" + path("large"), options_.policy));
    write("empty", "\n");
    EXPECT_FALSE(resolve_reference("file:" + path("empty"), options_.policy));

    EXPECT_EQ(*resolve_reference(secret_reference(), options_.policy), secret);
    ::setenv("SLIPWAY_SECRET_TEST", "from environment", 1);
    EXPECT_EQ(*resolve_reference("env:SLIPWAY_SECRET_TEST", options_.policy), "from environment");
    ::unsetenv("SLIPWAY_SECRET_TEST");
    EXPECT_FALSE(resolve_reference("env:SLIPWAY_SECRET_TEST", options_.policy));
    const auto program = write("give", "#!/bin/sh\necho \"given $1\"\n", true);
    EXPECT_EQ(*resolve_reference("command:" + program + " me", options_.policy), "given me");
    write("give", "#!/bin/sh\necho leaked; exit 3\n", true);
    const auto failed = resolve_reference("command:" + program, options_.policy);
    ASSERT_FALSE(failed);
    EXPECT_THAT(all_texts(failed.error()), Not(HasSubstr("leaked")));
    write("give", "#!/bin/sh\nexec sleep 1000\n", true);
    const auto slow = resolve_reference("command:" + program, options_.policy);
    ASSERT_FALSE(slow);
    EXPECT_EQ(slow.error().code, ErrorCode::timeout);
    EXPECT_THAT(slow.error().message, HasSubstr(to_text(Span(limits::secret_command_timeout))));
}

TEST_F(ConnectorsTest, MarksAreExchangedAndSecretsRedacted) {
    Secrets secrets(random_);
    const auto mark = secrets.add("token", secret);
    EXPECT_THAT(mark, Not(HasSubstr(secret)));
    EXPECT_EQ(secrets.reveal("a " + mark + " b " + mark), "a " + secret + " b " + secret);
    EXPECT_EQ(to_text(secrets.reveal(Json(JsonObject{{"a", mark}}))), R"({"a":")" + secret + "\"}");
    EXPECT_EQ(secrets.redact("x" + secret + "y"), "x[secret]y");
    EXPECT_EQ(secrets.redact(std::string(mark)), "[secret]");
    // As basic authentication has it, whatever the name before it and the text behind it.
    for (const std::string user : {"", "u", "us", "use", "user"})
        for (const std::string more : {"", "x", "xy"}) {
            const auto said = to_base64(user + ":" + secret + more);
            const auto shown = secrets.redact(said);
            EXPECT_THAT(shown, HasSubstr("[secret]")) << user << more;
            // No more than the characters that the secret shares with its neighbours is left.
            EXPECT_LE(shown.size(), said.size() - (secret.size() - 2) * 8 / 6 + 8);
        }
    const std::string awkward = "a\"b\\c/d\ne\xc3\xa4?>";
    secrets.add("awkward", awkward);
    EXPECT_EQ(
        secrets.redact(std::string(R"({"said":"a\"b\\c/d\neä?>"})")), R"({"said":"[secret]"})"
    );
    EXPECT_EQ(
        secrets.redact(std::string(R"({"said":"a\"b\\c\/d\neä?>"})")), R"({"said":"[secret]"})"
    );
    auto for_url = to_base64(awkward);
    std::replace(for_url.begin(), for_url.end(), '+', '-');
    std::replace(for_url.begin(), for_url.end(), '/', '_');
    EXPECT_EQ(secrets.redact(for_url), "[secret]");
    Secrets other(random_);
    EXPECT_EQ(other.reveal(mark), mark); // a mark of one call means nothing in another
}

TEST(TextTemplate, BracesAndValues) {
    ExpressionCache cache;
    const Json document = JsonObject{{"a", "x"}, {"n", 7}, {"l", JsonArray{1}}, {"z", nullptr}};
    EXPECT_EQ(*render_text("{{{.a}}}-{.n}", document, cache), "{x}-7");
    EXPECT_FALSE(parse_template("{{\"k\": \"v\"} | .k}")); // put a space before an object
    EXPECT_EQ(*render_text("{ {\"k\": \"}\"} | .k }", document, cache), "}");
    EXPECT_EQ(*render_text("{.a}{.a}", JsonObject{{"a", "{.n}"}}, cache), "{.n}{.n}");
    EXPECT_TRUE(render("{.l}", document, cache)->is_array());
    EXPECT_TRUE(render("--x={.z}", document, cache)->is_null());
    EXPECT_FALSE(render_text("--x={.z}", document, cache));
    EXPECT_FALSE(render("a{.l}", document, cache));
    EXPECT_FALSE(render("{.a.b}", document, cache)); // jq: a text has no members
    for (const auto* bad : {"{", "}", "{.a", "a}b", "{\"", "{ { }"})
        EXPECT_FALSE(parse_template(bad)) << bad;
}

TEST(TextTemplate, PlainTextStaysAsItIs) {
    EXPECT_TRUE(rc::check([](const std::string& text) {
        std::string escaped;
        for (const char c : text)
            escaped += c == '{' || c == '}' ? std::string(2, c) : std::string(1, c);
        ExpressionCache cache;
        const auto parts = parse_template(escaped);
        RC_ASSERT(parts.has_value());
        const auto whole = parts->empty() ? std::string() : parts->front().text;
        RC_ASSERT(whole == text);
    }));
}

TEST(FakeConnectors, AnswersInOrderAndKeepsCalls) {
    app::FakeConnectors fake;
    fake.fail_with<app::CmdbRead>("cmdb", Error{ErrorCode::unavailable, "away"});
    fake.answer<app::CmdbRead>("cmdb", app::CiRecord{CiId("web"), "1.5", {}, {}, {}, {}});
    const app::AskContext context{tenant, "cmdb", "k", std::chrono::seconds(1)};
    EXPECT_EQ(app::ask(fake, context, app::CmdbRead{CiId("web")}).error().message, "away");
    EXPECT_EQ(app::ask(fake, context, app::CmdbRead{CiId("web")})->version, "1.5");
    EXPECT_EQ(app::ask(fake, context, app::CmdbRead{CiId("web")})->version, "1.5");
    EXPECT_FALSE(app::ask(fake, context, app::DocsRead{CiId("web")}));
    EXPECT_EQ(fake.calls().size(), 4U);
}

} // namespace

} // namespace slipway::connectors
