// SPDX-License-Identifier: Apache-2.0
// A smoke check as a list has it, before anybody knows that it makes sense, and what is wrong with
// it. Internal to domain/runbook.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/runbook/smoke_check.hpp"

namespace slipway::domain {

struct JobInput {
    std::string file, url, command;

    SLIPWAY_FIELDS {
        visit("file", self.file, optional("file that the job writes", limits::url_max));
        visit("url", self.url, optional("URL that tells the time", limits::url_max));
        visit("command", self.command, optional("script that prints it", limits::paragraph_max));
    }
};

struct SmokeInput {
    std::string name;
    std::string http, tcp, command, tls, dns, metric, sql, sso;
    std::optional<JobInput> job;
    std::optional<int> status, exit;
    std::string expect;
    std::string host;
    std::optional<Span> timeout;
    bool outside = false;
    std::optional<int> retries;
    std::optional<Span> every, settle;
    std::map<std::string, std::string> headers;
    std::string json;
    std::optional<Span> within;
    std::optional<int> redirects;
    std::string final_url;
    std::optional<int> days;
    std::string server_name, ca;
    std::optional<DnsType> type;
    std::string server;
    std::vector<std::string> has, exactly, one_of;
    std::string at, each;
    std::optional<Span> max_age;
    std::string prometheus, value, database;
    std::string client, client_secret, redirect, user, password;
    std::optional<SsoGrant> grant;

    SLIPWAY_FIELDS {
        visit("name", self.name, required("name of the check, such as front-page"));
        visit("http", self.http, optional("URL to fetch", limits::url_max));
        visit("tcp", self.tcp, optional("host:port to connect to", limits::url_max));
        visit("command", self.command, optional("script to run", limits::paragraph_max));
        visit("tls", self.tls, optional("host:port whose certificate is", limits::url_max));
        visit("dns", self.dns, optional("name to ask for", limits::name_max));
        visit("job", self.job, optional("file, url or command"));
        visit("metric", self.metric, optional("PromQL", limits::expression_max));
        visit("sql", self.sql, optional("one statement", limits::smoke_sql_max));
        visit("sso", self.sso, optional("issuer to sign in at", limits::url_max));
        visit("status", self.status, optional("HTTP status"));
        visit("exit", self.exit, optional("exit status"));
        visit("expect", self.expect, optional("text or /expression/", limits::text_max));
        visit("host", self.host, optional("where the command runs"));
        visit("timeout", self.timeout, optional("time limit of one try"));
        visit("outside", self.outside, optional("seen from the outside vantage point"));
        visit("retries", self.retries, optional("tries after the first"));
        visit("every", self.every, optional("time between two tries"));
        visit("settle", self.settle, optional("time before the first try"));
        visit("headers", self.headers, optional("name: text", limits::smoke_headers_max));
        visit("json", self.json, optional("jq over the body", limits::expression_max));
        visit("within", self.within, optional("the longest time it may take"));
        visit("redirects", self.redirects, optional("how many there must be"));
        visit("final_url", self.final_url, optional("URL or /expression/", limits::url_max));
        visit("days", self.days, optional("days before the certificate ends"));
        visit("server_name", self.server_name, optional("name in the certificate"));
        visit("ca", self.ca, optional("PEM file", limits::url_max));
        visit("type", self.type, optional("A, AAAA, CNAME, TXT or MX"));
        visit("server", self.server, optional("address of the server that is asked"));
        visit("has", self.has, optional("records", limits::smoke_records_max));
        visit("exactly", self.exactly, optional("records", limits::smoke_records_max));
        visit("one_of", self.one_of, optional("records", limits::smoke_records_max));
        visit("at", self.at, optional("jq that gives the time", limits::expression_max));
        visit("max_age", self.max_age, optional("the oldest it may be"));
        visit("each", self.each, optional("names, with blanks between them", limits::text_max));
        visit("prometheus", self.prometheus, optional("URL of the server", limits::url_max));
        visit("value", self.value, optional("operator and number, such as < 0.02"));
        visit("database", self.database, optional("file:, env: or command:", limits::url_max));
        visit("client", self.client, optional("client id", limits::name_max));
        visit(
            "client_secret", self.client_secret,
            optional("file:, env: or command:", limits::url_max)
        );
        visit("redirect", self.redirect, optional("redirect URI", limits::url_max));
        visit("user", self.user, optional("file:, env: or command:", limits::url_max));
        visit("password", self.password, optional("file:, env: or command:", limits::url_max));
        visit("grant", self.grant, optional("code or direct"));
    }
};

// What is wrong with one key, or with the whole check when the key is empty.
struct SmokeFault {
    std::string key;
    std::string message;
    bool is_late_rule = false; // what was pinned before it is still read
};

// The kinds that the check claims to be; exactly one when it has no fault.
std::vector<SmokeKind> kinds_of(const SmokeInput& input);
std::optional<SmokeFault> find_fault(const SmokeInput& input);

} // namespace slipway::domain
