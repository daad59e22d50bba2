// SPDX-License-Identifier: Apache-2.0
#include "cli/text.hpp"

#include <algorithm>
#include <ctime>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "base/plain_text.hpp"
#include "base/time.hpp"
#include "domain/change/command_table.hpp"

namespace slipway::cli {

namespace {

constexpr std::string_view ellipsis = "…";
constexpr std::size_t column_min = 8;
constexpr std::size_t column_readable = 16; // where a text still says what it is
constexpr std::size_t gap = 2;
constexpr auto local_time_size = std::string_view("2026-12-04 14:00:00").size();

bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

void pad(std::string& line, std::size_t columns) {
    const auto now = columns_of(line);
    if (now < columns)
        line.append(columns - now, ' ');
}

struct Shown {
    std::string title;
    std::vector<std::string> texts; // by row
    std::size_t whole = 0;          // the width at which nothing is cut
    std::size_t width = 0;
    bool is_whole = false; // an id: half of one is none
    bool is_time = false;  // half of one is none either, but it has shorter forms
    bool warns = false;    // "yes" is nothing good here
};

// "2026-12-04 14:00:00 CET", as zoned_time() writes it.
bool is_zoned_time(std::string_view text) {
    return text.size() > local_time_size + 1 && text[4] == '-' && text[10] == ' ' &&
           text[16] == ':' && text[local_time_size] == ' ';
}

// The zone is said once, in the title: "DUE (CET)", or "DUE (CET/CEST)" where the clock changes.
void move_zone_to_title(Shown& column) {
    std::vector<std::string> zones;
    for (auto& text : column.texts) {
        if (text.empty())
            continue;
        auto zone = text.substr(local_time_size + 1);
        text.resize(local_time_size);
        if (std::find(zones.begin(), zones.end(), zone) == zones.end())
            zones.push_back(std::move(zone));
    }
    column.title += fmt::format(" ({})", fmt::join(zones, "/"));
    column.whole = local_time_size;
}

void shorten_times(
    std::vector<Shown>& columns, const std::function<std::string(const std::string&)>& shorter
) {
    for (auto& column : columns) {
        if (!column.is_time)
            continue;
        column.whole = columns_of(column.title);
        for (auto& text : column.texts) {
            text = text.empty() ? text : shorter(text);
            column.whole = std::max(column.whole, text.size());
        }
        column.width = column.whole;
    }
}

std::string without_seconds(const std::string& time) {
    return time.substr(0, std::string_view("2026-12-04 14:00").size());
}

// Ids are copied into the next command, so a table never cuts one.
bool is_id(std::string_view path) {
    constexpr std::string_view names[] = {"id",   "seq", "change", "step",
                                          "gate", "ci",  "run",    "person"};
    const auto last = path.substr(path.rfind('.') + 1);
    return std::find(std::begin(names), std::end(names), last) != std::end(names) ||
           last.ends_with("_id");
}

// Until the row fits: times lose their seconds, the widest text gives way, times lose their year,
// or if it is not the present one their time of day, texts give way once more. When it is so narrow
// that not every column can be shown, the last ones go, those with ids after all others; the first
// one always stays. What times and columns leave free is the texts' again.
void fit(std::vector<Shown>& columns, std::size_t limit, int year) {
    const auto excess = [&] {
        std::size_t total = gap * (columns.size() - 1);
        for (const auto& column : columns)
            total += column.width;
        return total > limit ? total - limit : 0;
    };
    const auto widen = [&] {
        for (auto& column : columns)
            column.width = column.whole;
    };
    const auto narrow = [&](std::size_t least) {
        while (excess() > 0) {
            Shown* widest = nullptr;
            for (auto& column : columns)
                if (!column.is_whole && !column.is_time && column.width > least &&
                    (widest == nullptr || column.width > widest->width))
                    widest = &column;
            if (widest == nullptr)
                break;
            --widest->width;
        }
    };
    const auto without_year = [&](const std::string& time) {
        constexpr auto date = std::string_view("2026-12-04").size();
        const bool present = time.substr(0, 4) == fmt::format("{:04}", year);
        return present ? time.substr(std::string_view("2026-").size()) : time.substr(0, date);
    };
    if (excess() > 0)
        shorten_times(columns, without_seconds);
    narrow(column_readable);
    if (excess() > 0) {
        shorten_times(columns, without_year);
        widen();
    }
    narrow(column_min);
    while (columns.size() > 1 && excess() > 0) {
        auto last = std::find_if(columns.rbegin(), columns.rend() - 1, [](const Shown& column) {
            return !column.is_whole;
        });
        if (last == columns.rend() - 1)
            last = columns.rbegin();
        columns.erase(std::next(last).base());
    }
    widen();
    narrow(column_min);
}

Paint paint_of(std::string_view word) {
    constexpr std::string_view good[] = {"pass",      "completed", "approved", "successful",
                                         "succeeded", "verified",  "delivered"};
    constexpr std::string_view bad[] = {"fail",    "failed", "rejected", "aborted",
                                        "blocked", "error",  "overdue"};
    constexpr std::string_view doubtful[] = {"waived",  "postponed",    "deferred",   "waiting",
                                             "warning", "rolling_back", "rolled_back"};
    const auto is = [&](auto& list) {
        return std::find(std::begin(list), std::end(list), word) != std::end(list);
    };
    return is(good)       ? Paint::green
           : is(bad)      ? Paint::red
           : is(doubtful) ? Paint::yellow
                          : Paint::none;
}

void write_document(std::string& out, const Json& value, std::size_t indent, const Style& style);

bool is_plain(const Json& value) {
    if (const auto* array = value.if_array())
        return std::all_of(array->begin(), array->end(), [](const Json& element) {
            return !element.is_structured();
        });
    return !value.is_object();
}

void write_member(
    std::string& out, std::string_view key, const Json& value, std::size_t indent,
    const Style& style
) {
    out.append(indent, ' ');
    out += style.paint(Paint::dim, clean(key) + ":");
    if (is_plain(value)) {
        const auto* text = value.if_string();
        auto shown = text ? clean(zoned_time(view(*text)), true) : cell(value);
        if (value.is_array() && value.get_array().empty())
            shown = "none";
        const auto head = indent + columns_of(key) + 2;
        out += " " + wrapped(shown, style.width > head + 20 ? style.width - head : 0, indent + 2);
        out += '\n';
        return;
    }
    out += '\n';
    write_document(out, value, indent + 2, style);
}

void write_document(std::string& out, const Json& value, std::size_t indent, const Style& style) {
    if (const auto* object = value.if_object()) {
        for (const auto& member : *object)
            write_member(
                out, {member.key().data(), member.key().size()}, member.value(), indent, style
            );
        return;
    }
    if (const auto* array = value.if_array()) {
        for (const auto& element : *array) {
            std::string part;
            write_document(part, element, indent + 2, style);
            if (part.size() > indent)
                part[indent] = '-';
            out += part;
        }
        return;
    }
    out.append(indent, ' ');
    out += cell(value) + "\n";
}

} // namespace

std::string Style::paint(Paint paint, std::string_view text) const {
    constexpr std::string_view codes[] = {"", "1", "2", "31", "32", "33"};
    if (!colour || paint == Paint::none || text.empty())
        return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(paint)], text);
}

