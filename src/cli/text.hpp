// SPDX-License-Identifier: Apache-2.0
// Text for people: aligned tables, documents, refusals. Everything that came from a server or a
// file goes through clean(), so that no record can send control sequences to a terminal. Times are
// shown in the terminal's zone. Pure functions of their arguments and the zone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace slipway::cli {

enum class Paint : unsigned char { none, bold, dim, red, green, yellow };

struct Style {
    bool colour = false;
    std::size_t width = 0; // columns; 0: no limit
    int year = 0;          // the present one, which a narrow table leaves out of its times

    std::string paint(Paint paint, std::string_view text) const;
};

struct Column {
    std::string title;
    std::string path; // "window.start" in the row
};

// Control characters, also those of ISO 6429 above ASCII, and those that change the direction of a
// text become '?'; line breaks stay when wanted.
std::string clean(std::string_view text, bool lines = false);
// Columns on a terminal: code points, which is right for all but combining and wide characters.
std::size_t columns_of(std::string_view text);
// At most `width` columns, with an ellipsis when something was left out.
std::string clipped(std::string_view text, std::size_t width);
// Lines of at most `width` columns, broken at spaces; later lines begin with `indent` spaces.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);
// The text behind `head`, its later lines under its first one, as far as the style's width leaves
// room for that.
std::string hanging(std::string_view head, std::string_view text, const Style& style);

// An RFC 3339 text as local time, "2026-11-25 18:00:00"; any other text as it is.
std::string local_time(std::string_view text);
// The zone of the terminal at this time, such as "CET" or "+03"; of any other text nothing.
std::string zone_of(std::string_view text);
// Both, "2026-11-25 18:00:00 CET".
std::string zoned_time(std::string_view text);
// A value in one line: times local with their zone, lists with commas, objects as their id, name or
// JSON.
std::string cell(const Json& value);
const Json* at_path(const Json& value, std::string_view path);
std::string text_at(const Json& value, std::string_view path); // empty unless a text is there

// Columns without a value in any row are left out. No line is longer than the style's width, unless
// the first column alone is: the first one and every other id ("id", "step", "gate" ...) is shown
// whole or not at all, times lose seconds and then the year (of another year the time of day), and
// the longest texts are cut instead. The title of a column of times names their zone.
std::string table(const JsonArray& rows, const std::vector<Column>& columns, const Style& style);
// "field: value" for each member, nested ones indented.
std::string document(const Json& value, const Style& style);
// An error: what it is, each field, and one block for each reason with its remedy. `change` is the
// one that the remedies' commands are about, if there is one.
std::string refusal(const Error& error, const Style& style, std::string_view change = {});
// Each reason once; reasons of one gate that say the same of several things, as "a required step is
// not complete" does, are one reason that names them all. In the order of the first ones.
std::vector<Reason> grouped(const std::vector<Reason>& reasons);
std::string
reasons_text(const std::vector<Reason>& reasons, const Style& style, std::string_view change = {});
// The text with the commands that it names as people type them: a remedy names them as programs
// know them.
std::string with_commands(std::string_view remedy, std::string_view change);
std::vector<Reason> reasons_of(const Json& list);

// The nearest of the names, when one is near enough to be what was meant.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& names);

} // namespace slipway::cli
