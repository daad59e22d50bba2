// SPDX-License-Identifier: Apache-2.0
// Commands of phase 1: the RFC.
#include <algorithm>

#include <fmt/ranges.h>

#include "domain/calendar/window.hpp"
#include "domain/calendar/zone.hpp"
#include "domain/change/article.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/impact.hpp"
#include "domain/change/move_window.hpp"
#include "domain/change/notices.hpp"
#include "domain/change/run_hosts.hpp"
#include "domain/change/steps.hpp"
#include "domain/change/vote_calls.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::decide {

namespace {

RunbookStepOutline outline(const RunbookStep& step) {
    return {step.name,        std::string(to_text(step.kind)),
            step.title,       step.host,
            step.owner.value, step.abort_criterion,
            step.digest,      step.timeout,
            step.confirm,     step.second.value,
            step.undoes,      step.parallel,
            step.exit_status};
}

// A file's name is shown and put into archives: it is a name and never a path.
Result<void> check_file_name(const std::string& name) {
    if (name.find_first_of("/\\") != std::string::npos || name == "." || name == ".." ||
        name.front() == '.' || !is_valid_text(name))
        return fail_field("name", "expected a file name without a path, not beginning with '.'");
    for (const char c : name)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return fail_field("name", "contains a control character");
    return {};
}

Result<void> check_ring(const Facts& facts, const std::string& id, std::string_view field) {
    if (!id.empty() && !facts.records->rings.contains(id))
        return fail_field(std::string(field), "there is no ring " + id);
    return {};
}

// What runs on the test ring asks no gate, so production never stands in for it.
Result<void> check_test_ring(const Facts& facts, const std::string& id) {
    TRY(check_ring(facts, id, "test_ring"));
    if (!id.empty() && facts.records->rings.at(id).kind == RingKind::production)
        return fail_field("test_ring", id + " is a production ring");
    if (const auto reason = test_ring_by_another_name(id, facts))
        return fail_field(
            "test_ring",
            fmt::format("{} ({}); {}", reason->message, reason->evidence, reason->remedy)
        );
    return {};
}

Result<void> check_person(const Facts& facts, const PersonId& id, std::string_view field) {
    if (id.empty())
        return {};
    const auto found = facts.records->people.find(id);
    if (found == facts.records->people.end() || found->second.inactive)
        return fail_field(std::string(field), "there is no active person " + id.value);
    return {};
}

// In the window, where they are called or decide, it would be found out too late.
void say_who_is_unable(Decider& decider, const ParticipantsAssigned& named) {
    using enum Permission;
    const auto say = [&](const std::optional<PersonId>& person, std::string_view part,
                         std::initializer_list<Permission> needed) {
        say_if_unable(decider, person.value_or(PersonId{}), part, needed);
    };
    say(named.change_owner, "change owner", {change_write, change_run});
    say(named.implementer, "implementer", {change_write, change_run});
    say(named.rollback_owner, "rollback owner", {change_run});
    say(named.rollback_backup, "rollback backup", {change_run});
}

// Who has approved it could not start it: in the window that would be found out too late.
Result<void> check_implementer(const Change& change, const Facts& facts, const PersonId& person) {
    TRY(check_person(facts, person, "implementer"));
    if (person.empty())
        return {};
    if (const auto part = part_in_approval(change, facts, person))
        return fail_blocked(
            "who approved a change does not carry it out",
            {{"run-exact", "implementer", person.value + " " + part->what, part->evidence,
              "Name another engineer"}}
        );
    return {};
}

Result<void> check_roster(const Facts& facts, const std::string& id) {
    if (!id.empty() && !facts.records->rosters.contains(id))
        return fail_field("roster", "there is no roster " + id);
    return {};
}

// The one ring of a kind, or empty: nobody has to name what there is only one of.
std::string only_ring(const Facts& facts, bool production) {
    std::string only;
    for (const auto& [id, ring] : facts.records->rings)
        if ((ring.kind == RingKind::production) == production) {
            if (!only.empty())
                return {};
            only = id;
        }
    return only;
}

// Who answers for the change is not for everybody to say: an engineer whose step failed would make
// himself the owner whose decision is asked for.
Result<void> may_assign(const Change& change, const Facts& facts) {
    if (facts.has_role(Role::change_manager))
        return {};
    const bool begun = deployment_begun(change);
    if (!begun && (facts.actor == change.requester || facts.actor == change.change_owner))
        return {};
    return fail_blocked(
        "you must not assign people of this change",
        {{"run-exact", "change_owner",
          begun ? "since production was touched only a change manager assigns"
                : "only its requester, its owner or a change manager assigns",
          fmt::format(
              "you are {}, requester {}, owner {}", facts.actor.value, change.requester.value,
              change.change_owner.value
          ),
          begun ? "Ask a change manager" : "Ask one of them"}}
    );
}

bool is_alike(const ChangeWindow& window, const ChangeWindow& other) {
    return window.start == other.start && window.end == other.end && window.zone == other.zone &&
           window.reason == other.reason;
}

// What had a value and gets none: whoever adds one thing means to keep the others.
std::vector<std::string> parts_left_out(const Scope& scope, const Scope& before) {
    std::vector<std::string> names;
    const auto look = [&](std::string_view name, bool was_set, bool is_set) {
        if (was_set && !is_set)
            names.emplace_back(name);
    };
    for (const auto& [name, text] :
         {std::pair("business_driver", &Scope::business_driver),
          std::pair("customer_impact", &Scope::customer_impact),
          std::pair("external_ticket", &Scope::external_ticket),
          std::pair("incident", &Scope::incident)})
        look(name, !(before.*text).empty(), !(scope.*text).empty());
    look("cis", !before.cis.empty(), !scope.cis.empty());
    look("database", before.database, scope.database);
    look("customer_facing", before.customer_facing, scope.customer_facing);
    return names;
}

// What only an emergency puts off is done before the deployment, as in any other change.
void open_what_was_postponed(Decider& decider) {
    std::vector<std::string> open;
    for (const auto* step : steps_of(*decider.facts().workflow)) {
        const auto& change = decider.change();
        const auto record = change.steps.find(step->id);
        if (record == change.steps.end() || record->second.state != StepState::postponed ||
            may_postpone(*step, type_of(change)))
            continue;
        decider.emit(StepReopened{step->id, "it is no emergency any more"});
        open.push_back(step->id.value);
    }
    if (!open.empty())
        decider.say(fmt::format("not postponed any more, open again: {}", fmt::join(open, ", ")));
}

// A notice that is sent now comes too late for a window that begins earlier than this.
void say_whether_it_can_be_announced(Decider& decider) {
    const auto& change = decider.change();
    const auto& facts = decider.facts();
    const auto& window = *change.window;
    const auto ahead = notice_ahead(change, *facts.policy);
    const auto* last = last_announcement(change);
    const bool in_time =
        last && names_window(*last, change) && last->sent_at <= window.start - ahead;
    const auto earliest = earliest_to_announce(change, facts);
    if (!earliest || window.start >= *earliest || window.end <= facts.now || in_time)
        return;
    decider.say(fmt::format(
        "the notice gate will refuse it: it had to be announced by {}, {} before the window",
        to_spoken_text(window.start - ahead, window.zone), to_text(ahead)
    ));
}

void say_who_will_refuse(Decider& decider) {
    GateFindings findings("window");
    gates::window(decider.change(), decider.facts(), findings);
    for (const auto& reason : findings.reasons)
        decider.say("the window gate will refuse it: " + reason.message);
    say_whether_it_can_be_announced(decider);
    for (const auto& warning : findings.warnings)
        decider.say(warning);
}

Result<void> require_room(const Change& change) {
    if (change.attachments.size() >= limits::attachments_per_change_max)
        return fail_full("digest", "attachments", limits::attachments_per_change_max);
    return {};
}

struct Proposal {
    ChangeType type = ChangeType::normal;
    std::string entry;
    std::vector<std::string> because;
};

// The type that the rules propose: the catalogue first, then an incident, otherwise normal.
Proposal propose_type(const Change& change, const Facts& facts) {
    Proposal proposal;
    const auto* runbook = runbook_of(change, RunbookPurpose::deployment);
    for (const auto& [id, entry] : facts.records->catalogue)
        if (runbook && entry.deployment_runbook == runbook->digest) {
            Change tried = change;
            tried.classification = Classification{};
            tried.classification->type = ChangeType::standard;
            tried.classification->catalogue_entry = id;
            GateFindings findings("classification");
            gates::classification(tried, facts, findings);
            if (findings.reasons.empty())
                return {
                    ChangeType::standard,
                    id,
                    {"catalogue entry " + id + " pre-approves these runbook bytes"}};
            proposal.because.push_back(
                "catalogue entry " + id + " does not allow it: " + findings.reasons.front().message
            );
        }
    if (change.scope && !change.scope->incident.empty())
        return {ChangeType::emergency, {}, {"it answers incident " + change.scope->incident}};
    proposal.because.push_back("no catalogue entry matches its runbook and configuration items");
    return proposal;
}

std::string no_file_field(const Step* step) {
    if (step == nullptr)
        return "names a field of a step: give the step too";
    std::string names;
    for (const auto& spec : step->form)
        if (spec.type == FieldType::file)
            names += (names.empty() ? "" : ", ") + spec.name;
    return fmt::format(
        "is no field of step {} that holds files; those are: {}", step->id.value,
        names.empty() ? "none" : names
    );
}

// A form is written as a whole, so the line holds what is in it with the file beside that.
std::string how_to_fill(
    const Change& change, const Step& step, const std::string& field, const Digest& digest
) {
    const auto record = change.steps.find(step.id);
    const auto* filled = record == change.steps.end() ? nullptr : record->second.values.if_object();
    JsonObject values = filled ? *filled : JsonObject{};
    auto& value = values[field];
    if (value.is_array())
        value.get_array().emplace_back(digest.hex());
    else
        value = digest.hex();
    std::string quoted;
    for (const char c : to_text(Json(std::move(values))))
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    if (quoted.size() > limits::text_max)
        return fmt::format(
            "to fill in the field beside what is in the form: slipway change steps {} --step {}",
            change.id.value, step.id.value
        );
    return fmt::format(
        "to fill in the field: slipway change fill_step {} --step {} --values '{}'",
        change.id.value, step.id.value, quoted
    );
}

// The backup stands in for the owner, so one person is neither.
Result<void> check_rollback_people(const PersonId& owner, const PersonId& backup) {
    if (!owner.empty() && owner == backup)
        return fail_field("rollback_backup", "must be somebody else than rollback_owner");
    return {};
}

} // namespace

