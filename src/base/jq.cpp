// SPDX-License-Identifier: Apache-2.0
#include "base/jq.hpp"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <optional>
#include <thread>

#include <fmt/format.h>

extern "C" {
#include <jq.h>
#include <jv.h>
}

#include "base/jq_cell.hpp"

namespace slipway {

namespace {

using Clock = JqTime::Clock;

// Ends runs whose time is over: a program that allocates nothing, such as `def f: f; f`, passes no
// other place where it could be stopped. libjq looks at the flag that jq_halt sets before each
// instruction. One thread serves all runs; it sleeps while nothing runs.
class Watchdog {
  public:
    Watchdog() : thread_([this] { watch(); }) {}

    ~Watchdog() {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    struct Entry {
        jq_state* state;
        JqTime time;
        bool fired = false;
    };

    void arm(Entry& entry) {
        bool wake = false;
        {
            const std::lock_guard lock(mutex_);
            entries_.push_back(&entry);
            wake = entry.time.next_look() < wakes_at_;
        }
        if (wake)
            changed_.notify_one();
    }

    void disarm(Entry& entry) {
        const std::lock_guard lock(mutex_);
        std::erase(entries_, &entry);
    }

  private:
    void watch() {
        std::unique_lock lock(mutex_);
        while (!stop_) {
            const auto now = Clock::now();
            wakes_at_ = Clock::time_point::max();
            for (auto* entry : entries_) {
                if (entry->fired)
                    continue;
                entry->fired = entry->time.is_over(now);
                if (entry->fired)
                    jq_halt(entry->state, jv_invalid(), jv_invalid());
                else
                    wakes_at_ = std::min(wakes_at_, entry->time.next_look());
            }
            if (wakes_at_ == Clock::time_point::max())
                changed_.wait(lock);
            else
                changed_.wait_until(lock, wakes_at_);
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Entry*> entries_;
    Clock::time_point wakes_at_ = Clock::time_point::max();
    bool stop_ = false;
    std::thread thread_; // last: it uses the members above
};

Watchdog& watchdog() {
    static Watchdog only;
    return only;
}

std::string text_of(jv value) {
    std::string text(
        jv_string_value(value), static_cast<std::size_t>(jv_string_length_bytes(jv_copy(value)))
    );
    jv_free(value);
    return text;
}

jv to_jv(const Json& json) {
    switch (json.kind()) {
    case boost::json::kind::null:
        return jv_null();
    case boost::json::kind::bool_:
        return jv_bool(json.get_bool());
    case boost::json::kind::int64:
        return jv_number(static_cast<double>(json.get_int64()));
    case boost::json::kind::uint64:
        return jv_number(static_cast<double>(json.get_uint64()));
    case boost::json::kind::double_:
        return jv_number(json.get_double());
    case boost::json::kind::string:
        return jv_string_sized(
            json.get_string().data(), static_cast<int>(json.get_string().size())
        );
    case boost::json::kind::array: {
        jv array = jv_array();
        for (const auto& element : json.get_array())
            array = jv_array_append(array, to_jv(element));
        return array;
    }
    case boost::json::kind::object: {
        jv object = jv_object();
        for (const auto& member : json.get_object())
            object = jv_object_set(
                object, jv_string_sized(member.key().data(), static_cast<int>(member.key().size())),
                to_jv(member.value())
            );
        return object;
    }
    }
    return jv_null();
}

// jq prints NaN as null and infinities as the greatest double (its manual, "Types and Values").
Json number_from(double number) {
    constexpr double exact = 9007199254740992.0; // 2^53
    if (std::isnan(number))
        return nullptr;
    if (std::isinf(number))
        return std::copysign(std::numeric_limits<double>::max(), number);
    if (number == std::trunc(number) && std::fabs(number) <= exact)
        return static_cast<std::int64_t>(number);
    return number;
}

// Makes a Json of what libjq gave. One libjq value may stand in many places ([.,.] again and
// again), so the size of the result is counted as it is written out. Allocates nothing from the
// cell, and the cell's time must be held, so that it is never left while Json values are half
// built.
class Reading {
  public:
    // Borrows `value`.
    bool read(jv value, Json& json, std::size_t depth) {
        if (depth > limits::json_depth_max)
            return refuse(fmt::format("the result nests deeper than {}", limits::json_depth_max));
        if (++nodes_ > limits::expression_nodes_max)
            return refuse(fmt::format("the result has more than {} values", nodes_ - 1));
        switch (jv_get_kind(value)) {
        case JV_KIND_TRUE:
        case JV_KIND_FALSE:
            json = jv_get_kind(value) == JV_KIND_TRUE;
            return true;
        case JV_KIND_NUMBER:
            json = number_from(jv_number_value(value));
            return true;
        case JV_KIND_STRING:
            return read_text(value, json);
        case JV_KIND_ARRAY:
            return read_array(value, json.emplace_array(), depth);
        case JV_KIND_OBJECT:
            return read_object(value, json.emplace_object(), depth);
        case JV_KIND_INVALID:
        case JV_KIND_NULL:
            break;
        }
        json = nullptr;
        return true;
    }

    const std::string& refusal() const { return refusal_; }

  private:
    bool refuse(std::string reason) {
        refusal_ = std::move(reason);
        return false;
    }

    bool count(std::size_t bytes) {
        bytes_ += bytes;
        if (bytes_ <= limits::expression_memory_max)
            return true;
        return refuse(
            fmt::format("the texts of the result exceed {} bytes", limits::expression_memory_max)
        );
    }

    bool read_text(jv value, Json& json) {
        json = text_of(jv_copy(value));
        return count(json.get_string().size());
    }

    bool read_array(jv value, JsonArray& array, std::size_t depth) {
        const int length = jv_array_length(jv_copy(value));
        for (int i = 0; i < length; ++i) {
            jv element = jv_array_get(jv_copy(value), i);
            const bool done = read(element, array.emplace_back(nullptr), depth + 1);
            jv_free(element);
            if (!done)
                return false;
        }
        return true;
    }

    bool read_object(jv value, JsonObject& object, std::size_t depth) {
        for (int i = jv_object_iter(value); jv_object_iter_valid(value, i);
             i = jv_object_iter_next(value, i)) {
            const auto key = text_of(jv_object_iter_key(value, i));
            jv member = jv_object_iter_value(value, i);
            const bool done = count(key.size()) && read(member, object[key], depth + 1);
            jv_free(member);
            if (!done)
                return false;
        }
        return true;
    }

    std::size_t nodes_ = 0;
    std::size_t bytes_ = 0;
    std::string refusal_;
};

// One line of reason from jq's "jq: error: syntax error, ... at <top-level>, line 1:\n...".
std::string tidy(std::string_view message) {
    if (message.starts_with("jq: error: "))
        message.remove_prefix(11);
    message = message.substr(0, message.find('\n'));
    for (const std::string_view tail : {"(Unix shell quoting issues?) ", " (while parsing"})
        if (const auto at = message.find(tail); at != std::string_view::npos)
            return std::string(message.substr(0, at)) +
                   std::string(message.substr(at + (tail.front() == '(' ? tail.size() : 0)));
    return std::string(message);
}

tl::unexpected<Error> fail_end(CellEnd end, Span time, std::string_view program) {
    constexpr std::size_t shown = 200;
    const std::string detail(program.substr(0, shown));
    switch (end) {
    case CellEnd::out_of_time:
        return fail(
            ErrorCode::timeout, fmt::format("jq: not finished after {}", to_text(time)), detail
        );
    case CellEnd::out_of_memory:
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("jq: needs more than {} bytes of memory", limits::expression_memory_max),
            detail
        );
    case CellEnd::assertion_failed:
    case CellEnd::finished:
        break;
    }
    return fail(ErrorCode::invalid_input, "jq: libjq cannot evaluate this program", detail);
}

// What a run asks of the cell and what it gave.
struct Run {
    const Json* input;
    std::size_t outputs_max;
    bool first_only;
    jq_state* state = nullptr;
    Reading reading = {};
    std::vector<Json> outputs = {};
    std::string error = {};
    bool failed = false;
    bool more = false;
};

void keep_run_error(Run& run, jv output, JqCell& cell) {
    jv message = jv_invalid_get_msg(output);
    if (jv_get_kind(message) != JV_KIND_STRING)
        message = jv_dump_string(message, 0);
    cell.hold_time();
    run.failed = true;
    run.error = text_of(message);
}

void run_in_cell(void* argument) {
    auto& run = *static_cast<Run*>(argument);
    auto& cell = *JqCell::active();
    jv input = to_jv(*run.input);
    cell.hold_time();
    cell.begin_growing();
    jq_start(run.state, input, 0);
    cell.resume_time();
    while (true) {
        jv output = jq_next(run.state);
        if (!jv_is_valid(output)) {
            if (jv_invalid_has_msg(jv_copy(output)))
                keep_run_error(run, output, cell);
            return;
        }
        run.more = run.outputs.size() == run.outputs_max;
        if (run.more)
            return;
        cell.hold_time();
        const bool read = run.reading.read(output, run.outputs.emplace_back(), 1);
        jv_free(output);
        if (!read || run.first_only)
            return;
        cell.resume_time();
    }
}

// One compiled copy of a program; one thread at a time.
class Copy {
  public:
    Copy() = default;

    ~Copy() {
        if (state_ != nullptr)
            static_cast<void>(cell_.run(JqTime(closing_max), &close_in_cell, &state_));
    }

    Copy(const Copy&) = delete;
    Copy& operator=(const Copy&) = delete;

    Result<void> compile(const std::string& program) {
        Request request{&program, nullptr, {}, false};
        const auto end =
            cell_.run(JqTime(limits::expression_compile_timeout), &compile_in_cell, &request);
        if (end != CellEnd::finished)
            return fail_end(end, limits::expression_compile_timeout, program);
        if (!request.compiled)
            return fail(ErrorCode::invalid_input, "jq: " + tidy(request.error));
        state_ = request.state;
        compiled_size_ = cell_.high_water();
        // If libjq took its memory elsewhere, none of the limits would hold.
        if (compiled_size_ == 0)
            return fail(ErrorCode::internal, "jq: the cell is not in use");
        return {};
    }

    // After an error of the cell the copy is spent.
    CellEnd run(Run& run, Span timeout) {
        run.state = state_;
        const JqTime time(timeout);
        Watchdog::Entry entry{state_, time};
        watchdog().arm(entry);
        const auto end = cell_.run(time, &run_in_cell, &run);
        watchdog().disarm(entry);
        if (end != CellEnd::finished)
            state_ = nullptr;
        return entry.fired && end == CellEnd::finished ? CellEnd::out_of_time : end;
    }

    // A run over a large input leaves a large cell behind, which is not worth keeping.
    bool is_large() const {
        constexpr std::size_t kept = 4 * 1024 * 1024;
        return cell_.high_water() > compiled_size_ + kept;
    }

  private:
    // What a copy holds is given back in much less; it is no program that runs.
    static constexpr Span closing_max = std::chrono::hours(1);

    struct Request {
        const std::string* program;
        jq_state* state;
        std::string error;
        bool compiled;
    };

    static void keep_error(void* argument, jv message) {
        auto& request = *static_cast<Request*>(argument);
        auto& cell = *JqCell::active();
        cell.hold_time();
        if (request.error.empty() && jv_get_kind(message) == JV_KIND_STRING)
            request.error = text_of(message);
        else
            jv_free(message);
        cell.resume_time();
    }

    static void ignore(void*, jv message) { jv_free(message); }

    static void close_in_cell(void* argument) { jq_teardown(static_cast<jq_state**>(argument)); }

    static void compile_in_cell(void* argument) {
        auto& request = *static_cast<Request*>(argument);
        request.state = jq_init();
        if (request.state == nullptr)
            return;
        jq_set_error_cb(request.state, &Copy::keep_error, argument);
        jq_set_debug_cb(request.state, &Copy::ignore, nullptr);
        request.compiled = jq_compile(request.state, request.program->c_str()) != 0;
    }

    JqCell cell_;
    jq_state* state_ = nullptr; // lives in the cell; nullptr when that is spent
    std::size_t compiled_size_ = 0;
};

} // namespace

// The compiled copies of one program, at most expression_copies_max; further threads wait for one
// to come back. Mostly that takes much less than to compile another, so a thread waits first.
class JqProgram::Pool {
    static constexpr std::chrono::milliseconds compile_patience{50};

