// SPDX-License-Identifier: Apache-2.0
// What a server and a probe say to each other: the smoke list to look at, and what was seen. The
// whole list travels, so that the probe can tell by its digest that it is the approved one; it runs
// those of its checks that are for the outside. Secrets do not travel: a variable that is a secret
// stays the reference that it is, and the probe resolves it where it runs.
#pragma once

#include <string>
#include <vector>

#include "domain/runbook/run_result.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::app {

// The server's first word to a probe.
struct ProbeWelcome {
    std::string name;
    std::string address; // at which the server sees it

    SLIPWAY_FIELDS {
        visit("name", self.name, required("what the probe is called"));
        visit("address", self.address, required("at which the server sees it"));
    }
};

struct ProbeWork {
    std::string id; // unguessable; whoever reports it was given it
    std::string change;
    std::string ring;
    Digest list;
    std::vector<domain::SmokeCheck> checks;
    domain::Variables variables; // that the checks for the outside name

    SLIPWAY_FIELDS {
        visit("id", self.id, required("names it in the report"));
        visit("change", self.change, required("the change that is tested"));
        visit("ring", self.ring, required("the ring that is looked at"));
        visit("list", self.list, required("SHA-256 of the smoke list"));
        visit("checks", self.checks, required("the whole list", limits::smoke_checks_max));
        visit("variables", self.variables, optional("of the ring", 200));
    }
};

struct ProbeReport {
    std::string work;
    Digest list; // that the probe has found by itself
    std::vector<domain::CheckResult> results;

    SLIPWAY_FIELDS {
        visit("work", self.work, required("the id of the work"));
        visit("list", self.list, required("SHA-256 of the list that it ran"));
        visit(
            "results", self.results,
            optional("one for each check for the outside", limits::smoke_checks_max)
        );
    }
};

// A probe that has dialled in, as lists show it.
struct ProbeShown {
    std::string name;
    std::string address;
    PersonId person;
    Time since{};
    std::string change; // whose list it looks at now

    SLIPWAY_FIELDS {
        visit("name", self.name, required("what it calls itself"));
        visit("address", self.address, required("at which the server sees it"));
        visit("person", self.person, required("whom its token speaks for"));
        visit("since", self.since, required("when it dialled in"));
        visit("change", self.change, optional("the change that it works for now"));
    }
};

// What came of asking for the outside view.
struct OutsideView {
    std::vector<domain::CheckResult> results;
    std::string seen_from;   // "berlin at 203.0.113.7"
    std::string not_outside; // why there is no result; empty when there is
};

// The longest that the checks for the outside may take when each uses up its tries.
Span longest_time(const std::vector<domain::SmokeCheck>& checks);

// The list as work: with those variables that its checks for the outside name.
ProbeWork
make_probe_work(const std::vector<domain::SmokeCheck>& checks, const domain::Variables& variables);

// What is wrong with a report; errors: blocked, for another list; invalid_input naming the field,
// for results that are not exactly those of the checks for the outside.
Result<void> check_report(const ProbeWork& work, const ProbeReport& report);

} // namespace slipway::app