Result<Decision> open(const Change& change, const OpenChange& body, const Facts& facts) {
    if (!change.title.empty())
        return fail_conflict("id", fmt::format("{} is open already", change.id.value));
    TRY(check_ring(facts, body.production_ring, "production_ring"));
    TRY(check_test_ring(facts, body.test_ring));
    TRY(check_person(facts, body.change_owner, "change_owner"));
    TRY(check_person(facts, body.implementer, "implementer"));
    TRY(check_person(facts, body.rollback_owner, "rollback_owner"));
    TRY(check_person(facts, body.rollback_backup, "rollback_backup"));
    TRY(check_rollback_people(body.rollback_owner, body.rollback_backup));
    TRY(check_roster(facts, body.roster));
    Decider decider(change, facts);
    ChangeOpened event{
        change.id,
        change.tenant,
        body.title,
        {facts.workflow->name, facts.workflow->version, facts.workflow->digest},
        body.change_owner.empty() ? facts.actor : body.change_owner,
        body.implementer,
        body.risk,
        body.production_ring.empty() ? only_ring(facts, true) : body.production_ring,
        body.test_ring.empty() ? only_ring(facts, false) : body.test_ring,
        body.roster};
    if (event.roster.empty() && facts.records->rosters.size() == 1)
        event.roster = facts.records->rosters.begin()->first;
    decider.emit(event);
    // An optional step with a gate is asked for as soon as anybody has begun it, which is not this.
    for (const auto* step : steps_of(*facts.workflow))
        if (auto values = with_defaults(*step, {});
            !values.empty() && (step->is_required() || !has_gate(step->kind)))
            decider.emit(StepFilled{
                step->id, Json(std::move(values)), is_read_by_board(*step, facts)});
    ParticipantsAssigned assigned;
    if (!body.rollback_owner.empty())
        assigned.rollback_owner = body.rollback_owner;
    if (!body.rollback_backup.empty())
        assigned.rollback_backup = body.rollback_backup;
    if (assigned.rollback_owner || assigned.rollback_backup)
        decider.emit(assigned);
    assigned.change_owner = event.change_owner;
    assigned.implementer = event.implementer;
    say_who_is_unable(decider, assigned);
    return decider.finish();
}

