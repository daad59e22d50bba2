// SPDX-License-Identifier: Apache-2.0
#include "store/change_index.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "store/search.hpp"

namespace slipway::store {

namespace {

using app::ChangeQuery;
using app::ChangeSummary;

// How the encoded summary of an overridden classification differs from others.
const std::string overridden_mark = R"("overridden")";

std::uint64_t slot_of(std::uint64_t tenant_number, std::uint64_t number) {
    return tenant_number << number_bits | number;
}

// What filters and indexes look at. While it stays the same, only the summary text is written.
struct Filtered {
    std::string id, state, type, requester, change_owner, meeting, cis, records;
    std::optional<Time> window_start, window_end, wake_at;
    bool operator==(const Filtered&) const = default;
};

Filtered filtered(const ChangeSummary& summary) {
    return {summary.id,           summary.state,      summary.type,        summary.requester,
            summary.change_owner, summary.meeting,    encode(summary.cis), encode(summary.records),
            summary.window_start, summary.window_end, summary.wake_at};
}

std::optional<Filtered> stored_filtered(Connection& db, std::uint64_t slot) {
    std::optional<Filtered> found;
    db.query(
        "select id, state, type, requester, change_owner, meeting, cis, records, window_start, "
        "window_end, wake_at from change_index where slot = :slot",
        {slot}, 11,
        [&](const Row& row) {
            found = Filtered{row.text(0),          row.text(1),          row.text(2),
                             row.text(3),          row.text(4),          row.text(5),
                             row.text(6),          row.text(7),          row.optional_time(8),
                             row.optional_time(9), row.optional_time(10)};
        }
    );
    return found;
}

void insert_row(
    Connection& db, const TenantId& tenant, std::uint64_t slot, const Filtered& row,
    const std::string& summary
) {
    db.run(
        "insert into change_index (slot, tenant, id, state, type, requester, change_owner, "
        "meeting, window_start, window_end, wake_at, cis, records, summary) values (:slot, "
        ":tenant, "
        ":id, :state, :type, :requester, :change_owner, :meeting, :window_start, :window_end, "
        ":wake_at, :cis, :records, :summary)",
        {slot, tenant.value, row.id, row.state, row.type, row.requester, row.change_owner,
         row.meeting, row.window_start, row.window_end, row.wake_at, row.cis, row.records, summary}
    );
}

void update_row(
    Connection& db, std::uint64_t slot, const Filtered& row, const std::string& summary
) {
    db.run(
        "update change_index set id = :id, state = :state, type = :type, requester = :requester, "
        "change_owner = :change_owner, meeting = :meeting, window_start = :window_start, "
        "window_end = :window_end, wake_at = :wake_at, cis = :cis, records = :records, "
        "summary = :summary where slot = :slot",
        {row.id, row.state, row.type, row.requester, row.change_owner, row.meeting,
         row.window_start, row.window_end, row.wake_at, row.cis, row.records, summary, slot}
    );
}

void write_cis(
    Connection& db, const TenantId& tenant, std::uint64_t slot, std::vector<std::string> cis,
    std::optional<Time> window_end
) {
    db.run("delete from change_ci where slot = :slot", {slot});
    std::sort(cis.begin(), cis.end());
    cis.erase(std::unique(cis.begin(), cis.end()), cis.end());
    for (const auto& ci : cis)
        db.run(
            "insert into change_ci (tenant, ci, slot, window_end) "
            "values (:tenant, :ci, :slot, :window_end)",
            {tenant.value, ci, slot, window_end}
        );
}

} // namespace

void put_summary(
    Batch& batch, const app::StreamKey& key, const ChangeSummary& summary, SummaryEdit edit
) {
    auto& db = batch.db();
    const auto slot = slot_of(batch.tenant_number(key.tenant), summary.number);
    const auto text = encode(summary);
    if (!edit.filters) {
        db.run("update change_index set summary = :summary where slot = :slot", {text, slot});
    } else {
        const auto now = filtered(summary);
        const auto before = stored_filtered(db, slot);
        if (before)
            update_row(db, slot, now, text);
        else
            insert_row(db, key.tenant, slot, now, text);
        if (!before || before->cis != now.cis || before->window_end != now.window_end)
            write_cis(db, key.tenant, slot, summary.cis, summary.window_end);
    }
    if (edit.search) {
        db.run("delete from search where rowid = :slot", {slot});
        db.run(
            "insert into search (rowid, words) values (:slot, :words)",
            {slot, indexed_words(summary.search_text)}
        );
    }
}

void drop_summary(Batch& batch, const TenantId& tenant, const ChangeSummary& summary) {
    const auto slot = slot_of(batch.tenant_number(tenant), summary.number);
    batch.db().run("delete from change_index where slot = :slot", {slot});
    batch.db().run("delete from change_ci where slot = :slot", {slot});
    batch.db().run("delete from search where rowid = :slot", {slot});
}

std::vector<std::string> summary_differences(
    Connection& db, const TenantId& tenant, const ChangeSummary& summary, bool removed
) {
    const auto number =
        db.number("select number from tenant where tenant = :tenant", {tenant.value});
    const auto slot = slot_of(number.value_or(0), summary.number);
    const auto row = stored_filtered(db, slot);
    const auto text = db.text("select summary from change_index where slot = :slot", {slot});
    const auto words = db.text("select words from search where rowid = :slot", {slot});
    std::vector<std::string> cis;
    db.query(
        "select ci from change_ci where slot = :slot and tenant = :tenant order by ci",
        {slot, tenant.value}, 1, [&](const Row& found) { cis.push_back(found.text(0)); }
    );
    auto expected_cis = summary.cis;
    std::sort(expected_cis.begin(), expected_cis.end());
    expected_cis.erase(std::unique(expected_cis.begin(), expected_cis.end()), expected_cis.end());
    std::vector<std::string> differences;
    const auto check = [&](bool fits, const char* what) {
        if (!fits)
            differences.emplace_back(what);
    };
    if (removed) {
        check(!text, "summary");
        check(cis.empty(), "cis");
        check(!words, "search");
        return differences;
    }
    auto stored = slipway::restore<ChangeSummary>(text.value_or(""));
    if (stored)
        stored->updated_at = summary.updated_at;
    check(stored && encode(*stored) == encode(summary), "summary");
    // When to look again depends on the registers too, not on the events alone: it is a schedule,
    // which the worker mends, and no projection.
    auto expected = filtered(summary);
    expected.wake_at = row ? row->wake_at : expected.wake_at;
    check(row && *row == expected, "filters");
    check(cis == expected_cis, "cis");
    check(words && *words == indexed_words(summary.search_text), "search");
    return differences;
}

namespace {

// A search is led by one access path, the most selective that the query has; the other conditions
// are looked at row by row. Every path gives rows by falling slot, so a page ends early.
class Search {
  public:
    Search(Connection& db, const ChangeQuery& query, std::uint64_t tenant_number)
        : db_(db), query_(query), record_(fmt::format("\"{}\"", query.record)),
          low_(slot_of(tenant_number, 1)),
          high_(slot_of(
              tenant_number,
              query.before_number == 0 ? number_max : std::min(query.before_number - 1, number_max)
          )) {}

