// SPDX-License-Identifier: Apache-2.0
#include "domain/records/register_table.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "base/schema.hpp"
#include "base/secret_reference.hpp"
#include "domain/calendar/zone.hpp"
#include "domain/records/networks.hpp"
#include "domain/records/record_names.hpp"
#include "domain/records/records.hpp"

namespace slipway::domain {

namespace {

// What a document must satisfy beyond the types of its fields.
Result<void> check(const std::string&, const PersonRecord& person) {
    if (!person.email.empty() && person.email.find('@') == std::string::npos)
        return fail_field("email", "expected a mail address");
    if (person.email.find_first_of("\r\n") != std::string::npos)
        return fail_field("email", "must not contain line breaks");
    return {};
}

Result<void> check(const std::string& id, const CiRecord& ci) {
    if (std::find(ci.depends_on.begin(), ci.depends_on.end(), CiId(id)) != ci.depends_on.end())
        return fail_field("depends_on", "a configuration item cannot depend on itself");
    if (ci.schedule)
        TRY(check_recurrence(*ci.schedule, "schedule"));
    return {};
}

Result<void> check(const std::string&, const BoardRecord& board) {
    if (board.members.empty())
        return fail_field("members", "a board needs at least one member");
    if (!board.emergency)
        TRY(check_board_schedule(board.schedule));
    if (board.quorum > board.members.size())
        return fail_field("quorum", "is larger than the board");
    return {};
}

Result<void> check(const std::string&, const CatalogueRecord& entry) {
    std::set<PersonId> approvers;
    for (std::size_t i = 0; i < entry.approved_by.size(); ++i)
        if (!approvers.insert(entry.approved_by[i]).second)
            return fail_field(fmt::format("approved_by[{}]", i), "is named twice");
    if (entry.ci_classes.empty())
        return fail_field("ci_classes", "name at least one class");
    return {};
}

Result<void> check(const std::string&, const RosterRecord& roster) {
    for (std::size_t i = 0; i < roster.shifts.size(); ++i)
        TRY(check_recurrence(roster.shifts[i].when, fmt::format("shifts[{}].when", i)));
    return check_day_hours(roster.day_hours, "day_hours");
}

Result<void> check(const std::string&, const ChannelRecord& channel) {
    for (const auto& recipient : channel.recipients)
        if (recipient.find_first_of("\r\n") != std::string::npos)
            return fail_field("recipients", "must not contain line breaks");
    return {};
}

Result<void> check(const std::string&, const RingRecord& ring) {
    for (const auto& [name, value] : ring.variables)
        if (const auto secret = secret_of_variable(value); secret && !is_secret_reference(*secret))
            return fail_field(
                "variables." + name,
                "after secret: expected file:/path, env:NAME or command:/program arguments, never "
                "the secret itself"
            );
    for (std::size_t i = 0; i < ring.fact_files.size(); ++i)
        if (!ring.fact_files[i].starts_with('/'))
            return fail_field(fmt::format("fact_files[{}]", i), "expected an absolute path");
    for (const auto& [name, value] : ring.variables)
        if (name.empty() ||
            name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != std::string::npos)
            return fail_field(
                "variables." + name, "expected a name of capital letters, digits and '_'"
            );
    return {};
}

Result<void> check(const std::string&, const ConnectorRecord& connector) {
    if (!is_slug(connector.manifest))
        return fail_field("manifest", "expected the name of a manifest");
    return {};
}

Result<void> check(const std::string& id, const OrganisationRecord& organisation) {
    if (id != "main")
        return fail_field("id", "there is one organisation record per tenant: main");
    if (!is_known_zone(organisation.zone))
        return fail_field("zone", "is not an IANA time zone");
    for (std::size_t i = 0; i < organisation.inside_networks.size(); ++i)
        TRY(check_network(organisation.inside_networks[i], fmt::format("inside_networks[{}]", i)));
    return check_business_hours(organisation.business_hours, "business_hours");
}

Result<void> check(const std::string& id, Blackout& blackout) {
    if (blackout.id != id)
        return fail_field("id", "must be the id of the address");
    return check_blackout(blackout);
}

template <class T>
Result<std::string> normalise(const std::string& id, const Json& document) {
    auto value = TRY(decode_plain<T>(document));
    TRY(check(id, value));
    return encode(value);
}

// A blackout names itself because hits quote it; the address fills the id in.
Result<std::string> normalise_blackout(const std::string& id, const Json& document) {
    Json named = document;
    if (auto* object = named.if_object(); object && !object->contains("id"))
        (*object)["id"] = id;
    return normalise<Blackout>(id, named);
}

// Nobody pre-approves in another's name: each puts the entry with his own name. Whatever else is
// edited is not what the others approved, except that anybody who writes it may suspend it.
Result<void>
check_approvers(const std::string* before, const CatalogueRecord& entry, const PersonId& writer) {
    std::vector<PersonId> kept;
    if (before) {
        const auto approved = [&](CatalogueRecord judged) {
            judged.approved_by.clear();
            if (!entry.suspended_because.empty())
                judged.suspended_because.clear();
            return encode(judged);
        };
        const auto stored = TRY(restore<CatalogueRecord>(*before));
        if (approved(stored) == approved(entry))
            kept = stored.approved_by;
    }
    for (std::size_t i = 0; i < entry.approved_by.size(); ++i) {
        const auto& person = entry.approved_by[i];
        if (person != writer && std::find(kept.begin(), kept.end(), person) == kept.end())
            return fail_field(
                fmt::format("approved_by[{}]", i),
                fmt::format(
                    "{} has not approved the entry as it stands here: name only yourself, and "
                    "have {} put the same entry with that name added",
                    person.value, person.value
                )
            );
    }
    return {};
}

// An entry that nobody can use any longer is a slip of the pen, not a standard change.
Result<void>
check_entry(const std::string* before, const std::string& after, const PersonId& writer, Time now) {
    const auto entry = TRY(restore<CatalogueRecord>(after));
    // Whoever suspends an old one, or takes an approval back, does not have to renew it.
    const bool dated =
        !before || TRY(restore<CatalogueRecord>(*before)).expires_at != entry.expires_at;
    if (dated && entry.expires_at <= now)
        return fail_field(
            "expires_at",
            fmt::format(
                "{} is over: expected a time after now, {}", to_text(entry.expires_at), to_text(now)
            )
        );
    return check_approvers(before, entry, writer);
}

Result<std::vector<std::string>> items_needed(const std::string& document) {
    const auto ci = TRY(restore<CiRecord>(document));
    std::vector<std::string> items;
    for (const auto& item : ci.depends_on)
        items.push_back(item.value);
    return items;
}

std::vector<RecordUse> items_that_need(const Records& records, const std::string& id) {
    std::vector<RecordUse> uses;
    if (const auto found = records.dependents.find(CiId(id)); found != records.dependents.end())
        for (const auto& item : found->second)
            uses.push_back({"ci", item.value, "depends_on", "depends on it"});
    return uses;
}

std::vector<RecordUse> boards_and_rosters_of(const Records& records, const std::string& person) {
    const PersonId id(person);
    std::vector<RecordUse> uses;
    for (const auto& [name, board] : records.boards) {
        if (board.chair == id)
            uses.push_back({"board", name, "chair", "has him as its chair"});
        else if (is_member(board, id))
            uses.push_back({"board", name, "members", "has him as a member"});
    }
    for (const auto& [name, roster] : records.rosters) {
        const bool on_call =
            std::any_of(roster.shifts.begin(), roster.shifts.end(), [&](const auto& shift) {
                return shift.person == id;
            });
        if (on_call)
            uses.push_back({"roster", name, "shifts", "has him on call"});
        else if (roster.client_contact == person)
            uses.push_back({"roster", name, "client_contact", "has him as the client's contact"});
    }
    return uses;
}

std::vector<RecordUse> users_of_connector(const Records& records, const std::string& connector) {
    std::vector<RecordUse> uses;
    for (const auto& [name, channel] : records.channels)
        if (channel.connector == connector)
            uses.push_back({"channel", name, "connector", "sends by it"});
    for (const auto& [name, roster] : records.rosters)
        if (roster.connector == connector)
            uses.push_back({"roster", name, "connector", "pages by it"});
    for (const auto& [name, ring] : records.rings) {
        if (ring.snapshot_connector == connector)
            uses.push_back({"ring", name, "snapshot_connector", "takes snapshots by it"});
        if (ring.backup_connector == connector)
            uses.push_back({"ring", name, "backup_connector", "proves backups by it"});
    }
    for (const auto& [name, item] : records.cis)
        if (item.backup_connector == connector)
            uses.push_back({"ci", name.value, "backup_connector", "proves backups by it"});
    return uses;
}

constexpr std::array<std::string_view, 1> naming_items{"ci"};
constexpr std::array<std::string_view, 2> naming_people{"board", "roster"};
constexpr std::array<std::string_view, 4> naming_connectors{"channel", "roster", "ring", "ci"};

const std::array table{
    RegisterRow{
        "person", "people", "person", Permission::change_read, Permission::people_manage,
        schema_of<PersonRecord>, normalise<PersonRecord>, nullptr, nullptr, nullptr,
        boards_and_rosters_of, naming_people},
    RegisterRow{
        "ci", "cis", "configuration item", Permission::change_read, Permission::record_write,
        schema_of<CiRecord>, normalise<CiRecord>, nullptr, check_item_names, items_needed,
        items_that_need, naming_items},
    RegisterRow{
        "blackout", "blackouts", "blackout", Permission::change_read, Permission::change_manage,
        schema_of<Blackout>, normalise_blackout, nullptr, check_blackout_names},
    RegisterRow{
        "board", "boards", "change advisory board", Permission::change_read,
        Permission::change_manage, schema_of<BoardRecord>, normalise<BoardRecord>, nullptr,
        check_board_names},
    RegisterRow{
        "catalogue_entry", "catalogue", "catalogue entry", Permission::change_read,
        Permission::change_manage, schema_of<CatalogueRecord>, normalise<CatalogueRecord>,
        check_entry},
    RegisterRow{
        "roster", "rosters", "on-call roster", Permission::change_read, Permission::record_write,
        schema_of<RosterRecord>, normalise<RosterRecord>, nullptr, check_roster_names},
    RegisterRow{
        "channel", "channels", "notice channel", Permission::change_read, Permission::record_write,
        schema_of<ChannelRecord>, normalise<ChannelRecord>, nullptr, check_channel_names},
    RegisterRow{
        "ring", "rings", "ring", Permission::change_read, Permission::record_write,
        schema_of<RingRecord>, normalise<RingRecord>, nullptr, check_ring_names},
    RegisterRow{
        "connector", "connectors", "connector", Permission::change_read, Permission::system_manage,
        schema_of<ConnectorRecord>, normalise<ConnectorRecord>, nullptr, nullptr, nullptr,
        users_of_connector, naming_connectors},
    RegisterRow{
        "organisation", "organisations", "organisation", Permission::change_read,
        Permission::system_manage, schema_of<OrganisationRecord>, normalise<OrganisationRecord>},
};

} // namespace

std::span<const RegisterRow> register_table() {
    return table;
}

const RegisterRow* find_register(std::string_view name) {
    for (const auto& row : table)
        if (row.name == name)
            return &row;
    return nullptr;
}

} // namespace slipway::domain