Result<Decision> describe(const Change& change, const DescribeScope& body, const Facts& facts) {
    TRY(require_untouched(change, "scope"));
    std::set<CiId> seen;
    for (std::size_t i = 0; i < body.scope.cis.size(); ++i)
        if (!seen.insert(body.scope.cis[i].ci).second)
            return fail_field(fmt::format("cis[{}].ci", i), "is named twice");
    // What runs now need not be asked: a rollback goes back to it.
    auto scope = body.scope;
    for (auto& scoped : scope.cis)
        if (const auto known = facts.records->cis.find(scoped.ci);
            scoped.version_from.empty() && known != facts.records->cis.end())
            scoped.version_from = known->second.version;
    Decider decider(change, facts);
    const auto& title = body.title.empty() ? change.title : body.title;
    const bool judged_alike = change.scope && title == change.title &&
                              without_ticket(*change.scope) == without_ticket(scope);
    if (const auto emptied = parts_left_out(scope, change.scope ? *change.scope : Scope{});
        !emptied.empty())
        decider.say(fmt::format(
            "not given, so no longer set: {}; the scope is what this command gives, and no more",
            fmt::join(emptied, ", ")
        ));
    decider.emit(ScopeDescribed{title, std::move(scope)});
    if (judged_alike)
        return decider.finish();
    decider.reopen(StepKind::scope, "the scope was edited");
    if (type_of(change) == ChangeType::standard)
        decider.classify_anew("the scope was edited");
    decider.void_edited();
    decider.say_what_is_open_again();
    return decider.finish();
}

