// SPDX-License-Identifier: Apache-2.0
// One line of the smoke list: what is looked at, and what must be seen there. Plain values; what
// runs them is src/runner. The encoding of a list is what its digest covers, so a field that a list
// does not use must leave no trace in it: new ones are texts, lists or std::optional, which the
// codec leaves out when they are empty. Limits: base/limits.hpp (smoke_*).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/codec.hpp"
#include "base/enums.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace slipway::domain {

SLIPWAY_ENUM(SmokeKind, http, tcp, command, tls, dns, job, metric, sql, sso)
// As RFC 1035 and 3596 name them, and so does everybody who writes one.
SLIPWAY_ENUM(DnsType, A, AAAA, CNAME, TXT, MX)

// How somebody signs in: with a browser, by the authorization code flow with PKCE (RFC 7636), or by
// the resource owner password credentials grant (RFC 6749, 4.3), which shows less.
SLIPWAY_ENUM(SsoGrant, code, direct)

// Used where a list gives no time.
inline constexpr Span smoke_timeout_default = std::chrono::seconds(10);
inline constexpr Span smoke_every_default = std::chrono::seconds(5);

// What an HTTP answer must have besides its status and its body.
struct HttpDemands {
    // Name, in any case, to text or "/expression/"; an empty text: it must be there.
    std::map<std::string, std::string> headers;
    std::string json;             // a jq program that must hold over the body
    std::optional<Span> within;   // redirects and the whole body included
    std::optional<int> redirects; // exactly so many; 0: the first answer is judged
    std::string final_url;        // text that is the whole URL, or "/expression/"
    bool operator==(const HttpDemands&) const = default;

    SLIPWAY_FIELDS {
        visit("headers", self.headers, optional("name to text", limits::smoke_headers_max));
        visit("json", self.json, optional("jq over the body", limits::expression_max));
        visit("within", self.within, optional("the longest time it may take"));
        visit("redirects", self.redirects, optional("how many there must be"));
        visit("final_url", self.final_url, optional("URL or /expression/", limits::url_max));
    }
};

struct TlsDemands {
    std::optional<int> days; // that every certificate of the chain must still have, whole ones
    std::string server_name; // for SNI, and in the certificate; empty: the host of the address
    std::string ca;          // PEM file beside the runner; empty: what the system trusts
    bool operator==(const TlsDemands&) const = default;

    SLIPWAY_FIELDS {
        visit("days", self.days, optional("days before the certificate ends"));
        visit("server_name", self.server_name, optional("name in the certificate"));
        visit("ca", self.ca, optional("PEM file of the authorities", limits::url_max));
    }
};

// At most one of the three lists is given. Without any, one record is enough.
struct DnsDemands {
    std::string name; // absolute; no search list, no /etc/hosts
    DnsType type{};
    std::string server;               // address with or without port; empty: the system's
    std::vector<std::string> has;     // each of these is there
    std::vector<std::string> exactly; // these and no others, in any order
    std::vector<std::string> one_of;  // whatever is there is one of these
    bool operator==(const DnsDemands&) const = default;

    SLIPWAY_FIELDS {
        visit("name", self.name, required("name that is asked for"));
        visit("type", self.type, required("A, AAAA, CNAME, TXT or MX"));
        visit("server", self.server, optional("address of the server that is asked"));
        visit("has", self.has, optional("must be there", limits::smoke_records_max));
        visit("exactly", self.exactly, optional("all there may be", limits::smoke_records_max));
        visit("one_of", self.one_of, optional("what there may be", limits::smoke_records_max));
    }
};

// When a scheduled job fired last, or when each of several agents reported last: from a file, or
// from SmokeCheck::url or ::script.
struct JobDemands {
    std::string file; // its modification is the time
    std::string at;   // url: jq that gives the time, as RFC 3339 or in seconds since 1970
    Span max_age{};
    // Names with blanks between them: each must have a time of its own. Then `at` gives an object
    // of name to time, and a script prints a line "name time" for each.
    std::string each = {};
    bool operator==(const JobDemands&) const = default;

    SLIPWAY_FIELDS {
        visit("file", self.file, optional("file that the job writes", limits::url_max));
        visit("at", self.at, optional("jq that gives the time", limits::expression_max));
        visit("max_age", self.max_age, required("the oldest it may be"));
        visit("each", self.each, optional("names that must each have a time", limits::text_max));
    }
};

// SmokeCheck::url is the address of the Prometheus server.
struct MetricDemands {
    std::string query; // PromQL, evaluated now
    std::string value; // "< 0.02": every sample must be so
    bool operator==(const MetricDemands&) const = default;

    SLIPWAY_FIELDS {
        visit("query", self.query, required("PromQL", limits::expression_max));
        visit("value", self.value, required("what each sample must be"));
    }
};

// The first column of the first row is judged, by `value` as a number or by
// SmokeCheck::expect_body as a text.
struct SqlDemands {
    std::string database; // file:, env: or command: whose content is a connection string
    std::string query;    // one statement; it can change nothing
    std::string value;    // "== 0"
    bool operator==(const SqlDemands&) const = default;

