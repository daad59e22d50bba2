// SPDX-License-Identifier: Apache-2.0
#include "connectors/ring_secrets.hpp"

#include <filesystem>
#include <fstream>
#include <stdlib.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::connectors {

namespace {

using domain::RingKind;
using testing::HasSubstr;
using testing::Not;

class RingSecretsTest : public testing::Test {
  protected:
    RingSecretsTest() {
        auto name = (std::filesystem::temp_directory_path() / "ring-secrets-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        for (const auto* secret :
             {"secrets/production/harbor/token", "secrets/test/harbor/token",
              "secrets/production/harbor-2/token", "secrets/mail"}) {
            std::filesystem::create_directories((folder_ / secret).parent_path());
            std::ofstream(folder_ / secret) << secret << '\n';
        }
        server_.secret_folders = {path("secrets")};
        server_.program_folders = {path("programs")};
    }

    ~RingSecretsTest() override { std::filesystem::remove_all(folder_); }

    std::string path(const std::string& name) const { return (folder_ / name).string(); }

    // What the production ring gets of it.
    Result<std::string>
    ask(const std::string& reference, RingKind kind = RingKind::production,
        const std::string& ring = "harbor") const {
        const auto policy = policy_of_ring(server_, kind, ring);
        const auto secret = resolve_reference(reference, policy);
        if (!secret.has_value()) {
            EXPECT_FALSE(check_reference(reference, policy)) << reference;
        }
        return secret;
    }

    std::filesystem::path folder_;
    SecretPolicy server_;
};

TEST_F(RingSecretsTest, a_file_is_the_secret_of_the_ring_below_whose_kind_and_id_it_lies) {
    const auto token = "file:" + path("secrets/production/harbor/token");
    EXPECT_EQ(ask(token).value_or(""), "secrets/production/harbor/token");
    EXPECT_FALSE(ask(token, RingKind::test)) << "an engineer writes the kind of a ring";
    EXPECT_FALSE(ask(token, RingKind::production, "harbor-2"));
    EXPECT_FALSE(ask(token, RingKind::production, "harbo"));
    EXPECT_FALSE(ask("file:" + path("secrets/production/harbor-2/token")));
    for (const auto* id : {"", ".", "..", "harbor/../harbor-2", "../production/harbor"})
        EXPECT_FALSE(ask(token, RingKind::production, id)) << id;
    // Connectors, which only administrators write, keep to all of it.
    EXPECT_TRUE(check_reference(token, server_));
    EXPECT_TRUE(check_reference("file:" + path("secrets/mail"), server_));
}

TEST_F(RingSecretsTest, an_old_reference_is_told_where_its_file_belongs_and_may_stay_as_a_link) {
    const auto old = "file:" + path("secrets/mail");
    const auto refused = ask(old);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr(path("secrets/production/harbor")));
    std::filesystem::rename(path("secrets/mail"), path("secrets/production/harbor/mail"));
    std::filesystem::create_symlink("production/harbor/mail", path("secrets/mail"));
    EXPECT_EQ(ask(old).value_or(""), "secrets/mail");
    EXPECT_FALSE(ask(old, RingKind::test));
    EXPECT_EQ(server_.secret_folders, std::vector{path("secrets")});
}

TEST_F(RingSecretsTest, a_link_of_a_step_leads_nowhere_else) {
    std::filesystem::create_directories(path("work"));
    std::filesystem::create_symlink(path("secrets/production/harbor/token"), path("work/mine"));
    EXPECT_FALSE(ask("file:" + path("work/mine"), RingKind::test));
    EXPECT_TRUE(ask("file:" + path("work/mine")));
}

TEST_F(RingSecretsTest, a_program_is_for_the_ring_below_whose_place_it_lies) {
    for (const auto* program : {"programs/production/harbor/vault", "programs/vault"}) {
        std::filesystem::create_directories((folder_ / program).parent_path());
        std::ofstream(folder_ / program) << "#!/bin/sh\necho given $1\n";
        std::filesystem::permissions(folder_ / program, std::filesystem::perms::owner_all);
    }
    const auto vault = "command:" + path("programs/production/harbor/vault") + " me";
    EXPECT_EQ(ask(vault).value_or(""), "given me");
    EXPECT_FALSE(ask(vault, RingKind::test));
    const auto refused = ask("command:" + path("programs/vault") + " me");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr(path("programs/production/harbor")));
}