Result<Decision> assign(const Change& change, const Assign& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(may_assign(change, facts));
    TRY(check_person(facts, body.change_owner.value_or(PersonId{}), "change_owner"));
    TRY(check_implementer(change, facts, body.implementer.value_or(PersonId{})));
    TRY(check_person(facts, body.rollback_owner.value_or(PersonId{}), "rollback_owner"));
    TRY(check_person(facts, body.rollback_backup.value_or(PersonId{}), "rollback_backup"));
    if (body.rollback_owner || body.rollback_backup)
        TRY(check_rollback_people(
            body.rollback_owner.value_or(change.rollback_owner),
            body.rollback_backup.value_or(change.rollback_backup)
        ));
    TRY(check_ring(facts, body.production_ring.value_or(""), "production_ring"));
    TRY(check_test_ring(facts, body.test_ring.value_or("")));
    TRY(check_roster(facts, body.roster.value_or("")));
    if (body.production_ring && *body.production_ring != change.production_ring)
        TRY(require_untouched(change, "production ring"));
    Decider decider(change, facts);
    const ParticipantsAssigned assigned{
        body.change_owner, body.implementer,     body.rollback_owner, body.rollback_backup,
        body.risk,         body.production_ring, body.test_ring,      body.roster};
    decider.emit(assigned);
    say_who_is_unable(decider, assigned);
    return decider.finish();
}

Result<Decision> trace_impact(const Change& change, const Nothing&, const Facts& facts) {
    TRY(require_open(change));
    if (!change.scope || change.scope->cis.empty())
        return fail_blocked(
            "there is nothing to trace",
            {{"impact-traced", "scope.cis", "the scope names no configuration item", "empty",
              "Describe the scope first"}}
        );
    Decider decider(change, facts);
    decider.emit(ImpactTraced{TRY(domain::trace_impact(change, facts))});
    return decider.finish();
}

Result<Decision>
acknowledge_impact(const Change& change, const AcknowledgeImpact& body, const Facts& facts) {
    TRY(require_open(change));
    if (!change.impact)
        return fail_field("ci", "the impact has not been traced");
    const auto owner = facts.records->cis.find(body.ci);
    if (owner == facts.records->cis.end())
        return fail_field("ci", "is not in the CMDB");
    bool impacted = false;
    for (const auto& known : change.impact->hits)
        impacted = impacted || known.ci == body.ci;
    if (!impacted)
        return fail_field("ci", "is not among the impacted items");
    const auto& answers = owner->second.owner;
    if (facts.actor == change.requester && answers != facts.actor)
        return fail_blocked(
            "who asks for a change does not answer for the items of others",
            {{"impact-traced", "ci", "you are the requester and not the owner of " + body.ci.value,
              answers.empty() ? "its record has no owner" : "owner " + answers.value,
              answers.empty() ? "Name its owner in the CMDB, or ask another change manager"
                              : "Ask " + answers.value + " or another change manager"}}
        );
    if ((answers.empty() || answers != facts.actor) && !facts.has_role(Role::change_manager))
        return fail_blocked(
            "only its owner or a change manager acknowledges an impacted item",
            {{"impact-traced", "ci", "you are not the owner of " + body.ci.value,
              answers.empty() ? "its record has no owner" : "owner " + answers.value,
              answers.empty() ? "Name its owner in the CMDB, or ask a change manager"
                              : "Ask the owner to acknowledge it"}}
        );
    Decider decider(change, facts);
    decider.emit(ImpactAcknowledged{body.ci, body.note});
    return decider.finish();
}

