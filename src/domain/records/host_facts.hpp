// SPDX-License-Identifier: Apache-2.0
// The facts of a host as a document: what probes/facts.sh prints and what is imported. A fact is a
// name and a text; the part of the name before the first '.' is its kind: os, kernel, package,
// service, agent, port, file, or what another tool calls it. A text that begins with "unknown: "
// says that nobody could look. Limits: host_facts_max, fact_name_max, fact_value_max. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/records/records.hpp"

namespace slipway::domain {

using HostFacts = std::map<std::string, std::string>;

struct FactDocument {
    std::optional<Time> gathered_at; // by the clock of the host
    HostFacts facts;
};

// Errors: invalid_input naming the fact, limit_exceeded. A value under a name that speaks of a
// password, secret or token is refused: facts are shown to many, and a digest tells drift as well.
Result<FactDocument> read_fact_document(std::string_view bytes);

// The document within what a run of the script printed: login scripts may have said something
// before it. Errors: those of read_fact_document.
Result<FactDocument> read_printed_facts(const std::vector<std::string>& lines);

// The same bytes for the same facts whenever they were gathered, for the attachment that is kept: a
// comparison stays one of what is known while nothing has changed.
std::string write_facts(const HostFacts& facts);

std::string_view kind_of_fact(std::string_view name);
bool is_unknown(std::string_view value);

// When what is known of the host was found; nothing when nobody knows.
std::optional<Time> facts_at(const RingRecord& ring, const RingHost& host);

// Keeps what the server found on the hosts, whatever the writer of the record sent: of each host
// that has the name and address that it had. Facts of another machine are not its facts.
void keep_found(RingRecord& written, const RingRecord& stored);

} // namespace slipway::domain