    SLIPWAY_FIELDS {
        visit("database", self.database, required("reference to a secret", limits::url_max));
        visit("query", self.query, required("one statement", limits::smoke_sql_max));
        visit("value", self.value, optional("what the number must be"));
    }
};

// A whole login at an OpenID provider; SmokeCheck::url is the issuer. The three secrets are
// references, or ${variables} of the ring that are such a reference or a secret.
struct SsoDemands {
    std::string client;
    std::string client_secret; // empty: a public client
    std::string redirect;      // code: where the provider sends the code; nothing is fetched there
    std::string user;
    std::string password;
    SsoGrant grant{};
    std::string json; // a jq program that must hold over the claims of the ID token
    bool operator==(const SsoDemands&) const = default;

    SLIPWAY_FIELDS {
        visit("client", self.client, required("client id", limits::name_max));
        visit("client_secret", self.client_secret, optional("reference", limits::url_max));
        visit("redirect", self.redirect, optional("redirect URI", limits::url_max));
        visit("user", self.user, required("reference to a secret", limits::url_max));
        visit("password", self.password, required("reference to a secret", limits::url_max));
        visit("grant", self.grant, optional("code or direct"));
        visit("json", self.json, optional("jq over the claims", limits::expression_max));
    }
};

struct SmokePatience {
    int retries = 0; // tries after the first
    Span every{};    // from the end of a try to the next
    Span settle{};   // before the first try
    bool operator==(const SmokePatience&) const = default;

    SLIPWAY_FIELDS {
        visit("retries", self.retries, optional("tries after the first"));
        visit("every", self.every, optional("time between two tries"));
        visit("settle", self.settle, optional("time before the first try"));
    }
};

// Texts may hold ${variables}, so that one list, with one digest, serves every ring; scripts, jq
// and SQL are left alone.
struct SmokeCheck {
    std::string name; // a slug, unique in its list
    SmokeKind kind{};
    std::string url;         // http, job, metric, sso: absolute http or https URL
    std::string address;     // tcp, tls: "host:port"
    std::string host;        // command, job: empty: beside the runner
    std::string script;      // command, job: run with sh
    int expect_status = 0;   // http: status code, 200 by default; command: exit status
    std::string expect_body; // http, command, sql: as RunbookStep::expect
    Span timeout{};          // of one try
    bool outside = false;    // must be seen from the outside vantage point
    int line = 0;
    std::optional<HttpDemands> http; // absent when it asks for no more than status and body
    std::optional<TlsDemands> tls;
    std::optional<DnsDemands> dns;
    std::optional<JobDemands> job;
    std::optional<MetricDemands> metric;
    std::optional<SqlDemands> sql;
    std::optional<SsoDemands> sso;
    std::optional<SmokePatience> patience; // absent: one try, at once
    bool operator==(const SmokeCheck&) const = default;

    SLIPWAY_FIELDS {
        visit("name", self.name, required("name of the check, unique in its list"));
        visit("kind", self.kind, required("http, tcp, command, tls, dns, job, metric, sql or sso"));
        visit("url", self.url, optional("what is fetched, or the issuer", limits::url_max));
        visit("address", self.address, optional("tcp, tls: host:port"));
        visit("host", self.host, optional("command, job: where it runs"));
        visit("script", self.script, optional("command, job: what runs", limits::paragraph_max));
        visit("expect_status", self.expect_status, optional("HTTP status or exit status"));
        visit("expect_body", self.expect_body, optional("text or /expression/", limits::text_max));
        visit("timeout", self.timeout, optional("time limit of one try"));
        visit("outside", self.outside, optional("seen from the outside vantage point"));
        visit("line", self.line, optional("line in the file"));
        visit("http", self.http, optional("what else the answer must have"));
        visit("tls", self.tls, optional("what the certificate must be"));
        visit("dns", self.dns, optional("what the name must have"));
        visit("job", self.job, optional("when the job must have fired"));
        visit("metric", self.metric, optional("what the metric must be"));
        visit("sql", self.sql, optional("what the database must say"));
        visit("sso", self.sso, optional("who signs in, and how"));
        visit("patience", self.patience, optional("how often and how long it is tried"));
    }
};

// Why a probe does not make this check; empty: it does. It looks at networks: whoever writes a list
// must not get at the machines outside by it.
std::string why_no_probe(const SmokeCheck& check);

SLIPWAY_ENUM(Relation, less, less_or_equal, greater, greater_or_equal, equal, not_equal)

// "< 0.02", ">= 3", "== 0": an operator and a number.
struct Comparison {
    Relation relation{};
    double number = 0;

    // Nothing holds for what is not a number.
    bool holds(double value) const;
};

// Errors: invalid_input when there is no operator of < <= > >= == != or no finite number.
Result<Comparison> comparison_from_text(std::string_view text);

} // namespace slipway::domain
