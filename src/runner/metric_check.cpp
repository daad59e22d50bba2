// SPDX-License-Identifier: Apache-2.0
// A metric by PromQL, from the HTTP API of Prometheus (v1, "Instant queries"): each sample that the
// expression gives now must be as the list says. No sample at all proves nothing, nor does an
// answer whose server warns that it could not look everywhere.
#include <cmath>

#include <fmt/format.h>

#include "runner/http_fetch.hpp"

namespace slipway::runner {

using domain::RunOutcome;
using domain::SmokeCheck;

namespace {

struct Sample {
    double value = 0;
    std::string text;   // the value as the server wrote it
    std::string labels; // as JSON; empty where there are none
};

std::string query_url(std::string base, const std::string& query) {
    if (base.ends_with('/'))
        base.pop_back();
    return base + "/api/v1/query?query=" + url_encoded(query);
}

// [1732305600.781, "0.02"]: the time and the value, which is a text because it may be NaN or +Inf.
std::optional<Sample> read_sample(const Json* pair) {
    if (pair == nullptr || !pair->is_array() || pair->get_array().size() != 2 ||
        !pair->get_array()[1].is_string())
        return std::nullopt;
    Sample sample;
    sample.text = view(pair->get_array()[1].get_string());
    std::string_view text = sample.text;
    if (text.starts_with('+'))
        text.remove_prefix(1);
    const auto value = number_from(text);
    if (!value)
        return std::nullopt;
    sample.value = *value;
    return sample;
}

std::optional<std::vector<Sample>> read_samples(const Json& document) {
    const auto* data = find(document, "data");
    const auto* result = data != nullptr ? find(*data, "result") : nullptr;
    if (text_or_empty(document, "status") != "success" || result == nullptr)
        return std::nullopt;
    std::vector<Sample> samples;
    const auto type = text_or_empty(*data, "resultType");
    if (type == "scalar") {
        auto sample = read_sample(result);
        if (!sample)
            return std::nullopt;
        samples.push_back(*std::move(sample));
        return samples;
    }
    if (type != "vector" || !result->is_array())
        return std::nullopt;
    for (const auto& element : result->get_array()) {
        auto sample = read_sample(find(element, "value"));
        if (!sample)
            return std::nullopt;
        if (const auto* labels = find(element, "metric"); labels && *labels != Json(JsonObject{}))
            sample->labels = to_text(*labels);
        samples.push_back(*std::move(sample));
    }
    return samples;
}

// What a server says of an answer that may lack samples: `warnings` of Prometheus (a remote store
// that was away) and of those that answer in its stead, `isPartial` of VictoriaMetrics. Empty: it
// is whole.
std::string doubts_of(const Json& document) {
    std::string doubts;
    if (const auto* warnings = find(document, "warnings"); warnings && warnings->is_array())
        for (const auto& warning : warnings->get_array())
            doubts +=
                (doubts.empty() ? "" : "; ") +
                (warning.is_string() ? std::string(view(warning.get_string())) : to_text(warning));
    const auto* partial = find(document, "isPartial");
    if (doubts.empty() && partial && *partial == Json(true))
        doubts = "isPartial";
    return doubts;
}

CheckAnswer judge(
    const std::vector<Sample>& samples, const domain::Comparison& comparison,
    const std::string& wanted
) {
    if (samples.empty())
        return {
            RunOutcome::unexpected_output, 0,
            fmt::format("there is no sample, expected one that is {}", wanted)};
    if (samples.size() > limits::smoke_samples_max)
        return {
            RunOutcome::unexpected_output, 0,
            fmt::format(
                "{} samples, the limit is {}; sum them up in the expression", samples.size(),
                limits::smoke_samples_max
            )};
    for (const auto& sample : samples)
        if (!comparison.holds(sample.value))
            return {
                RunOutcome::unexpected_output, 0,
                fmt::format(
                    "the value is {}, expected {}{}", clipped(sample.text), wanted,
                    sample.labels.empty() ? std::string() : ", for " + clipped(sample.labels)
                )};
    return {
        RunOutcome::passed, 0,
        samples.size() == 1
            ? fmt::format("the value is {}, which is {}", clipped(samples.front().text), wanted)
            : fmt::format("all {} values are {}", samples.size(), wanted)};
}

} // namespace

CheckAnswer check_metric(const SmokeCheck& check, const std::stop_token& stop) {
    const auto demands = check.metric.value_or(domain::MetricDemands{});
    const auto comparison = domain::comparison_from_text(demands.value);
    if (!comparison)
        return {RunOutcome::not_started, 0, comparison.error().message};
    const auto answer = fetch(
        query_url(check.url, demands.query), static_cast<int>(limits::smoke_redirects_max),
        limit_of(check), stop
    );
    if (!answer)
        return answer.error();
    if (answer->status == 400 || answer->status == 422) {
        // What Prometheus says of an expression that it cannot evaluate is of our own making.
        const auto document = parse_json(answer->body);
        const auto why = document ? text_or_empty(*document, "error") : std::string_view();
        return {
            RunOutcome::failed, answer->status,
            fmt::format("Prometheus refuses the expression: {}", shown(why))};
    }
    const auto json = json_of(*answer, shown_url(check.url));
    if (!json)
        return json.error();
    const auto samples = read_samples(*json);
    if (!samples)
        return {
            RunOutcome::unexpected_output, answer->status,
            "the answer is not that of a Prometheus to an expression that gives a scalar or an "
            "instant vector"};
    if (const auto doubts = doubts_of(*json); !doubts.empty())
        return {
            RunOutcome::unexpected_output, answer->status,
            fmt::format("the answer may lack samples, its server warns: {}", shown(doubts))};
    auto told = judge(*samples, *comparison, demands.value);
    told.status = answer->status;
    return told;
}

} // namespace slipway::runner
