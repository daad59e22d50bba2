// SPDX-License-Identifier: Apache-2.0
#include "store/conninfo.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::store {

namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Conninfo, a_server_that_never_answered_was_waited_for_for_ever) {
    for (const auto* given : {"", "host=db", "postgresql://db/slipway"})
        EXPECT_THAT(
            with_time_limits(given),
            AllOf(HasSubstr("connect_timeout=10"), HasSubstr("tcp_user_timeout=30000"))
        ) << given;
}

TEST(Conninfo, what_somebody_said_himself_stands) {
    EXPECT_THAT(
        with_time_limits("host=db connect_timeout=3"),
        AllOf(HasSubstr("connect_timeout='3'"), Not(HasSubstr("connect_timeout=10")))
    );
    EXPECT_THAT(
        with_time_limits("postgresql://db/slipway?tcp_user_timeout=5000"),
        AllOf(
            HasSubstr("host='db'"), HasSubstr("dbname='slipway'"),
            HasSubstr("tcp_user_timeout='5000'"), Not(HasSubstr("30000"))
        )
    );
}

TEST(Conninfo, a_service_file_was_overruled) {
    EXPECT_THAT(
        with_time_limits("service=slipway"),
        AllOf(HasSubstr("service='slipway'"), Not(HasSubstr("connect_timeout")))
    );
}

TEST(Conninfo, values_come_back_as_they_were) {
    const std::string given = R"(password='it\'s a \\ and a space' host=db )";
    EXPECT_THAT(with_time_limits(given), HasSubstr(R"(password='it\'s a \\ and a space' )"));
    const auto twice = with_time_limits(with_time_limits(given));
    EXPECT_EQ(secret_files_of(twice), secret_files_of(given));
    EXPECT_THAT(twice, HasSubstr(R"(password='it\'s a \\ and a space' )"));
    EXPECT_EQ(with_time_limits("not a connection"), "not a connection");
}

TEST(Conninfo, names_the_files_that_open_the_database) {
    EXPECT_THAT(
        secret_files_of("host=db passfile=/etc/slipway/pgpass sslkey=/etc/slipway/pg.key"),
        ElementsAre("/etc/slipway/pgpass", "/etc/slipway/pg.key")
    );
    EXPECT_THAT(
        secret_files_of("postgresql://db/slipway?sslkey=/etc/slipway/pg.key"),
        ElementsAre("/etc/slipway/pg.key")
    );
    EXPECT_THAT(secret_files_of("not a connection"), ElementsAre());
}

} // namespace

} // namespace slipway::store
