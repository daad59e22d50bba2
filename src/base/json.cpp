// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <charconv>
#include <cmath>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <fmt/format.h>

#include "base/limits.hpp"

namespace slipway {

namespace {

// Boost.JSON keeps the last of two members with one name. An approval of bytes cannot live with
// two readings of one document, so a duplicate is refused: when the parser is done, the number of
// member names it saw must be the number that the document holds.
std::size_t count_members(const Json& value) {
    std::size_t count = 0;
    if (const auto* object = value.if_object()) {
        count += object->size();
        for (const auto& member : *object)
            count += count_members(member.value());
    } else if (const auto* array = value.if_array()) {
        for (const auto& element : *array)
            count += count_members(element);
    }
    return count;
}

// Counts colons outside strings, which is the number of members of a valid document.
std::size_t count_member_names(std::string_view text) {
    std::size_t count = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (quoted) {
            if (text[i] == '\\')
                ++i;
            else if (text[i] == '"')
                quoted = false;
        } else if (text[i] == '"') {
            quoted = true;
        } else if (text[i] == ':') {
            ++count;
        }
    }
    return count;
}

// What Boost's parser asks of every handler; nothing is limited by it here.
struct AnySize {
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    using Text = boost::json::string_view;
    using Failure = boost::json::error_code;
};

// Boost.JSON 1.81 reads decimals with an error of up to one unit in the last place. A value that
// was written would then be read back as another one, and its digest with it. This handler builds
// the same values as Boost's own, but reads decimals again to the nearest double.
struct Handler : AnySize {
    bool on_document_begin(Failure&) { return true; }

    bool on_document_end(Failure&) { return true; }

    bool on_object_begin(Failure&) { return true; }

    bool on_object_end(std::size_t count, Failure&) {
        values.push_object(count);
        return true;
    }

    bool on_array_begin(Failure&) { return true; }

    bool on_array_end(std::size_t count, Failure&) {
        values.push_array(count);
        return true;
    }

    bool on_key_part(Text part, std::size_t, Failure&) {
        values.push_chars(part);
        return true;
    }

    bool on_key(Text part, std::size_t, Failure&) {
        values.push_key(part);
        return true;
    }

    bool on_string_part(Text part, std::size_t, Failure&) {
        values.push_chars(part);
        return true;
    }

    bool on_string(Text part, std::size_t, Failure&) {
        values.push_string(part);
        return true;
    }

    bool on_number_part(Text part, Failure&) {
        number.append(part);
        return true;
    }

    bool on_int64(std::int64_t value, Text, Failure&) {
        number.clear();
        values.push_int64(value);
        return true;
    }

    bool on_uint64(std::uint64_t value, Text, Failure&) {
        number.clear();
        values.push_uint64(value);
        return true;
    }

    bool on_double(double value, Text part, Failure& failed) {
        number.append(part);
        const char* end = number.data() + number.size();
        // A number too small for a double leaves `value` as it is: zero or nearly so.
        const auto [unused, result] = std::from_chars(number.data(), end, value);
        number.clear();
        if (result == std::errc::result_out_of_range && !std::isfinite(value)) {
            failed = boost::json::error::exponent_overflow;
            return false;
        }
        values.push_double(value);
        return true;
    }

    bool on_bool(bool value, Failure&) {
        values.push_bool(value);
        return true;
    }

    bool on_null(Failure&) {
        values.push_null();
        return true;
    }

    bool on_comment_part(Text, Failure&) { return true; }

    bool on_comment(Text, Failure&) { return true; }

    boost::json::value_stack values;
    std::string number;
};

// Reads a text that was refused once more, to say at which member it stopped: the first that
// cannot be read, or whose name its object has already.
class Locator : public AnySize {
  public:
    bool on_document_begin(Failure&) { return true; }

    bool on_document_end(Failure&) { return true; }

    bool on_object_begin(Failure&) {
        levels_.emplace_back();
        return true;
    }

    bool on_object_end(std::size_t, Failure&) { return end_level(); }

