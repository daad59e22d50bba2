// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace slipway {

namespace {

// Ends the reading of a document from inside yaml-cpp's callbacks; it never leaves this file.
struct Refused {
    ErrorCode code;
    std::size_t line;
    std::string reason;
};

[[noreturn]] void
refuse(const YAML::Mark& mark, std::string reason, ErrorCode code = ErrorCode::invalid_input) {
    throw Refused{code, static_cast<std::size_t>(mark.line) + 1, std::move(reason)};
}

bool all_of_digits(std::string_view text, std::string_view digits) {
    return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

constexpr std::string_view decimal = "0123456789";

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

// YAML 1.2.2, 10.3.2: [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float(std::string_view text) {
    if (!text.empty() && (text.front() == '-' || text.front() == '+'))
        text.remove_prefix(1);
    const auto take_digits = [&] {
        const auto count = std::min(text.find_first_not_of(decimal), text.size());
        text.remove_prefix(count);
        return count;
    };
    const auto whole = take_digits();
    std::size_t fraction = 0;
    if (!text.empty() && text.front() == '.') {
        text.remove_prefix(1);
        fraction = take_digits();
    }
    if (whole + fraction == 0)
        return false;
    if (text.empty())
        return true;
    if (text.front() != 'e' && text.front() != 'E')
        return false;
    text.remove_prefix(1);
    if (!text.empty() && (text.front() == '-' || text.front() == '+'))
        text.remove_prefix(1);
    return all_of_digits(text, decimal);
}

Json whole_number(
    const YAML::Mark& mark, std::string_view text, std::string_view digits, int base
) {
    std::int64_t number = 0;
    const std::string signed_digits = (text.front() == '-' ? "-" : "") + std::string(digits);
    const auto* end = signed_digits.data() + signed_digits.size();
    const auto parsed = std::from_chars(signed_digits.data(), end, number, base);
    if (parsed.ec != std::errc{} || parsed.ptr != end)
        refuse(mark, fmt::format("the number {} does not fit into 64 bits", text));
    return number;
}

// A plain scalar by the core schema: YAML 1.2.2, 10.3.2. yaml-cpp has taken out the nulls it knows.
Json plain_scalar(const YAML::Mark& mark, std::string_view text) {
    if (is_one_of(text, {"", "~", "null", "Null", "NULL"}))
        return nullptr;
    if (is_one_of(text, {"true", "True", "TRUE"}))
        return true;
    if (is_one_of(text, {"false", "False", "FALSE"}))
        return false;
    auto digits = text;
    if (digits.front() == '-' || digits.front() == '+')
        digits.remove_prefix(1);
    if (all_of_digits(digits, decimal))
        return whole_number(mark, text, digits, 10);
    if (text.starts_with("0o") && all_of_digits(text.substr(2), "01234567"))
        return whole_number(mark, text, text.substr(2), 8);
    if (text.starts_with("0x") && all_of_digits(text.substr(2), "0123456789abcdefABCDEF"))
        return whole_number(mark, text, text.substr(2), 16);
    if (is_one_of(digits, {".inf", ".Inf", ".INF"}) || is_one_of(text, {".nan", ".NaN", ".NAN"}))
        refuse(mark, fmt::format("the number {} is not finite", text));
    if (is_float(text)) {
        if (text.front() == '+')
            text.remove_prefix(1);
        double number = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
        if (parsed.ec != std::errc{})
            refuse(mark, fmt::format("the number {} is out of range", text));
        return number;
    }
    return Json(boost::json::string_view(text.data(), text.size()));
}

// Builds the Json and the table of lines while yaml-cpp reads. Every limit is checked at the event
// that would exceed it, so that nothing large is ever built.
class Builder : public YAML::EventHandler {
  public:
    Builder(Json& value, YamlDocument& document) : value_(value), document_(document) {}

