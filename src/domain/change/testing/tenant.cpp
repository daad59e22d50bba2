// SPDX-License-Identifier: Apache-2.0
#include "domain/change/testing/tenant.hpp"

#include <fstream>
#include <set>
#include <sstream>

#include "base/assert.hpp"
#include "domain/records/ring_contents.hpp"

namespace slipway::domain::testing {

namespace {

const char* const deployment_text = R"(---
title: Harbor site 1.5
purpose: deployment
engineer: pia
backup_engineer: sven
time_limit: 15m
---
# Harbor site 1.5

```sh { name=drain timeout=60s }
drain-load-balancer
```

```sh { name=switch timeout=60s }
switch-site 1.5
```

```sh { name=verify verify=true timeout=30s }
curl -fsS http://localhost/version
```

```smoke
- name: front-page
  http: http://localhost/
- name: nightly
  command: run-nightly
```
)";

const char* const rollback_text = R"(---
title: Harbor site back to 1.4
purpose: rollback
engineer: pia
backup_engineer: sven
time_limit: 10m
---
# Harbor site back to 1.4

```decision { name=turn-round owner=pia backup=sven timeout=5m }
Abort if a smoke check fails twice within five minutes.
```

```sh { name=switch-back timeout=60s }
switch-site 1.4
```

```sh { name=verify-back verify=true timeout=30s }
curl -fsS http://localhost/version
```

```smoke
- name: front-page
  http: http://localhost/
- name: old-version
  command: test-version 1.4
```
)";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto found = text.find(from);
    ASSERT(found != std::string::npos);
    return text.replace(found, from.size(), to);
}

void add(Records& records, const char* kind, const char* id, std::string_view document) {
    ASSERT(parse_json(document).has_value());
    ASSERT(put_record(records, kind, id, document).has_value());
}

void add_people(Records& records) {
    const auto person = [&](const char* id, const char* roles, const char* groups = "") {
        add(records, "person", id,
            fmt::format(R"({{"name":"{}","roles":[{}],"groups":[{}]}})", id, roles, groups));
    };
    for (const auto* id : {"rosa", "jonas", "ina", "otto"})
        person(id, R"("engineer","cab_member")", R"("operations","security")");
    person("cora", R"("cab_chair")", R"("operations")");
    person("mika", R"("cab_member")", R"("security")");
    person("lena", R"("cab_member","engineer")", R"("operations")");
    person("eva", R"("cab_member")");
    person("emil", R"("cab_member")");
    person("petra", R"("change_manager")");
    person("paul", R"("change_manager")");
    person("pia", R"("on_call")");
    person("sven", R"("on_call")");
    person("etta", R"("on_call")");
    person("alma", R"("administrator","cab_member")", R"("operations","security")");
    person("vic", R"("viewer")");
    person("zoe", R"("cab_member")", R"("operations")");
    records.people.at(PersonId("zoe")).inactive = true;
}

void add_cmdb(Records& records) {
    const auto ci = [&](const char* id, const char* ci_class, const char* host, const char* owner,
                        const char* needs, const char* more = "") {
        add(records, "ci", id,
            fmt::format(
                R"({{"name":"{}","ci_class":"{}","host":"{}","version":"1.4","owner":"{}",)"
                R"("depends_on":[{}],"verified_at":"2026-11-01T00:00:00Z"{}}})",
                id, ci_class, host, owner, needs, more
            ));
    };
    ci("web-1", "host", "web-1", "otto", "");
    ci("harbor-site", "application", "web-1", "otto", R"("web-1")");
    ci("berths-db", "database", "web-1", "otto", R"("web-1")");
    ci("lb-1", "load_balancer", "lb-1", "otto", R"("harbor-site")");
    ci("nightly-report", "scheduled_job", "web-1", "lena", R"("harbor-site")",
       R"(,"schedule":{"from":"2026-01-01T02:00","duration":"30m","zone":"UTC",)"
       R"("rule":"FREQ=DAILY"})");
    ci("port-feed", "integration", "web-1", "lena", R"("harbor-site")");
    ci("billing", "application", "bill-1", "paul", "");
}

void add_calendar(Records& records) {
    add(records, "board", "cab",
        R"({"name":"CAB","chair":"cora","required_groups":["operations"],
            "members":["cora","mika","lena","alma","zoe","rosa","jonas","ina"],
            "schedule":{"meetings":{"from":"2026-01-07T10:00","duration":"1h","zone":"UTC",
            "rule":"FREQ=WEEKLY;BYDAY=WE"},"lead_time":"48h"}})");
    add(records, "board", "ecab",
        R"({"name":"ECAB","emergency":true,"members":["eva","emil","mika","alma","rosa","jonas"],
            "schedule":{"meetings":{"from":"2026-01-07T10:00","duration":"1h","zone":"UTC"}}})");
    add(records, "blackout", "month-end",
        R"({"id":"month-end","name":"month-end close","kind":"hard","reason":"the books close",
            "recurrence":{"from":"2026-01-28T00:00","duration":"4d","zone":"UTC",
            "rule":"FREQ=MONTHLY;BYMONTHDAY=28"}})");
    add(records, "roster", "harbor",
        R"({"name":"Harbor team","connector":"pager","day_hours":{"from":"08:00","to":"20:00",
            "zone":"UTC"},"shifts":[
            {"person":"pia","role":"primary",
             "when":{"from":"2026-11-01T00:00","duration":"60d","zone":"UTC"}},
            {"person":"sven","role":"secondary",
             "when":{"from":"2026-11-01T00:00","duration":"60d","zone":"UTC"}},
            {"person":"etta","role":"escalation",
             "when":{"from":"2026-11-01T00:00","duration":"60d","zone":"UTC"}}]})");
}

