// SPDX-License-Identifier: Apache-2.0
#include "domain/change/rehearsal_proof.hpp"

#include "domain/change/approved_ring.hpp"
#include "domain/change/ring_use.hpp"

namespace slipway::domain {

namespace {

constexpr std::string_view again = "Deploy to the ring, then rehearse the rollback there";

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

void look_at_bytes(const Change& change, const Run& deployed, std::vector<Staleness>& stale) {
    const auto* pinned = runbook_of(change, RunbookPurpose::deployment);
    if (pinned && pinned->digest != deployed.runbook)
        stale.push_back(
            {"rehearsal", "the deployment runbook was edited since the rehearsal",
             fmt::format(
                 "rolled back {}, pinned {}", short_hex(deployed.runbook), short_hex(pinned->digest)
             ),
             std::string(again)}
        );
}

// The rollback went back from what another change had put there.
void look_at_others(
    const Change& change, const Run& deployed, const Run& rehearsal, std::vector<Staleness>& stale
) {
    const auto others =
        rehearsal.ring_turn ? other_runs_since(change, deployed, *rehearsal.ring_turn) : 0;
    if (others > 0)
        stale.push_back(
            {"rehearsal", "another change's run was on the ring between deployment and rehearsal",
             fmt::format(
                 "{} runs of other changes began on {} after {} and before {}", others,
                 rehearsal.ring, deployed.id.value, rehearsal.id.value
             ),
             std::string(again)}
        );
}

void look_at_contents(
    const Change& change, const Run& deployed, const Run& rehearsal, const Facts& facts,
    std::vector<Staleness>& stale
) {
    for (const auto* run : {&deployed, &rehearsal})
        if (auto edit = edit_that_stops(change, *run, facts)) {
            stale.push_back(
                {"rehearsal",
                 fmt::format("the ring {} was edited since {}", run->ring, run->id.value),
                 *std::move(edit), std::string(again)}
            );
            return;
        }
}

// A ring that was rolled back is again what it was before the deployment; until it is looked at
// anew, the registers say what they said in between. Either is no drift.
void look_at_facts(
    const Run& deployed, const Run& rehearsal, const RingState& now, std::vector<Staleness>& stale
) {
    const auto differs = [&](const Run& run, const std::string& host, const Digest& facts) {
        if (!run.ring_state)
            return true;
        const auto then = run.ring_state->facts.find(host);
        return then == run.ring_state->facts.end() || then->second != facts;
    };
    for (const auto& [host, facts] : now.facts)
        if (differs(deployed, host, facts) && differs(rehearsal, host, facts))
            stale.push_back(
                {"rehearsal." + host, "what was found on this host is not what was rehearsed on",
                 fmt::format("{} of {}, facts now {}", host, rehearsal.ring, short_hex(facts)),
                 "Put the ring back as it was and gather its facts, or rehearse there again"}
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
                 "Rehearse the rollback again with the new one"}
            );
    }
    for (const auto& [name, is] : now.credentials)
        if (name.starts_with(change.production_ring + "/") &&
            !rehearsal.ring_state->credentials.contains(name))
            stale.push_back(
                {"credentials." + name, "a credential was added since the rehearsal", "now " + is,
                 "Rehearse the rollback again with it"}
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

std::vector<Staleness>
staleness_of(const Change& change, const Run& deployed, const Run& rehearsal, const Facts& facts) {
    std::vector<Staleness> stale;
    look_at_bytes(change, deployed, stale);
    look_at_others(change, deployed, rehearsal, stale);
    look_at_contents(change, deployed, rehearsal, facts, stale);
    // Of runs in old entries nobody can tell.
    if (!rehearsal.ring_state)
        return stale;
    const auto now = ring_state_now(change, facts);
    look_at_facts(deployed, rehearsal, now, stale);
    look_at_credentials(change, rehearsal, now, stale);
    return stale;
}

} // namespace slipway::domain
