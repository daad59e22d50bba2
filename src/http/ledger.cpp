// SPDX-License-Identifier: Apache-2.0
#include "domain/ledger/proof.hpp"
#include "http/answers.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

using domain::Permission;

class StoreSubtrees final : public domain::SubtreeReader {
  public:
    explicit StoreSubtrees(app::Store& store) : store_(store) {}

    Result<Digest> subtree(unsigned level, std::uint64_t index) override {
        return store_.ledger_subtree(level, index);
    }

  private:
    app::Store& store_;
};

std::string proof_text(const domain::Proof& proof) {
    std::string out = "[";
    for (const auto& hash : proof)
        out += fmt::format("{}\"{}\"", out.size() > 1 ? "," : "", hash.hex());
    return out + "]";
}

// A number that must be given, and must lie within the ledger; `bound` says what `most` is.
Result<std::uint64_t> ledger_number(
    const Call& call, std::string_view name, std::uint64_t most,
    std::string_view bound = "is beyond the ledger, whose size is"
) {
    if (!call.query(name))
        return fail_field(fmt::format("query.{}", name), "is required");
    const auto number = TRY(query_number(call, name, 0));
    if (number > most)
        return fail_field(
            fmt::format("query.{}", name), fmt::format("{} {} {}", number, bound, most)
        );
    return number;
}

Result<Response> checkpoint(const Services& services, Call&) {
    if (!services.checkpoint)
        return fail(ErrorCode::unavailable, "this server does not sign checkpoints");
    const auto kept = TRY(services.checkpoint());
    std::string body = fmt::format(R"({{"size":{},"at":"{}","note":)", kept.size, to_text(kept.at));
    append_quoted(body, kept.note);
    return json_answer(body + "}");
}

Result<Response> entries(app::Store& store, Call& call) {
    const auto limit = TRY(page_limit(call));
    const auto from = TRY(query_number(call, "from", 0));
    const auto events = TRY(store.events_from(from, limit, call.actor.tenant));
    std::string items;
    bool whole = events.size() < limit;
    auto next = from;
    for (const auto& event : events) {
        if (items.size() >= limits::event_stream_bytes) {
            whole = false;
            break;
        }
        next = event.seq + 1;
        items += fmt::format(
            R"({}{{"seq":{},"leaf":"{}","entry":)", items.empty() ? "" : ",", event.seq,
            event.leaf.hex()
        );
        // A text, not an object: the bytes are what was hashed.
        append_quoted(items, event.body);
        items += '}';
    }
    return list_answer(items, whole ? "" : std::to_string(next));
}

Result<Response> inclusion(app::Store& store, Call& call) {
    const auto size = TRY(ledger_number(call, "size", TRY(store.ledger_size())));
    const auto seq = TRY(ledger_number(call, "seq", size, "is beyond \"size\", which is"));
    StoreSubtrees reader(store);
    const auto proof = TRY(domain::inclusion_proof(seq, size, reader));
    return json_answer(fmt::format(
        R"({{"seq":{},"size":{},"root":"{}","proof":{}}})", seq, size,
        TRY(store.ledger_root(size)).hex(), proof_text(proof)
    ));
}

Result<Response> consistency(app::Store& store, Call& call) {
    const auto to = TRY(ledger_number(call, "to", TRY(store.ledger_size())));
    const auto from = TRY(ledger_number(call, "from", to, "is larger than \"to\", which is"));
    StoreSubtrees reader(store);
    const auto proof = TRY(domain::consistency_proof(from, to, reader));
    return json_answer(
        fmt::format(R"({{"from":{},"to":{},"proof":{}}})", from, to, proof_text(proof))
    );
}

Result<Response> bundle(const Services& services, Call& call) {
    if (!services.export_change)
        return fail(ErrorCode::unavailable, "this server does not export");
    Response response;
    if (call.request.method == Method::head) {
        TRY(services.door.show_change(call.actor, call.id()));
        response.unsized = true;
    } else {
        response.stream = TRY(services.export_change(call.actor, call.id()));
    }
    response.content_type = "application/zip";
    response.with(
        "Content-Disposition", fmt::format("attachment; filename=\"{}.zip\"", call.path[0])
    );
    return response;
}

Route audit(std::string path, std::string operation, std::string summary, Handler handler) {
    Route route;
    route.path = std::move(path);
    route.operation_id = std::move(operation);
    route.summary = std::move(summary);
    route.tag = "ledger";
    route.permission = Permission::audit_read;
    route.handler = std::move(handler);
    return route;
}

} // namespace

void add_ledger(Routes& routes, Services& services) {
    app::Store& store = services.door.store();
    routes.push_back(audit(
        "/api/v1/ledger/checkpoint", "show_checkpoint",
        "The signed statement of the ledger's size and root.",
        [&](Call& call) -> Result<Response> { return checkpoint(services, call); }
    ));
    routes.push_back(audit(
        "/api/v1/ledger/entries", "list_entries",
        "Entries of this tenant in ledger order, byte for byte.",
        [&](Call& call) -> Result<Response> { return entries(store, call); }
    ));
    routes.back().query = {
        {"from", "the first position; \"next\" of the page before"}, limit_parameter};
    routes.back().response_schema = list_schema_of({});
    routes.push_back(audit(
        "/api/v1/ledger/proof/inclusion", "prove_inclusion",
        "That an entry is in the ledger of this size (RFC 6962).",
        [&](Call& call) -> Result<Response> { return inclusion(store, call); }
    ));
    routes.back().query = {{"seq", "the entry's position"}, {"size", "the ledger's size"}};
    routes.push_back(audit(
        "/api/v1/ledger/proof/consistency", "prove_consistency",
        "That the ledger of one size begins with that of another (RFC 6962).",
        [&](Call& call) -> Result<Response> { return consistency(store, call); }
    ));
    routes.back().query = {{"from", "the smaller size"}, {"to", "the larger size"}};
    routes.push_back(audit(
        "/api/v1/changes/{id}/export", "export_change",
        "The evidence of one change as a ZIP that verifies offline.",
        [&](Call& call) -> Result<Response> { return bundle(services, call); }
    ));
    routes.back().response_type = "application/zip";
    routes.back().download = true;
    routes.back().permission = Permission::change_read; // whoever may read the change may prove it
}

} // namespace slipway::http
