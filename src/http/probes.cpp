// SPDX-License-Identifier: Apache-2.0
// Probes dial out to the server: what they are to look at comes as server-sent events, what they
// saw goes back in requests of their own. Where a probe is, the server judges by the address that
// it sees, and by nothing that the probe says.
#include "app/probes/probes.hpp"
#include "base/schema.hpp"
#include "http/answers.hpp"
#include "http/authentication.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

using domain::Permission;

constexpr auto still_there = std::chrono::seconds(2);

// The work of one probe that has dialled in. While the feed lives, the probe is there.
class ProbeFeed final : public EventSource {
  public:
    ProbeFeed(app::Probes& probes, Reader reader, std::shared_ptr<app::Probes::Line> line)
        : probes_(probes), reader_(std::move(reader)), line_(std::move(line)) {}

    Result<std::string> next() override {
        TRY(reader_.actor());
        std::string out;
        if (!welcomed_)
            add(out, "welcome", app::ProbeWelcome{line_->shown().name, line_->shown().address});
        welcomed_ = true;
        if (const auto work = TRY(probes_.next_work(*line_)))
            add(out, "work", *work);
        if (out.empty() && probes_.is_busy(*line_) && Steady::now() - sent_ >= still_there)
            // Writing is how the connection is found to be dead, so that another can take over.
            out = ": still there\n\n";
        if (!out.empty())
            sent_ = Steady::now();
        return out;
    }

    bool more() const override { return false; }

  private:
    using Steady = std::chrono::steady_clock;

    template <class Document>
    static void add(std::string& out, std::string_view type, const Document& document) {
        out += fmt::format("event: {}\ndata: {}\n\n", type, encode(document));
    }

    app::Probes& probes_;
    Reader reader_;
    std::shared_ptr<app::Probes::Line> line_;
    bool welcomed_ = false;
    Steady::time_point sent_{};
};

Result<app::Probes*> probes_of(const Services& services) {
    if (services.probes == nullptr)
        return fail(ErrorCode::unavailable, "this server takes no probes");
    return services.probes;
}

Result<Response> dial_in(Services& services, Call& call) {
    auto& probes = *TRY(probes_of(services));
    const std::string name(call.query("name").value_or(""));
    if (!is_slug(name))
        return fail_field("query.name", "expected 1 to 64 letters, digits, '.', '_' or '-'");
    auto line = TRY(probes.dial_in(
        call.actor.tenant, call.actor.person, name, std::string(call.request.address)
    ));
    Response response;
    response.content_type = "text/event-stream";
    response.events = std::make_shared<ProbeFeed>(
        probes, Reader(services.identity, call.request, Permission::smoke_probe), std::move(line)
    );
    return response;
}

Result<Response> report(Services& services, Call& call) {
    auto& probes = *TRY(probes_of(services));
    auto report = TRY(decode<app::ProbeReport>(call.body));
    TRY(probes.report(
        call.actor.tenant, call.actor.person, std::string(call.request.address), std::move(report)
    ));
    return Response{204, ""};
}

Result<Response> list(Services& services, Call& call) {
    std::string items;
    for (const auto& probe : TRY(probes_of(services))->list(call.actor.tenant)) {
        items += items.empty() ? "" : ",";
        items += encode_answer(probe);
    }
    return list_answer(items, "");
}

} // namespace

void add_probes(Routes& routes, Services& services) {
    Route all;
    all.path = "/api/v1/probes";
    all.operation_id = "list_probes";
    all.summary = "The probes that have dialled in to this server.";
    all.tag = "probes";
    all.permission = Permission::change_read;
    all.response_schema = list_schema_of(schema_of<app::ProbeShown>());
    all.handler = [&services](Call& call) -> Result<Response> { return list(services, call); };
    routes.push_back(std::move(all));
    Route work;
    work.path = "/api/v1/probe/work";
    work.operation_id = "dial_in_probe";
    work.summary = "What a probe is to look at, as it comes (server-sent events).";
    work.tag = "probes";
    work.permission = Permission::smoke_probe;
    work.response_type = "text/event-stream";
    work.query = {{"name", "what the probe is called"}};
    work.handler = [&services](Call& call) -> Result<Response> { return dial_in(services, call); };
    routes.push_back(std::move(work));
    Route seen;
    seen.method = Method::post;
    seen.path = "/api/v1/probe/report";
    seen.operation_id = "report_probe";
    seen.summary = "What a probe saw; refused when it does not come from outside.";
    seen.tag = "probes";
    seen.permission = Permission::smoke_probe;
    seen.body = Body::json;
    seen.body_limit = limits::request_body_max;
    seen.request_schema = schema_of<app::ProbeReport>();
    seen.success = 204;
    seen.handler = [&services](Call& call) -> Result<Response> { return report(services, call); };
    routes.push_back(std::move(seen));
}

} // namespace slipway::http
