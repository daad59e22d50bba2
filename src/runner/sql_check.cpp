// SPDX-License-Identifier: Apache-2.0
// One statement asked of a PostgreSQL, through libpq and without blocking. The connection string
// is a secret; neither it nor what the server says about the connection is ever shown.
// Nothing can be changed: the session is read only, and the protocol that is used takes exactly one
// statement, so that none can follow which makes it otherwise.
#include <memory>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "runner/deadline.hpp"

namespace slipway::runner {

using domain::RunOutcome;
using domain::SmokeCheck;
using domain::SqlDemands;

namespace {

constexpr std::string_view query_canceled = "57014"; // by statement_timeout

struct ConnectionEnd {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};

struct ResultClear {
    void operator()(PGresult* result) const { PQclear(result); }
};

struct OptionsFree {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

using Connection = std::unique_ptr<PGconn, ConnectionEnd>;
using Rows = std::unique_ptr<PGresult, ResultClear>;

const CheckAnswer no_connection{
    RunOutcome::failed, 0, "the database does not let us in, or is not there"};

// The parameters of the connection string, and after them ours, which nothing overrides.
Connection begin_connection(const std::string& text, Span limit) {
    char* reason = nullptr;
    const std::unique_ptr<PQconninfoOption, OptionsFree> options(
        PQconninfoParse(text.c_str(), &reason)
    );
    PQfreemem(reason);
    if (!options)
        return nullptr;
    // The server ends the statement by itself, also when nobody waits for it any more.
    auto session =
        fmt::format("-c default_transaction_read_only=on -c statement_timeout={}", limit.count());
    std::vector<const char*> names;
    std::vector<const char*> values;
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        const std::string_view name = option->keyword;
        if (option->val == nullptr || name == "application_name")
            continue;
        if (name == "options") {
            session = std::string(option->val) + " " + session;
            continue;
        }
        names.push_back(option->keyword);
        values.push_back(option->val);
    }
    names.insert(names.end(), {"options", "application_name", nullptr});
    values.insert(values.end(), {session.c_str(), "slipway-smoke", nullptr});
    return Connection(PQconnectStartParams(names.data(), values.data(), 0));
}

Seen<Connection> connect_to(const std::string& text, Span limit, const Deadline& deadline) {
    auto connection = begin_connection(text, limit);
    if (!connection)
        return unseen(RunOutcome::not_started, "the connection string cannot be read");
    if (PQstatus(connection.get()) == CONNECTION_BAD)
        return tl::unexpected(no_connection);
    // Its socket may become another one as addresses are tried in turn.
    for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
        if (state == PGRES_POLLING_FAILED)
            return tl::unexpected(no_connection);
        const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!deadline.wait(PQsocket(connection.get()), events))
            return tl::unexpected(deadline.answer());
        state = PQconnectPoll(connection.get());
    }
    return connection;
}

Seen<Rows> ask(PGconn* connection, const std::string& query, const Deadline& deadline) {
    // Extended protocol: one statement. Row by row, so that a large answer is not read whole.
    if (PQsendQueryParams(connection, query.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) != 1)
        return tl::unexpected(no_connection);
    PQsetSingleRowMode(connection);
    while (PQisBusy(connection) == 1) {
        if (!deadline.wait(PQsocket(connection), POLLIN))
            return tl::unexpected(deadline.answer());
        if (PQconsumeInput(connection) != 1)
            return tl::unexpected(no_connection);
    }
    return Rows(PQgetResult(connection));
}

Seen<std::string> first_value(const PGresult* rows, Span limit) {
    const auto status = PQresultStatus(rows);
    if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK) {
        // Message and details may quote data; the code says what kind of failure it is.
        const char* code = rows ? PQresultErrorField(rows, PG_DIAG_SQLSTATE) : nullptr;
        if (code != nullptr && code == query_canceled)
            return tl::unexpected(timed_out_answer(limit));
        return unseen(
            RunOutcome::failed,
            code != nullptr ? fmt::format("the database refuses the statement (SQLSTATE {})", code)
                            : std::string("the statement gives no rows")
        );
    }
    if (PQntuples(rows) == 0 || PQnfields(rows) == 0)
        return unseen(RunOutcome::unexpected_output, "the statement gives no row");
    if (PQgetisnull(rows, 0, 0) == 1)
        return unseen(RunOutcome::unexpected_output, "the first value is NULL");
    return std::string(PQgetvalue(rows, 0, 0), static_cast<std::size_t>(PQgetlength(rows, 0, 0)));
}

CheckAnswer judge_number(const std::string& wanted, const std::string& seen) {
    const auto comparison = domain::comparison_from_text(wanted);
    if (!comparison)
        return {RunOutcome::not_started, 0, comparison.error().message};
    const auto number = number_from(seen);
    // Whatever is no number may be a person's name: it is not shown.
    if (!number)
        return {
            RunOutcome::unexpected_output, 0,
            fmt::format("the first value is no number, expected {}", wanted)};
    if (comparison->holds(*number))
        return {RunOutcome::passed, 0, fmt::format("the value is {}, which is {}", seen, wanted)};
    return {
        RunOutcome::unexpected_output, 0,
        fmt::format("the value is {}, expected {}", clipped(seen), wanted)};
}

CheckAnswer
judge_value(const SqlDemands& demands, const std::string& expect, const std::string& seen) {
    if (!demands.value.empty())
        return judge_number(demands.value, seen);
    const auto matches = domain::output_matches(expect, seen);
    if (!matches)
        return {RunOutcome::unexpected_output, 0, matches.error().message};
    if (*matches)
        return {RunOutcome::passed, 0, "the first value is as expected"};
    return {
        RunOutcome::unexpected_output, 0,
        fmt::format("the first value ({} bytes) does not have \"{}\"", seen.size(), expect)};
}

} // namespace

CheckAnswer
check_sql(const SmokeCheck& check, const std::string& connection, const std::stop_token& stop) {
    const auto demands = check.sql.value_or(SqlDemands{});
    const Deadline deadline(limit_of(check), stop);
    const auto connected = connect_to(connection, limit_of(check), deadline);
    if (!connected)
        return connected.error();
    const auto rows = ask(connected->get(), demands.query, deadline);
    if (!rows)
        return rows.error();
    const auto value = first_value(rows->get(), limit_of(check));
    return value ? judge_value(demands, check.expect_body, *value) : value.error();
}

} // namespace slipway::runner