Result<Decision> attach(const Change& change, const Attach& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(check_file_name(body.name));
    if (!facts.attachment_known)
        return fail_field(
            "digest", "nothing with this digest has been uploaded: POST /attachments first"
        );
    TRY(require_room(change));
    const auto* step = find_step(*facts.workflow, body.step.value);
    if (!body.step.empty() && step == nullptr)
        return fail_field("step", not_a_step(*facts.workflow));
    const auto* field = step ? find_field(*step, body.field) : nullptr;
    if (!body.field.empty() && (field == nullptr || field->type != FieldType::file))
        return fail_field("field", no_file_field(step));
    Decider decider(change, facts);
    decider.emit(AttachmentAdded{
        {body.digest, body.name, body.media_type, facts.attachment_size, body.step, body.field,
         facts.actor, facts.now}});
    decider.say(fmt::format("{} is attached with the digest {}", body.name, body.digest.hex()));
    if (field != nullptr)
        decider.say(how_to_fill(change, *step, body.field, body.digest));
    return decider.finish();
}

Result<Decision> pin_runbook(const Change& change, const PinRunbook& body, const Facts& facts) {
    TRY(require_untouched(change, "runbook"));
    TRY(check_file_name(body.name));
    TRY(require_room(change));
    if (!facts.attachment_known || !facts.runbook)
        return fail_field(
            "digest", "nothing with this digest has been uploaded: POST /attachments first"
        );
    const std::string gate =
        body.purpose == RunbookPurpose::rollback ? "rollback-runbook" : "ring-deployed";
    std::vector<Reason> reasons;
    for (const auto& finding : facts.runbook->findings)
        if (finding.severity == LintSeverity::error)
            reasons.push_back(
                {gate, finding.line > 0 ? fmt::format("{}:{}", body.name, finding.line) : body.name,
                 finding.message, finding.rule, finding.remedy}
            );
    if (!facts.runbook->runbook && reasons.empty())
        reasons.push_back(
            {gate, body.name, "this is not a runbook", body.name,
             "Write it as docs/reference/runbook-format.md says"}
        );
    if (reasons.empty() && facts.runbook->runbook->purpose != body.purpose)
        reasons.push_back(
            {gate, body.name,
             fmt::format(
                 "it is {} runbook", with_article(to_text(facts.runbook->runbook->purpose))
             ),
             "purpose in its front matter", "Pin it for its own purpose"}
        );
    if (!reasons.empty())
        return fail_blocked(
            fmt::format("{} cannot be the {} runbook", body.name, to_text(body.purpose)),
            std::move(reasons)
        );
    const auto& runbook = *facts.runbook->runbook;
    const auto* before = runbook_of(change, body.purpose);
    const bool other_bytes = before == nullptr || before->digest != body.digest;
    // Whoever pins the same bytes again has neither written nor brought them.
    const auto& brought_by = other_bytes ? facts.actor : before->author;
    PinnedRunbook pinned{
        body.digest,
        body.name,
        runbook.title,
        runbook.author.empty() ? brought_by : runbook.author,
        facts.now,
        runbook.engineer.value,
        runbook.backup_engineer.value,
        runbook.time_limit,
        {},
        {},
        {},
        runbook.smoke_digest};
    for (const auto& step : runbook.steps)
        pinned.steps.push_back(outline(step));
    for (const auto& step : runbook.undo)
        pinned.undo.push_back(outline(step));
    for (const auto& check : runbook.smoke) {
        pinned.smoke_checks.push_back(check.name);
        if (check.outside)
            pinned.smoke_outside.push_back(check.name);
        auto& hosts = pinned.smoke_hosts;
        if (!check.host.empty() && std::find(hosts.begin(), hosts.end(), check.host) == hosts.end())
            hosts.push_back(check.host);
    }
    Decider decider(change, facts);
    if (other_bytes)
        decider.emit(AttachmentAdded{
            {body.digest,
             body.name,
             "text/markdown",
             facts.attachment_size,
             {},
             std::string(to_text(body.purpose)) + "_runbook",
             facts.actor,
             facts.now}});
    decider.emit(RunbookPinned{body.purpose, std::move(pinned)});
    if (type_of(change) == ChangeType::standard && other_bytes)
        decider.classify_anew("another runbook was pinned");
    if (body.purpose == RunbookPurpose::rollback && other_bytes)
        decider.reopen(StepKind::runbook, "another rollback runbook was pinned");
    for (const auto& finding : facts.runbook->findings)
        if (finding.severity == LintSeverity::warning)
            decider.say(fmt::format("{}:{}: {}", body.name, finding.line, finding.message));
    return decider.finish();
}