void add_places(Records& records) {
    const std::string facts = R"("facts":{"os_build":"12.8","package.nginx":"1.22"})";
    add(records, "ring", "staging",
        R"({"name":"Staging","kind":"staging","facts_at":"2026-11-18T00:00:00Z",
            "hosts":[{"host":"stage-1",)" +
            facts + "}]}");
    add(records, "ring", "production",
        R"({"name":"Production","kind":"production","facts_at":"2026-11-18T00:00:00Z",
            "snapshot_connector":"snap","backup_connector":"restic",
            "credentials":[{"name":"deploy-key","expires_at":"2027-06-01T00:00:00Z"}],
            "hosts":[{"host":"web-1",)" +
            facts + "}]}");
    add(records, "channel", "mail", R"({"name":"Mail","connector":"smtp","recipients":["all"]})");
    add(records, "channel", "status", R"({"name":"Status page","connector":"external"})");
    add(records, "catalogue_entry", "site-release",
        fmt::format(
            R"({{"title":"Site release","deployment_runbook":"{}","rollback_runbook":"{}",
                "rings":["{}"],"ci_classes":["application"],"approved_by":["cora","mika"],
                "expires_at":"2027-06-01T00:00:00Z"}})",
            deployment_file().digest.hex(), rollback_file().digest.hex(),
            ring_contents("production", records.rings.at("production")).hex()
        ));
    add(records, "organisation", "main",
        R"({"name":"Harbor","zone":"UTC","report_to":"desk@harbor.example","business_hours":
            {"days":["monday","tuesday","wednesday","thursday","friday"],"from":"09:00",
             "to":"17:00","zone":"UTC"}})");
}

Workflow workflow_of(const std::string& file) {
    std::ifstream in(std::string(SLIPWAY_ROOT "/workflows/") + file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    auto workflow = read_workflow(text.str(), file);
    ASSERT(workflow.has_value());
    return *std::move(workflow);
}

} // namespace

Time at(std::string_view text) {
    std::string full(text);
    if (full.size() == std::string_view("2026-11-23T10:00Z").size())
        full.insert(full.size() - 1, ":00");
    const auto time = time_from_text(full);
    ASSERT(time.has_value());
    return *time;
}

Json json(std::string_view text) {
    auto value = parse_json(text);
    ASSERT(value.has_value());
    return *std::move(value);
}

RunbookFile runbook_file(std::string name, std::string bytes) {
    const auto digest = sha256(bytes);
    return {std::move(name), std::move(bytes), digest};
}

const RunbookFile& deployment_file() {
    static const auto file = runbook_file("deploy.md", deployment_text);
    return file;
}

const RunbookFile& edited_deployment_file() {
    static const auto file = runbook_file(
        "deploy-edited.md", replaced(deployment_text, "name: nightly", "name: nightly-report")
    );
    return file;
}

const RunbookFile& rollback_file() {
    static const auto file = runbook_file("rollback.md", rollback_text);
    return file;
}

const RunbookFile& edited_rollback_file() {
    static const auto file =
        runbook_file("rollback-edited.md", replaced(rollback_text, "timeout=60s", "timeout=90s"));
    return file;
}

Records complete_records() {
    static const Records complete = [] {
        Records records;
        add_people(records);
        add_cmdb(records);
        add_calendar(records);
        add_places(records);
        renew(records);
        return records;
    }();
    return complete;
}

void renew(Records& records) {
    records.dependents.clear();
    for (const auto& [id, ci] : records.cis)
        for (const auto& needed : ci.depends_on)
            records.dependents[needed].push_back(id);
    ++records.version;
    ++records.cmdb_version;
}

const Workflow& release_workflow() {
    static const auto workflow = workflow_of("release.yaml");
    return workflow;
}

const Workflow& decommission_workflow() {
    static const auto workflow = workflow_of("server-decommission.yaml");
    return workflow;
}

bool holds(const std::string& when, const Json& context) {
    const auto field = [&](std::string_view step, std::string_view name) -> const Json* {
        const auto* fields = find(context, "fields");
        const auto* values = fields ? find(*fields, step) : nullptr;
        return values ? find(*values, name) : nullptr;
    };
    if (when.empty())
        return true;
    if (when == ".failed")
        return find(context, "failed")->as_bool();
    if (when == ".failed | not")
        return !find(context, "failed")->as_bool();
    if (when == ".fields.server.kind == \"physical\"") {
        const auto* kind = field("server", "kind");
        return kind && *kind == "physical";
    }
    ASSERT(when == ".fields.retention.obligations | . != null and . != [\"none\"]");
    const auto* obligations = field("retention", "obligations");
    return obligations && !obligations->is_null() && *obligations != JsonArray{"none"};
}

} // namespace slipway::domain::testing
