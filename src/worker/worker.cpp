// SPDX-License-Identifier: Apache-2.0
#include "worker/worker.hpp"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <thread>

#include "worker/tasks.hpp"
#include "worker/transcript_file.hpp"

namespace slipway::worker {

namespace {

using Steady = std::chrono::steady_clock;

// Commits come by the thousand; looking for tasks after each of them would be work for nothing.
constexpr auto look_apart = std::chrono::milliseconds(20);
constexpr auto publish_apart = std::chrono::seconds(5);
constexpr Span retry_first = std::chrono::seconds(2);
constexpr Span turn_apart = std::chrono::milliseconds(200);
constexpr Span unending = std::chrono::hours(24 * 365 * 10);
constexpr std::size_t wake_batch = 100;

using CarryOut = Result<void> (*)(const TaskContext&);

struct Row {
    std::string_view kind;
    CarryOut carry_out;
    bool takes_long = true;
};

constexpr Row rows[] = {
    {"run", carry_out_run},
    {"smoke", carry_out_smoke},
    {"backup", carry_out_backup},
    {"snapshot", carry_out_snapshot},
    {"snapshot_look", carry_out_snapshot_look},
    {"snapshot_revert", carry_out_snapshot_revert},
    {"snapshot_remove", carry_out_snapshot_remove},
    {"notice", carry_out_notice, false},
    {"page", carry_out_page, false},
    {"gather", carry_out_gather},
    {"preflight", carry_out_preflight},
};

const Row* row_of(std::string_view kind) {
    for (const auto& row : rows)
        if (row.kind == kind)
            return &row;
    return nullptr;
}

// The change does not want to hear this, now or later.
bool is_refused(const Error& error) {
    return error.code == ErrorCode::blocked || error.code == ErrorCode::invalid_input;
}

CarryOut handler_of(std::string_view kind) {
    const auto* row = row_of(kind);
    return row ? row->carry_out : nullptr;
}

bool takes_long(std::string_view kind) {
    const auto* row = row_of(kind);
    return row && row->takes_long;
}

} // namespace

app::Actor TaskContext::actor() const {
    return {task.tenant, PersonId(std::string(app::the_server)), {}, {}, "worker"};
}

Result<domain::Change> TaskContext::change() const {
    return parts.door.load_change(actor(), task.change);
}

Result<void> TaskContext::tell(std::string_view command, Json body, bool ends) const {
    app::CommandRequest request{task.change, std::string(command), std::move(body), {}, {}, {}};
    request.task_end = app::TaskEnd{task.id, task.lease, ends};
    TRY(parts.door.execute(actor(), request));
    return {};
}

Result<void> TaskContext::finish(std::string_view command, Json body) const {
    auto told = tell_past_faults(*this, [&](bool again) -> Result<void> {
        if (again)
            TRY(hold()); // with a task that has ended unheard its lease is gone
        return tell(command, body, true);
    });
    if (told || !is_refused(told.error()))
        return told;
    if (parts.report)
        parts.report(fmt::format(
            "task {} ({}) of {} is over, and what came of it is lost: {} is refused: {}",
            task.id.value, task.kind, task.change, command, told.error().message
        ));
    return drop();
}

Result<void> TaskContext::drop() const {
    app::Commit commit;
    commit.task_end = app::TaskEnd{task.id, task.lease};
    TRY(parts.door.store().commit(std::move(commit)));
    return {};
}

Result<void> TaskContext::hold() const {
    app::Commit commit;
    commit.task_end = app::TaskEnd{task.id, task.lease, false};
    TRY(parts.door.store().commit(std::move(commit)));
    return {};
}

bool passes(const Error& error) {
    return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout ||
           error.code == ErrorCode::conflict ||
           (error.code == ErrorCode::limit_exceeded && error.retry_after_ms > 0);
}

void rest(const std::stop_token& stop, Span time) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, stop, time, [] { return false; });
}

Span pause_after(const Error& error, int attempts) {
    const auto advice = app::retry_of(error);
    return advice.retry == app::Retry::after ? advice.wait
                                             : retry_first * (1 << std::min(attempts, 8));
}

Result<void> tell_until_heard(
    const TaskContext& context, const std::stop_token& given_up,
    const std::function<Result<void>(bool again)>& tell
) {
    const auto& parts = context.parts;
    for (bool again = false;; again = true) {
        auto told = tell(again);
        if (told || is_refused(told.error()) || app::is_lease_lost(told.error()) ||
            given_up.stop_requested())
            return told;
        if (!again && parts.report)
            parts.report(fmt::format(
                "task {} ({}): what came of it is told again until it is heard: {} {}",
                context.task.id.value, context.task.kind, told.error().message, told.error().detail
            ));
        rest(given_up, parts.poll);
    }
}

