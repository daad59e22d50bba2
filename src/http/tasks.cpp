// SPDX-License-Identifier: Apache-2.0
// The outbox: what is still to be done outside, and another try for what was given up.
#include "base/schema.hpp"
#include "domain/change/commands.hpp"
#include "http/answers.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

using domain::Permission;

struct TaskShown {
    std::string id;
    std::string kind;
    std::string change;
    int attempts = 0;
    std::optional<Time> due_at;
    bool dead = false;
    std::string last_error;

    SLIPWAY_FIELDS {
        visit("id", self.id, required("its number"));
        visit("kind", self.kind, required("what is to be done: run, notice, page, backup ..."));
        visit("change", self.change, optional("the change that asks for it"));
        visit("attempts", self.attempts, required("how often it was begun"));
        visit(
            "due_at", self.due_at,
            optional("when it is tried next, at the latest; absent: at once, or never when dead")
        );
        visit("dead", self.dead, optional("true: it was given up"));
        visit("last_error", self.last_error, optional("why the last try failed", limits::text_max));
    }
};

TaskShown shown(const app::StoredTask& task) {
    TaskShown out{task.id.value, task.kind,      task.change, task.attempts, {},
                  task.dead,     task.last_error};
    if (task.due_at != Time{})
        out.due_at = task.due_at;
    return out;
}

Result<Response> list_tasks(app::Door& door, Call& call) {
    app::TaskQuery query;
    query.limit = TRY(page_limit(call));
    if (const auto after = TRY(query_number(call, "cursor", 0)); after != 0)
        query.after = TaskId(std::to_string(after));
    if (const auto dead = call.query("dead")) {
        if (*dead != "true")
            return fail_field("query.dead", "expected true; without it all are listed");
        query.only_dead = true;
    }
    const auto tasks = TRY(door.list_tasks(call.actor, query));
    std::string items;
    for (const auto& task : tasks) {
        items += items.empty() ? "" : ",";
        items += encode_answer(shown(task));
    }
    return list_answer(items, tasks.size() < query.limit ? "" : tasks.back().id.value);
}

Result<Response> retry(app::Door& door, Call& call) {
    TRY(decode<domain::Nothing>(call.body));
    const auto key = TRY(idempotency_key(call));
    return door_answer(
        call, TRY(door.retry_task(call.actor, TaskId(call.id()), key)), "/api/v1/tasks"
    );
}

} // namespace

void add_tasks(Routes& routes, Services& services) {
    app::Door& door = services.door;
    Route all;
    all.path = "/api/v1/tasks";
    all.operation_id = "list_tasks";
    all.summary = "What is still to be done outside, oldest first.";
    all.tag = "tasks";
    all.permission = Permission::audit_read;
    all.query = {
        {"dead", "true: only what was given up after too many tries"},
        limit_parameter,
        cursor_parameter};
    all.response_schema = list_schema_of(schema_of<TaskShown>());
    all.handler = [&door](Call& call) -> Result<Response> { return list_tasks(door, call); };
    routes.push_back(std::move(all));
    Route again;
    again.method = Method::post;
    again.path = "/api/v1/tasks/{id}/retry";
    again.operation_id = "retry_task";
    again.summary = "Lets a task that was given up be tried once more.";
    again.tag = "tasks";
    again.permission = Permission::system_manage;
    again.body = Body::json;
    again.body_limit = limits::request_body_max;
    again.request_schema = schema_of<domain::Nothing>();
    again.keyed = true;
    again.handler = [&door](Call& call) -> Result<Response> { return retry(door, call); };
    routes.push_back(std::move(again));
}

} // namespace slipway::http
