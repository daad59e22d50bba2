// SPDX-License-Identifier: Apache-2.0
// One function per kind of task. Each does its work in the outside world and sends what came of it
// through the door with the task's end. An error means that the task is to be tried again.
#pragma once

#include <exception>
#include <functional>
#include <stop_token>

#include "app/door.hpp"
#include "worker/worker.hpp"

namespace slipway::worker {

struct TaskContext {
    const WorkerParts& parts;
    const app::StoredTask& task;
    std::stop_token stop;
    bool last_attempt = false;        // then a failure is reported instead of tried again
    std::stop_token server_ends = {}; // `stop` also says that the run was ended or the lease lost

    app::Actor actor() const;
    Result<domain::Change> change() const;
    // A command of the worker, accepted only while the task's lease is held; with `ends` it ends
    // the task in the same transaction. Refused, it leaves the task as it is.
    Result<void> tell(std::string_view command, Json body, bool ends) const;
    // Tells what came of a task, past passing faults, and ends it. When the change does not want to
    // hear it, now or later, the task is over all the same, and the log says what was lost.
    Result<void> finish(std::string_view command, Json body) const;
    // Ends a task that nothing came of.
    Result<void> drop() const;
    // Fails unless the lease is held. What the record shows of the task when it was looked at
    // before is then this server's own work: a lease that was lost once does not come back.
    Result<void> hold() const;
};

Result<void> carry_out_run(const TaskContext& context);
// Whether somebody has ended the run of this task (abort, rollback): its step must not go on.
bool run_was_ended(const TaskContext& context);
Result<void> carry_out_smoke(const TaskContext& context);
Result<void> carry_out_backup(const TaskContext& context);
Result<void> carry_out_snapshot(const TaskContext& context);
Result<void> carry_out_snapshot_look(const TaskContext& context);
Result<void> carry_out_snapshot_revert(const TaskContext& context);
Result<void> carry_out_snapshot_remove(const TaskContext& context);
Result<void> carry_out_notice(const TaskContext& context);
Result<void> carry_out_page(const TaskContext& context);
// Of a ring and not of a change: the facts go through the door as the ring's.
Result<void> carry_out_gather(const TaskContext& context);
Result<void> carry_out_preflight(const TaskContext& context);

// What came of a task is known only here, so it is told, with a rest in between, until it is heard:
// a disk that is full for a while, or a crowd of others, makes no end unknown. In vain only when
// the change does not want to hear it, the lease is lost, or `given_up`, which says so when the
// server ends. Told `again`, it may be on the record already: the answer to a commit can be lost
// with the connection although the commit went through.
Result<void> tell_until_heard(
    const TaskContext& context, const std::stop_token& given_up,
    const std::function<Result<void>(bool again)>& tell
);
// The same for what another attempt may do again: only what passes by itself is waited out.
Result<void>
tell_past_faults(const TaskContext& context, const std::function<Result<void>(bool again)>& tell);
// A disk that is full, a database that is not there, a crowd of others: it may help to try again.
bool passes(const Error& error);

// What it throws, such as for want of memory, is the end of this attempt and not of the server.
template <class Work>
Result<void> attempt(const Work& work) {
    try {
        return work();
    } catch (const std::exception& thrown) {
        return fail(ErrorCode::internal, "exception", thrown.what());
    }
}

void rest(const std::stop_token& stop, Span time);
// How long what failed the n-th time rests before it is tried again.
Span pause_after(const Error& error, int attempts);

// Shared by the files of tasks; each is read from the store by its digest and hashed again.
Result<domain::Runbook> read_runbook(const TaskContext& context, const Digest& digest);
Result<Digest> keep_transcript(const TaskContext& context, const std::string& transcript);
// What runs for the ring gets its variables: as the change keeps them, or else those of the ring's
// record, if it holds what is expected. They come from the very record that was compared, so that
// nothing can be edited between the look and the use. Runs of old entries expect nothing (all
// zero). Errors: blocked, when the ring was edited.
Result<app::RingSetting> setting_of(
    const TaskContext& context, const std::string& ring, const Digest& expected,
    const domain::RingRecord* kept
);

} // namespace slipway::worker