    void OnDocumentStart(const YAML::Mark&) override {}

    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        check(mark, "?", anchor);
        if (expects_key())
            refuse(mark, "a name is missing before ':'");
        put(mark, nullptr);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        refuse(mark, "aliases (*name) are not allowed; write the value out");
    }

    void OnScalar(
        const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
        const std::string& text
    ) override {
        check(mark, tag, anchor);
        if (expects_key())
            return open_key(mark, text);
        put(mark, tag == "?" ? plain_scalar(mark, text) : Json(text));
    }

    void OnSequenceStart(
        const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
        YAML::EmitterStyle::value
    ) override {
        begin(mark, tag, anchor, JsonArray{});
    }

    void OnSequenceEnd() override { end(); }

    void OnMapStart(
        const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
        YAML::EmitterStyle::value
    ) override {
        begin(mark, tag, anchor, JsonObject{});
    }

    void OnMapEnd() override { end(); }

  private:
    // A list or mapping that is being filled; `path` ends with the member that is being read.
    struct Level {
        Json value;
        std::string path;
        std::optional<std::string> key = std::nullopt;
    };

    bool expects_key() const {
        return !levels_.empty() && levels_.back().value.is_object() && !levels_.back().key;
    }

    void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor)
            refuse(mark, "anchors (&name) are not allowed; write the value out");
        if (tag != "?" && tag != "!" && !tag.empty())
            refuse(mark, "explicit tags (!name) are not allowed");
        if (++nodes_ > limits::yaml_nodes_max)
            refuse(
                mark, fmt::format("more than {} nodes", limits::yaml_nodes_max),
                ErrorCode::limit_exceeded
            );
    }

    void open_key(const YAML::Mark& mark, const std::string& text) {
        auto& level = levels_.back();
        if (text.empty() || text.size() > limits::name_max)
            refuse(mark, fmt::format("a name must have 1 to {} bytes", limits::name_max));
        if (level.value.get_object().contains(text))
            refuse(mark, fmt::format("duplicate key: {}", text));
        level.key = text;
        note_line(mark);
    }

    // The path of the node that comes next.
    std::string here() const {
        if (levels_.empty())
            return {};
        const auto& level = levels_.back();
        if (const auto* array = level.value.if_array())
            return fmt::format("{}[{}]", level.path, array->size());
        return level.path.empty() ? *level.key : fmt::format("{}.{}", level.path, *level.key);
    }

    // Long paths of many nodes would outgrow the document; beyond the limit an error names the line
    // of the nearest node above.
    void note_line(const YAML::Mark& mark) {
        auto path = here();
        path_bytes_ += path.size();
        if (path_bytes_ <= limits::yaml_paths_max)
            document_.lines.emplace(std::move(path), static_cast<std::size_t>(mark.line) + 1);
    }

    void put(const YAML::Mark& mark, Json value) {
        note_line(mark);
        place(std::move(value));
    }

    void place(Json value) {
        if (levels_.empty()) {
            value_ = std::move(value);
            return;
        }
        auto& level = levels_.back();
        if (auto* array = level.value.if_array()) {
            array->push_back(std::move(value));
        } else {
            level.value.get_object().emplace(*level.key, std::move(value));
            level.key.reset();
        }
    }

    void
    begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json container) {
        check(mark, tag, anchor);
        if (expects_key())
            refuse(mark, "a name must be a text, not a list or a mapping");
        if (levels_.size() >= limits::yaml_depth_max)
            refuse(
                mark, fmt::format("nested deeper than {} levels", limits::yaml_depth_max),
                ErrorCode::limit_exceeded
            );
        note_line(mark);
        levels_.push_back({std::move(container), here()});
    }

    void end() {
        Json value = std::move(levels_.back().value);
        levels_.pop_back();
        place(std::move(value));
    }

    Json& value_;
    YamlDocument& document_;
    std::vector<Level> levels_;
    std::size_t nodes_ = 0;
    std::size_t path_bytes_ = 0;
};

