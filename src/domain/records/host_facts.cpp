// SPDX-License-Identifier: Apache-2.0
#include "domain/records/host_facts.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"

namespace slipway::domain {

namespace {

// What is printed and imported. The number tells a document of facts from any other.
struct Head {
    std::uint32_t format = 0;
    std::optional<Time> gathered_at;
    Json facts;

    SLIPWAY_FIELDS {
        visit("slipway_facts", self.format, required("1: the form of this document"));
        visit("gathered_at", self.gathered_at, optional("when they were gathered"));
        visit("facts", self.facts, required("an object of names and texts"));
    }
};

struct Written {
    std::uint32_t format = 1;
    const HostFacts& facts;

    SLIPWAY_FIELDS {
        visit("slipway_facts", self.format);
        visit("facts", self.facts);
    }
};

// Kinds whose names are those of packages and programs ("package.libsecret-1-0") and whose values
// are versions, states and digests.
bool holds_no_secret(std::string_view kind) {
    constexpr std::array<std::string_view, 8> kinds{"os",      "kernel", "machine", "package",
                                                    "service", "agent",  "port",    "file"};
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool speaks_of_secret(std::string_view name) {
    const auto lower = ascii_lower(name);
    constexpr std::array<std::string_view, 7> words{"password", "passwd",  "secret",     "token",
                                                    "api_key",  "api-key", "private_key"};
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return lower.find(word) != std::string::npos;
    });
}

bool is_line(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte >= 0x20 && byte != 0x7f;
    });
}

Result<void> check_fact(const std::string& name, const std::string& value) {
    const auto field = "facts." + name.substr(0, limits::fact_name_max);
    if (name.empty() || name.size() > limits::fact_name_max || !is_line(name))
        return fail_field(
            field, fmt::format("expected a name of 1 to {} characters", limits::fact_name_max)
        );
    if (value.size() > limits::fact_value_max || !is_line(value))
        return fail_field(
            field, fmt::format("expected a line of at most {} bytes", limits::fact_value_max)
        );
    if (speaks_of_secret(name) && !holds_no_secret(kind_of_fact(name)))
        return fail_field(
            field, "looks like a secret, which facts never hold: leave it out, or let the digest "
                   "of the file that has it be the fact"
        );
    return {};
}

} // namespace

Result<FactDocument> read_fact_document(std::string_view bytes) {
    if (bytes.size() > limits::host_facts_bytes_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("the facts of a host are at most {} bytes", limits::host_facts_bytes_max)
        );
    const auto head = TRY(decode<Head>(TRY(parse_json(bytes))));
    if (head.format != 1)
        return fail_field("slipway_facts", "expected 1");
    const auto* facts = head.facts.if_object();
    if (facts == nullptr || facts->empty())
        return fail_field("facts", "expected an object of names and texts");
    if (facts->size() > limits::host_facts_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format(
                "a host has {} facts, the limit is {}", facts->size(), limits::host_facts_max
            )
        );
    FactDocument document{head.gathered_at, {}};
    for (const auto& member : *facts) {
        const std::string name(member.key().data(), member.key().size());
        if (!member.value().is_string())
            return fail_field("facts." + name.substr(0, limits::fact_name_max), "expected a text");
        std::string value(view(member.value().get_string()));
        TRY(check_fact(name, value));
        document.facts.emplace(name, std::move(value));
    }
    return document;
}

Result<FactDocument> read_printed_facts(const std::vector<std::string>& lines) {
    const auto begin = std::find_if(lines.begin(), lines.end(), [](const std::string& line) {
        return line.starts_with("{\"slipway_facts\":");
    });
    std::string document;
    for (auto line = begin; line != lines.end(); ++line)
        document += *line + '\n';
    if (document.empty())
        return fail(ErrorCode::invalid_input, "the script printed no facts");
    return read_fact_document(document);
}

std::string write_facts(const HostFacts& facts) {
    return encode(Written{1, facts});
}

std::string_view kind_of_fact(std::string_view name) {
    return name.substr(0, name.find('.'));
}

bool is_unknown(std::string_view value) {
    return value.starts_with("unknown: ");
}

std::optional<Time> facts_at(const RingRecord& ring, const RingHost& host) {
    return host.found ? std::optional(host.found->at) : ring.facts_at;
}

void keep_found(RingRecord& written, const RingRecord& stored) {
    for (auto& host : written.hosts) {
        const auto before =
            std::find_if(stored.hosts.begin(), stored.hosts.end(), [&](const RingHost& known) {
                return known.host == host.host && known.address == host.address;
            });
        host.found = before == stored.hosts.end() ? std::nullopt : before->found;
    }
}

} // namespace slipway::domain
