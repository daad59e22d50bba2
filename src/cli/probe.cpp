// SPDX-License-Identifier: Apache-2.0
// slipway probe: looks at a production ring from where it runs, which must be outside. It dials out
// to the server and waits; the server gives it smoke lists, it runs their checks for the outside
// and reports. It runs no script and reads no file, so that whoever writes a smoke list does not
// own the machines on which probes run.
#include <atomic>
#include <mutex>
#include <ostream>
#include <thread>

#include "app/probes/probe_work.hpp"
#include "cli/commands.hpp"
#include "cli/event_stream.hpp"

namespace slipway::cli {

namespace {

using app::ProbeReport;
using app::ProbeWork;
using domain::CheckResult;
using domain::SmokeCheck;

CheckResult run_one(
    const RunCheck& run_check, const SmokeCheck& check, const app::RingSetting& setting,
    const std::stop_token& stop
) {
    const auto why = domain::why_no_probe(check);
    CheckResult result;
    if (why.empty()) {
        result = run_check(check, setting, stop);
    } else {
        result.outcome = domain::RunOutcome::not_started;
        result.message = why;
    }
    result.name = check.name;
    result.message = cut_text(result.message, limits::text_max);
    return result;
}

class Probe {
  public:
    Probe(const Context& context, Client client, RunCheck run_check, std::string name)
        : context_(context), client_(std::move(client)), run_check_(std::move(run_check)),
          name_(std::move(name)) {}

    // Until the server refuses, or the program is to end.
    Result<ExitCode> run();

  private:
    void take(const StreamEvent& event);
    void look(const ProbeWork& work, const std::stop_token& stop);
    void say(std::string_view text, std::string_view json = {});

    const Context& context_;
    const Client client_;
    const RunCheck run_check_;
    const std::string name_;
    Span wait_ = limits::cli_wait_min;
    std::mutex saying_;
    std::atomic<bool> refused_{false}; // a report was: dialling in again says whether it goes on
    std::jthread looking_;             // the last member: it uses the others
};

void Probe::say(std::string_view text, std::string_view json) {
    const std::lock_guard lock(saying_);
    context_.say(text);
    if (context_.json && !json.empty())
        context_.print_json(json);
    context_.around.out << std::flush;
}

void Probe::look(const ProbeWork& work, const std::stop_token& stop) {
    ProbeReport report{work.id, domain::smoke_list_digest(work.checks), {}};
    // Whatever the server calls the ring, this machine holds secrets for looking at production
    // only.
    const app::RingSetting setting{domain::RingKind::production, work.ring, work.variables};
    std::size_t failed = 0;
    if (report.list == work.list) // else the server says what is wrong with it
        for (const auto& check : work.checks) {
            if (!check.outside)
                continue;
            report.results.push_back(run_one(run_check_, check, setting, stop));
            if (stop.stop_requested())
                return;
            failed += report.results.back().passed() ? 0 : 1;
        }
    HttpRequest request;
    request.method = "POST";
    request.path = "/api/v1/probe/report";
    request.body = encode(report);
    const auto sent = client_.send(request);
    if (!sent) {
        refused_ = true;
        return say(fmt::format("the report was not taken: {}\n", clean(sent.error().message)));
    }
    say(fmt::format(
            "{} on {}: {} checks, {} failed\n", clean(work.change), clean(work.ring),
            report.results.size(), failed
        ),
        request.body);
}

void Probe::take(const StreamEvent& event) {
    const auto json = parse_json(event.data);
    if (!json)
        return;
    if (event.type == "welcome") {
        wait_ = limits::cli_wait_min;
        say(fmt::format(
            "{} has dialled in to {}, which sees it at {}\n", name_, client_.server(),
            clean(text_or_empty(*json, "address"))
        ));
    }
    if (event.type != "work")
        return;
    auto work = restore<ProbeWork>(*json);
    if (!work) {
        refused_ = true;
        return say("the server speaks of work that this probe does not understand\n");
    }
    say(fmt::format(
        "{} on {}: looking, list {}\n", clean(work->change), clean(work->ring),
        work->list.hex().substr(0, 12)
    ));
    looking_ = std::jthread([this, given = *std::move(work)](const std::stop_token& stop) {
        look(given, stop);
    });
}

Result<ExitCode> Probe::run() {
    for (;;) {
        EventReader reader([this](const StreamEvent& event) {
            take(event);
            return true;
        });
        HttpRequest request;
        request.endless = true;
        request.path = "/api/v1/probe/work?name=" + url_encoded(name_);
        request.sink = [&](std::string_view bytes) { return reader.add(bytes) && !refused_; };
        const auto ended = client_.send(request);
        // What it was at, another probe does now.
        looking_ = {};
        refused_ = false;
        if (reader.too_large())
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format("a smoke list is larger than {} bytes", limits::cli_event_max)
            );
        const bool passing = ended || ended.error().code == ErrorCode::unavailable ||
                             ended.error().code == ErrorCode::timeout ||
                             ended.error().code == ErrorCode::limit_exceeded;
        if (!passing)
            return tl::unexpected(ended.error());
        say(fmt::format(
            "{}; dialling again in {}\n",
            ended ? "the server ended the connection" : clean(ended.error().message), to_text(wait_)
        ));
        if (!context_.around.wait(wait_))
            return ExitCode::ok;
        wait_ = std::min<Span>(wait_ * 2, limits::cli_wait_max);
    }
}

Result<ExitCode> run_probe(Context& context, const Arguments& arguments) {
    const auto name = arguments.text("name");
    if (!is_slug(name))
        return fail_option("name", "use 1 to 64 letters, digits, '.', '_' or '-'");
    if (!context.local.check_runner)
        return fail(ErrorCode::unavailable, "this program cannot run smoke checks");
    return Probe(
               context, TRY(context.client()), context.local.check_runner(arguments.text("data")),
               name
    )
        .run();
}

} // namespace

void add_probe_commands(Commands& commands) {
    Option name = valued("name", "NAME", "what it is called, such as where it stands");
    name.required = true;
    commands.push_back(
        {{"probe"},
         "Look at production from outside, for a server's smoke lists",
         {name, valued("data", "DIR", "folder with secrets/ and programs/ that lists may name")},
         run_probe,
         "slipway probe --name berlin --server https://slipway.example.com"}
    );
    commands.push_back(
        {{"run", "probes"},
         "The probes that have dialled in to the server",
         {},
         [](Context& context, const Arguments& arguments) {
             return show_list(
                 context, arguments, "/api/v1/probes", "",
                 {{"NAME", "name"},
                  {"ADDRESS", "address"},
                  {"PERSON", "person"},
                  {"SINCE", "since"},
                  {"WORKS FOR", "change"}}
             );
         },
         "slipway run probes"}
    );
}

} // namespace slipway::cli
