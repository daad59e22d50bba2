// SPDX-License-Identifier: Apache-2.0
// slipway run follow: the last run of a change, live and with what its steps write, until it ends;
// and slipway change watch:
// every ledger entry as it is committed. Both read what is there first and then the server's events
// from that position on, so nothing is missed between the two. A lost connection is taken up again.
#include <ostream>

#include "cli/commands.hpp"
#include "cli/event_stream.hpp"
#include "cli/event_words.hpp"
#include "cli/run_clock.hpp"
#include "cli/stopped_run.hpp"

namespace slipway::cli {

namespace {

bool is_about_abort_by(const Json& entry) {
    return text_or_empty(entry, "type") == "reminded" &&
           text_at(entry, "data.kind").starts_with("abort_by_");
}

// "key value" of the plain members, nested ones too, without digests and times.
void summarise(const Json& value, std::string& out, int depth) {
    const auto* object = value.if_object();
    if (object == nullptr || depth == 0)
        return;
    for (const auto& member : *object) {
        const std::string_view key{member.key().data(), member.key().size()};
        const auto& held = member.value();
        if (held.is_object()) {
            summarise(held, out, depth - 1);
            continue;
        }
        // A step that goes on has no exit status yet, whatever stands there.
        if (key == "exit_status" && find(value, "ended_at") == nullptr)
            continue;
        const auto text = held.is_structured() ? std::string{} : cell(held);
        if (text.empty() || text.size() == 64 || key.ends_with("_at") || key == "line")
            continue;
        if (key != "state" && key != "name" && key != "run" && key != "title")
            out += clean(key) + " ";
        out += clipped(text, 60) + "  ";
    }
}

// What must not be overlooked among the steps: abort-by, and that somebody was not reached.
bool is_alarm(const Json& entry) {
    return text_or_empty(entry, "type") == "call_failed" || is_about_abort_by(entry);
}

// "18:00:12  run-1: step drain succeeded (ben)", with the change in front where several are shown.
// What has no words, such as a register's entry, is told by its name and values.
std::string entry_line(const Json& entry, EntryWords& words, const Style& style, bool with_change) {
    const auto at = local_time(text_or_empty(entry, "at"));
    const auto time = at.size() == 19 ? at.substr(11) : clean(at);
    std::string line = style.paint(Paint::dim, time) + "  ";
    if (with_change)
        line += style.paint(Paint::bold, clean(text_or_empty(entry, "stream"))) + "  ";
    const auto type = text_or_empty(entry, "type");
    const auto* data = find(entry, "data");
    const auto said = words.of(type, data ? *data : Json(JsonObject{}));
    line += is_alarm(entry) ? style.paint(Paint::yellow, said) : said;
    if (data != nullptr && said == clean(type)) {
        line += "  ";
        summarise(*data, line, 3);
    }
    if (const auto actor = text_or_empty(entry, "actor"); !actor.empty())
        line += fmt::format("{}({})", line.ends_with(' ') ? "" : " ", clean(actor));
    return wrapped(line, style.width, columns_of(time) + 2) + "\n";
}

// What a running step writes, set apart from the entries by its place, and by the step's name from
// what others write at the same time.
std::string transcript_line(const Json& line, const Style& style) {
    const auto at = local_time(text_or_empty(line, "at"));
    const auto time = at.size() == 19 ? at.substr(11) : clean(at);
    const auto step = clean(text_or_empty(line, "step"));
    const auto head = fmt::format("{}    {} | ", style.paint(Paint::dim, time), step);
    return hanging(head, clean(text_or_empty(line, "text")), style) + "\n";
}

// The lines have the time of day only.
void say_zone(const Context& context) {
    const auto zone = zone_of(to_text(context.around.clock.now()));
    context.say(context.style.paint(Paint::dim, fmt::format("times in {}", zone)) + "\n");
}

// Follows the stream until `take`, which also gets each event's bytes, has seen enough. `position`
// is the entry to go on behind; empty: begin with what comes next.
Result<void> follow(
    const Context& context, const std::string& change, std::string position, bool transcript,
    const std::function<bool(const Json&, std::string_view)>& take
) {
    EventReader reader([&](const StreamEvent& event) {
        const auto entry = parse_json(event.data);
        const bool more = !entry || take(*entry, event.data);
        context.around.out << std::flush;
        return more;
    });
    HttpRequest request;
    request.endless = true;
    int losses = 0;
    request.sink = [&](std::string_view bytes) {
        losses = 0;
        return reader.add(bytes);
    };
    const auto client = TRY(context.client());
    context.around.out << std::flush; // what was said so far is read while we wait
    for (;;) {
        if (!reader.last_id().empty())
            position = reader.last_id();
        std::string query;
        if (!change.empty())
            query += "?change=" + url_encoded(change) + (transcript ? "&transcript=true" : "");
        if (!position.empty())
            query += fmt::format("{}after={}", query.empty() ? "?" : "&", url_encoded(position));
        request.path = "/api/v1/events/stream" + query;
        reader.restart();
        const auto ended = client.send(request);
        if (reader.enough())
            return {};
        if (reader.too_large())
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format("an event is larger than {} bytes", limits::cli_event_max)
            );
        const bool passing = ended || ended.error().code == ErrorCode::unavailable ||
                             ended.error().code == ErrorCode::timeout;
        if (!passing || ++losses > limits::cli_stream_retries_max)
            return ended ? fail(ErrorCode::unavailable, "the server ends the stream of events")
                         : tl::unexpected(ended.error());
        if (!context.around.wait(limits::cli_wait_min))
            return fail(ErrorCode::timeout, "ended");
    }
}

// Gives each line of a text that comes in pieces; finish() gives the last one, which may lack its
// end.
class Lines {
  public:
    explicit Lines(std::function<void(std::string_view)> take) : take_(std::move(take)) {}