std::string clean(std::string_view text, bool lines) {
    if (!is_valid_text(text)) {
        std::string out(text);
        std::replace_if(
            out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7F; }, '?'
        );
        return out;
    }
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
        if (c == '\n' || c == '\t' || c == '\r') {
            out += lines && c == '\n' ? '\n' : ' ';
        } else if (c < 0x20 || c == 0x7F) {
            out += '?';
        } else if (c == 0xC2 && next >= 0x80 && next <= 0x9F) {
            out += '?'; // C1 controls, U+0080 to U+009F
            ++i;
        } else if (changes_direction(text, i)) {
            out += '?';
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::size_t columns_of(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b') {
            i = std::min(text.find('m', i), text.size());
            continue;
        }
        count += continues(text[i]) ? 0 : 1;
    }
    return count;
}

std::string clipped(std::string_view text, std::size_t width) {
    if (width == 0 || columns_of(text) <= width)
        return std::string(text);
    std::size_t end = 0;
    for (std::size_t columns = 0; end < text.size(); ++end)
        if (!continues(text[end]) && ++columns == width)
            break;
    return std::string(text.substr(0, end)) + std::string(ellipsis);
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
    std::string out;
    std::size_t at = 0;
    bool fresh = true;
    while (!text.empty()) {
        const auto end = text.find_first_of(" \n");
        const auto word = text.substr(0, end);
        const auto columns = columns_of(word);
        if (!fresh && width > 0 && at + 1 + columns > width) {
            out += '\n' + std::string(indent, ' ');
            at = indent;
            fresh = true;
        }
        if (!fresh) {
            out += ' ';
            ++at;
        }
        out += word;
        at += columns;
        fresh = false;
        if (end == std::string_view::npos)
            break;
        if (text[end] == '\n') {
            out += '\n' + std::string(end + 1 < text.size() ? indent : 0, ' ');
            at = indent;
            fresh = true;
        }
        text.remove_prefix(end + 1);
    }
    return out;
}

