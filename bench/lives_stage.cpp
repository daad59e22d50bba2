// SPDX-License-Identifier: Apache-2.0
// The small team whose lives are measured: people, registers, two runbooks, and the ground of each
// client.
#include "lives_client.hpp"

namespace slipway::bench {

namespace {

constexpr std::string_view deployment_text = R"(---
title: Site 1.5
purpose: deployment
engineer: pia
backup_engineer: sven
time_limit: 15m
---
# Site 1.5

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

constexpr std::string_view rollback_text = R"(---
title: Site back to 1.4
purpose: rollback
engineer: pia
backup_engineer: sven
time_limit: 10m
---
# Site back to 1.4

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

void make_records(Client& client) {
    const auto put = [&](std::string_view by, std::string_view path, std::string_view body) {
        client.send("PUT", fmt::format("/api/v1/{}", path), by, body);
    };
    const std::map<std::string_view, std::string_view> roles{
        {"cora", R"("cab_chair")"}, {"mika", R"("cab_member")"}, {"petra", R"("change_manager")"},
        {"pia", R"("on_call")"},    {"sven", R"("on_call")"},    {"etta", R"("on_call")"},
    };
    for (const auto* id : people) {
        const auto role = roles.find(id);
        put("alma", fmt::format("people/{}", id),
            fmt::format(
                R"({{"name":"{}","groups":["operations"],"roles":[{}]}})", id,
                role == roles.end() ? R"("engineer")" : role->second
            ));
        client.send(
            "POST", fmt::format("/api/v1/people/{}/password", id), "alma",
            fmt::format(R"({{"password":"{}"}})", password)
        );
    }
}

void make_registers(Client& client) {
    const auto put = [&](std::string_view path, std::string_view body) {
        client.send("PUT", fmt::format("/api/v1/{}", path), "petra", body);
    };
    put("channels/status", R"({"name":"Status page","connector":"external"})");
    put("boards/cab",
        R"({"name":"CAB","chair":"cora","required_groups":["operations"],)"
        R"("members":["cora","mika"],"schedule":{"lead_time":"0s","meetings":)"
        R"({"from":"2026-01-01T10:00","duration":"15m","zone":"UTC","rule":"FREQ=DAILY"}}})");
    std::string shifts;
    for (const auto& [person, role] : std::map<std::string, std::string>{
             {"pia", "primary"}, {"sven", "secondary"}, {"etta", "escalation"}})
        shifts += fmt::format(
            R"({}{{"person":"{}","role":"{}","when":{{"from":"2026-01-01T00:00","duration":"7d",)"
            R"("zone":"UTC","rule":"FREQ=WEEKLY"}}}})",
            shifts.empty() ? "" : ",", person, role
        );
    put("rosters/harbor",
        fmt::format(
            R"({{"name":"Harbor","day_hours":{{"from":"08:00","to":"20:00","zone":"UTC"}},)"
            R"("shifts":[{}]}})",
            shifts
        ));
    client.send(
        "PUT", "/api/v1/organisations/main", "alma",
        R"({"name":"Harbor","zone":"UTC","report_to":"desk@harbor.example"})"
    );
}

// The rings of every client and an item for each life that it has at a time.
void make_grounds(const Options& options, Client& client, const std::string& now) {
    const auto ring = [&](std::string_view id, std::string_view kind, std::string_view host) {
        client.send(
            "PUT", fmt::format("/api/v1/rings/{}", id), "petra",
            fmt::format(
                R"({{"name":"{}","kind":"{}","facts_at":"{}","snapshot_connector":"external",)"
                R"("hosts":[{{"host":"{}","facts":{{"os_build":"12.8","kernel":"6.1"}}}}]}})",
                id, kind, now, host
            )
        );
    };
    std::string items;
    for (int number = 0; number < options.clients; ++number) {
        const Ground ground(options.prefix, number);
        ring(ground.test_ring, "staging", ground.test_host);
        ring(ground.production_ring, "production", ground.production_host);
        for (int slot = 0; slot < options.batch; ++slot)
            items += fmt::format(
                R"({{"id":"{0}","name":"{0}","ci_class":"application","host":"{2}",)"
                R"("version":"1.4","owner":"otto","verified_at":"{1}"}})"
                "\n"
                R"({{"id":"{0}-feed","name":"{0}-feed","ci_class":"integration","host":"{2}",)"
                R"("owner":"lena","depends_on":["{0}"],"verified_at":"{1}"}})"
                "\n",
                ground.item(slot), now, ground.production_host
            );
    }
    client.send("POST", "/api/v1/cis/import", "petra", items, "application/x-ndjson");
}

} // namespace

std::string sign_in(Client& client, std::string_view person) {
    return value_of(
        client
            .send(
                "POST", "/api/v1/login", "",
                fmt::format(R"({{"person":"{}","password":"{}"}})", person, password)
            )
            .body,
        "secret"
    );
}

Minutes server_now(Client& client) {
    return minutes_from(value_of(client.send("GET", "/api/v1/version", "", "").body, "now"));
}

void read_clock(Client& client, Stage& stage) {
    stage.now = server_now(client);
    const auto day = chrono::floor<chrono::days>(stage.now);
    const auto half_past_nine = day + chrono::minutes(9 * 60 + 30);
    stage.window =
        (stage.now < half_past_nine ? day : day + chrono::days(1)) + chrono::minutes(10 * 60 + 30);
}

void set_the_stage(const Options& options, Client& client, Stage& stage) {
    if (!options.code.empty())
        client.send(
            "POST", "/api/v1/setup", "",
            fmt::format(
                R"({{"code":"{}","person":"alma","name":"Alma","password":"{}"}})", options.code,
                password
            )
        );
    stage.tokens["alma"] = sign_in(client, "alma");
    if (!options.code.empty())
        make_records(client);
    for (const auto* id : people)
        stage.tokens[id] = sign_in(client, id);
    read_clock(client, stage);
    const auto now = local_text(stage.now) + ":00Z";
    make_grounds(options, client, now);
    if (!options.code.empty())
        make_registers(client);
    const auto upload = [&](std::string_view text) {
        return value_of(
            client.send("POST", "/api/v1/attachments", "jonas", text, "application/octet-stream")
                .body,
            "digest"
        );
    };
    stage.deployment = upload(deployment_text);
    stage.rollback = upload(rollback_text);
}

} // namespace slipway::bench