    void add(std::string_view bytes) {
        rest_ += bytes;
        std::size_t begin = 0;
        for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
            take_(std::string_view(rest_).substr(begin, end - begin));
            begin = end + 1;
        }
        rest_.erase(0, begin);
    }

    void finish() {
        if (!rest_.empty())
            take_(rest_);
    }

  private:
    std::function<void(std::string_view)> take_;
    std::string rest_;
};

struct RunView {
    std::string change;
    std::string id;
    std::string state;
    std::string purpose;
    std::string step;    // at which it stopped
    std::string because; // why it stopped
    std::string ended_by;
    std::string position;
    EntryWords words{0};
    bool change_over = false;

    bool over() const { return state == "succeeded" || state == "failed" || state == "aborted"; }

    bool waits() const { return state == "waiting"; }

    // Nor will there be one.
    bool never_was() const { return change_over && id.empty(); }
};

// The run that a call was about, of its subject: "CHG-1: run-3 stopped at switch".
std::string run_in_subject(const std::string& subject) {
    constexpr std::string_view before = ": ";
    const auto colon = subject.find(before);
    if (colon == std::string::npos)
        return {};
    const auto name = subject.substr(colon + before.size());
    return name.starts_with("run-") ? name.substr(0, name.find(' ')) : std::string{};
}

// The run that an entry is about; empty: none.
std::string run_of(const Json& entry) {
    if (is_about_abort_by(entry))
        return text_at(entry, "data.about");
    if (text_or_empty(entry, "type") == "call_failed")
        return run_in_subject(text_at(entry, "data.subject"));
    const auto* data = find(entry, "data");
    const auto* run = data ? find(*data, "run") : nullptr;
    if (run == nullptr && data != nullptr)
        run = at_path(*data, "deviation.run");
    if (run == nullptr)
        return {};
    return run->is_string() ? std::string(view(run->get_string()))
                            : std::string(text_or_empty(*run, "id"));
}

// Takes one entry into the view.
void note(RunView& view, const Json& entry) {
    const auto type = text_or_empty(entry, "type");
    const auto run = run_of(entry);
    if (type == "change_closed" || type == "change_cancelled")
        view.change_over = true;
    if (type == "run_started" && !run.empty()) {
        view.id = run;
        view.state = "running";
        view.purpose = text_at(entry, "data.run.purpose");
    }
    if (run != view.id)
        return;
    if (type == "run_stopped") {
        view.state = "waiting";
        view.step = text_at(entry, "data.step");
        view.because = text_at(entry, "data.because");
    }
    if (type == "run_resumed" || type == "run_decided")
        view.state = "running";
    if (type == "run_ended") {
        view.state = text_at(entry, "data.state");
        view.ended_by = text_or_empty(entry, "actor");
    }
}