namespace {

// Whoever approves it now judges it beforehand, and nothing was done yet under the ECAB's approval.
void let_review_fall_away(Decider& decider) {
    const auto* owed = retrospective_review(decider.change());
    if (owed == nullptr || owed->settled_at)
        return;
    const auto type = to_text(type_of(decider.change()));
    decider.emit(OwedSettled{
        owed->id, fmt::format("it was classified anew before it was carried out: {}", type), true});
    decider.say(fmt::format("no retrospective review is owed any more: the change is {}", type));
}

} // namespace

Result<Decision> classify(const Change& change, const Classify& body, const Facts& facts) {
    TRY(require_untouched(change, "classification"));
    const auto type = *from_text<ChangeType>(to_text(body.type));
    TRY(check_person(facts, body.authoriser, "authoriser"));
    const auto proposal = propose_type(change, facts);
    Classification chosen{
        type,
        body.reason,
        body.catalogue_entry,
        body.incident,
        body.authoriser,
        proposal.type,
        proposal.because,
        false,
        type != proposal.type,
        facts.actor,
        facts.now};
    if (chosen.type == ChangeType::emergency && chosen.incident.empty() && change.scope)
        chosen.incident = change.scope->incident;
    Change tried = change;
    tried.classification = chosen;
    GateFindings findings("classification");
    gates::classification(tried, facts, findings);
    if (!findings.reasons.empty())
        return fail_blocked(
            fmt::format("this is not {} change", with_article(to_text(type))),
            std::move(findings.reasons)
        );
    if (chosen.overridden && !require_reason(body.reason))
        return fail_field(
            "reason", fmt::format(
                          "is required: the rules propose {} ({}); say why not",
                          to_text(proposal.type), fmt::join(proposal.because, "; ")
                      )
        );
    Decider decider(change, facts);
    decider.keep_authoriser();
    decider.emit(ChangeClassified{chosen});
    decider.reopen(StepKind::classification, "it was classified anew");
    open_what_was_postponed(decider);
    // Ahead of asking for votes: whose vote was for the other board is asked as well.
    decider.void_edited();
    decider.say_what_is_open_again();
    if (type != ChangeType::emergency)
        let_review_fall_away(decider);
    if (type == ChangeType::emergency && type_of(change) != ChangeType::emergency)
        ask_ecab_for_votes(decider);
    else if (type == ChangeType::normal && type_of(change) == ChangeType::emergency && change.queue)
        ask_cab_for_votes(decider);
    if (chosen.overridden)
        decider.say(fmt::format(
            "the rules proposed {}; the override is on the record", to_text(chosen.proposed)
        ));
    return decider.finish();
}

Result<Decision> schedule(const Change& change, const Schedule& body, const Facts& facts) {
    TRY(require_untouched(change, "window"));
    const auto interval = TRY(resolve_window({body.start, body.end, body.zone}));
    const ChangeWindow wanted{body.start,   body.end,    body.zone,  interval.start,
                              interval.end, body.reason, facts.actor};
    Decider decider(change, facts);
    if (change.window && is_alike(*change.window, wanted))
        decider.say("this is the change's window already: nothing was edited");
    else
        TRY(move_window(decider, change, wanted));
    say_who_will_refuse(decider);
    return decider.finish();
}

} // namespace slipway::domain::decide