std::string hanging(std::string_view head, std::string_view text, const Style& style) {
    const auto under = std::min(columns_of(head), style.width / 2);
    return wrapped(std::string(head) + std::string(text), style.width, under);
}

namespace {

// An RFC 3339 text in the terminal's zone, in this format of strftime; nothing for any other text.
std::optional<std::string> formatted_time(std::string_view text, const char* format) {
    if (text.size() != 24 || text.back() != 'Z' || text[10] != 'T')
        return std::nullopt;
    const auto time = time_from_text(text);
    if (!time)
        return std::nullopt;
    // By way of the system's clock, which counts nanoseconds, what lies after 2262 would overflow.
    const std::time_t seconds =
        std::chrono::floor<std::chrono::seconds>(*time).time_since_epoch().count();
    std::tm local{};
    if (localtime_r(&seconds, &local) == nullptr)
        return std::nullopt;
    char buffer[64];
    return std::string(buffer, std::strftime(buffer, sizeof buffer, format, &local));
}

} // namespace

std::string local_time(std::string_view text) {
    return formatted_time(text, "%Y-%m-%d %H:%M:%S").value_or(std::string(text));
}

std::string zone_of(std::string_view text) {
    return formatted_time(text, "%Z").value_or(std::string{});
}

std::string zoned_time(std::string_view text) {
    return formatted_time(text, "%Y-%m-%d %H:%M:%S %Z").value_or(std::string(text));
}

std::string cell(const Json& value) {
    if (value.is_null())
        return {};
    if (const auto* text = value.if_string())
        return clean(zoned_time(view(*text)));
    if (value.is_bool())
        return value.get_bool() ? "yes" : "no";
    if (const auto* array = value.if_array()) {
        std::string out;
        for (const auto& element : *array)
            out += (out.empty() ? "" : ", ") + cell(element);
        return out;
    }
    if (value.is_object())
        for (const auto* name : {"id", "name", "title", "message"})
            if (const auto text = text_or_empty(value, name); !text.empty())
                return clean(text);
    return clean(to_text(value));
}

const Json* at_path(const Json& value, std::string_view path) {
    const Json* here = &value;
    while (here != nullptr && !path.empty()) {
        const auto dot = path.find('.');
        here = here->is_object() ? find(*here, path.substr(0, dot)) : nullptr;
        path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
    }
    return here;
}

std::string text_at(const Json& value, std::string_view path) {
    const auto* found = at_path(value, path);
    return found && found->is_string() ? std::string(view(found->get_string())) : std::string{};
}

