// SPDX-License-Identifier: Apache-2.0
#include "domain/records/ring_contents.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "domain/records/ring_machines.hpp"

namespace slipway::domain {

namespace {

constexpr std::size_t value_shown_max = 200;
constexpr std::size_t edits_shown_max = 10;

std::string value_in_words(const Json* value) {
    if (value == nullptr)
        return "nothing";
    auto text = to_text(*value);
    if (text.size() > value_shown_max)
        text = cut_text(text, value_shown_max) + "...";
    return text;
}

const Json* element_of(const Json& list, std::size_t index) {
    return index < list.get_array().size() ? &list.get_array()[index] : nullptr;
}

// Null is a value that is not there. What is empty is left out of a document, so that a list or an
// object may be missing on one side; it has no members there.
void compare(
    const std::string& path, const Json* before, const Json* now, std::vector<std::string>& edits
) {
    const auto& either = before ? *before : *now;
    const Json empty = either.is_object() ? Json(JsonObject{}) : Json(JsonArray{});
    if (either.is_structured()) {
        before = before ? before : &empty;
        now = now ? now : &empty;
    }
    if (either.is_object()) {
        std::set<std::string> names;
        for (const auto* side : {before, now})
            for (const auto& member : side->get_object())
                names.emplace(member.key().data(), member.key().size());
        for (const auto& name : names)
            compare(
                path.empty() ? name : path + "." + name, find(*before, name), find(*now, name),
                edits
            );
    } else if (either.is_array()) {
        const auto size = std::max(before->get_array().size(), now->get_array().size());
        for (std::size_t i = 0; i < size; ++i)
            compare(
                fmt::format("{}[{}]", path, i), element_of(*before, i), element_of(*now, i), edits
            );
    } else if (!before || !now || *before != *now) {
        edits.push_back(
            fmt::format("{} was {} and is {}", path, value_in_words(before), value_in_words(now))
        );
    }
}

template <class List, class Word>
void add_words(std::string& out, std::string_view name, const List& list, const Word& word) {
    std::string words;
    for (const auto& element : list)
        words += (words.empty() ? " " : ", ") + word(element);
    if (!words.empty())
        out += (out.empty() ? "" : "; ") + std::string(name) + words;
}

} // namespace

// What is left out is named, so that a field that a ring gets some day counts by itself.
RingRecord contents_of(RingRecord ring) {
    ring.name.clear();
    ring.facts_at.reset();
    ring.fact_files.clear();
    for (auto& host : ring.hosts) {
        host.facts.clear();
        host.found.reset();
    }
    for (auto& credential : ring.credentials) {
        credential.expires_at.reset();
        credential.version.clear();
    }
    return ring;
}

Digest ring_contents(const std::string& id, const RingRecord& ring) {
    return sha256(id + ' ' + encode(contents_of(ring)));
}

std::string ring_in_words(const RingRecord& ring) {
    std::string out;
    add_words(out, "variables", ring.variables, [](const auto& variable) {
        return variable.first + "=" + cut_text(variable.second, value_shown_max);
    });
    add_words(out, "hosts", ring.hosts, host_in_words);
    add_words(out, "credentials", ring.credentials, [](const auto& credential) {
        return credential.name;
    });
    const auto add_connector = [&](std::string_view name, const std::string& connector) {
        add_words(
            out, name,
            connector.empty() ? std::vector<std::string>{} : std::vector<std::string>{connector},
            [](const auto& id) { return id; }
        );
    };
    add_connector("snapshots by", ring.snapshot_connector);
    add_connector("backups by", ring.backup_connector);
    return out.empty() ? "nothing" : out;
}

std::string ring_edits(const RingRecord& before, const RingRecord& now) {
    std::vector<std::string> edits;
    const auto was = to_json(contents_of(before));
    const auto is = to_json(contents_of(now));
    compare("", &was, &is, edits);
    std::string out;
    for (std::size_t i = 0; i < edits.size(); ++i) {
        if (i == edits_shown_max)
            return out + fmt::format("; and {} more", edits.size() - i);
        out += (out.empty() ? "" : "; ") + edits[i];
    }
    return out;
}

} // namespace slipway::domain
