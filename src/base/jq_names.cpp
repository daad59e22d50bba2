// SPDX-License-Identifier: Apache-2.0
// The names that an expression must not use, found in its text by the rules of jq 1.6's own lexer
// (src/lexer.l of jq: comments end at the line's end, strings may hold expressions in \( )).
#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "base/jq.hpp"

namespace slipway {

namespace {

struct Refusal {
    std::string_view name;
    std::string_view reason;
};

constexpr std::string_view environment = "an expression cannot see the environment";
constexpr std::string_view inputs = "an expression has one input, which is '.'";
constexpr std::string_view output = "an expression gives a value and writes nothing";
constexpr std::string_view modules = "an expression cannot load modules";
constexpr std::string_view machine = "an expression cannot see clock or zone of the machine";
constexpr std::string_view process = "an expression cannot end the process";
constexpr std::string_view place = "an expression cannot see where it stands";

constexpr std::array refusals{
    Refusal{"env", environment},       Refusal{"ENV", environment},
    Refusal{"input", inputs},          Refusal{"inputs", inputs},
    Refusal{"input_filename", inputs}, Refusal{"input_line_number", inputs},
    Refusal{"debug", output},          Refusal{"stderr", output},
    Refusal{"import", modules},        Refusal{"include", modules},
    Refusal{"modulemeta", modules},    Refusal{"get_search_list", modules},
    Refusal{"now", machine},           Refusal{"localtime", machine},
    Refusal{"strflocaltime", machine}, Refusal{"halt", process},
    Refusal{"halt_error", process},    Refusal{"__loc__", place},
    Refusal{"__prog_args", place},     Refusal{"format", "use @text, @json, @csv and so on"},
};

bool starts_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool continues_name(char c) {
    return starts_name(c) || (c >= '0' && c <= '9');
}

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Walks over the tokens. `open_` holds what is open: ( [ { and " for a string; an expression inside
// a string is a ( whose parent is that ".
class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    Result<void> scan() {
        while (at_ < text_.size()) {
            if (!open_.empty() && open_.back() == '"')
                in_string();
            else
                TRY(in_code());
        }
        return {};
    }

  private:
    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }

    void in_string() {
        const char c = text_[at_];
        if (c == '\\') {
            if (peek(1) == '(') {
                open_.push_back('(');
                previous_ = '(';
            }
            at_ += 2;
        } else {
            ++at_;
            if (c == '"')
                close('"');
        }
    }

    void close(char token) {
        if (!open_.empty())
            open_.pop_back();
        previous_ = token;
    }

    Result<void> in_code() {
        const char c = text_[at_];
        if (is_space(c)) {
            ++at_;
        } else if (c == '#') {
            at_ = std::min(text_.find('\n', at_), text_.size());
        } else if (starts_name(c)) {
            return name();
        } else if (c == '.' && starts_name(peek(1))) {
            // A field: any name may follow the dot.
            at_ += 1;
            take_name();
            previous_ = 'a';
        } else if (c == '@') {
            ++at_;
            // It frees its buffer with free(), which did not come from malloc (base/jq_cell.hpp).
            if (take_name() == "base64d")
                return fail(
                    ErrorCode::invalid_input, "@base64d: an expression cannot decode Base64"
                );
            previous_ = 'a';
        } else if (c == ':' && peek(1) == ':') {
            return fail(ErrorCode::invalid_input, "'::': an expression cannot load modules");
        } else {
            ++at_;
            if (c == '"' || c == '(' || c == '[' || c == '{') {
                open_.push_back(c);
                previous_ = c;
            } else if (c == ')' || c == ']' || c == '}') {
                close(c);
            } else {
                previous_ = c;
            }
        }
        return {};
    }

    std::string_view take_name() {
        const auto start = at_;
        while (continues_name(peek()))
            ++at_;
        return text_.substr(start, at_ - start);
    }

    // The name of a member in an object that is being built: {input: 1}. Nowhere else can a name
    // stand between '{' or ',' and ':' directly inside braces.
    bool is_member_name() const {
        if (open_.empty() || open_.back() != '{' || (previous_ != '{' && previous_ != ','))
            return false;
        auto next = at_;
        while (next < text_.size() && is_space(text_[next]))
            ++next;
        return next < text_.size() && text_[next] == ':';
    }

    Result<void> name() {
        const auto found = take_name();
        const auto* refusal =
            std::find_if(refusals.begin(), refusals.end(), [&](const Refusal& row) {
                return row.name == found;
            });
        if (refusal != refusals.end() && !is_member_name())
            return fail(ErrorCode::invalid_input, fmt::format("{}: {}", found, refusal->reason));
        previous_ = 'a';
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<char> open_;
    char previous_ = '\0'; // the last token: its character, or 'a' for a name
};

} // namespace

Result<void> check_jq_names(std::string_view program) {
    return Scanner(program).scan();
}

} // namespace slipway
