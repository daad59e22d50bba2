// SPDX-License-Identifier: Apache-2.0
#include "domain/change/preflight_plan.hpp"

#include <algorithm>

#include "base/secret_reference.hpp"
#include "base/this_machine.hpp"
#include "domain/records/ring_machines.hpp"

namespace slipway::domain {

namespace {

constexpr std::string_view last_line = "preflight done"; // of probes/preflight.sh

class Planner {
  public:
    Planner(const RingRecord& ring, const Variables& variables, Time needed_until)
        : ring_(ring), needed_until_(needed_until) {
        for (const auto& [name, value] : variables)
            if (secret_of_variable(value))
                plan_.secrets.emplace(name, value);
            else
                plain_.emplace(name, value);
    }

    void add(const Runbook& runbook) {
        std::set<std::string> machines;
        for (const auto* list : {&runbook.steps, &runbook.undo})
            for (const auto& step : *list)
                if (step.executable())
                    if (const auto host = host_of(step.host)) {
                        plan_.hosts[*host].tools.insert(step.interpreter);
                        machines.insert(*host);
                    }
        for (const auto& check : runbook.smoke)
            if (!check.script.empty())
                if (const auto host = host_of(check.host))
                    plan_.hosts[*host].tools.insert("sh");
        for (const auto& need : runbook.needs)
            add(need, machines);
    }

    PreflightPlan finish() {
        for (const auto& credential : ring_.credentials)
            look_at(credential);
        return std::move(plan_);
    }

  private:
    void
    fail(PreflightKind kind, const std::string& host, const std::string& name, std::string why) {
        const PreflightCheck check{host, kind, name, false, std::move(why)};
        const auto same = [&](const PreflightCheck& known) {
            return known.kind == kind && known.host == host && known.name == name;
        };
        if (std::none_of(plan_.known.begin(), plan_.known.end(), same))
            plan_.known.push_back(check);
    }

    // Nothing for a host that cannot be named or is none of the ring's; that is known then.
    std::optional<std::string> host_of(const std::string& text) {
        const auto host = fill_variables(text, plain_);
        if (host && is_this_machine(*host))
            return std::string();
        if (host && is_host_name(*host) && has_machine(ring_, *host))
            return *host;
        fail(
            PreflightKind::host, host ? *host : text, {},
            !host                 ? host.error().message
            : is_host_name(*host) ? "is no address of the ring's hosts: no run goes there"
                                  : "is not the name of a host"
        );
        return std::nullopt;
    }

    void add(const RunbookNeed& need, std::set<std::string> machines) {
        if (!need.host.empty()) {
            const auto host = host_of(need.host);
            machines.clear();
            if (host)
                machines.insert(*host);
        } else if (machines.empty()) {
            machines.insert(std::string());
        }
        for (const auto& machine : machines) {
            auto& needs = plan_.hosts[machine];
            needs.tools.insert(need.tools.begin(), need.tools.end());
            for (const auto& [path, size] : need.disk)
                needs.disk[path] = std::max(needs.disk[path], kib_from_text(size).value_or(0));
        }
        for (const auto& name : need.credentials)
            look_for(name);
    }

    void look_for(const std::string& name) {
        const bool known =
            plan_.secrets.contains(name) ||
            std::any_of(ring_.credentials.begin(), ring_.credentials.end(), [&](const auto& has) {
                return has.name == name;
            });
        if (!known)
            fail(
                PreflightKind::credential, {}, name,
                "the ring has neither a credential nor a secret variable of this name"
            );
    }

    void look_at(const RingCredential& credential) {
        const bool ends = credential.expires_at && *credential.expires_at < needed_until_;
        plan_.known.push_back(
            {{},
             PreflightKind::credential,
             credential.name,
             !ends,
             !credential.expires_at ? "nobody wrote down that it ends"
                                    : fmt::format(
                                          "ends {}, needed until {}",
                                          to_text(*credential.expires_at), to_text(needed_until_)
                                      )}
        );
    }

    const RingRecord& ring_;
    Time needed_until_;
    Variables plain_;
    PreflightPlan plan_;
};

// "passed tool.nginx /usr/sbin/nginx": the verdict, then what was looked for, which has no blank,
// then what was seen.
std::optional<PreflightCheck>
verdict_on(const std::vector<std::string>& lines, PreflightKind kind, const std::string& name) {
    const auto subject = fmt::format("{}.{} ", to_text(kind), name);
    for (const std::string_view line : lines)
        for (const auto& [word, passed] : {std::pair{"passed ", true}, {"failed ", false}})
            if (line.starts_with(word) && line.substr(7).starts_with(subject))
                return PreflightCheck{
                    {}, kind, name, passed, std::string(line.substr(7 + subject.size()))};
    return std::nullopt;
}

} // namespace

PreflightPlan plan_preflight(
    const std::vector<Runbook>& runbooks, const RingRecord& ring, const Variables& variables,
    Time needed_until
) {
    Planner planner(ring, variables, needed_until);
    for (const auto& runbook : runbooks)
        planner.add(runbook);
    return planner.finish();
}

Variables preflight_variables(const HostNeeds& needs) {
    std::string disk;
    for (const auto& [path, kib] : needs.disk)
        disk += fmt::format("{} {}\n", kib, path);
    return {
        {"SLIPWAY_TOOLS", fmt::format("{}", fmt::join(needs.tools, " "))}, {"SLIPWAY_DISK", disk}};
}

std::vector<PreflightCheck> judge_host(
    const std::string& host, const HostNeeds& needs, const StepResult& result,
    const std::vector<std::string>& lines
) {
    const bool answered =
        result.passed() && std::find(lines.begin(), lines.end(), last_line) != lines.end();
    std::vector<PreflightCheck> checks{
        {host, PreflightKind::host, {}, answered, cut_text(result.message, limits::text_max)}};
    if (!answered)
        return checks;
    const auto judge = [&](PreflightKind kind, const std::string& name) {
        auto check =
            verdict_on(lines, kind, name)
                .value_or(PreflightCheck{{}, kind, name, false, "it said nothing of this"});
        check.host = host;
        checks.push_back(std::move(check));
    };
    for (const auto& tool : needs.tools)
        judge(PreflightKind::tool, tool);
    for (const auto& [path, kib] : needs.disk)
        judge(PreflightKind::disk, path);
    return checks;
}

} // namespace slipway::domain