// The entries of the last run, what they add up to, and the position to go on behind.
Result<RunView>
past_of(const Context& context, const std::string& change, std::vector<Json>& last_run) {
    RunView out;
    out.change = change;
    std::string cursor;
    for (std::size_t page = 0; page < limits::cli_pages_max; ++page) {
        const auto path = fmt::format(
            "/api/v1/changes/{}/events?limit={}{}", url_encoded(change), limits::page_size_max,
            cursor.empty() ? "" : "&cursor=" + url_encoded(cursor)
        );
        const auto json = TRY(context.get(path));
        const auto* items = find(json, "items");
        for (const auto& item : items && items->is_array() ? items->get_array() : JsonArray{}) {
            if (const auto* seq = find(item, "seq"))
                out.position = cell(*seq);
            const auto* entry = find(item, "entry");
            if (entry == nullptr)
                continue;
            note(out, *entry);
            if (run_of(*entry).empty())
                continue;
            if (text_or_empty(*entry, "type") == "run_started")
                last_run.clear();
            last_run.push_back(*entry);
        }
        const auto next = text_or_empty(json, "next");
        if (next.empty() || next == cursor)
            break;
        cursor = next;
    }
    return out;
}

// What the clock says now; programs read it in the record itself.
void say_clock(
    const Context& context, const RunView& run, std::string (*words)(const Json&, const Style&)
) {
    if (context.json || context.quiet || run.purpose != "deployment")
        return;
    if (const auto record = context.get("/api/v1/changes/" + url_encoded(run.change)))
        context.say(words(*record, context.style));
}

// How long it took, and what is left to do when it was aborted.
void say_end(const Context& context, const RunView& run) {
    const bool on_production = run.purpose == "deployment" || run.purpose == "rollback";
    const bool aborted = run.state == "aborted";
    if (context.json || context.quiet || (!on_production && !aborted))
        return;
    const auto record = context.get("/api/v1/changes/" + url_encoded(run.change));
    if (!record)
        return;
    if (on_production)
        context.say(timing_block(*record, run.id, context.style));
    if (aborted)
        context.say(
            explain_abort(*record, {run.change, run.id, run.purpose, run.ended_by}, context.style)
        );
}

// With each step that ends a deployment keeps its time or slips; an extension gives it more. While
// a step is late its clock moves on by itself, and the alarms say where it has come to.
bool moves_the_clock(const Json& entry) {
    const auto type = text_or_empty(entry, "type");
    const auto state = text_at(entry, "data.step.state");
    return type == "window_extended" || is_about_abort_by(entry) ||
           (type == "run_step_reported" && (state == "succeeded" || state == "failed"));
}

// Programs read the entries; the explanation is for people, and asks the server for more.
void say_stop(const Context& context, const RunView& run) {
    if (context.json || context.quiet)
        return;
    context.say(explain_stop(context, {run.change, run.id, run.step, run.because}));
}

// One of the two people of a step has said what is to be done; the other one is to agree.
void say_proposal(const Context& context, const RunView& run, const Json& entry) {
    if (context.json || context.quiet)
        return;
    context.say(explain_proposal(context, {run.change, run.id, text_at(entry, "data.step"), {}}));
}

// A step of a parallel group that did not end well does not stop the run while others go on.
void say_failure_in_group(const Context& context, const RunView& run, const Json& entry) {
    const auto state = text_at(entry, "data.step.state");
    const bool ended_badly = state == "failed" || state == "unknown";
    if (context.json || context.quiet || text_or_empty(entry, "type") != "run_step_reported" ||
        !ended_badly || text_at(entry, "data.step.parallel").empty())
        return;
    context.say(explain_failure_in_group(
        context, {run.change, run.id, text_at(entry, "data.step.name"), {}}
    ));
}

// The last step that did not end well, of those that nobody has decided on; nullptr: none.
const Json* undecided_failure(const std::vector<Json>& seen) {
    const Json* failed = nullptr;
    for (const auto& entry : seen) {
        const auto type = text_or_empty(entry, "type");
        const auto state = text_at(entry, "data.step.state");
        if (type == "run_started" || type == "run_decided")
            failed = nullptr;
        else if (type == "run_step_reported" && (state == "failed" || state == "unknown"))
            failed = &entry;
    }
    return failed;
}

// What a step printed that ended before we looked on, from its transcript. Programs have the
// digest.
void show_kept(const Context& context, const Json& entry) {
    const auto digest = text_at(entry, "data.step.transcript");
    const bool none = digest.find_first_not_of('0') == std::string::npos; // empty too
    if (context.json || context.quiet || none ||
        text_or_empty(entry, "type") != "run_step_reported")
        return;
    const auto step = text_at(entry, "data.step.name");
    Lines lines([&](std::string_view line) {
        // What another runner reported may have no times.
        const auto at = line.substr(0, line.find(' '));
        const bool timed = at.size() < line.size() && local_time(at).size() == 19;
        const JsonObject shown{
            {"at", timed ? at : std::string_view{}},
            {"step", step},
            {"text", timed ? line.substr(at.size() + 1) : line}};
        context.say(transcript_line(shown, context.style));
    });
    HttpRequest request;
    request.path = "/api/v1/attachments/" + url_encoded(digest);
    request.sink = [&](std::string_view bytes) {
        lines.add(bytes);
        return true;
    };
    const auto client = context.client();
    if (!client || !client->send(request))
        return context.say(fmt::format("    what {} printed could not be read\n", clean(step)));
    lines.finish();
}

