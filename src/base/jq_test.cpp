// SPDX-License-Identifier: Apache-2.0
#include "base/jq.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>

namespace slipway {
namespace {

using namespace std::chrono_literals;

Result<Json> evaluate(std::string_view program, std::string_view input, JqLimits limits = {}) {
    const auto compiled = TRY(JqProgram::compile(program));
    return compiled.run(TRY(parse_json(input)), limits);
}

TEST(Jq, refuses_what_reaches_beyond_the_input) {
    const std::string_view programs[] = {
        "env",
        "env.PATH",
        "$ENV",
        "$ENV.PATH",
        "$ ENV",
        "$\n#x\nENV.PATH",
        "{$ENV}",
        "{a: 1 | env}",
        "{(env): 1}",
        "{a: env}",
        "{env}",
        ".[env:1]",
        ".[{a: 1}, env: 2]",
        "\"\\(env)\"",
        "\"a\\(\"b\\(env)\")\"",
        "@base64 \"\\($ENV)\"",
        "\"\\\\\" | env",
        "\"\\\"\" | env",
        "\"#\" | env",
        "# comment\nenv",
        "1 as $x | env",
        "input",
        "[inputs]",
        "input_filename",
        "input_line_number",
        "debug",
        "stderr",
        "halt",
        "halt_error",
        "halt_error(1)",
        "now",
        "localtime",
        "strflocaltime(\"%Y\")",
        "$__loc__",
        "$ __loc__",
        "$__prog_args",
        "get_search_list",
        "\"m\" | modulemeta",
        "import \"m\" as m; 1",
        "include \"m\"; 1",
        "m::f",
        "@base64d",
        "format(\"base64d\")",
    };

    for (const auto program : programs) {
        const auto compiled = JqProgram::compile(program);
        ASSERT_FALSE(compiled) << program;
        EXPECT_EQ(compiled.error().code, ErrorCode::invalid_input) << program;
        EXPECT_FALSE(check_jq_names(program)) << "only libjq refused " << program;
    }
}

TEST(Jq, allows_the_same_words_as_names_of_members_and_in_texts) {
    EXPECT_EQ(evaluate(".env", R"({"env":1})"), Json(1));
    EXPECT_EQ(evaluate(".input.debug", R"({"input":{"debug":2}})"), Json(2));
    EXPECT_EQ(evaluate("{env: 1, now: 2} | .env + .now", "null"), Json(3));
    EXPECT_EQ(evaluate("\"env \\(1) input\" # env", "null"), Json("env 1 input"));
    EXPECT_EQ(evaluate(".[\"env\"]", R"({"env":1})"), Json(1));
    EXPECT_EQ(evaluate(". as {env: $x} | $x", R"({"env":1})"), Json(1));
}

TEST(Jq, refuses_programs_that_do_not_compile) {
    for (const std::string_view program :
         {".a |", "(((", "\"abc", "nothing_like_this", ".a b", "", "]", "$x",
          "1 as [$a] ?// $b |"}) {
        const auto compiled = JqProgram::compile(program);
        if (program.empty()) {
            EXPECT_TRUE(compiled) << "the empty program is the identity";
            continue;
        }
        ASSERT_FALSE(compiled) << program;
        EXPECT_TRUE(compiled.error().message.starts_with("jq: ")) << compiled.error().message;
        EXPECT_EQ(compiled.error().message.find('\n'), std::string::npos);
    }
    EXPECT_EQ(
        JqProgram::compile(std::string(limits::expression_max + 1, ' ')).error().code,
        ErrorCode::limit_exceeded
    );
    EXPECT_FALSE(JqProgram::compile(std::string_view("1\0|env", 6)));
    EXPECT_FALSE(JqProgram::compile("\"\xff\""));
}

// Whether time or memory ends a run depends on the machine; that it ends, and how, does not.
TEST(Jq, ends_runaway_programs_in_time_and_memory) {
    const std::string_view programs[] = {
        "def f: f; f",
        "last(repeat(1))",
        "[repeat(.)]",
        "[range(1e12)]",
        "def g: \"x\" + g; g",
        "\"x\" * 1e9",
        "reduce range(1e9) as $i (\"x\"; . + .)",
        "reduce range(1e9) as $i (\"x\"; . + \"xxxxxxxx\")",
        "reduce range(1e7) as $i (0; [.])",
        "reduce range(1e7) as $i (0; {a: .})",
        "null | .[1431655766] = 1",
        "null | .[2147483647] = 1",
        "reduce range(30) as $i (1; [., .])",
        "(reduce range(60) as $i (1; [., .])) == (reduce range(60) as $i (1; [., .]))",
        "(reduce range(60) as $i (1; {a: ., b: .})) < (reduce range(60) as $i (1; {a: ., b: .}))",
        "reduce range(60) as $i (1; [., .]) | tojson | length",
        "error(reduce range(60) as $i (1; [., .]))",
        "\"x\" | gsub(\"^\"; \"a\")",
        "\"abc\" | indices(\"\")",
        "[[range(10)] | combinations(9)] | length",
    };

    for (const auto program : programs) {
        const auto before = std::chrono::steady_clock::now();
        const auto result = evaluate(program, "null");
        const auto took = std::chrono::steady_clock::now() - before;
        ASSERT_FALSE(result) << program;
        EXPECT_TRUE(
            result.error().code == ErrorCode::timeout ||
            result.error().code == ErrorCode::limit_exceeded
        ) << program
          << ": " << result.error().message;
        EXPECT_LT(took, 20s) << program;
    }
}

TEST(Jq, names_the_limit_that_a_run_exceeded) {
    EXPECT_EQ(
        evaluate("def f: f; f", "null", {50ms}).error().message, "jq: not finished after 50ms"
    );
    EXPECT_EQ(
        evaluate("reduce range(1e9) as $i (\"x\"; . + .)", "null", {60s}).error().message,
        "jq: needs more than 33554432 bytes of memory"
    );
    EXPECT_EQ(
        evaluate("reduce range(25) as $i (1; [., .])", "null", {60s}).error().message,
        "jq: the result has more than 1000000 values"
    );
    EXPECT_EQ(
        evaluate("reduce range(40) as $i (1; [.])", "null", {60s}).error().message,
        "jq: the result nests deeper than 32"
    );
    EXPECT_FALSE(evaluate("(\"a\" * 40 + \"b\") | test(\"(a+)+$\")", "null", {60s}));
}

std::atomic<int> standstill_ms = 0;

void stand_still(int) {
    ::poll(nullptr, 0, standstill_ms);
}

// What this thread has worked; nothing when it is over.
std::optional<Span> work_of(std::thread& thread) {
    clockid_t clock{};
    timespec time{};
    if (::pthread_getcpuclockid(thread.native_handle(), &clock) != 0 ||
        ::clock_gettime(clock, &time) != 0)
        return {};
    return Span(time.tv_sec * 1000 + time.tv_nsec / 1000000);
}

// A thread that a signal puts to sleep in the middle of its run is like one on a machine that
// stands still, or has other things to do: time goes by, and no work is done.
TEST(Jq, a_run_that_its_machine_holds_up_is_not_out_of_time) {
    const auto program = JqProgram::compile("last(range(200000))");
    ASSERT_TRUE(program);
    const auto before = std::clock();
    ASSERT_TRUE(program->run(nullptr, {60s}));
    const Span cost((std::clock() - before) * 1000 / CLOCKS_PER_SEC);
    const Span timeout = 4 * cost + 100ms;
    standstill_ms = static_cast<int>((timeout + 100ms).count());
    const auto usual = std::signal(SIGUSR1, &stand_still);

    Result<Json> result;
    std::thread runner([&] { result = program->run(nullptr, {timeout}); });
    while (work_of(runner).value_or(cost) < cost / 4)
        std::this_thread::yield();
    ::pthread_kill(runner.native_handle(), SIGUSR1);
    runner.join();
    std::signal(SIGUSR1, usual);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(*result, Json(199999));
}

TEST(Jq, survives_the_deepest_recursion_that_fits_its_memory) {
    for (const std::string_view program : {
             "reduce range(300000) as $i (0; [.]) | tojson | length",
             "reduce range(300000) as $i (0; [.]) | . == . | 1",
             "reduce range(1e6) as $i (0; [.]) | 1",
             "[range(300000) | 0] as $p | null | setpath($p; 1) | 1",
         })
        static_cast<void>(evaluate(program, "null", {60s}));
}

// What Oniguruma holds comes from malloc: LeakSanitizer sees here what a run that is left leaves.
TEST(Jq, a_run_that_ends_within_a_match_leaks_nothing_of_it) {
    for (int i = 0; i < 8; ++i)
        EXPECT_FALSE(evaluate("\"x\" | gsub(\"^\"; \"a\")", "null", {20ms}));
    EXPECT_EQ(evaluate("\"aab\" | test(\"(a+)b\")", "null"), Json(true));
    EXPECT_FALSE(evaluate("\"a\" | test(\"(\")", "null"));
}

TEST(Jq, survives_what_libjq_asserts_and_traps) {
    for (const std::string_view program : {
             "[\"a\"] | implode",
             "[-1] | implode",
             "[1,2,3] | .[nan:] = [1]",
             "\"abc\" | .[nan:]",
             "1e300 | todate",
             "-1e18 | strftime(\"%Y\")",
             "(-9223372036854775808) % (-1)",
             "[-1e19, -1] | .[0] % .[1]",
             "1 % 0",
             "5 % nan",
             "infinite % 3",
             ".[1e300]?",
         })
        static_cast<void>(evaluate(program, "null"));
    EXPECT_EQ(evaluate("1 + 1", "null"), Json(2));
}

TEST(Jq, reads_no_module_and_no_file_of_the_home_directory) {
    const auto home =
        std::filesystem::temp_directory_path() / fmt::format("jq-home-{}", ::getpid());
    std::filesystem::create_directories(home);
    std::ofstream(home / ".jq") << "def secret: 42;";
    ::setenv("HOME", home.c_str(), 1);
    const auto compiled = JqProgram::compile("secret");
    const auto plain = evaluate("1", "null");
    std::filesystem::remove_all(home);
    EXPECT_FALSE(compiled);
    EXPECT_EQ(plain, Json(1));
}

TEST(Jq, gives_first_all_and_truth) {
    const auto program = JqProgram::compile(".[]");
    ASSERT_TRUE(program);
    const auto input = *parse_json("[1,\"a\",null]");
    EXPECT_EQ(program->run(input), Json(1));
    EXPECT_EQ(program->run_all(input)->size(), 3u);
    EXPECT_EQ(program->run_all(*parse_json("[]"))->size(), 0u);
    EXPECT_EQ(program->run(*parse_json("[]")).error().message, "jq: the program gives no value");
    EXPECT_EQ(program->run_all(input, {200ms, 2}).error().code, ErrorCode::limit_exceeded);
    EXPECT_TRUE(*program->holds(*parse_json("[0]")));
    EXPECT_FALSE(*program->holds(*parse_json("[null]")));
    EXPECT_FALSE(*program->holds(*parse_json("[false]")));
    EXPECT_EQ(
        evaluate(".a.b", R"({"a":1})").error().message, "jq: Cannot index number with string \"b\""
    );
}

TEST(Jq, carries_values_both_ways) {
    for (const std::string_view text :
         {"null", "true", "false", "0", "-1", "9007199254740992", "2.5E0", "\"\"", "\"\\u0000é😀\"",
          "[]", "{}", R"({"b":[1,{"a":null}],"a":"x"})"}) {
        const auto input = parse_json(text);
        ASSERT_TRUE(input) << text;
        EXPECT_EQ(JqProgram::compile(".")->run(*input), *input) << text;
    }
    EXPECT_EQ(evaluate("nan", "null"), Json(nullptr));
    EXPECT_EQ(evaluate("1e3", "null"), Json(1000));
}

TEST(Jq, runs_one_program_in_many_threads) {
    const auto program = JqProgram::compile(".a * 2");
    ASSERT_TRUE(program);
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i)
                if (program->run(JsonObject{{"a", t * 1000 + i}}, {30s}) !=
                    Json(2 * (t * 1000 + i)))
                    ++wrong;
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(wrong, 0);
}

TEST(Jq, keeps_a_bounded_cache_of_programs) {
    ExpressionCache cache(2);
    EXPECT_FALSE(cache.get("env"));
    EXPECT_EQ(cache.size(), 0u);
    ASSERT_TRUE(cache.get("1"));
    ASSERT_TRUE(cache.get("2"));
    ASSERT_TRUE(cache.get("1"));
    ASSERT_TRUE(cache.get("3")); // 2 leaves
    EXPECT_EQ(cache.size(), 2u);
    EXPECT_EQ(cache.get("1")->run(nullptr), Json(1));
    EXPECT_EQ(cache.get("2")->run(nullptr), Json(2));
}

} // namespace
} // namespace slipway
