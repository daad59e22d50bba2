// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <ostream>

#include "cli/commands.hpp"

namespace slipway::cli {

namespace {

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

tl::unexpected<Error> cannot_write(const std::string& target) {
    return fail(ErrorCode::unavailable, fmt::format("{}: cannot be written", target));
}

Result<ExitCode> upload(Context& context, const Arguments& arguments) {
    const auto digest = TRY(upload_file(context, arguments.text("path")));
    if (context.json)
        context.print_json(fmt::format(R"({{"digest":"{}"}})", digest));
    context.print(digest + "\n");
    return ExitCode::ok;
}

Result<ExitCode> download(Context& context, const Arguments& arguments) {
    const auto digest = arguments.text("digest");
    const auto target = arguments.text("out", digest);
    const auto size =
        TRY(download_file(context, "/api/v1/attachments/" + url_encoded(digest), target));
    if (target != "-")
        context.say(fmt::format("{}: {} bytes\n", target, size));
    return ExitCode::ok;
}

} // namespace

Result<std::string> upload_file(const Context& context, const std::string& path) {
    const auto name = std::filesystem::path(path).filename().string();
    HttpRequest request;
    request.method = "POST";
    request.path = "/api/v1/attachments?name=" + url_encoded(name);
    request.content_type = "application/octet-stream";
    request.upload = path;
    request.repeatable = true; // the same bytes are stored under the same digest
    request.progress = context.progress_line(name);
    const auto json = TRY(json_of(TRY(TRY(context.client()).send(request))));
    const auto digest = digest_from_hex(text_or_empty(json, "digest"));
    if (!digest)
        return fail(ErrorCode::internal, "the server gave no digest for " + path);
    return digest->hex();
}

Result<std::uint64_t>
download_file(const Context& context, const std::string& path, const std::string& target) {
    const bool to_stream = target == "-";
    const auto client = TRY(context.client()); // before there is a file that it could leave behind
    const std::string beside = target + ".part";
    std::unique_ptr<std::FILE, CloseFile> file(
        to_stream ? nullptr : std::fopen(beside.c_str(), "wbx")
    );
    if (!to_stream && !file && errno == EEXIST)
        return fail(
            ErrorCode::unavailable,
            fmt::format("{}: is there from another download; take it away when none runs", beside)
        );
    if (!to_stream && !file)
        return fail(ErrorCode::invalid_input, fmt::format("{}: {}", target, std::strerror(errno)));
    std::uint64_t size = 0;
    bool written = true;
    HttpRequest request;
    request.path = path;
    request.sink = [&](std::string_view bytes) {
        size += bytes.size();
        if (to_stream)
            written = static_cast<bool>(
                context.around.out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()))
            );
        else
            written = std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
        return written;
    };
    if (!to_stream)
        request.progress = context.progress_line(target);
    const auto answer = client.send(request);
    if (to_stream) {
        if (!answer)
            return tl::unexpected(answer.error());
        return written ? Result<std::uint64_t>(size) : cannot_write(target);
    }
    written = std::fclose(file.release()) == 0 && written;
    if (answer && written && std::rename(beside.c_str(), target.c_str()) == 0)
        return size;
    std::remove(beside.c_str());
    if (!answer)
        return tl::unexpected(answer.error());
    return cannot_write(target);
}

void add_attachment_commands(Commands& commands) {
    commands.push_back(
        {{"attachment", "upload"},
         "Upload a file; prints the digest that a command refers to",
         {positional("path", "the file, at most 64 MiB")},
         upload,
         "slipway attachment upload minutes.pdf"}
    );
    commands.push_back(
        {{"attachment", "download"},
         "Save the bytes with a digest",
         {positional("digest", "SHA-256 in hexadecimal"),
          valued("out", "PATH", "where to save them; - prints them; else the digest")},
         download,
         "slipway attachment download DIGEST --out minutes.pdf"}
    );
}

} // namespace slipway::cli
