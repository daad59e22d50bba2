// SPDX-License-Identifier: Apache-2.0
#include "domain/policy/policy.hpp"

#include <algorithm>

#include "base/yaml.hpp"
#include "domain/calendar/zone.hpp"
#include "domain/change/change.hpp"

namespace slipway::domain {

namespace {

class Check {
  public:
    void refuse(std::string field, std::string message) {
        wrong_.push_back({std::move(field), std::move(message)});
    }

    void longer_than_zero(std::string field, Span span) {
        if (span <= Span::zero())
            refuse(std::move(field), "must be longer than zero");
    }

    void not_zero(std::string field, std::uint32_t number) {
        if (number == 0)
            refuse(std::move(field), "must be at least 1");
    }

    std::vector<FieldError> done() { return std::move(wrong_); }

  private:
    std::vector<FieldError> wrong_;
};

void check_spans(const Policy& policy, Check& check) {
    check.longer_than_zero("ci_stale_after", policy.ci_stale_after);
    check.longer_than_zero("window_max", policy.window_max);
    if (policy.window_max > limits::window_max)
        check.refuse("window_max", "the limit is " + to_text(Span(limits::window_max)));
    check.longer_than_zero("ring_deploy_valid_for", policy.ring_deploy_valid_for);
    check.longer_than_zero("rehearsal_valid_for", policy.rehearsal_valid_for);
    check.longer_than_zero("parity_valid_for", policy.parity_valid_for);
    check.longer_than_zero("ring_facts_age_max", policy.ring_facts_age_max);
    check.longer_than_zero("preflight_valid_for", policy.preflight_valid_for);
    check.longer_than_zero("backup_age_max", policy.backup_age_max);
    check.longer_than_zero("restore_proof_age_max", policy.restore_proof_age_max);
    check.longer_than_zero("fresh_backup_before_window", policy.fresh_backup_before_window);
    check.longer_than_zero("retrospective_review_within", policy.retrospective_review_within);
    check.longer_than_zero("owed_step_within", policy.owed_step_within);
    check.longer_than_zero("snapshot_age_max", policy.snapshot_age_max);
    check.longer_than_zero("snapshot_expires_after", policy.snapshot_expires_after);
    check.longer_than_zero("snapshot_longest", policy.snapshot_longest);
    check.longer_than_zero("snapshot_measured_every", policy.snapshot_measured_every);
    check.longer_than_zero("waiver_longest", policy.waiver_longest);
}

void check_names(const Policy& policy, const std::set<std::string_view>& gates, Check& check) {
    for (std::size_t i = 0; i < policy.vague_phrases.size(); ++i)
        if (policy.vague_phrases[i].find_first_not_of(' ') == std::string::npos)
            check.refuse(fmt::format("vague_phrases[{}]", i), "is empty: every summary has it");
    for (std::size_t i = 0; i < policy.defect_severities.size(); ++i)
        if (!from_text<Severity>(policy.defect_severities[i]))
            check.refuse(
                fmt::format("defect_severities[{}]", i),
                fmt::format("expected one of: {}", fmt::join(enum_names(Severity{}), ", "))
            );
    for (std::size_t i = 0; i < policy.never_waived.size(); ++i)
        if (!gates.contains(policy.never_waived[i]))
            check.refuse(
                fmt::format("never_waived[{}]", i),
                fmt::format(
                    "there is no gate {}; known: {}", policy.never_waived[i], fmt::join(gates, ", ")
                )
            );
}

// The codec adds to what a list holds already; a list in the file is the whole list.
template <class List>
Result<void> take_list(const YamlDocument& document, std::string_view name, List& list) {
    if (const auto* given = find(document.value, name))
        list = TRY(decode<List>(*given));
    return {};
}

} // namespace

Result<Policy> read_policy(
    std::string_view text, std::string_view file_name, const std::set<std::string_view>& gates
) {
    const auto document = TRY(parse_yaml(text, file_name));
    auto policy = TRY(decode_yaml<Policy>(document));
    TRY(take_list(document, "vague_phrases", policy.vague_phrases));
    TRY(take_list(document, "defect_severities", policy.defect_severities));
    TRY(take_list(document, "never_waived", policy.never_waived));
    TRY(take_list(document, "waiver_roles", policy.waiver_roles));
    Check check;
    check.not_zero("summary_words_min", policy.summary_words_min);
    check.not_zero("impact_depth", policy.impact_depth);
    check.not_zero("standard_approvals", policy.standard_approvals);
    check.not_zero("quorum", policy.quorum);
    check.not_zero("emergency_quorum", policy.emergency_quorum);
    check_spans(policy, check);
    if (const auto clock = clock_from_text(policy.friday_evening_from, "friday_evening_from");
        !clock)
        check.refuse("friday_evening_from", clock.error().fields.at(0).message);
    check_names(policy, gates, check);
    if (auto wrong = check.done(); !wrong.empty())
        return tl::unexpected(place_errors(document, codec::invalid(std::move(wrong))));
    policy.digest = sha256(text);
    return policy;
}

} // namespace slipway::domain