tl::unexpected<Error>
fail_at(std::string_view file, std::size_t line, std::string reason, ErrorCode code) {
    const auto place = fmt::format("{}:{}", file, line);
    Error error{code, fmt::format("{}: {}", place, reason)};
    error.fields.push_back({place, std::move(reason)});
    return tl::unexpected(std::move(error));
}

// The line of the first byte that is not valid UTF-8, for the error.
std::size_t line_of_bad_byte(std::string_view text) {
    std::size_t line = 1;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (!is_valid_text(text.substr(0, end)))
            return line;
        ++line;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return line;
}

std::string plain_reason(const YAML::Exception& error) {
    return "not valid YAML: " + error.msg;
}

} // namespace

std::size_t YamlDocument::line_of(std::string_view path) const {
    while (true) {
        if (const auto found = lines.find(path); found != lines.end())
            return found->second;
        if (path.empty())
            return 1;
        const auto cut = path.find_last_of(".[");
        path = path.substr(0, cut == std::string_view::npos ? 0 : cut);
    }
}

std::string YamlDocument::place_of(std::string_view path) const {
    return fmt::format("{}:{}", file_name, line_of(path));
}

Result<YamlDocument> parse_yaml(std::string_view text, std::string_view file_name) {
    if (text.size() > limits::yaml_file_max)
        return fail_at(
            file_name, 1,
            fmt::format("{} bytes long, the limit is {}", text.size(), limits::yaml_file_max),
            ErrorCode::limit_exceeded
        );
    if (!is_valid_text(text))
        return fail_at(
            file_name, line_of_bad_byte(text), "not valid UTF-8, or a NUL character",
            ErrorCode::invalid_input
        );
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
        return fail_at(file_name, 1, "the file is empty", ErrorCode::invalid_input);
    YamlDocument document;
    document.file_name = file_name;
    try {
        // yaml-cpp takes the end of the file for the closing quote of a text; it does not take the
        // mark of the document's end for one, so a file that was cut off is refused.
        std::istringstream input{std::string(text) + "\n...\n"};
        YAML::Parser parser(input);
        Builder first(document.value, document);
        if (!parser.HandleNextDocument(first))
            return fail_at(file_name, 1, "the file is empty", ErrorCode::invalid_input);
        Json rest;
        YamlDocument ignored;
        Builder second(rest, ignored);
        if (parser.HandleNextDocument(second))
            return fail_at(
                file_name, ignored.line_of(""),
                "a second document begins; one file is one document", ErrorCode::invalid_input
            );
    } catch (const Refused& refused) {
        return fail_at(file_name, refused.line, refused.reason, refused.code);
    } catch (const YAML::Exception& error) {
        // Not beyond the file, to which a mark was added.
        const auto last = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
        const auto line = error.mark.is_null() ? 0 : std::min(error.mark.line, last);
        return fail_at(
            file_name, static_cast<std::size_t>(line) + 1, plain_reason(error),
            ErrorCode::invalid_input
        );
    } catch (const std::exception& error) {
        return fail_at(
            file_name, 1, fmt::format("not valid YAML: {}", error.what()), ErrorCode::invalid_input
        );
    }
    return document;
}

Error place_errors(const YamlDocument& document, Error error) {
    std::string message;
    std::size_t shown = 0;
    for (auto& field : error.fields) {
        auto place = document.place_of(field.field);
        if (!field.field.empty())
            field.message = fmt::format("{}: {}", field.field, field.message);
        field.field = std::move(place);
        if (shown == limits::yaml_errors_shown_max)
            continue;
        ++shown;
        message += fmt::format("{}{}: {}", shown > 1 ? "\n" : "", field.field, field.message);
    }
    if (error.fields.size() > shown)
        message += fmt::format("\nand {} more", error.fields.size() - shown);
    if (!message.empty())
        error.message = std::move(message);
    return error;
}

} // namespace slipway
