// SPDX-License-Identifier: Apache-2.0
#include "http/answers.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

using domain::Permission;

class AttachmentSink final : public BodySink {
  public:
    AttachmentSink(std::unique_ptr<app::BlobWriter> writer, std::string name)
        : writer_(std::move(writer)), name_(std::move(name)) {}

    Result<void> write(std::string_view bytes) override {
        size_ += bytes.size();
        if (size_ > limits::attachment_max)
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format("an attachment has at most {} bytes", limits::attachment_max)
            );
        return writer_->write(bytes);
    }

    Result<Response> finish() override {
        const Digest digest = TRY(writer_->finish());
        std::string body = fmt::format(R"({{"digest":"{}","size":{})", digest.hex(), size_);
        if (!name_.empty()) {
            body += ",\"name\":";
            append_quoted(body, name_);
        }
        Response response = json_answer(body + "}", 201);
        response.with("Location", "/api/v1/attachments/" + digest.hex());
        return response;
    }

  private:
    std::unique_ptr<app::BlobWriter> writer_;
    std::string name_;
    std::uint64_t size_ = 0;
};

// A name that a header and every file system can carry; everything else becomes '_'.
std::string safe_name(std::string_view name) {
    std::string out;
    for (const char c : name.substr(0, limits::title_max)) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        out += plain ? c : '_';
    }
    if (out.find_first_not_of('.') == std::string::npos)
        return "attachment";
    return out;
}

Result<std::unique_ptr<BodySink>> upload(app::Store& store, Call& call) {
    const auto name = call.query("name").value_or("");
    if (name.size() > limits::name_max)
        return fail_field("query.name", fmt::format("is longer than {} bytes", limits::name_max));
    auto writer = TRY(store.new_blob(call.actor.tenant));
    return std::make_unique<AttachmentSink>(std::move(writer), std::string(name));
}

Result<Response> download(app::Store& store, Call& call) {
    const auto digest = digest_from_hex(call.path[0]);
    if (!digest)
        return fail_field("path", digest.error().message);
    const TenantId tenant = call.actor.tenant;
    BodyStream stream;
    stream.size = TRY(store.blob_size(tenant, *digest));
    stream.write = [&store, tenant, digest = *digest](const ChunkSink& sink) {
        return store.read_blob(tenant, digest, sink);
    };
    Response response;
    // Never a type that a browser would show: what people attached is not ours to run.
    response.content_type = "application/octet-stream";
    response.stream = std::move(stream);
    const auto name = safe_name(call.query("name").value_or(call.path[0]));
    response.with("Content-Disposition", fmt::format("attachment; filename=\"{}\"", name));
    response.with("ETag", fmt::format("\"{}\"", digest->hex()));
    return response;
}

} // namespace

void add_attachments(Routes& routes, Services& services) {
    app::Store& store = services.door.store();
    Route post;
    post.method = Method::post;
    post.path = "/api/v1/attachments";
    post.operation_id = "upload_attachment";
    post.summary = "Stores bytes under their SHA-256; a command then refers to the digest.";
    post.tag = "attachments";
    post.permission = Permission::change_write;
    post.body = Body::stream;
    post.body_limit = limits::attachment_max;
    post.request_types = {"application/octet-stream"};
    post.success = 201;
    post.query = {{"name", "the file's name, given back"}};
    post.upload = [&store](Call& call) { return upload(store, call); };
    routes.push_back(std::move(post));

    Route get;
    get.path = "/api/v1/attachments/{digest}";
    get.operation_id = "download_attachment";
    get.summary = "The bytes with this SHA-256.";
    get.tag = "attachments";
    get.permission = Permission::change_read;
    get.response_type = "application/octet-stream";
    get.download = true;
    get.query = {{"name", "the name to save it under"}};
    get.handler = [&store](Call& call) -> Result<Response> { return download(store, call); };
    routes.push_back(std::move(get));
}

} // namespace slipway::http