Result<void>
tell_past_faults(const TaskContext& context, const std::function<Result<void>(bool again)>& tell) {
    Result<void> told;
    TRY(tell_until_heard(context, context.server_ends, [&](bool again) {
        told = tell(again);
        return told || !passes(told.error()) ? Result<void>{} : told;
    }));
    return told;
}

struct Worker::Inside {
    explicit Inside(WorkerParts given) : parts(std::move(given)) {}

    WorkerParts parts;
    // Leases and retries follow the machine's clock, or the one that servers share: a sandbox clock
    // jumps.
    SystemClock machine;
    std::mutex mutex;
    std::condition_variable changed; // there may be something to do, or it is time to end
    std::condition_variable ending;  // it is time to end: wakes who rests meanwhile
    std::uint64_t woken = 1;         // an earlier server may have left something to do
    bool stopping = false;
    std::stop_source ends; // of the server

    struct InHand {
        app::StoredTask task;
        std::stop_source stop;
        Steady::time_point lease_end; // by our own steady clock, at the earliest
    };

    std::map<std::string, InHand> active; // by task id
    // Of each change of a tenant, the task id of its run.
    std::map<std::pair<TenantId, std::string>, std::string> running;
    std::vector<std::thread> threads;

    // A run may take days and the proof of a backup hours, so each has a thread of its own: what
    // else is to be done, such as the next run, or the call for who decides on one that stopped,
    // does not wait for it. No kind takes the room of another.
    struct LongTask {
        std::string kind;
        std::thread thread;
        bool over = false;
    };

    std::list<LongTask> long_tasks;

    void say(std::string_view what, const Error& error) const {
        if (parts.report)
            parts.report(fmt::format("{}: {} {}", what, error.message, error.detail));
    }

    // One turn of a loop. The server goes on with the next one.
    template <class Turn>
    void take_turn(std::string_view what, const Turn& turn) const {
        const auto done = attempt([&]() -> Result<void> {
            turn();
            return {};
        });
        if (!done)
            static_cast<void>(attempt([&]() -> Result<void> {
                say(what, done.error()); // for which there may be no memory either
                return {};
            }));
    }

    Result<Time> lease_clock() const { return parts.door.store().lease_clock(machine.now()); }

    // A database that does not answer will refuse what is asked of it next.
    Time lease_now() const { return lease_clock().value_or(machine.now()); }

    // Waits for a wake-up, at most the polling time. False when it is time to end.
    bool wait(std::uint64_t& seen, Steady::duration at_most) {
        std::unique_lock lock(mutex);
        changed.wait_for(lock, at_most, [&] { return stopping || woken != seen; });
        seen = woken;
        return !stopping;
    }

    // Nobody takes over from the only server of a database, whatever its clock does.
    Time lease_end(Time now) const {
        return now + (parts.door.store().is_only_writer() ? unending : parts.lease);
    }

    // False when it is not this task's turn: its change has another run in hand here, or the server
    // ends, and a step that begins now would not be asked to stop; or nobody knows how much of its
    // lease is left. The steady clock is looked at before the other one, so that no lease ends
    // earlier than we believe.
    bool enter(const app::StoredTask& task, const std::stop_source& source) {
        const auto here = Steady::now();
        const auto now = lease_clock();
        const std::lock_guard lock(mutex);
        if (stopping || !now)
            return false;
        if (task.kind == "run" &&
            !running.emplace(std::pair(task.tenant, task.change), task.id.value).second)
            return false;
        active[task.id.value] = {task, source, here + (task.due_at - *now)};
        return true;
    }

    void leave(const app::StoredTask& task) {
        const std::lock_guard lock(mutex);
        active.erase(task.id.value);
        if (const auto run = running.find({task.tenant, task.change});
            run != running.end() && run->second == task.id.value)
            running.erase(run);
    }

    // A task that is not given back is nobody's until the next start, where leases do not end. So
    // the store is asked until it answers, the lease is lost, or the server ends.
    template <class Give>
    void give_back(const app::StoredTask& task, const Give& give) const {
        for (bool first = true;; first = false) {
            const auto given = attempt([&] { return give(app::TaskEnd{task.id, task.lease}); });
            if (!given && first)
                say("task " + task.id.value, given.error());
            if (given || app::is_lease_lost(given.error()) || ends.stop_requested())
                return;
            rest(ends.get_token(), parts.poll);
        }
    }

    void put_off(const app::StoredTask& task) const {
        give_back(task, [&](const app::TaskEnd& end) {
            return parts.door.store().put_off_task(end, lease_now() + turn_apart);
        });
    }

    void carry_out(const app::StoredTask& task) {
        bool over = false;
        take_turn("carrying out a task", [&] {
            try_to_carry_out(task);
            over = true;
        });
        if (over)
            return;
        leave(task);
        take_turn("putting off a task", [&] { put_off(task); });
    }

