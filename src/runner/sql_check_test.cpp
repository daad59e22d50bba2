// SPDX-License-Identifier: Apache-2.0
// Against a PostgreSQL of the test's own.
#include <chrono>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include "contract/private_postgres.hpp"
#include "runner/check.hpp"
#include "runner/loopback_server.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using domain::RunOutcome;
using domain::SmokeCheck;
using testing::HasSubstr;
using testing::Not;

SmokeCheck check_of(const std::string& query, const std::string& value) {
    SmokeCheck check;
    check.name = "orders";
    check.kind = domain::SmokeKind::sql;
    check.timeout = 20s;
    check.sql = domain::SqlDemands{"env:ORDERS", query, value};
    return check;
}

TEST(SqlCheck, says_what_keeps_it_from_asking) {
    const auto check = check_of("select 1", "== 1");
    for (const auto* bad : {"s3cr3t", "password=s3cr3t colour=red", "host='s3cr3t"}) {
        const auto told = check_sql(check, bad, {});
        EXPECT_EQ(told.outcome, RunOutcome::not_started) << bad;
        EXPECT_THAT(told.message, Not(HasSubstr("s3cr3t")));
    }
    const auto nobody = check_sql(check, "host=/nowhere password=s3cr3t user=x", {});
    EXPECT_EQ(nobody.outcome, RunOutcome::failed);
    EXPECT_THAT(nobody.message, Not(HasSubstr("s3cr3t")));
}

TEST(SqlCheck, waits_no_longer_than_its_time) {
    const LoopbackServer silent({});
    auto check = check_of("select 1", "== 1");
    const auto address = silent.address();
    const auto connection = "host=127.0.0.1 user=x port=" + address.substr(address.find(':') + 1);
    check.timeout = 200ms;
    EXPECT_EQ(check_sql(check, connection, {}).outcome, RunOutcome::timed_out);
    std::stop_source stop;
    stop.request_stop();
    check.timeout = 10s;
    EXPECT_EQ(check_sql(check, connection, stop.get_token()).outcome, RunOutcome::stopped);
}

struct ConnectionEnd {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};

class SqlServer : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        auto started = contract::PrivatePostgres::start();
        ASSERT_TRUE(started) << started.error().message;
        server_ = *std::move(started);
        database_ = server_->new_database().value_or("");
        run("create table orders (id int, state text); "
            "insert into orders values (1, 'done'), (2, 's3cr3t'), (3, null)");
    }

    static void TearDownTestSuite() { server_.reset(); }

    static std::string run(const std::string& statements) {
        const std::unique_ptr<PGconn, ConnectionEnd> connection(PQconnectdb(database_.c_str()));
        PGresult* result = PQexec(connection.get(), statements.c_str());
        const std::string first = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
        PQclear(result);
        return first;
    }

    static CheckAnswer look(const SmokeCheck& check) { return check_sql(check, database_, {}); }

    static CheckAnswer look(const std::string& query, const std::string& value) {
        return look(check_of(query, value));
    }

    static inline std::unique_ptr<contract::PrivatePostgres> server_;
    static inline std::string database_;
};

TEST_F(SqlServer, changes_nothing) {
    for (const auto* query :
         {"delete from orders", "select 1; delete from orders",
          "with gone as (delete from orders returning id) select count(*) from gone",
          "create table more (id int)",
          "select set_config('transaction_read_only', 'off', false); "
          "delete from orders"}) {
        const auto told = look(query, ">= 0");
        EXPECT_EQ(told.outcome, RunOutcome::failed) << query;
        EXPECT_THAT(told.message, HasSubstr("SQLSTATE")) << query;
    }
    EXPECT_EQ(run("select count(*) from orders"), "3");
}

TEST_F(SqlServer, refuses_what_is_not_so) {
    auto told = look("select count(*) from orders", "== 4");
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(told.message, "the value is 3, expected == 4");
    EXPECT_EQ(
        look("select id from orders where id > 9", "> 0").message, "the statement gives no row"
    );
    EXPECT_EQ(look("select null", "> 0").message, "the first value is NULL");
    told = look("select state from orders where id = 2", "> 0");
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(told.message, Not(HasSubstr("s3cr3t")));
    told = look("select state::int from orders where id = 2", "> 0"); // the error quotes the value
    EXPECT_EQ(told.outcome, RunOutcome::failed);
    EXPECT_THAT(told.message, Not(HasSubstr("s3cr3t")));
    EXPECT_THAT(look("select from nowhere", "> 0").message, HasSubstr("SQLSTATE"));
    EXPECT_EQ(look("", "> 0").outcome, RunOutcome::failed);
    auto text = check_of("select state from orders where id = 2", "");
    text.expect_body = "done";
    EXPECT_EQ(look(text).outcome, RunOutcome::unexpected_output);
    EXPECT_THAT(look(text).message, Not(HasSubstr("s3cr3t")));
}

TEST_F(SqlServer, passes_what_is_so) {
    const auto told = look("select count(*) from orders", "== 3");
    EXPECT_EQ(told.outcome, RunOutcome::passed);
    EXPECT_EQ(told.message, "the value is 3, which is == 3");
    // Only the first row of many is read.
    EXPECT_EQ(look("select * from generate_series(1, 100000)", "== 1").outcome, RunOutcome::passed);
    auto text = check_of("select state from orders where id = 1", "");
    text.expect_body = "/^done$/";
    EXPECT_EQ(look(text).outcome, RunOutcome::passed);
}

TEST_F(SqlServer, ends_a_statement_that_takes_too_long) {
    auto check = check_of("select 1 from pg_sleep(600)", "== 1");
    check.timeout = 500ms;
    // Whose clock is first, the server's or ours, is no matter.
    EXPECT_EQ(look(check).outcome, RunOutcome::timed_out);
}

} // namespace
} // namespace slipway::runner