std::string table(const JsonArray& rows, const std::vector<Column>& columns, const Style& style) {
    std::vector<Shown> shown;
    for (const auto& column : columns) {
        Shown one{column.title, {}, 0, 0, &column == &columns.front() || is_id(column.path), true};
        one.warns = column.path == "overdue" || column.path == "dead";
        for (const auto& row : rows) {
            const auto* value = at_path(row, column.path);
            one.texts.push_back(value ? cell(*value) : std::string{});
            one.whole = std::max(one.whole, columns_of(one.texts.back()));
            one.is_time =
                one.is_time && (one.texts.back().empty() || is_zoned_time(one.texts.back()));
        }
        if (one.whole == 0)
            continue;
        if (one.is_time)
            move_zone_to_title(one);
        one.width = one.whole = std::max(one.whole, columns_of(one.title));
        shown.push_back(std::move(one));
    }
    if (shown.empty())
        return {};
    if (style.width > 0)
        fit(shown, style.width, style.year);
    std::string out;
    const auto write_line = [&](const auto& text_of, bool head) {
        std::string line;
        std::size_t start = 0;
        for (const auto& column : shown) {
            pad(line, start);
            const auto text = clipped(text_of(column), column.width);
            const bool warns = column.warns && text == "yes";
            line += style.paint(head ? Paint::bold : warns ? Paint::red : paint_of(text), text);
            start += column.width + gap;
        }
        out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    };
    write_line([](const Shown& column) -> const std::string& { return column.title; }, true);
    for (std::size_t i = 0; i < rows.size(); ++i)
        write_line(
            [&](const Shown& column) -> const std::string& { return column.texts[i]; }, false
        );
    return out;
}

std::string document(const Json& value, const Style& style) {
    std::string out;
    write_document(out, value, 0, style);
    return out;
}

namespace {

// "a required step is not complete: Scope" is about "steps.scope", as others are about theirs.
struct Stem {
    std::string_view said;  // "a required step is not complete"
    std::string_view about; // "Scope"
    std::string_view list;  // "steps"
    std::string_view id;    // "scope"
};

std::optional<Stem> stem_of(const Reason& reason) {
    const auto colon = reason.message.find(": ");
    const auto dot = reason.field.find('.');
    if (colon == std::string::npos || dot == std::string::npos)
        return std::nullopt;
    const std::string_view message = reason.message;
    const std::string_view field = reason.field;
    return Stem{
        message.substr(0, colon), message.substr(colon + 2), field.substr(0, dot),
        field.substr(dot + 1)};
}

// Of several steps the remedy names none: "--step scope" is "--step ID".
std::string remedy_of_any(const Reason& reason, std::string_view id) {
    const auto named = fmt::format("--step {}", id);
    auto remedy = reason.remedy;
    if (const auto at = remedy.find(named); at != std::string::npos)
        remedy.replace(at, named.size(), "--step ID");
    return remedy;
}

bool is_alike(const Reason& one, const Reason& other) {
    const auto a = stem_of(one);
    const auto b = stem_of(other);
    return a && b && one.gate == other.gate && one.evidence == other.evidence &&
           remedy_of_any(one, a->id) == remedy_of_any(other, b->id) && a->said == b->said &&
           a->list == b->list;
}

} // namespace

std::vector<Reason> grouped(const std::vector<Reason>& reasons) {
    std::vector<Reason> out;
    std::vector<bool> done(reasons.size(), false);
    for (std::size_t i = 0; i < reasons.size(); ++i) {
        if (done[i])
            continue;
        std::vector<const Reason*> group{&reasons[i]};
        for (std::size_t j = i + 1; j < reasons.size(); ++j) {
            const bool same = reasons[j] == reasons[i];
            if (done[j] || (!same && !is_alike(reasons[i], reasons[j])))
                continue;
            done[j] = true;
            if (std::none_of(group.begin(), group.end(), [&](const Reason* known) {
                    return *known == reasons[j];
                }))
                group.push_back(&reasons[j]);
        }
        auto reason = reasons[i];
        if (group.size() > 1) {
            const auto stem = *stem_of(reasons[i]);
            reason.field = stem.list;
            reason.message = stem.said;
            reason.remedy = remedy_of_any(reason, stem.id);
            for (const auto* one : group) {
                const auto part = *stem_of(*one);
                reason.message += fmt::format(
                    "{}{} ({})", one == group.front() ? ": " : "; ", part.about, part.id
                );
            }
        }
        out.push_back(std::move(reason));
    }
    return out;
}