    void try_to_carry_out(const app::StoredTask& task) {
        std::stop_source source;
        if (!enter(task, source))
            return put_off(task);
        const auto handler = handler_of(task.kind);
        const bool last = task.attempts >= limits::task_attempts_max;
        const TaskContext context{parts, task, source.get_token(), last, ends.get_token()};
        Result<void> done =
            handler ? attempt([&] { return handler(context); })
                    : Result<void>(fail(ErrorCode::internal, "unknown kind of task", task.kind));
        leave(task);
        if (done)
            return;
        say("task " + task.id.value + " (" + task.kind + ")", done.error());
        std::optional<Span> pause;
        // It was cut short, or could not be heard by now: at the next start, by another server.
        if (source.stop_requested() || ends.stop_requested())
            pause = Span::zero();
        else if (!last && handler)
            pause = pause_after(done.error(), task.attempts);
        give_back(task, [&](const app::TaskEnd& end) {
            const auto retry_at = pause ? std::optional(lease_now() + *pause) : std::nullopt;
            return parts.door.store().fail_task(end, done.error().message, retry_at);
        });
    }

    // Never by our own clock: it may be ahead of the one by which others hold their leases.
    Result<std::vector<app::StoredTask>> claim() {
        const auto now = TRY(lease_clock());
        return parts.door.store().claim_tasks(parts.server, now, lease_end(now), 1, full());
    }

    void task_loop() {
        std::uint64_t seen = 0;
        while (wait(seen, parts.poll)) {
            take_turn("looking for tasks", [&] { do_what_is_due(); });
            pause();
        }
    }

    // Until nothing is due, or the server ends.
    void do_what_is_due() {
        for (;;) {
            const auto claimed = claim();
            if (!claimed)
                say("claiming tasks", claimed.error());
            if (!claimed || claimed->empty())
                return;
            wake(); // there may be more for the other threads
            if (takes_long(claimed->front().kind))
                hand_over(claimed->front());
            else
                carry_out(claimed->front());
            const std::lock_guard lock(mutex);
            if (stopping)
                return;
        }
    }

    // Under the lock. Whether as many tasks of this kind are in hand as may be.
    bool is_full(std::string_view kind) const {
        const auto count =
            std::count_if(long_tasks.begin(), long_tasks.end(), [&](const auto& task) {
                return task.kind == kind && !task.over;
            });
        return static_cast<std::size_t>(count) >= (kind == "run" ? parts.runs : parts.long_tasks);
    }

    // The kinds for which there is no room: their tasks wait where they are.
    std::vector<std::string> full() {
        const std::lock_guard lock(mutex);
        std::vector<std::string> kinds;
        for (const auto& row : rows)
            if (row.takes_long && is_full(row.kind))
                kinds.emplace_back(row.kind);
        return kinds;
    }

    // Takes the task to a thread of its own, or gives it back when another claim was quicker.
    void hand_over(const app::StoredTask& task) {
        {
            const std::lock_guard lock(mutex);
            long_tasks.remove_if([](LongTask& known) {
                if (known.over)
                    known.thread.join(); // it has nothing left to do
                return known.over;
            });
            if (!is_full(task.kind) && begin(task))
                return;
        }
        put_off(task);
    }

    // Under the lock. False when the system has no thread, or no memory, left.
    bool begin(const app::StoredTask& task) {
        std::list<LongTask> one; // in the list only once it runs
        try {
            auto& begun = one.emplace_back();
            begun.kind = task.kind;
            begun.thread = std::thread([this, &begun, task] {
                carry_out(task);
                const std::lock_guard done(mutex);
                begun.over = true;
                ++woken; // there is room for the next of its kind
                changed.notify_all();
            });
        } catch (const std::exception&) {
            return false;
        }
        long_tasks.splice(long_tasks.end(), one);
        return true;
    }

    void pause() {
        std::unique_lock lock(mutex);
        ending.wait_for(lock, look_apart, [&] { return stopping; });
    }

    void timer_loop() {
        std::uint64_t seen = 0;
        auto published = Steady::now() - publish_apart;
        auto swept = Steady::now() - limits::sweep_interval;
        while (wait(seen, parts.poll)) {
            take_turn("timers", [&] {
                if (const auto touched = parts.door.wake(wake_batch); !touched)
                    say("timers", touched.error());
            });
            if (Steady::now() - published >= publish_apart) {
                published = Steady::now();
                take_turn("publishing a checkpoint", [&] { publish(); });
            }
            if (Steady::now() - swept >= limits::sweep_interval) {
                swept = Steady::now();
                take_turn("sweeping", [&] { sweep(); });
            }
            pause();
        }
    }