// What it is to do comes from the ring's record, which an engineer writes.
TEST_F(RingSecretsTest, a_program_of_a_ring_saw_the_servers_database) {
    std::filesystem::create_directories(path("programs/production/harbor"));
    std::ofstream(path("programs/production/harbor/vault"))
        << "#!/bin/sh\n. " << path("programs/common") << " && cat \"$1\"\n";
    std::ofstream(path("programs/common")) << ": shared\n";
    std::ofstream(path("slipway.db")) << "the ledger\n";
    std::filesystem::permissions(
        path("programs/production/harbor/vault"), std::filesystem::perms::owner_all
    );
    server_.confinement = Confinement{{folder_}, {path("programs")}, {}};
    if (!try_confinement(*server_.confinement))
        GTEST_SKIP() << "this system permits no namespaces";
    const auto given = [&](const std::string& what) {
        return resolve_reference(
                   "command:" + path("programs/production/harbor/vault") + " " + path(what),
                   policy_of_ring(server_, RingKind::production, "harbor")
        )
            .value_or("nothing");
    };
    EXPECT_EQ(given("slipway.db"), "nothing");
    EXPECT_EQ(given("secrets/mail"), "nothing");
    EXPECT_EQ(given("secrets/production/harbor-2/token"), "nothing");
    EXPECT_EQ(given("secrets/production/harbor/token"), "secrets/production/harbor/token")
        << "its own credential";
    // As gpg does, which makes its lock and its socket beside the key.
    std::ofstream(path("programs/common")) << "echo kept > " << path("secrets/production/harbor/x");
    EXPECT_EQ(given("secrets/production/harbor/x"), "kept");
    server_.confinement = fail(ErrorCode::unavailable, "no namespaces here");
    EXPECT_EQ(given("secrets/production/harbor/token"), "nothing");
}

TEST_F(RingSecretsTest, a_program_that_does_not_answer_is_ended_by_a_stop) {
    std::filesystem::create_directories(path("programs"));
    std::ofstream(path("programs/vault")) << "#!/bin/sh\nexec sleep 1000\n";
    std::filesystem::permissions(path("programs/vault"), std::filesystem::perms::owner_all);
    std::stop_source stop;
    stop.request_stop();
    const auto ended =
        resolve_reference("command:" + path("programs/vault"), server_, stop.get_token());
    ASSERT_FALSE(ended);
    EXPECT_THAT(ended.error().message, HasSubstr("stopped on request")) << "it was waited for";
}

TEST_F(RingSecretsTest, no_two_rings_share_a_name_in_the_environment) {
    const auto prefix = [&](RingKind kind, const std::string& ring) {
        return policy_of_ring(server_, kind, ring).environment_prefix;
    };
    EXPECT_EQ(prefix(RingKind::production, "harbor-2"), "SLIPWAY_SECRET_PRODUCTION_HARBOR_2__");
    EXPECT_EQ(prefix(RingKind::test, "harbor"), "SLIPWAY_SECRET_TEST_HARBOR__");
    // These would come out as another ring's.
    for (const auto* ring : {"harbor_2", "harbor.2", "Harbor", "harbor--2", "harbor-", "harbor__2"})
        EXPECT_EQ(prefix(RingKind::production, ring), "") << ring;
    ::setenv("SLIPWAY_SECRET_PRODUCTION_HARBOR__TOKEN", "from environment", 1);
    const std::string token = "env:SLIPWAY_SECRET_PRODUCTION_HARBOR__TOKEN";
    EXPECT_EQ(ask(token).value_or(""), "from environment");
    EXPECT_FALSE(ask(token, RingKind::test));
    EXPECT_FALSE(ask(token, RingKind::production, "harbo"));
    const auto none = ask(token, RingKind::production, "harbor_2");
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().message, HasSubstr("use a file"));
    EXPECT_FALSE(ask("env:", RingKind::production, "harbor_2"));
    const auto old = ask("env:SLIPWAY_SECRET_MAIL");
    ASSERT_FALSE(old);
    EXPECT_THAT(old.error().message, HasSubstr("SLIPWAY_SECRET_PRODUCTION_HARBOR__"));
    ::unsetenv("SLIPWAY_SECRET_PRODUCTION_HARBOR__TOKEN");
}

TEST_F(RingSecretsTest, the_password_of_the_servers_database_is_nobodys_secret) {
    server_.withheld = {path("secrets/production/harbor/token"), path("secrets/mail")};
    const auto refused = ask("file:" + path("secrets/production/harbor/token"));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("outside of secrets"));
    EXPECT_THAT(refused.error().message, Not(HasSubstr("secrets/production/harbor/token")));
    EXPECT_FALSE(check_reference("file:" + path("secrets/mail"), server_)) << "of a connector";
    std::filesystem::create_hard_link(path("secrets/mail"), path("secrets/other"));
    EXPECT_FALSE(check_reference("file:" + path("secrets/other"), server_)) << "by another name";
}

} // namespace

} // namespace slipway::connectors
