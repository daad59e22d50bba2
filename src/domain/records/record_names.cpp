// SPDX-License-Identifier: Apache-2.0
#include "domain/records/record_names.hpp"

#include "domain/records/records.hpp"

namespace slipway::domain {

namespace {

using Together = std::set<std::string>;

std::string_view id_text(const std::string& id) {
    return id;
}

template <class Id>
std::string_view id_text(const Id& id) {
    return id.value;
}

// Enough of them to see which one was meant.
template <class Register>
std::string what_there_is(const Register& known) {
    constexpr std::size_t shown = 5;
    if (known.empty())
        return "none is registered";
    std::string out = "there ";
    std::size_t count = 0;
    for (const auto& [id, record] : known) {
        if (count == shown)
            return out + fmt::format(" and {} more", known.size() - shown);
        out += count > 0 ? ", " : known.size() == 1 ? "is " : "are ";
        out += id_text(id);
        ++count;
    }
    return out;
}

template <class Register>
tl::unexpected<Error> fail_name(
    std::string field, std::string_view title, std::string_view id, std::string_view remedy,
    const Register& known
) {
    return fail_field(
        std::move(field),
        fmt::format("there is no {} {}: {}; {}", title, id, remedy, what_there_is(known))
    );
}

Result<void> check_person(std::string field, const PersonId& person, const Records& records) {
    if (person.empty() || records.people.get().contains(person))
        return {};
    return fail_name(
        std::move(field), "person", person.value,
        fmt::format("put it first (person put {})", person.value), records.people.get()
    );
}

Result<void> check_item(
    std::string field, const std::string& item, const Records& records, const Together& together
) {
    if (item.empty() || records.cis.get().contains(CiId(item)) || together.contains(item))
        return {};
    return fail_name(
        std::move(field), "configuration item", item, "put it first, or import both together",
        records.cis.get()
    );
}

Result<void>
check_items(std::string_view field, const std::vector<std::string>& items, const Records& records) {
    for (std::size_t i = 0; i < items.size(); ++i)
        if (!records.cis.get().contains(CiId(items[i])))
            return fail_name(
                fmt::format("{}[{}]", field, i), "configuration item", items[i],
                fmt::format("put it first (ci put {})", items[i]), records.cis.get()
            );
    return {};
}

// "external" is no connector: what it stands for, a person does and reports.
Result<void>
check_connector(std::string field, const std::string& connector, const Records& records) {
    const auto& known = records.connectors.get();
    if (connector.empty() || connector == "external" || known.contains(connector))
        return {};
    return fail_name(
        std::move(field), "connector", connector,
        fmt::format(
            "put it first (connector put {}), or name external where a person does it and reports",
            connector
        ),
        known
    );
}

} // namespace

Result<void>
check_item_names(const std::string& document, const Records& records, const Together& together) {
    const auto ci = TRY(restore<CiRecord>(document));
    for (std::size_t i = 0; i < ci.depends_on.size(); ++i)
        TRY(check_item(fmt::format("depends_on[{}]", i), ci.depends_on[i].value, records, together)
        );
    TRY(check_person("owner", ci.owner, records));
    if (!ci.ring.empty() && !records.rings.get().contains(ci.ring))
        return fail_name(
            "ring", "ring", ci.ring, fmt::format("put it first (ring put {})", ci.ring),
            records.rings.get()
        );
    return check_connector("backup_connector", ci.backup_connector, records);
}

Result<void>
check_blackout_names(const std::string& document, const Records& records, const Together&) {
    const auto blackout = TRY(restore<Blackout>(document));
    TRY(check_items("cis", blackout.cis, records));
    return check_items("services", blackout.services, records);
}

Result<void>
check_board_names(const std::string& document, const Records& records, const Together&) {
    const auto board = TRY(restore<BoardRecord>(document));
    TRY(check_person("chair", board.chair, records));
    for (std::size_t i = 0; i < board.members.size(); ++i)
        TRY(check_person(fmt::format("members[{}]", i), board.members[i], records));
    return {};
}

Result<void>
check_roster_names(const std::string& document, const Records& records, const Together&) {
    const auto roster = TRY(restore<RosterRecord>(document));
    for (std::size_t i = 0; i < roster.shifts.size(); ++i)
        TRY(check_person(fmt::format("shifts[{}].person", i), roster.shifts[i].person, records));
    TRY(check_person("client_contact", PersonId(roster.client_contact), records));
    return check_connector("connector", roster.connector, records);
}

Result<void>
check_channel_names(const std::string& document, const Records& records, const Together&) {
    const auto channel = TRY(restore<ChannelRecord>(document));
    TRY(check_items("services", channel.services, records));
    return check_connector("connector", channel.connector, records);
}

Result<void>
check_ring_names(const std::string& document, const Records& records, const Together&) {
    const auto ring = TRY(restore<RingRecord>(document));
    TRY(check_connector("snapshot_connector", ring.snapshot_connector, records));
    return check_connector("backup_connector", ring.backup_connector, records);
}

} // namespace slipway::domain
