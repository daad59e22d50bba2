// SPDX-License-Identifier: Apache-2.0
#include "cli/stopped_run.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "cli/run_clock.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::cli {

namespace {

// The element of the list whose member has this value.
const Json* element_of(
    const Json& value, std::string_view list, std::string_view key, std::string_view wanted
) {
    const auto* elements = find(value, list);
    if (elements == nullptr || !elements->is_array())
        return nullptr;
    for (const auto& element : elements->get_array())
        if (text_or_empty(element, key) == wanted)
            return &element;
    return nullptr;
}

// Of a run or of a pinned runbook, whose steps are followed by those that take them back.
const Json* step_in(const Json& value, std::string_view name) {
    const auto* step = element_of(value, "steps", "name", name);
    return step ? step : element_of(value, "undo", "name", name);
}

// A person does it, decides it, or is asked before it begins, and nobody has said so yet.
bool waits_to_be_confirmed(const Json& outline, const Json* step) {
    const auto kind = text_or_empty(outline, "kind");
    if (kind == "manual" || kind == "decision")
        return true;
    const bool two = !text_or_empty(outline, "second").empty();
    const bool confirmed = step && !text_or_empty(*step, "confirmed_by").empty() &&
                           (!two || !text_or_empty(*step, "seconded_by").empty());
    return (two || truth_at(outline, "confirm")) && !confirmed;
}

bool on_production(std::string_view purpose) {
    return purpose == "deployment" || purpose == "rollback";
}

// The runbook that runs for this purpose, as the change has pinned it.
const Json* pinned_for(const Json& record, std::string_view purpose) {
    const bool deploys = purpose == "deployment" || purpose == "ring_deploy";
    return at_path(record, deploys ? "runbooks.deployment" : "runbooks.rollback");
}

// What the runbook asks a person to do at this step. The record has only an outline of it; the
// words are in the pinned bytes.
std::string instructions(const Context& context, const Json& pinned, const std::string& name) {
    const auto digest = text_or_empty(pinned, "digest");
    const auto client = context.client();
    if (digest.empty() || !client)
        return {};
    HttpRequest request;
    request.path = "/api/v1/attachments/" + url_encoded(digest);
    const auto answer = client->send(request);
    const auto runbook = answer ? domain::parse_runbook(answer->body)
                                : Result<domain::Runbook>(tl::unexpected(answer.error()));
    if (!runbook)
        return {};
    std::string out;
    for (const auto& step : runbook->steps) {
        std::string_view rest = step.name == name ? std::string_view(step.instructions) : "";
        for (std::size_t line = 0; !rest.empty() && line < stop_lines_max; ++line) {
            const auto end = rest.find('\n');
            out += hanging("    | ", clean(rest.substr(0, end)), context.style) + "\n";
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        }
    }
    return out;
}

// Why a deployment may not go on any more, by the server's clock; empty while it may. When the
// server does not tell the time, the words of the stop are all there is.
std::string why_late(
    const Context& context, const Json& record, std::string_view purpose, std::string_view because
) {
    if (purpose != "deployment")
        return {};
    const auto abort_by = text_at(record, "abort_clock.abort_by");
    auto end = text_at(record, "abort_clock.window_end"); // with its extensions
    if (end.empty())
        end = text_at(record, "window.end");
    const auto now = end.empty() ? std::string{} : server_time(context);
    if (now.empty())
        return because == "the window is over" || because == "past abort-by" ? std::string(because)
                                                                             : std::string{};
    if (now >= end) // RFC 3339 in UTC sorts as it passes
        return "the window ended at " + zoned_time(end);
    return !abort_by.empty() && now >= abort_by ? "abort-by was at " + zoned_time(abort_by)
                                                : std::string{};
}

// The end of what the step printed. A transcript may be large, so only its tail is kept.
std::optional<std::vector<std::string>>
last_lines(const Context& context, std::string_view digest) {
    std::string tail;
    bool cut = false;
    HttpRequest request;
    request.path = "/api/v1/attachments/" + url_encoded(digest);
    request.sink = [&](std::string_view bytes) {
        tail += bytes;
        if (tail.size() > 2 * stop_tail_max) {
            tail.erase(0, tail.size() - stop_tail_max);
            cut = true;
        }
        return true;
    };
    const auto client = context.client();
    if (!client || !client->send(request))
        return std::nullopt;
    if (cut) // the first line has lost its beginning
        tail.erase(0, tail.find('\n') == std::string::npos ? 0 : tail.find('\n') + 1);
    std::vector<std::string> lines;
    std::string_view rest = tail;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        lines.emplace_back(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    if (lines.size() > stop_lines_max)
        lines.erase(lines.begin(), lines.end() - static_cast<long>(stop_lines_max));
    return lines;
}

// "2026-11-22T18:00:02.500Z text" as it stands in a transcript, with the time as people read it.
std::string shown_line(const std::string& line) {
    const auto space = line.find(' ');
    const auto at = local_time(line.substr(0, space));
    if (space == std::string::npos || at.size() != 19)
        return clean(line);
    return at.substr(11) + " " + clean(line.substr(space + 1));
}

std::string printed_lines(const Context& context, const Json& step) {
    const auto digest = text_or_empty(step, "transcript");
    if (digest.empty())
        return {};
    const auto found = last_lines(context, digest);
    if (!found)
        return "  what it printed could not be read\n";
    const auto& lines = *found;
    if (lines.empty())
        return "  it printed nothing\n";
    std::string out = "  the last of what it printed:\n";
    for (const auto& line : lines)
        out += hanging("    | ", shown_line(line), context.style) + "\n";
    return out;
}

// Commands stand on a line of their own, whatever its length; what is said around them is wrapped.
std::string paragraph(const std::string& text, const Style& style) {
    return "  " + wrapped(text, style.width > 30 ? style.width - 2 : 0, 4) + "\n";
}

std::string owners_of(const Json& record) {
    const auto owner = clean(text_or_empty(record, "change_owner"));
    std::string out = owner.empty() ? "the change owner" : owner + ", the change owner";
    std::string others;
    for (const auto* name : {"rollback_owner", "rollback_backup"})
        if (const auto person = clean(text_or_empty(record, name)); !person.empty())
            others += ", " + person;
    if (!others.empty())
        out += fmt::format("; also who owns the rollback ({})", others.substr(2));
    return out + "; or a change manager";
}

std::string spoken_step(const StoppedRun& stopped) {
    return clean(stopped.step.empty() ? std::string("a step") : stopped.step);
}

std::string to_confirm(const StoppedRun& stopped, std::string_view note) {
    return fmt::format(
        "slipway change confirm_step {} --run {} --step {} --note \"{}\"\n", clean(stopped.change),
        clean(stopped.run), spoken_step(stopped), note
    );
}

// A manual step and a decision point wait for their person, not for a decision on the run.
std::string confirmation(
    const Context& context, const StoppedRun& stopped, const Json& record, const Json& outline
) {
    const bool decision = text_or_empty(outline, "kind") == "decision";
    const auto owner = clean(text_or_empty(outline, "owner"));
    std::string who = "whoever may run changes and did not vote on this one";
    if (!owner.empty())
        who = owner + "; else " + owners_of(record);
    else if (decision)
        who = owners_of(record);
    std::string out =
        paragraph((decision ? "who decides: " : "who does it: ") + who, context.style);
    if (const auto abort = clean(text_or_empty(outline, "abort_criterion")); !abort.empty())
        out += paragraph("abort when: " + abort, context.style);
    return out + "  go on: " + to_confirm(stopped, decision ? "why we go on" : "what was done");
}

// The steps of the run that wait for a decision, without the one at which it stopped: those of its
// group that did not end well either.
std::vector<std::string> others_to_decide(const Json& run, const std::string& stopped_at) {
    std::vector<std::string> others;
    const auto* undo = find(run, "undo");
    const auto* steps = undo ? undo : find(run, "steps");
    for (const auto& step : steps && steps->is_array() ? steps->get_array() : JsonArray{}) {
        const auto state = text_or_empty(step, "state");
        const auto name = text_or_empty(step, "name");
        if ((state == "failed" || state == "unknown") && name != stopped_at)
            others.push_back(clean(name));
    }
    return others;
}

// `failure`: which step and attempt are meant, because it is decided about what is shown.
std::string
decision(const StoppedRun& stopped, std::string_view choice, std::string_view failure = {}) {
    return fmt::format(
        "slipway change decide_run {} --run {}{} --choice {} --reason \"why\"\n",
        clean(stopped.change), clean(stopped.run), failure, choice
    );
}

// Whether something can be taken back; while the runbook is not known, it may.
bool has_undo(const Json* pinned) {
    const auto* undo = pinned ? find(*pinned, "undo") : nullptr;
    return pinned == nullptr || (undo && undo->is_array() && !undo->get_array().empty());
}

std::string choices(bool with_undo) {
    if (!with_undo)
        return "          (--choice retry, skip, resume or abort; resume takes it as done)\n";
    return "          (--choice retry, skip, resume, abort or undo; resume takes it as done,\n"
           "          undo runs the undo blocks of what was done and ends the run)\n";
}

std::string seen_failure(const StoppedRun& stopped, const Json* step) {
    if (stopped.step.empty())
        return {};
    if (step == nullptr)
        return " --step " + clean(stopped.step);
    const auto* attempts = find(*step, "attempts");
    const auto attempt = attempts && attempts->is_int64() ? attempts->get_int64() : 0;
    return fmt::format(" --step {} --attempt {}", clean(stopped.step), attempt);
}

std::string go_back(const std::string& change) {
    return fmt::format("slipway change roll_back {} --reason \"why\"\n", clean(change));
}

std::string more_time(const std::string& change) {
    return fmt::format(
        "  more time: slipway change extend_window {} --until TIME --reason \"why\"\n"
        "          (by a change manager or the chair of the CAB who has no part in it)\n",
        clean(change)
    );
}

// What one of the step's two people has proposed, who is still to agree, and how he does.
std::string agreement(const Json& record, const StoppedRun& stopped, const Style& style) {
    const auto* run = element_of(record, "runs", "id", stopped.run);
    const auto* proposed = run ? find(*run, "proposed") : nullptr;
    if (proposed == nullptr || text_or_empty(*proposed, "step") != stopped.step)
        return {};
    const auto purpose = text_or_empty(*run, "purpose");
    const auto* pinned = pinned_for(record, purpose);
    const auto* outline = pinned ? step_in(*pinned, stopped.step) : nullptr;
    const auto second = clean(outline ? text_or_empty(*outline, "second") : std::string_view{});
    const auto by = clean(text_or_empty(*proposed, "by"));
    const auto choice = clean(text_or_empty(*proposed, "choice"));
    std::string missing = second;
    if (by == second)
        missing = on_production(purpose) ? owners_of(record) : "whoever may run changes";
    return paragraph(
               fmt::format("{} has decided on {}; still to agree: {}", by, choice, missing), style
           ) +
           "  agree: " +
           decision(stopped, choice, seen_failure(stopped, step_in(*run, stopped.step)));
}

// The rollback that was begun after this run, unless it was aborted or failed in its turn.
const Json* run_that_goes_back(const Json& record, std::string_view after) {
    const auto* runs = find(record, "runs");
    if (runs == nullptr || !runs->is_array())
        return nullptr;
    const Json* back = nullptr;
    bool later = false;
    for (const auto& run : runs->get_array()) {
        const auto state = text_or_empty(run, "state");
        if (later && text_or_empty(run, "purpose") == "rollback")
            back = state == "aborted" || state == "failed" ? nullptr : &run;
        later = later || text_or_empty(run, "id") == after;
    }
    return back;
}

// ": the site answers 500", as the record has it; of a rollback that is begun anew it is the reason
// of the first one.
std::string because_of(const Json& record, const AbortedRun& aborted) {
    const auto reason = clean(text_or_empty(record, "failed_because"));
    return reason.empty() || aborted.purpose == "rollback" ? std::string{} : ": " + reason;
}

std::string gone_by_runbook(const Json& record, const Json& back, const AbortedRun& aborted) {
    const bool over = text_or_empty(back, "state") == "succeeded";
    return fmt::format(
        "{} {} back with {}{}", clean(text_or_empty(back, "started_by")), over ? "went" : "goes",
        clean(text_or_empty(back, "id")), because_of(record, aborted)
    );
}

// The hosts that go back to their snapshots since the run ended, or have. Who asked for that before
// the run had ended, ended it.
std::string gone_by_snapshots(const Json& record, const Json& run, const AbortedRun& aborted) {
    const auto ended = text_or_empty(run, "ended_at");
    const auto* snapshots = find(record, "snapshots");
    if (snapshots == nullptr || !snapshots->is_array() || ended.empty())
        return {};
    std::vector<std::string> hosts;
    bool asked_then = false;
    for (const auto& one : snapshots->get_array()) {
        const auto asked = text_or_empty(one, "revert_asked_at");
        if (std::max(asked, text_or_empty(one, "reverted_at")) < ended)
            continue; // RFC 3339 in UTC sorts as it passes
        hosts.push_back(clean(text_or_empty(one, "host")));
        asked_then = asked_then || asked == ended;
    }
    if (hosts.empty())
        return {};
    const auto names = fmt::format("{}", fmt::join(hosts, ", "));
    return asked_then
               ? fmt::format(
                     "{} goes back to the snapshots of {}{}", clean(aborted.by), names,
                     because_of(record, aborted)
                 )
               : fmt::format("back to their snapshots: {}{}", names, because_of(record, aborted));
}

// A step that began has an undo block that was passed over, since it was told too late.
bool is_undo_left(const Json& record, const Json& run) {
    const auto* pinned = pinned_for(record, text_or_empty(run, "purpose"));
    const auto* blocks = pinned ? find(*pinned, "undo") : nullptr;
    if (blocks == nullptr || !blocks->is_array())
        return false;
    const auto& all = blocks->get_array();
    return std::any_of(all.begin(), all.end(), [&](const Json& block) {
        const auto* step = element_of(run, "steps", "name", text_or_empty(block, "undoes"));
        const auto state = step ? text_or_empty(*step, "state") : std::string_view{};
        return !state.empty() && state != "pending" && state != "skipped" &&
               element_of(run, "undo", "name", text_or_empty(block, "name")) == nullptr;
    });
}

// Who took the run back with its undo blocks, all of them, and why; empty when nobody did.
std::string taken_back(const Json& record, const Json& run) {
    const auto* undo = find(run, "undo");
    const auto* deviations = find(record, "deviations");
    if (undo == nullptr || !undo->is_array() || deviations == nullptr || !deviations->is_array())
        return {};
    const auto done = [](const Json& step) { return text_or_empty(step, "state") == "succeeded"; };
    if (!std::all_of(undo->get_array().begin(), undo->get_array().end(), done) ||
        is_undo_left(record, run))
        return {};
    std::string out;
    for (const auto& one : deviations->get_array())
        if (text_or_empty(one, "choice") == "undo" &&
            text_or_empty(one, "run") == text_or_empty(run, "id"))
            out = fmt::format(
                "{} had it taken back by its undo blocks: {}", clean(text_or_empty(one, "by")),
                clean(text_or_empty(one, "reason"))
            );
    return out;
}

} // namespace

std::string explain_stop(const Context& context, const StoppedRun& stopped) {
    const auto shown = context.get("/api/v1/changes/" + url_encoded(stopped.change));
    const Json record = shown ? *shown : Json{};
    const auto* run = element_of(record, "runs", "id", stopped.run);
    if (run != nullptr && text_or_empty(*run, "state") != "waiting")
        return {};
    const auto purpose = run ? text_or_empty(*run, "purpose") : std::string_view{};
    const auto* step = run ? step_in(*run, stopped.step) : nullptr;
    const auto* pinned = pinned_for(record, purpose);
    const auto* outline = pinned ? step_in(*pinned, stopped.step) : nullptr;
    const auto kind = outline ? text_or_empty(*outline, "kind") : std::string_view{};
    const auto second = clean(outline ? text_or_empty(*outline, "second") : std::string_view{});
    auto because = clean(stopped.because);
    if (because.ends_with(": ")) // entries of steps without a heading
        because.resize(because.size() - 2);
    const auto stops = context.style.paint(
        Paint::yellow,
        fmt::format("{} has stopped and waits at {}", clean(stopped.run), spoken_step(stopped))
    );
    std::string out = hanging("", stops + ": " + because, context.style) + "\n";
    const auto state = step ? text_or_empty(*step, "state") : std::string_view{};
    const bool unknown = state == "unknown";
    const bool ended_badly = state == "failed" || unknown;
    if (ended_badly)
        out += printed_lines(context, *step);
    // Undoing a deployment is turning round, and that is never too late.
    const bool turns_round = run != nullptr && find(*run, "undo") != nullptr;
    const auto late_because =
        turns_round ? std::string{} : why_late(context, record, purpose, stopped.because);
    const bool late = !late_because.empty();
    const auto others =
        run && ended_badly ? others_to_decide(*run, stopped.step) : std::vector<std::string>{};
    const auto seen = seen_failure(stopped, step);
    if (!others.empty())
        out += paragraph(
            fmt::format(
                "{} did not end well either: each is decided on, in any order, and then the run "
                "goes on",
                fmt::join(others, ", ")
            ),
            context.style
        );
    const bool by_hand =
        outline != nullptr && !ended_badly && waits_to_be_confirmed(*outline, step);
    if (by_hand)
        out += instructions(context, *pinned, stopped.step);
    const bool done_by_hand = by_hand && kind == "manual";
    if (late)
        out += fmt::format(
                   "  {}: no step begins any more ({}retry, skip and resume are refused)\n",
                   late_because, done_by_hand ? "" : "confirm_step, "
               ) +
               more_time(stopped.change);
    else if (purpose == "deployment")
        out += clock_block(record, context.style);
    if (by_hand && !late) {
        out += confirmation(context, stopped, record, *outline);
        if (!second.empty())
            out += fmt::format("  and {}, who confirms it with the same command\n", second);
        out += "  stop: " + decision(stopped, "abort");
    } else {
        out += paragraph(
            "who decides: " + (on_production(purpose) || run == nullptr
                                   ? owners_of(record)
                                   : "whoever may run changes; it is a test"),
            context.style
        );
        if (!second.empty() && !late)
            out +=
                fmt::format("  and {}, who decides the same, unless it is abort or undo\n", second);
        if (!late)
            out += agreement(record, stopped, context.style);
        if (unknown && !late)
            out += "  it may have done its work: look there first\n"
                   "  it was done:  " +
                   decision(stopped, "resume", seen) +
                   "  run it again: " + decision(stopped, "retry", seen) +
                   "  stop:         " + decision(stopped, "abort");
        else
            out += "  decide: " +
                   (late ? decision(stopped, "abort") : decision(stopped, "retry", seen));
        if (!late)
            out += choices(has_undo(pinned));
        else if (done_by_hand)
            out += "  if it was done, say so for who goes back:\n          " +
                   to_confirm(stopped, "when it was done");
    }
    if (purpose == "deployment")
        out += "  go back: " + go_back(stopped.change);
    return out;
}

std::string explain_failure_in_group(const Context& context, const StoppedRun& failed) {
    const auto shown = context.get("/api/v1/changes/" + url_encoded(failed.change));
    const auto* run = shown ? element_of(*shown, "runs", "id", failed.run) : nullptr;
    const auto* steps = run ? find(*run, "steps") : nullptr;
    if (steps == nullptr || !steps->is_array() || text_or_empty(*run, "state") != "running")
        return {};
    std::vector<std::string> others;
    for (const auto& step : steps->get_array()) {
        if (text_or_empty(step, "state") != "running")
            continue;
        const auto began = time_from_text(text_or_empty(step, "started_at"));
        const auto limit = span_from_text(text_or_empty(step, "time_limit"));
        const auto name = clean(text_or_empty(step, "name"));
        others.push_back(
            began && limit
                ? fmt::format("{} (until {} at most)", name, zoned_time(to_text(*began + *limit)))
                : name
        );
    }
    if (others.empty())
        return {};
    auto out = paragraph(
        fmt::format(
            "the run stops behind {}, and then it is decided on {}", fmt::join(others, ", "),
            clean(failed.step)
        ),
        context.style
    );
    out += "  stop all of it now: " + decision(failed, "abort");
    if (text_or_empty(*run, "purpose") == "deployment")
        out += "  go back now:        " + go_back(failed.change);
    return out;
}

std::string explain_no_run(const std::string& change) {
    return fmt::format(
        "{0} has no run yet. This starts one:\n"
        "  slipway change start_run {0} --purpose deployment\n"
        "  (--purpose ring_deploy, rehearsal, deployment or rollback)\n"
        "waiting for it\n",
        clean(change)
    );
}

std::string explain_proposal(const Context& context, const StoppedRun& stopped) {
    const auto record = context.get("/api/v1/changes/" + url_encoded(stopped.change));
    return record ? agreement(*record, stopped, context.style) : std::string{};
}

std::string explain_alarm(const std::string& change) {
    return more_time(change) + "  go back: " + go_back(change);
}

std::string explain_abort(const Json& record, const AbortedRun& aborted, const Style& style) {
    if (const auto* back = run_that_goes_back(record, aborted.run))
        return paragraph(gone_by_runbook(record, *back, aborted), style) +
               fmt::format("  follow it: slipway run follow {}\n", clean(aborted.change));
    const auto* run = element_of(record, "runs", "id", aborted.run);
    if (const auto gone = run ? gone_by_snapshots(record, *run, aborted) : std::string{};
        !gone.empty())
        return paragraph(gone, style) +
               fmt::format("  watch it: slipway change watch {}\n", clean(aborted.change));
    if (!on_production(aborted.purpose))
        return {};
    const auto undone = run ? taken_back(record, *run) : std::string{};
    if (undone.empty())
        return "  go back: " + go_back(aborted.change);
    return paragraph(undone, style) + "  if that is not all: " + go_back(aborted.change);
}

} // namespace slipway::cli