// A remedy names commands as programs know them; people type the whole of them. A command whose
// name is a word of the language too ("submit") counts only where a command is named.
std::string with_commands(std::string_view remedy, std::string_view change) {
    const auto in_word = [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); };
    std::string out;
    for (std::size_t at = 0; at < remedy.size();) {
        auto end = at;
        while (end < remedy.size() && in_word(remedy[end]))
            ++end;
        const auto before = remedy.substr(0, at);
        const auto word = remedy.substr(at, end - at);
        const bool named = word.find('_') != std::string_view::npos || before.ends_with('(') ||
                           before.ends_with("with ") || before.ends_with("un ");
        const auto* row = named && word != "open" && !before.ends_with("change ")
                              ? domain::find_command(word)
                              : nullptr;
        if (row != nullptr && !row->internal)
            out += fmt::format(
                "slipway change {}{}{}", word, change.empty() ? "" : " ", clean(change)
            );
        else
            out += word;
        if (end == at)
            out += remedy[end++];
        at = end;
    }
    return out;
}

std::string
reasons_text(const std::vector<Reason>& reasons, const Style& style, std::string_view change) {
    std::string out;
    const auto line = [&](std::string_view label, const std::string& text) {
        if (text.empty())
            return;
        const auto columns = style.width > 30 ? style.width - 4 : 0;
        out += "    " + wrapped(std::string(label) + clean(text), columns, 6) + "\n";
    };
    for (const auto& reason : grouped(reasons)) {
        out += "\n  " + style.paint(Paint::bold, clean(reason.gate.empty() ? "rule" : reason.gate));
        if (!reason.field.empty())
            out += style.paint(Paint::dim, " · " + clean(reason.field));
        out += '\n';
        line("", reason.message);
        line("evidence: ", reason.evidence);
        line("mend: ", with_commands(reason.remedy, change));
    }
    return out;
}

std::string refusal(const Error& error, const Style& style, std::string_view change) {
    std::string out = style.paint(Paint::red, "slipway:") + " ";
    // Many messages are made of what is wrong with the fields, and that is said once: by the
    // message, unless it leaves some of them out.
    const auto in_message = [&](const FieldError& field) {
        return error.message == field.message ||
               error.message.find(field.field + ": " + field.message) != std::string::npos;
    };
    const auto& fields = error.fields;
    const auto named = std::count_if(fields.begin(), fields.end(), in_message);
    const bool lists_fields = named > 1 && named < std::ssize(fields);
    const auto message =
        lists_fields ? fmt::format("{} fields are not right", error.fields.size()) : error.message;
    out += wrapped(clean(message, true), style.width > 30 ? style.width - 9 : 0, 2) + "\n";
    for (const auto& field : error.fields)
        if (lists_fields || !in_message(field))
            out += fmt::format(
                "  {}: {}\n", style.paint(Paint::bold, clean(field.field)), clean(field.message)
            );
    out += reasons_text(error.reasons, style, change);
    if (error.retry_after_ms > 0)
        out += fmt::format("  try again in {} s\n", (error.retry_after_ms + 999) / 1000);
    if (error.code == ErrorCode::unauthenticated && error.reasons.empty())
        out += "  mend: slipway login --person ID\n";
    return out;
}

std::vector<Reason> reasons_of(const Json& list) {
    std::vector<Reason> out;
    const auto* array = list.if_array();
    for (std::size_t i = 0; array && i < array->size(); ++i) {
        const auto& json = (*array)[i];
        const auto text = [&](std::string_view name) {
            return std::string(text_or_empty(json, name));
        };
        if (json.is_string())
            out.push_back({"", "", std::string(view(json.get_string())), "", ""});
        else
            out.push_back(
                {text("gate"), text("field"), text("message"), text("evidence"), text("remedy")}
            );
    }
    return out;
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& names) {
    std::optional<std::string> best;
    std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto& name : names) {
        // Levenshtein's distance, one row at a time.
        std::vector<std::size_t> row(name.size() + 1);
        std::iota(row.begin(), row.end(), std::size_t{0});
        for (std::size_t i = 0; i < word.size(); ++i) {
            std::size_t diagonal = row[0]++;
            for (std::size_t j = 0; j < name.size(); ++j) {
                const auto above = row[j + 1];
                row[j + 1] =
                    word[i] == name[j] ? diagonal : 1 + std::min({diagonal, above, row[j]});
                diagonal = above;
            }
        }
        if (name == word)
            return name;
        const bool begins = word.size() >= 3 && name.starts_with(word);
        const auto distance = begins ? 0 : row.back();
        if (distance < least) {
            least = distance;
            best = name;
        }
    }
    return best;
}

} // namespace slipway::cli