    bool on_array_begin(Failure&) {
        levels_.emplace_back().list = true;
        return true;
    }

    bool on_array_end(std::size_t, Failure&) { return end_level(); }

    bool on_key_part(Text part, std::size_t, Failure&) {
        key_.append(part.data(), part.size());
        return true;
    }

    bool on_key(Text part, std::size_t, Failure& failed) {
        key_.append(part.data(), part.size());
        levels_.back().name = std::exchange(key_, {});
        const bool fresh = levels_.back().names.insert(levels_.back().name).second;
        if (!fresh)
            failed = boost::json::error::syntax;
        return fresh;
    }

    bool on_string_part(Text, std::size_t, Failure&) { return true; }

    bool on_string(Text, std::size_t, Failure&) { return end_value(); }

    bool on_number_part(Text, Failure&) { return true; }

    bool on_int64(std::int64_t, Text, Failure&) { return end_value(); }

    bool on_uint64(std::uint64_t, Text, Failure&) { return end_value(); }

    bool on_double(double, Text, Failure&) { return end_value(); }

    bool on_bool(bool, Failure&) { return end_value(); }

    bool on_null(Failure&) { return end_value(); }

    bool on_comment_part(Text, Failure&) { return true; }

    bool on_comment(Text, Failure&) { return true; }

    // "cis[2].version_to"; empty where no member has begun.
    std::string path() const {
        std::string out;
        for (const auto& level : levels_)
            if (level.list)
                out += fmt::format("[{}]", level.index);
            else if (!level.name.empty())
                out += (out.empty() ? "" : ".") + level.name;
        return out;
    }

  private:
    struct Level {
        bool list = false;
        std::size_t index = 0;
        std::string name = {};
        std::set<std::string> names = {};
    };

    bool end_value() {
        if (!levels_.empty()) {
            ++levels_.back().index;
            levels_.back().name.clear();
        }
        return true;
    }

    bool end_level() {
        levels_.pop_back();
        return end_value();
    }

    std::vector<Level> levels_;
    std::string key_;
};

Locator locate(std::string_view text) {
    boost::json::parse_options options;
    options.max_depth = limits::json_depth_max;
    boost::json::basic_parser<Locator> parser(options);
    boost::json::error_code failed;
    parser.write_some(true, text.data(), text.size(), failed);
    return parser.handler();
}

// The first byte that is not valid UTF-8 or is NUL, or npos.
std::size_t first_bad_byte(std::string_view bytes) {
    std::size_t i = 0;
    while (i < bytes.size()) {
        const auto lead = static_cast<unsigned char>(bytes[i]);
        if (lead == 0)
            return i;
        if (lead < 0x80) {
            ++i;
            continue;
        }
        const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
        if (length == 0 || lead > 0xF4 || i + length > bytes.size())
            return i;
        std::uint32_t point = lead & (0xFFu >> (length + 1));
        for (std::size_t k = 1; k < length; ++k) {
            const auto next = static_cast<unsigned char>(bytes[i + k]);
            if ((next & 0xC0) != 0x80)
                return i;
            point = point << 6 | (next & 0x3F);
        }
        constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < smallest[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
            return i;
        i += length;
    }
    return std::string_view::npos;
}

tl::unexpected<Error> refuse_at(std::string path, std::string message) {
    Error error{ErrorCode::invalid_input, "JSON: "};
    error.message += path.empty() ? message : path + ": " + message;
    error.fields.push_back({std::move(path), std::move(message)});
    return tl::unexpected(std::move(error));
}

// What Boost calls a syntax error may be bytes that are no text at all.
tl::unexpected<Error>
refuse_text(std::string_view text, std::size_t used, const boost::json::error_code& failed) {
    if (text.starts_with("\xEF\xBB\xBF"))
        return refuse_at("", "begins with a byte order mark; send UTF-8 without one");
    if (const auto bad = first_bad_byte(text); bad != std::string_view::npos)
        return refuse_at(locate(text.substr(0, bad)).path(), encoding_finding(text));
    return refuse_at(
        locate(text.substr(0, used)).path(), fmt::format("{} at byte {}", failed.message(), used)
    );
}

void append_pretty(std::string& out, const Json& value, std::size_t indent) {
    const auto line = [&](std::size_t depth) { out += '\n' + std::string(depth * 2, ' '); };
    if (const auto* object = value.if_object(); object && !object->empty()) {
        out += '{';
        bool first = true;
        for (const auto& member : *object) {
            if (!first)
                out += ',';
            first = false;
            line(indent + 1);
            append_quoted(out, {member.key().data(), member.key().size()});
            out += ": ";
            append_pretty(out, member.value(), indent + 1);
        }
        line(indent);
        out += '}';
    } else if (const auto* array = value.if_array(); array && !array->empty()) {
        out += '[';
        bool first = true;
        for (const auto& element : *array) {
            if (!first)
                out += ',';
            first = false;
            line(indent + 1);
            append_pretty(out, element, indent + 1);
        }
        line(indent);
        out += ']';
    } else {
        append_text(out, value);
    }
}

} // namespace

Result<Json> parse_json(std::string_view text) {
    boost::json::parse_options options;
    options.max_depth = limits::json_depth_max;
    boost::json::basic_parser<Handler> parser(options);
    parser.handler().values.reset();
    boost::json::error_code failed;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), failed);
    if (failed == boost::json::error::too_deep)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("JSON: nested deeper than {} levels", limits::json_depth_max)
        );
    if (failed)
        return refuse_text(text, used, failed);
    if (const auto rest = text.find_first_not_of(" \t\r\n", used); rest != std::string_view::npos)
        return refuse_at("", fmt::format("extra data at byte {}", rest));
    Json value = parser.handler().values.release();
    if (count_members(value) != count_member_names(text))
        return refuse_at(locate(text).path(), "stands twice in one object");
    return value;
}

