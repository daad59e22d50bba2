// SPDX-License-Identifier: Apache-2.0
// What a command causes: events, the state that they add up to, work for the outside world and
// edits of records. A Decider collects them; each event is applied at once, so later rules of one
// command see what earlier ones did. When it finishes it voids exactly the approvals whose sections
// an event edited; no command has to remember to.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "domain/change/events.hpp"
#include "domain/change/facts.hpp"

namespace slipway::domain {

struct EventDraft {
    std::string_view type;
    std::string data; // JSON
};

struct TaskDraft {
    std::string kind;    // run, smoke, backup, snapshot, snapshot_remove, notice, page ...
    std::string payload; // JSON
};

struct RecordEdit {
    std::string kind;
    std::string id;
    std::string document; // canonical JSON
};

struct Decision {
    Change next;
    std::vector<EventDraft> events;
    std::vector<TaskDraft> tasks;
    std::vector<RecordEdit> records;
    std::vector<std::string> said; // for people: what happened beyond what was asked
};

class Decider {
  public:
    // Both must live until it has finished.
    Decider(const Change& change, const Facts& facts) : before_(change), facts_(facts) {
        decision_.next = change;
    }

    template <class Event>
    void emit(const Event& event) {
        const Stamp stamp{facts_.now, facts_.actor};
        decision_.events.push_back({Event::type, encode(event)});
        event.apply(decision_.next, stamp);
        if constexpr (std::is_same_v<Event, StepFilled>)
            form_read_ = form_read_ || event.read_by_board;
        settle_state(decision_.next, stamp);
    }

    template <class Payload>
    void ask(std::string kind, const Payload& payload) {
        // Two rules of one command may ask for the same thing; it is done once.
        TaskDraft task{std::move(kind), encode(payload)};
        for (const auto& known : decision_.tasks)
            if (known.kind == task.kind && known.payload == task.payload)
                return;
        decision_.tasks.push_back(std::move(task));
    }

    template <class Document>
    void edit_record(std::string kind, std::string id, const Document& document) {
        decision_.records.push_back({std::move(kind), std::move(id), encode(document)});
    }

    void say(std::string text) { decision_.said.push_back(std::move(text)); }

    const Change& change() const { return decision_.next; }

    const Facts& facts() const { return facts_; }

    std::size_t events() const { return decision_.events.size(); }

    // Reopens the completed step of this kind: what it vouched for was edited.
    void reopen(StepKind kind, std::string reason);
    // What was complete and is not any more, so that nobody finds that out inside the window.
    void say_what_is_open_again();
    // Voids approvals and votes whose sections were edited until here. finish() does it as well; a
    // command that edits and then adds a vote does it between the two.
    void void_edited();
    // Before a decision or a classification takes the place of one that let the change go on. Its
    // own event, so that older ledgers replay as they were.
    void keep_approvers();
    void keep_authoriser();
    // A standard change is approved for what its catalogue entry names: anything else is judged
    // anew, and until then it is not approved.
    void classify_anew(std::string reason);
    Decision finish();

  private:
    // Whether an event wrote a part that approvals are approvals of.
    bool sections_touched() const;
    // Whether the ECAB decides now in the place of a CAB, or no longer.
    bool board_changed() const;

    const Change& before_;
    const Facts& facts_;
    Decision decision_;
    bool form_read_ = false; // one that the board reads was filled in
};

// Runs, and as many smoke reports: the second half is production's, so that whatever was tried on
// the test ring, there is room to deploy, to go back and to test both.
constexpr std::size_t room_for_runs(bool production) {
    return production ? limits::runs_per_change_max : limits::runs_per_change_max / 2;
}

// Applies what only open changes allow, and what only untouched production allows.
Result<void> require_open(const Change& change);
Result<void> require_untouched(const Change& change, std::string_view what);
// What a connector was asked to do, only the connector reports; people report what has none, or the
// one named "external".
Result<void> require_reporter(
    const Facts& facts, std::string_view connector, std::string_view gate, std::string field
);
Result<void> require_reason(std::string_view reason, std::string_view field = "reason");
// He may be named as this part of the change ("implementer"); the answer says when no role of his
// gives what he needs for it. Nothing of somebody who is not on record.
void say_if_unable(
    Decider& decider, const PersonId& person, std::string_view part,
    std::initializer_list<Permission> needed
);
// Refusals that a gate has no part in still name the field, so that every refusal says where.
tl::unexpected<Error> fail_conflict(std::string field, std::string message);
tl::unexpected<Error> fail_full(std::string field, std::string_view things, std::size_t limit);
// What was asked for is done at this moment, and is not done twice beside itself. A task that was
// given up is not in hand.
tl::unexpected<Error>
fail_in_hand(std::string message, std::string_view gate, const TaskInHand& task);

} // namespace slipway::domain
