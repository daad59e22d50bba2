// SPDX-License-Identifier: Apache-2.0
#include "domain/change/rehearsal_proof.hpp"

#include <algorithm>

#include "domain/change/approved_ring.hpp"
#include "domain/change/ring_use.hpp"
#include "domain/change/run_steps.hpp"

namespace slipway::domain {

namespace {

std::string short_hex(const Digest& digest) {
    return digest.hex().substr(0, 12);
}

std::string text_of(const RingCredential& credential) {
    return fmt::format(
        "{}{}", credential.expires_at ? "expires " + to_text(*credential.expires_at) : "no expiry",
        credential.version.empty() ? "" : ", version " + credential.version
    );
}

// What is known of a host, as one digest: what was gathered, and what people wrote down beside it.
Digest known_of(const RingHost& host) {
    const auto written = encode(host.facts);
    return sha256(host.found ? written + ' ' + host.found->transcript.hex() : written);
}

// What the ring held when the rehearsal began, if not the deployment that is pinned.
struct WasThere {
    std::string message;
    std::string evidence;
};

std::optional<WasThere> was_there_instead(const Change& change, const Run& rehearsal) {
    const auto* before = own_run_before(change, rehearsal);
    if (before == nullptr)
        return WasThere{
            "the rollback was rehearsed before the deployment",
            fmt::format(
                "no run of {} was on {} before {}", change.id.value, rehearsal.ring,
                rehearsal.id.value
            )};
    const auto others =
        rehearsal.ring_turn ? other_runs_since(change, *before, *rehearsal.ring_turn - 1) : 0;
    if (others > 0)
        return WasThere{
            "another change's run was on the ring between deployment and rehearsal",
            fmt::format(
                "{} runs of other changes began on {} after {} and before {}", others,
                rehearsal.ring, before->id.value, rehearsal.id.value
            )};
    const auto was_there = fmt::format(
        "{} ({}, {}) was on {} before {}", before->id.value, to_text(before->purpose),
        to_text(before->state), rehearsal.ring, rehearsal.id.value
    );
    if (before->purpose != RunPurpose::ring_deploy)
        return WasThere{
            "the rollback was rehearsed where the deployment was gone already", was_there};
    const auto* pinned = runbook_of(change, RunbookPurpose::deployment);
    if (pinned == nullptr || pinned->digest != before->runbook)
        return WasThere{
            "the deployment runbook was edited since the rehearsal",
            fmt::format(
                "rolled back {}, pinned {}", short_hex(before->runbook),
                pinned ? short_hex(pinned->digest) : "none"
            )};
    if (before->state != RunState::succeeded)
        return WasThere{
            "the rollback was rehearsed from a deployment that did not run to the end", was_there};
    const auto other = steps_not_as_written(change, *before);
    if (other.empty())
        return std::nullopt;
    return WasThere{
        "the rollback was rehearsed from a deployment that did not run as written",
        fmt::format("{}; {} ({})", was_there, other.front().what, other.front().step)};
}

// What the rehearsal rests on: the run before it on the ring, as far as there was one, and itself.
std::vector<const Run*> rests_on(const Change& change, const Run& rehearsal) {
    std::vector<const Run*> runs{&rehearsal};
    if (const auto* before = own_run_before(change, rehearsal))
        runs.insert(runs.begin(), before);
    return runs;
}

void look_at_contents(
    const Change& change, const Run& rehearsal, const Facts& facts, std::vector<Staleness>& stale
) {
    for (const auto* run : rests_on(change, rehearsal))
        if (auto edit = edit_that_stops(change, *run, facts)) {
            stale.push_back(
                {"rehearsal",
                 fmt::format("the ring {} was edited since {}", run->ring, run->id.value),
                 *std::move(edit), how_to_run_again(change, RunPurpose::rehearsal)}
            );
            return;
        }
}

// A ring that was rolled back is again what it was before the deployment; until it is looked at
// anew, the registers say what they said in between. Either is no drift.
void look_at_facts(
    const Change& change, const Run& rehearsal, const RingState& now, std::vector<Staleness>& stale
) {
    const auto runs = rests_on(change, rehearsal);
    const auto was_so = [&](const std::string& host, const Digest& facts) {
        return std::any_of(runs.begin(), runs.end(), [&](const Run* run) {
            if (!run->ring_state)
                return false;
            const auto then = run->ring_state->facts.find(host);
            return then != run->ring_state->facts.end() && then->second == facts;
        });
    };
    for (const auto& [host, facts] : now.facts)
        if (!was_so(host, facts))
            stale.push_back(
                {"rehearsal." + host, "what was found on this host is not what was rehearsed on",
                 fmt::format("{} of {}, facts now {}", host, rehearsal.ring, short_hex(facts)),
                 fmt::format(
                     "Put the ring back as it was and gather its facts (slipway ring gather {}). "
                     "If that cannot be: {}",
                     rehearsal.ring, how_to_run_again(change, RunPurpose::rehearsal)
                 )}
            );
}

// That the test ring has one more is an edit of it.
void look_at_credentials(
    const Change& change, const Run& rehearsal, const RingState& now, std::vector<Staleness>& stale
) {
    for (const auto& [name, then] : rehearsal.ring_state->credentials) {
        const auto found = now.credentials.find(name);
        const auto is = found == now.credentials.end() ? std::string("gone") : found->second;
        if (is != then)
            stale.push_back(
                {"credentials." + name, "a credential was rotated since the rehearsal",
                 fmt::format("then {}; now {}", then, is),
                 how_to_run_again(change, RunPurpose::rehearsal)}
            );
    }
    for (const auto& [name, is] : now.credentials)
        if (name.starts_with(change.production_ring + "/") &&
            !rehearsal.ring_state->credentials.contains(name))
            stale.push_back(
                {"credentials." + name, "a credential was added since the rehearsal", "now " + is,
                 how_to_run_again(change, RunPurpose::rehearsal)}
            );
}

} // namespace

RingState ring_state_now(const Change& change, const Facts& facts) {
    RingState state;
    const auto& rings = facts.records->rings;
    if (const auto ring = rings.find(change.test_ring); ring != rings.end())
        for (const auto& host : ring->second.hosts)
            // That a host did not answer is no drift of it; ring-parity refuses that.
            if (!host.found || host.found->fault.empty())
                state.facts[host.host] = known_of(host);
    for (const auto& id : {change.test_ring, change.production_ring})
        if (const auto ring = rings.find(id); ring != rings.end())
            for (const auto& credential : ring->second.credentials)
                state.credentials[id + "/" + credential.name] = text_of(credential);
    return state;
}

std::string how_to_rehearse(const Change& change, const Facts& facts) {
    Run next;
    next.ring = change.test_ring;
    next.ring_turn = next_ring_turn(facts);
    if (was_there_instead(change, next))
        return how_to_run_again(change, RunPurpose::rehearsal);
    return fmt::format(
        "Rehearse the rollback on the test ring (slipway change start_run {} --purpose rehearsal)",
        change.id.value
    );
}

std::string how_to_run_again(const Change& change, RunPurpose purpose) {
    auto words = fmt::format(
        "Deploy to the test ring{} (slipway change start_run {} --purpose ring_deploy)",
        last_run(change, RunPurpose::ring_deploy) ? " again" : "", change.id.value
    );
    if (purpose == RunPurpose::rehearsal)
        words += fmt::format(
            ", then rehearse the rollback there (slipway change start_run {} --purpose rehearsal)",
            change.id.value
        );
    return words;
}

std::optional<Staleness> not_from_the_deployment(const Change& change, const Run& rehearsal) {
    auto other = was_there_instead(change, rehearsal);
    if (!other)
        return std::nullopt;
    return Staleness{
        "rehearsal", std::move(other->message), std::move(other->evidence),
        how_to_run_again(change, RunPurpose::rehearsal)};
}

std::vector<Staleness>
staleness_of(const Change& change, const Run& rehearsal, const Facts& facts) {
    std::vector<Staleness> stale;
    if (auto other = not_from_the_deployment(change, rehearsal))
        stale.push_back(*std::move(other));
    look_at_contents(change, rehearsal, facts, stale);
    // Of runs in old entries nobody can tell.
    if (!rehearsal.ring_state)
        return stale;
    const auto now = ring_state_now(change, facts);
    look_at_facts(change, rehearsal, now, stale);
    look_at_credentials(change, rehearsal, now, stale);
    return stale;
}

} // namespace slipway::domain