std::string to_text(const Json& value) {
    return boost::json::serialize(value);
}

void append_text(std::string& out, const Json& value) {
    out += boost::json::serialize(value);
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    std::size_t plain = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        out.append(text, plain, i - plain);
        plain = i + 1;
        switch (c) {
        case '"':
            out += "\\\"";
            break;
        case '\\':
            out += "\\\\";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        default:
            out += fmt::format("\\u{:04x}", c);
        }
    }
    out.append(text, plain);
    out += '"';
}

std::string to_pretty_text(const Json& value) {
    std::string out;
    append_pretty(out, value, 0);
    out += '\n';
    return out;
}

const Json* find(const Json& value, std::string_view key) {
    const auto* object = value.if_object();
    return object ? object->if_contains({key.data(), key.size()}) : nullptr;
}

std::string_view text_or_empty(const Json& value, std::string_view key) {
    const auto* member = find(value, key);
    return member && member->is_string() ? view(member->get_string()) : std::string_view{};
}

bool truth_at(const Json& object, std::string_view key) {
    const auto* value = find(object, key);
    return value != nullptr && value->is_bool() && value->get_bool();
}

bool is_valid_text(std::string_view bytes) {
    return first_bad_byte(bytes) == std::string_view::npos;
}

std::string encoding_finding(std::string_view bytes) {
    const auto bad = first_bad_byte(bytes);
    if (bad == std::string_view::npos)
        return {};
    return bytes[bad] == '\0' ? fmt::format("contains a NUL character at byte {}", bad)
                              : fmt::format("is not valid UTF-8 at byte {}", bad);
}

std::string as_valid_text(std::string bytes) {
    if (is_valid_text(bytes))
        return bytes;
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte == 0 || byte >= 0x80)
            fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
        else
            out += c;
    }
    return out;
}

std::string cut_text(std::string_view text, std::size_t size) {
    if (text.size() > size) {
        while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80)
            --size;
        text = text.substr(0, size);
    }
    return std::string(text);
}

} // namespace slipway