    std::vector<ChangeSummary> run() {
        if (query_.before_number == 1)
            return {};
        if (!query_.text.empty())
            by_text();
        else if (!query_.cis.empty() && query_.window_from)
            by_ci_and_window();
        else if (query_.cis.size() == 1)
            by_ci();
        else if (query_.window_from)
            by_window();
        else if (query_.meeting.empty() && query_.states.size() > 1)
            by_each_state();
        else
            page("change_index i", "i.slot", query_.states);
        return std::move(found_);
    }

  private:
    void by_text() {
        const auto words = search_words(query_.text, limits::search_words_max);
        if (words.empty())
            return; // nothing in it can be found, as no text has a word like it
        words_ = db_.dialect().search_query(words);
        add(db_.dialect().search_matches, words_);
        // A cross join in this order: SQLite takes it as it stands.
        add("i.slot = s.rowid");
        // Most of what has a frequent word may be in another state: that is seen in a narrow index,
        // before the wide row is read.
        const auto by_state = query_.states.empty() ? "" : db_.dialect().by_state;
        page(
            fmt::format("search s cross join change_index i{}", by_state), "s.rowid", query_.states
        );
    }

    void by_ci() {
        cis_looked_at_ = true;
        add("c.tenant = :ci_tenant", query_.tenant.value);
        add("c.ci = :ci", query_.cis.front());
        add("i.slot = c.slot");
        page("change_ci c cross join change_index i", "c.slot", query_.states);
    }

    // What may be in the way of a change: an item has a long history, but few windows ahead.
    void by_ci_and_window() {
        add_any_ci(" and c.window_end > :ci_from");
        page("change_index i", "i.slot + 0", query_.states);
    }

    void by_window() {
        add("i.tenant = :tenant", query_.tenant.value);
        // The sum keeps SQLite from walking all changes in the order of their slots.
        page("change_index i", "i.slot + 0", query_.states);
    }