  public:
    explicit Pool(std::string program) : program_(std::move(program)) {}

    const std::string& program() const { return program_; }

    Result<std::unique_ptr<Copy>> take() {
        {
            std::unique_lock lock(mutex_);
            const auto is_idle = [&] { return !idle_.empty(); };
            if (copies_ > 0)
                returned_.wait_for(lock, compile_patience, is_idle);
            returned_.wait(lock, [&] {
                return is_idle() || copies_ < limits::expression_copies_max;
            });
            if (!idle_.empty()) {
                auto copy = std::move(idle_.back());
                idle_.pop_back();
                return copy;
            }
            ++copies_;
        }
        auto copy = std::make_unique<Copy>();
        if (auto compiled = copy->compile(program_); !compiled) {
            give_back(nullptr);
            return tl::unexpected(std::move(compiled).error());
        }
        return copy;
    }

    // nullptr for a copy that is spent.
    void give_back(std::unique_ptr<Copy> copy) {
        {
            const std::lock_guard lock(mutex_);
            if (copy != nullptr && !copy->is_large())
                idle_.push_back(std::move(copy));
            else
                --copies_;
        }
        returned_.notify_one();
    }

  private:
    const std::string program_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Copy>> idle_;
    std::size_t copies_ = 0;
};

Result<JqProgram> JqProgram::compile(std::string_view program) {
    if (program.size() > limits::expression_max)
        return fail(
            ErrorCode::limit_exceeded, fmt::format(
                                           "jq: the program has {} bytes, the limit is {}",
                                           program.size(), limits::expression_max
                                       )
        );
    if (!is_valid_text(program))
        return fail(ErrorCode::invalid_input, "jq: the program is not valid UTF-8");
    if (auto names = check_jq_names(program); !names)
        return fail(ErrorCode::invalid_input, "jq: " + names.error().message);
    auto pool = std::make_shared<Pool>(std::string(program));
    pool->give_back(TRY(pool->take()));
    return JqProgram(std::move(pool));
}

Result<std::vector<Json>>
JqProgram::evaluate(const Json& input, JqLimits limits, bool first_only) const {
    auto copy = TRY(pool_->take());
    Run run{&input, limits.outputs_max, first_only};
    const auto end = copy->run(run, limits.timeout);
    const bool whole = end == CellEnd::finished;
    pool_->give_back(whole ? std::move(copy) : nullptr);
    if (!whole)
        return fail_end(end, limits.timeout, pool_->program());
    if (run.failed)
        return fail(ErrorCode::invalid_input, "jq: " + tidy(run.error));
    if (!run.reading.refusal().empty())
        return fail(ErrorCode::limit_exceeded, "jq: " + run.reading.refusal());
    if (run.more)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("jq: the program gives more than {} values", limits.outputs_max)
        );
    return std::move(run.outputs);
}

Result<std::vector<Json>> JqProgram::run_all(const Json& input, JqLimits limits) const {
    return evaluate(input, limits, false);
}

Result<Json> JqProgram::run(const Json& input, JqLimits limits) const {
    auto outputs = TRY(evaluate(input, limits, true));
    if (outputs.empty())
        return fail(ErrorCode::invalid_input, "jq: the program gives no value");
    return std::move(outputs.front());
}

Result<bool> JqProgram::holds(const Json& input, JqLimits limits) const {
    const auto value = TRY(run(input, limits));
    return !value.is_null() && !(value.is_bool() && !value.get_bool());
}

const std::string& JqProgram::text() const {
    return pool_->program();
}

std::optional<JqProgram> ExpressionCache::find(std::string_view program) {
    const std::lock_guard lock(mutex_);
    const auto found = by_text_.find(program);
    if (found == by_text_.end())
        return std::nullopt;
    order_.splice(order_.begin(), order_, found->second);
    return order_.front();
}

Result<JqProgram> ExpressionCache::get(std::string_view program) {
    if (const auto known = find(program))
        return *known;
    // Compiling takes long: others may look meanwhile, but nobody compiles what somebody else does.
    const std::lock_guard compiling(compile_mutex_);
    if (const auto known = find(program))
        return *known;
    auto compiled = TRY(JqProgram::compile(program));
    const std::lock_guard lock(mutex_);
    order_.push_front(std::move(compiled));
    by_text_.emplace(order_.front().text(), order_.begin());
    if (order_.size() > programs_max_) {
        by_text_.erase(order_.back().text());
        order_.pop_back();
    }
    return order_.front();
}

std::size_t ExpressionCache::size() const {
    const std::lock_guard lock(mutex_);
    return order_.size();
}

} // namespace slipway
