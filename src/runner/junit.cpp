// SPDX-License-Identifier: Apache-2.0
#include "runner/junit.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>

#include <expat.h>
#include <fmt/format.h>

#include "base/json.hpp"
#include "runner/transcript.hpp"

namespace slipway::runner {

using domain::CheckResult;
using domain::RunOutcome;

namespace {

struct ParserDelete {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

// The value of an attribute, or empty. expat gives name and value in turn, then a null pointer.
std::string_view attribute(const XML_Char** attributes, std::string_view name) {
    for (; *attributes != nullptr; attributes += 2)
        if (*attributes == name)
            return attributes[1];
    return {};
}

struct Timestamp {
    Time as_utc{};
    Time latest{}; // that it can mean
    bool zoned = false;
};

// As tools write it: also with a blank for the T, without the colon of an offset, or a day alone.
std::string as_rfc3339(std::string_view text) {
    constexpr std::size_t day = 10;
    std::string whole(text);
    if (whole.size() == day)
        whole += "T00:00:00";
    if (whole.size() > day && whole[day] == ' ')
        whole[day] = 'T';
    const auto sign = whole.find_last_of("+-");
    if (sign != std::string::npos && sign > day && whole.size() - sign == 5)
        whole.insert(sign + 3, ":");
    return whole;
}

// What the text does not say of the minute or of the second.
Span left_out(std::string_view rfc3339) {
    constexpr std::size_t minute = 16; // "2026-11-22T20:00"
    if (rfc3339.size() <= minute || rfc3339[minute] != ':')
        return Span(59'999);
    return rfc3339.find('.') == std::string_view::npos ? Span(999) : Span::zero();
}

// Most tools write no offset; the zone of the machine that ran the tests is not ours to guess, and
// no place on earth is more than 14 hours away from UTC.
std::optional<Timestamp> read_timestamp(std::string_view given) {
    const auto text = as_rfc3339(given);
    auto time = time_from_text(text);
    const bool zoned = time.has_value();
    if (!zoned)
        time = time_from_text(text + "Z");
    // Later ones are nonsense, and with a duration added could not be written any more.
    constexpr Time last = std::chrono::sys_days(std::chrono::year(9000) / 1 / 1);
    if (!time || *time >= last)
        return std::nullopt;
    const Span zone = zoned ? Span::zero() : Span(std::chrono::hours(14));
    return Timestamp{*time, *time + zone + left_out(text), zoned};
}

// A total of a suite; what is no number counts nothing.
std::uint64_t read_count(std::string_view text) {
    std::uint64_t count = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
    const bool good = read.ec == std::errc{} && read.ptr == text.data() + text.size();
    return good ? std::min<std::uint64_t>(count, limits::import_body_max) : 0;
}

Span read_seconds(std::string_view text) {
    const std::string copy(text);
    char* end = nullptr;
    const double seconds = std::strtod(copy.c_str(), &end);
    const bool good = end != copy.c_str() && std::isfinite(seconds) && seconds >= 0;
    return good ? Span(std::llround(std::min(seconds, 86'400.0 * 365) * 1000)) : Span{};
}

class JunitReader {
  public:
    explicit JunitReader(XML_Parser parser) : parser_(parser) {
        XML_SetUserData(parser, this);
        XML_SetElementHandler(
            parser,
            [](void* user, const XML_Char* name, const XML_Char** attributes) {
                static_cast<JunitReader*>(user)->begin(name, attributes);
            },
            [](void* user, const XML_Char* name) { static_cast<JunitReader*>(user)->end(name); }
        );
        XML_SetCharacterDataHandler(parser, [](void* user, const XML_Char* text, int size) {
            static_cast<JunitReader*>(user)->add_text({text, static_cast<std::size_t>(size)});
        });
        XML_SetStartDoctypeDeclHandler(
            parser,
            [](void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
                static_cast<JunitReader*>(user)->refuse("a document type declaration is not allowed"
                );
            }
        );
    }

    Result<JunitReport> read(std::string_view xml) {
        const auto status = XML_Parse(parser_, xml.data(), static_cast<int>(xml.size()), XML_TRUE);
        const auto line = fmt::format("line {}", XML_GetCurrentLineNumber(parser_));
        if (!refusal_.empty())
            return fail_field(line, refusal_);
        if (status != XML_STATUS_OK)
            return fail_field(
                line, fmt::format("not valid XML: {}", XML_ErrorString(XML_GetErrorCode(parser_)))
            );
        if (results_.empty())
            return fail_field(line, "the report has no test case");
        return JunitReport{std::move(results_), began_, zoned_};
    }

  private:
    void refuse(std::string reason) {
        if (refusal_.empty())
            refusal_ = std::move(reason);
        XML_StopParser(parser_, XML_FALSE);
    }

    void begin(std::string_view name, const XML_Char** attributes) {
        if (++depth_ > limits::junit_depth_max)
            return refuse(fmt::format("elements are nested deeper than {}", limits::junit_depth_max)
            );
        if (depth_ == 1 && name != "testsuites" && name != "testsuite")
            return refuse("expected <testsuites> or <testsuite>");
        const auto stamp = attribute(attributes, "timestamp");
        const auto at = read_timestamp(stamp);
        if (!stamp.empty() && !at)
            return refuse(fmt::format(
                "the timestamp {} cannot be read; expected such as 2026-11-22T20:00:00Z",
                safe_text(stamp.substr(0, 40))
            ));
        if (name == "testsuites" || name == "testsuite") {
            begin_suite(attributes, at);
        } else if (name == "testcase") {
            begin_case(attributes, at);
        } else if (in_case_ && name == "property") {
            // As our own reports say that the check was seen from the outside; also by which probe.
            const bool outside = attribute(attributes, "name") == "outside" &&
                                 attribute(attributes, "value") != "false";
            results_.back().outside = results_.back().outside || outside;
        } else if (in_case_) {
            begin_verdict(name, attributes);
        } else if (is_failure(name)) {
            refuse("a suite failed outside of its test cases, which no check of a list shows");
        }
    }

    static bool is_failure(std::string_view name) { return name == "failure" || name == "error"; }

    void saw(const std::optional<Timestamp>& at) {
        if (!at || (began_ && *began_ <= at->latest))
            return;
        began_ = at->latest;
        zoned_ = at->zoned;
    }

    void begin_suite(const XML_Char** attributes, const std::optional<Timestamp>& at) {
        saw(at);
        if (at)
            suite_started_ = at->as_utc;
        suites_.push_back(
            {read_count(attribute(attributes, "failures")) +
                 read_count(attribute(attributes, "errors")),
             failures_}
        );
    }

    // One that failed and was left out would make the others look like all.
    void end_suite() {
        const auto suite = suites_.back();
        suites_.pop_back();
        if (suite.failed > failures_ - suite.failures_before)
            refuse(fmt::format(
                "a suite says that {} of its tests failed, and its test cases show {}: the report "
                "is not whole",
                suite.failed, failures_ - suite.failures_before
            ));
    }

    void begin_case(const XML_Char** attributes, const std::optional<Timestamp>& at) {
        if (in_case_)
            return refuse("a <testcase> stands inside another");
        if (results_.size() >= limits::junit_cases_max)
            return refuse(fmt::format("more than {} test cases", limits::junit_cases_max));
        const auto name = attribute(attributes, "name");
        if (name.empty())
            return refuse("a <testcase> has no name");
        const auto class_name = attribute(attributes, "classname");
        CheckResult result;
        result.name = cut_text(
            safe_text(
                class_name.empty() ? std::string(name) : fmt::format("{}.{}", class_name, name)
            ),
            limits::title_max
        );
        saw(at);
        // So GoogleTest and CTest write what they left out.
        const auto status = attribute(attributes, "status");
        const bool ran = status != "notrun" && status != "disabled";
        result.outcome = ran ? RunOutcome::passed : RunOutcome::skipped;
        result.message = ran ? "" : "it was not run";
        result.started = suite_started_;
        result.ended = suite_started_ + read_seconds(attribute(attributes, "time"));
        results_.push_back(std::move(result));
        in_case_ = true;
    }

    // A failure outweighs a skip, whichever comes first.
    void begin_verdict(std::string_view name, const XML_Char** attributes) {
        auto& result = results_.back();
        const bool failure = is_failure(name);
        failures_ += failure ? 1 : 0;
        if (!failure && (name != "skipped" || result.outcome == RunOutcome::failed))
            return;
        if (result.outcome == RunOutcome::failed)
            return;
        result.outcome = failure ? RunOutcome::failed : RunOutcome::skipped;
        result.message = cut_text(safe_text(attribute(attributes, "message")), limits::text_max);
        text_depth_ = result.message.empty() ? depth_ : 0;
        text_.clear();
    }

    void add_text(std::string_view text) {
        if (text_depth_ != 0 && text_.size() < limits::text_max)
            text_ += cut_text(text, limits::text_max - text_.size());
    }

    void end(std::string_view name) {
        if (text_depth_ != 0 && text_depth_ == depth_) {
            text_depth_ = 0;
            results_.back().message = cut_text(first_line(text_), limits::text_max);
        }
        if (name == "testcase" && in_case_) {
            in_case_ = false;
            say_that_skipped(results_.back());
        }
        // After a refusal the parser may still tell the end of what was not begun.
        if (refusal_.empty() && (name == "testsuites" || name == "testsuite"))
            end_suite();
        --depth_;
    }

    // Its message is what is shown of a check that did not pass, and no check may be skipped.
    static void say_that_skipped(CheckResult& result) {
        if (result.outcome == RunOutcome::skipped)
            result.message = cut_text(
                result.message.empty() ? std::string("skipped") : "skipped: " + result.message,
                limits::text_max
            );
    }

    static std::string first_line(std::string_view text) {
        const auto begin = text.find_first_not_of(" \t\r\n");
        if (begin == std::string_view::npos)
            return {};
        text.remove_prefix(begin);
        return safe_text(text.substr(0, text.find_first_of("\r\n")));
    }

    struct Suite {
        std::uint64_t failed = 0; // as its totals say
        std::uint64_t failures_before = 0;
    };

    XML_Parser parser_;
    std::string refusal_;
    int depth_ = 0;
    bool in_case_ = false;
    int text_depth_ = 0; // of the element whose text is the message; 0 outside of one
    std::string text_;
    Time suite_started_{};
    std::optional<Time> began_;
    bool zoned_ = true;
    std::vector<Suite> suites_;
    std::uint64_t failures_ = 0; // that the cases have shown so far
    std::vector<CheckResult> results_;
};

} // namespace

Result<JunitReport> read_junit(std::string_view xml) {
    if (xml.size() > limits::import_body_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format(
                "the report has {} bytes, the limit is {}", xml.size(), limits::import_body_max
            )
        );
    const std::unique_ptr<XML_ParserStruct, ParserDelete> parser(XML_ParserCreate(nullptr));
    if (!parser)
        return fail(ErrorCode::unavailable, "no memory for the XML parser");
    return JunitReader(parser.get()).read(xml);
}

} // namespace slipway::runner