// Of a manual step of an earlier run, that was done: who goes back must know of it.
bool is_late_word(const Json& entry) {
    return text_at(entry, "data.step.detail").find("confirmed after ") != std::string::npos;
}

// One entry of the stream, or one line that the running step wrote. The stream is the change's, and
// begins with the last lines of a run that ended before this one.
void show_live(const Context& context, RunView& run, const Json& entry, std::string_view bytes) {
    const auto type = text_or_empty(entry, "type");
    const bool is_line = type == "transcript_line";
    const auto of = is_line ? std::string(text_or_empty(entry, "run")) : run_of(entry);
    const bool late = type == "run_step_reported" && of != run.id && is_late_word(entry);
    if (of.empty() || (of != run.id && !late))
        return;
    if (context.json)
        context.print_json(bytes);
    if (late)
        return context.say(entry_line(entry, run.words, context.style, false));
    if (is_line) {
        context.say(transcript_line(entry, context.style));
        return;
    }
    context.say(entry_line(entry, run.words, context.style, false));
    if (type == "run_started")
        say_clock(context, run, clock_block);
    if (moves_the_clock(entry))
        say_clock(context, run, clock_line);
    if (is_about_abort_by(entry))
        context.say(explain_alarm(run.change));
    if (type == "run_choice_proposed")
        say_proposal(context, run, entry);
    say_failure_in_group(context, run, entry);
    if (type == "run_stopped")
        say_stop(context, run);
}

Result<ExitCode> follow_run(Context& context, const Arguments& arguments) {
    const auto change = arguments.text("change");
    std::vector<Json> seen;
    auto run = TRY(past_of(context, change, seen));
    say_zone(context);
    for (const auto& entry : seen) {
        if (context.json)
            context.print_json(to_text(entry));
        show_kept(context, entry);
        context.say(entry_line(entry, run.words, context.style, false));
    }
    if (run.id.empty() && !run.never_was())
        context.say(explain_no_run(change));
    if (run.waits())
        say_stop(context, run);
    else if (!run.over()) {
        say_clock(context, run, clock_block);
        if (const auto* failed = undecided_failure(seen))
            say_failure_in_group(context, run, *failed);
    }
    if (!run.over() && !run.never_was())
        TRY(follow(
            context, change, run.position, true,
            [&](const Json& entry, std::string_view bytes) {
                note(run, entry);
                show_live(context, run, entry, bytes);
                return !run.over() && !run.never_was();
            }
        ));
    if (run.never_was())
        return fail(
            ErrorCode::blocked,
            fmt::format("{} is over and never had a run: there is nothing to follow", change)
        );
    context.say(fmt::format(
        "{} {}\n", clean(run.id),
        context.style.paint(run.state == "succeeded" ? Paint::green : Paint::red, clean(run.state))
    ));
    say_end(context, run);
    return run.state == "succeeded" ? ExitCode::ok : ExitCode::blocked;
}

Result<ExitCode> watch(Context& context, const Arguments& arguments) {
    const auto change = arguments.text("change");
    // The stream of a change that does not exist would only be silent.
    if (!change.empty())
        TRY(context.get("/api/v1/changes/" + url_encoded(change)));
    say_zone(context);
    EntryWords words;
    TRY(follow(
        context, change, arguments.text("after"), false,
        [&](const Json& entry, std::string_view bytes) {
            if (context.json)
                context.print_json(bytes);
            // What one change says of its runs is not true of another's.
            if (change.empty())
                words = EntryWords{};
            context.say(entry_line(entry, words, context.style, change.empty()));
            return true;
        }
    ));
    return ExitCode::ok;
}

} // namespace

void add_follow_commands(Commands& commands) {
    commands.push_back(
        {{"run", "follow"},
         "Show the last run of a change, live, until it ends; exit 0 when it succeeds",
         {positional("change", "the change, such as CHG-12")},
         follow_run,
         "slipway run follow CHG-12"}
    );
    Option change = positional("change", "only this change");
    change.required = false;
    commands.push_back(
        {{"change", "watch"},
         "Show every ledger entry as it is committed, until it is stopped",
         {change, valued("after", "SEQ", "begin behind this position of the ledger")},
         watch,
         "slipway change watch CHG-12"}
    );
}

} // namespace slipway::cli
