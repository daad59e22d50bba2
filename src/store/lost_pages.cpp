// SPDX-License-Identifier: Apache-2.0
#include "store/lost_pages.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "base/limits.hpp"

namespace slipway::store {

namespace {

using Lines = std::vector<std::string>;
using Pages = std::set<std::uint64_t>;

// A number of SQLite's file format: 32 bits, the highest byte first; 0 behind the end.
std::uint64_t number_at(std::string_view bytes, std::size_t position) {
    std::uint64_t number = 0;
    for (const char byte : bytes.substr(std::min(position, bytes.size()), 4))
        number = number << 8 | static_cast<unsigned char>(byte);
    return number;
}

struct Shape {
    std::uint64_t page_size = 0; // 0: this is no database
    std::uint64_t pages = 0;

    std::uint64_t bytes() const { return page_size * pages; }

    std::uint64_t place_of(std::uint64_t page) const { return page_size * (page - 1); }
};

// As the head of the file states it (sqlite.org/fileformat2.html, section 1.3).
Shape stated_shape(Connection& db) {
    constexpr std::size_t head_size = 100;
    const auto head = db.read_file(FilePart::database, 0, head_size);
    if (head.size() < head_size || !head.starts_with("SQLite format 3"))
        return {};
    const auto page_size = number_at(head, 16) >> 16;
    return {page_size == 1 ? 65536 : page_size, number_at(head, 28)};
}

// As SQLite counts with its log. It refuses a file that is much too short; what the head of that
// states is all that there is.
Shape shape_of(Connection& db) {
    try {
        const auto pages = db.number("pragma page_count"); // first, since it reads the head
        return {db.number("pragma page_size").value_or(0), pages.value_or(0)};
    } catch (const DatabaseError& error) {
        if (!error.is_damage())
            throw;
    }
    return stated_shape(db);
}

// The pages that the log has, which SQLite reads there (sqlite.org/fileformat2.html, section 4). A
// frame of an older round of the log has another salt than its head.
Pages pages_in_log(Connection& db, std::uint64_t page_size) {
    constexpr std::uint64_t head_size = 32;
    constexpr std::size_t frame_head_size = 24;
    constexpr std::size_t salt_place = 16;
    constexpr std::size_t salt_size = 8;
    Pages pages;
    const auto salt = db.read_file(FilePart::log, salt_place, salt_size);
    for (auto place = head_size;; place += frame_head_size + page_size) {
        const auto frame = db.read_file(FilePart::log, place, frame_head_size);
        if (frame.size() < frame_head_size || frame.compare(8, salt_size, salt) != 0)
            return pages;
        pages.insert(number_at(frame, 0));
    }
}

struct UsedPage {
    std::uint64_t page = 0;
    std::string owner; // a table or an index
};

// Those of the wanted pages that are in use, each asked for with whether it may hold any bytes,
// zeros too. SQLite walks through all tables for that; of a file in
// which it cannot, nobody knows.
std::vector<UsedPage>
used_pages(Connection& db, const std::function<bool(std::uint64_t page, bool any_bytes)>& wanted) {
    std::vector<UsedPage> used;
    try {
        // The end of an attachment may well be a page of zeros, and the attachment has a digest.
        const auto* all =
            "select pageno, name, pagetype = 'overflow' and name = 'blob_chunk' from dbstat";
        db.query(all, {}, 3, [&](const Row& row) {
            if (wanted(row.number(0), row.number(2) != 0))
                used.push_back({row.number(0), row.text(1)});
        });
    } catch (const DatabaseError& error) {
        if (!error.is_damage())
            throw;
        return {};
    }
    std::sort(used.begin(), used.end(), [](const auto& a, const auto& b) {
        return a.page < b.page;
    });
    return used;
}

void add_lines(Lines& lines, const std::vector<UsedPage>& pages, std::string_view what) {
    for (const auto& [page, owner] : pages)
        if (lines.size() < limits::file_findings_max)
            lines.push_back(fmt::format("table or index {}: page {} {}", owner, page, what));
}

bool is_zeroed(std::string_view page) {
    return page.find_first_not_of('\0') == std::string_view::npos;
}

Pages zeros_of_file(Connection& db, const Shape& shape) {
    constexpr std::uint64_t read_at_once = 256; // pages
    Pages zeroed;
    for (std::uint64_t before = 0; before < shape.pages; before += read_at_once) {
        const auto bytes = db.read_file(
            FilePart::database, before * shape.page_size, read_at_once * shape.page_size
        );
        const std::string_view view(bytes);
        for (std::uint64_t i = 0; (i + 1) * shape.page_size <= view.size(); ++i)
            if (is_zeroed(view.substr(i * shape.page_size, shape.page_size)))
                zeroed.insert(before + i + 1);
    }
    return zeroed;
}

// Pages that were given back are zeros too (secure_delete); they hang together in a list
// (sqlite.org/fileformat2.html, section 1.5). The list of a damaged file may be endless.
bool is_free(Connection& db, const Shape& shape, std::uint64_t page) {
    constexpr std::uint64_t first_trunk_place = 32;
    auto trunk = number_at(db.read_file(FilePart::database, first_trunk_place, 4), 0);
    for (auto left = shape.pages; trunk != 0 && left != 0; --left) {
        if (trunk == page)
            return true;
        const auto bytes = db.read_file(FilePart::database, shape.place_of(trunk), shape.page_size);
        const auto leaves = std::min(number_at(bytes, 4), shape.page_size / 4 - 2);
        for (std::uint64_t i = 0; i < leaves; ++i)
            if (number_at(bytes, 8 + 4 * i) == page)
                return true;
        trunk = number_at(bytes, 0);
    }
    return false;
}

constexpr std::string_view holds_zeros = "holds nothing but zeros";

} // namespace

std::vector<std::string> cut_pages(Connection& db) {
    if (!db.dialect().single_server)
        return {};
    return at_one_moment(db, [&]() -> Lines {
        const auto shape = shape_of(db);
        const auto size = db.file_size(FilePart::database);
        if (size >= shape.bytes())
            return {};
        const auto whole = size / shape.page_size;
        const auto log = pages_in_log(db, shape.page_size);
        const auto lost = used_pages(db, [&](std::uint64_t page, bool) {
            return page > whole && !log.contains(page);
        });
        // While there is a log, a page that is not in use need not be in the file yet.
        if (!log.empty() && lost.empty())
            return {};
        Lines lines{fmt::format(
            "the file ends too early: it has {} bytes, and {} pages of {} bytes are {}", size,
            shape.pages, shape.page_size, shape.bytes()
        )};
        add_lines(lines, lost, "is cut off");
        return lines;
    });
}

std::vector<std::string> zeroed_pages(Connection& db) {
    if (!db.dialect().single_server)
        return {};
    return at_one_moment(db, [&]() -> Lines {
        const auto shape = shape_of(db);
        const auto zeroed = zeros_of_file(db, shape);
        Lines lines;
        if (zeroed.empty())
            return lines;
        const auto log = pages_in_log(db, shape.page_size);
        const auto lost = used_pages(db, [&](std::uint64_t page, bool any_bytes) {
            return zeroed.contains(page) && !log.contains(page) && !any_bytes;
        });
        add_lines(lines, lost, holds_zeros);
        return lines;
    });
}

std::vector<std::string> zeroed_last_page(Connection& db) {
    if (!db.dialect().single_server)
        return {};
    return at_one_moment(db, [&]() -> Lines {
        const auto shape = shape_of(db);
        if (shape.pages == 0 || db.file_size(FilePart::log) != 0)
            return {};
        const auto last =
            db.read_file(FilePart::database, shape.place_of(shape.pages), shape.page_size);
        if (last.size() < shape.page_size || !is_zeroed(last) || is_free(db, shape, shape.pages))
            return {};
        Lines lines;
        add_lines(
            lines,
            used_pages(
                db, [&](std::uint64_t page,
                        bool any_bytes) { return page == shape.pages && !any_bytes; }
            ),
            holds_zeros
        );
        return lines;
    });
}

} // namespace slipway::store