    void publish() const {
        if (const auto done = parts.publish ? parts.publish() : Result<void>{}; !done)
            say("publishing a checkpoint", done.error());
    }

    // Kept answers bear the door's time. The rest ends by the clock that all servers share: what
    // one of them is still uploading must not be old for another.
    void sweep() const {
        const auto before = parts.door.clock().now() - limits::kept_answer_life;
        const auto now = lease_clock();
        if (const auto done = now ? parts.door.store().sweep(*now, before)
                                  : Result<void>(tl::unexpected(now.error()));
            !done)
            say("sweeping", done.error());
        sweep_transcripts(parts.transcripts);
    }

    Result<void> extend_lease(const app::StoredTask& task) {
        const auto here = Steady::now(); // first, as in enter()
        const auto now = TRY(lease_clock());
        const auto until = lease_end(now);
        TRY(parts.door.store().extend_lease({task.id, task.lease}, until));
        const std::lock_guard lock(mutex);
        if (const auto held = active.find(task.id.value); held != active.end())
            held->second.lease_end = here + (until - now);
        return {};
    }

    // Another server that has taken the task over must not work beside this one. (A task that has
    // just ended has no lease either; stopping it does nothing.) False when it is to be tried again
    // soon.
    bool renew(InHand& held) {
        const auto kept = extend_lease(held.task);
        if (kept)
            return true;
        if (app::is_lease_lost(kept.error())) {
            held.stop.request_stop();
            return true;
        }
        say("the lease of task " + held.task.id.value, kept.error());
        return false;
    }

    // Keeps the leases of what is in hand, and ends running steps when their run was ended.
    void lease_loop() {
        auto renewed = Steady::now();
        std::unique_lock lock(mutex);
        const Span look = std::min<Span>(std::chrono::milliseconds(500), parts.lease / 6);
        while (!ending.wait_for(lock, look, [&] { return stopping; })) {
            lock.unlock();
            take_turn("keeping leases", [&] { keep_leases(renewed); });
            lock.lock();
        }
    }

    std::map<std::string, InHand> all_active() {
        const std::lock_guard lock(mutex);
        return active;
    }

    void keep_leases(Steady::time_point& renewed) {
        const auto began = Steady::now();
        const bool due = began - renewed >= parts.lease / 3;
        bool all_kept = true;
        for (auto& [id, held] : all_active()) {
            if (due && !renew(held))
                all_kept = false;
            if (held.task.kind == "run" && run_was_ended({parts, held.task, {}, false}))
                held.stop.request_stop();
        }
        if (due && all_kept)
            renewed = began;
    }

    // A server that has lost its database loses its leases. It stops what it holds while nobody
    // else may claim it: a quarter of the lease is more than a step has to end when it is asked to.
    // When it ends itself it stops all of it. This thread asks the database nothing, for the answer
    // may be long in coming, and who ends a server that hangs must not make a step outlive its
    // lease.
    void fence_loop() {
        const Span look = std::min<Span>(std::chrono::milliseconds(500), parts.lease / 12);
        std::unique_lock lock(mutex);
        while (!ending.wait_for(lock, look, [&] { return stopping; }))
            for (auto& [id, held] : active)
                if (Steady::now() >= held.lease_end - parts.lease / 4 && held.stop.request_stop() &&
                    parts.report)
                    take_turn("the end of a lease", [&, &task = id] {
                        parts.report(
                            "task " + task + " is stopped: its lease could not be renewed"
                        );
                    });
        for (auto& [id, held] : active)
            held.stop.request_stop();
    }

    void wake() {
        const std::lock_guard lock(mutex);
        ++woken;
        changed.notify_all();
    }
};

Worker::Worker(WorkerParts parts) : inside_(std::make_unique<Inside>(std::move(parts))) {
    auto* inside = inside_.get();
    for (std::size_t i = 0; i < inside->parts.threads; ++i)
        inside->threads.emplace_back([inside] { inside->task_loop(); });
    inside->threads.emplace_back([inside] { inside->timer_loop(); });
    inside->threads.emplace_back([inside] { inside->lease_loop(); });
    inside->threads.emplace_back([inside] { inside->fence_loop(); });
}

Worker::~Worker() {
    stop();
}

void Worker::wake() {
    inside_->wake();
}

void Worker::stop() {
    inside_->ends.request_stop(); // first, for whoever is stopped by what follows asks why
    {
        const std::lock_guard lock(inside_->mutex);
        inside_->stopping = true;
        inside_->changed.notify_all();
        inside_->ending.notify_all();
    }
    for (auto& thread : inside_->threads)
        if (thread.joinable())
            thread.join();
    // Who hands them over has ended, so there are no more of them.
    for (auto& task : inside_->long_tasks)
        task.thread.join();
    inside_->long_tasks.clear();
}

} // namespace slipway::worker