    // One page for each state by its index, instead of one walk over all that are in none of them.
    void by_each_state() {
        for (const auto& state : query_.states)
            page("change_index i", "i.slot", {state});
        std::sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) {
            return a.number > b.number;
        });
        found_.erase(
            std::unique(
                found_.begin(), found_.end(),
                [](const auto& a, const auto& b) { return a.number == b.number; }
            ),
            found_.end()
        );
        if (found_.size() > query_.limit)
            found_.resize(query_.limit);
    }

    void add(std::string_view condition) { conditions_ += fmt::format(" and {}", condition); }

    template <class T>
    void add(std::string_view condition, const T& value) {
        add(condition);
        params_.emplace_back(value);
    }

    void add_any(std::string_view column, const std::vector<std::string>& values) {
        if (values.empty())
            return;
        const auto list = placeholders(column, values);
        add(fmt::format("i.{} in ({})", column, list));
    }

    std::string placeholders(std::string_view name, const std::vector<std::string>& values) {
        std::string list;
        for (std::size_t i = 0; i < values.size(); ++i) {
            list += fmt::format("{}:{}_{}", i == 0 ? "" : ", ", name, i);
            params_.emplace_back(values[i]);
        }
        return list;
    }

    void add_any_ci(std::string_view and_window) {
        cis_looked_at_ = true;
        params_.emplace_back(query_.tenant.value);
        const auto list = placeholders("ci", query_.cis);
        if (!and_window.empty())
            params_.emplace_back(*query_.window_from);
        add(fmt::format(
            "i.slot in (select c.slot from change_ci c where c.tenant = :ci_tenant "
            "and c.ci in ({}){})",
            list, and_window
        ));
    }

    void add_filters(const std::vector<std::string>& states) {
        add_any("state", states);
        add_any("type", query_.types);
        if (!query_.requester.empty())
            add("i.requester = :requester", query_.requester);
        if (!query_.change_owner.empty())
            add("i.change_owner = :change_owner", query_.change_owner);
        if (!query_.meeting.empty())
            add("i.meeting = :meeting and i.meeting <> ''", query_.meeting);
        // Asked when a record is to be removed, which is rare: no index for it at each commit. Of
        // the functions that look for a text, both databases call only this one the same.
        if (!query_.record.empty())
            add("replace(i.records, :record, '') <> i.records", record_);
        // Asked by an auditor now and then: it stands in the summary, without a column of its own.
        // In the text of a member the quotes would be escaped.
        if (query_.overridden)
            add("replace(i.summary, :overridden, '') <> i.summary", overridden_mark);
        if (!query_.cis.empty() && !cis_looked_at_)
            add_any_ci("");
        if (query_.window_from)
            add("i.window_end > :window_from", *query_.window_from);
        if (query_.window_until)
            add("i.window_start < :window_until", *query_.window_until);
    }

    void
    page(std::string_view from, std::string_view order, const std::vector<std::string>& states) {
        const auto conditions_before = conditions_;
        const auto params_before = params_;
        const auto cis_before = cis_looked_at_;
        add(fmt::format("{} >= :low", order), low_);
        add(fmt::format("{} <= :high", order), high_);
        add_filters(states);
        params_.emplace_back(query_.limit);
        const auto sql = fmt::format(
            "select i.summary, (select e.at from event e where e.tenant = i.tenant "
            "and e.kind = 'change' and e.stream = i.id order by e.version desc limit 1) "
            "from {} where{} order by {} desc limit :limit",
            from, conditions_.substr(std::string_view(" and").size()), order
        );
        db_.query(sql, params_, 2, [&](const Row& row) {
            auto summary = slipway::restore<ChangeSummary>(row.text(0));
            if (!summary)
                throw DatabaseError(ErrorCode::internal, summary.error().detail, false);
            // The row is written only when something else than this differs.
            summary->updated_at = row.optional_time(1).value_or(summary->updated_at);
            found_.push_back(*std::move(summary));
        });
        conditions_ = conditions_before;
        params_ = params_before;
        cis_looked_at_ = cis_before;
    }

    Connection& db_;
    const ChangeQuery& query_;
    std::string record_; // as it stands in the list
    std::uint64_t low_;
    std::uint64_t high_;
    std::string words_;
    std::string conditions_;
    bool cis_looked_at_ = false;
    std::vector<Param> params_; // views of the query, of record_ and of words_
    std::vector<ChangeSummary> found_;
};

} // namespace

std::vector<ChangeSummary> find_changes(Connection& db, const ChangeQuery& query) {
    const auto tenant =
        db.number("select number from tenant where tenant = :tenant", {query.tenant.value});
    if (!tenant)
        return {};
    return Search(db, query, *tenant).run();
}

} // namespace slipway::store
