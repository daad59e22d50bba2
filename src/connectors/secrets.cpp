// SPDX-License-Identifier: Apache-2.0
#include "connectors/secrets.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/hash.hpp"
#include "base/limits.hpp"
#include "connectors/command_transport.hpp"
#include "connectors/secret_forms.hpp"

namespace slipway::connectors {

namespace fs = std::filesystem;

namespace {

struct Reference {
    std::string_view kind;
    std::string_view rest;
};

Reference split(std::string_view reference) {
    const auto colon = reference.find(':');
    if (colon == std::string_view::npos)
        return {};
    return {reference.substr(0, colon), reference.substr(colon + 1)};
}

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> found;
    while (!text.empty()) {
        const auto space = text.find(' ');
        if (space != 0)
            found.emplace_back(text.substr(0, space));
        text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    }
    return found;
}

Result<std::string> checked(std::string value, std::string_view what) {
    if (value.ends_with('\n'))
        value.pop_back();
    if (value.ends_with('\r'))
        value.pop_back();
    if (value.empty() || value.size() > limits::secret_max || !is_valid_text(value))
        return fail(
            ErrorCode::invalid_input, "a secret (" + std::string(what) +
                                          ") must be UTF-8 text of 1 to " +
                                          std::to_string(limits::secret_max) + " bytes"
        );
    return value;
}

Result<std::string> read_secret_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes(limits::secret_max + 2, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.eof() || file.gcount() == 0)
        return fail(
            ErrorCode::invalid_input, "the secret file " + path +
                                          " cannot be read, is empty or is larger than " +
                                          std::to_string(limits::secret_max) + " bytes"
        );
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return checked(std::move(bytes), "file");
}

template <class Change>
Json each_text(const Json& value, const Change& change) {
    if (const auto* text = value.if_string())
        return Json(change(view(*text)));
    if (const auto* list = value.if_array()) {
        JsonArray out;
        for (const auto& element : *list)
            out.push_back(each_text(element, change));
        return out;
    }
    if (const auto* object = value.if_object()) {
        JsonObject out;
        for (const auto& member : *object)
            out[member.key()] = each_text(member.value(), change);
        return out;
    }
    return value;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

// The path without symbolic links, if it stands below one of the folders.
std::optional<std::string>
real_path_below(const std::string& path, const std::vector<std::string>& folders) {
    std::error_code failed;
    if (path.empty() || path.front() != '/')
        return std::nullopt;
    const auto real = fs::weakly_canonical(path, failed);
    if (failed)
        return std::nullopt;
    const bool below = std::any_of(folders.begin(), folders.end(), [&](const auto& folder) {
        const auto root = fs::weakly_canonical(folder, failed).string();
        return !failed && !root.empty() &&
               real.string().starts_with(root.ends_with('/') ? root : root + "/");
    });
    return below ? std::optional(real.string()) : std::nullopt;
}

bool is_one_of(const std::string& path, const std::vector<std::string>& files) {
    std::error_code failed;
    return std::any_of(files.begin(), files.end(), [&](const auto& file) {
        return fs::weakly_canonical(file, failed) == path || fs::equivalent(file, path, failed);
    });
}

// What a reference leads to: of a file and a program the real path. A link that is looked at now
// and followed later could lead elsewhere by then, and what a step leaves in the folder `work` may
// be one.
struct Target {
    std::string_view kind;
    std::string place;
    std::vector<std::string> arguments = {};
};

std::string folders_in_words(const std::vector<std::string>& folders) {
    return folders.empty() ? "a folder that the server allows, and there is none"
                           : fmt::format("{}", fmt::join(folders, " or "));
}

Result<Target> find_target(std::string_view reference, const SecretPolicy& policy) {
    const auto [kind, rest] = split(reference);
    const auto refuse = [](const std::string& message) {
        return fail(ErrorCode::invalid_input, message);
    };
    if (reference.size() > limits::text_max || rest.find('\0') != std::string_view::npos)
        return refuse("a reference is at most 4000 bytes without NUL");
    if (kind == "file") {
        auto path = real_path_below(std::string(rest), policy.secret_folders);
        if (!path)
            return refuse(fmt::format(
                "file: needs an absolute path below {}: move the file there, and leave a symbolic "
                "link where it was if the reference is to stay",
                folders_in_words(policy.secret_folders)
            ));
        if (is_one_of(*path, policy.withheld))
            return refuse("file: this file opens the server's own database or connections: keep it "
                          "in the data directory outside of secrets");
        return Target{kind, *std::move(path)};
    }
    if (kind == "env") {
        if (policy.environment_prefix.empty())
            return refuse("env: is only for rings whose ids have small letters, digits and single "
                          "'-' between them: use a file");
        if (!rest.starts_with(policy.environment_prefix) || rest.find('=') != rest.npos)
            return refuse(fmt::format(
                "env: needs a name that begins with {}: give the variable such a name",
                policy.environment_prefix
            ));
        return Target{kind, std::string(rest)};
    }
    if (kind == "command") {
        auto called = words(rest);
        auto program =
            called.empty() ? std::nullopt : real_path_below(called.front(), policy.program_folders);
        if (!program)
            return refuse(fmt::format(
                "command: needs the absolute path of a program below {}",
                folders_in_words(policy.program_folders)
            ));
        called.front() = *program;
        return Target{kind, *std::move(program), std::move(called)};
    }
    return refuse("expected a reference to the secret: file:/path, env:NAME or command:/program "
                  "arguments, never the secret itself");
}

// The program's own credential, such as the token of a vault or the key of a password store, lies
// among the secrets that it gives, where no step sees it. Tools such as gpg want to write beside
// it, and a token that is renewed is kept there.
Result<Confinement> confinement_of_program(const SecretPolicy& policy) {
    auto confinement = policy.confinement;
    for (const auto& folder : policy.secret_folders) {
        std::error_code missing;
        const auto real = fs::canonical(folder, missing);
        if (confinement && !missing)
            confinement->writable.push_back(real);
    }
    return confinement;
}

} // namespace

bool is_below(const std::string& path, const std::vector<std::string>& folders) {
    return real_path_below(path, folders).has_value();
}

Result<void> check_reference(std::string_view reference, const SecretPolicy& policy) {
    TRY(find_target(reference, policy));
    return {};
}

Result<std::string> resolve_reference(
    std::string_view reference, const SecretPolicy& policy, const std::stop_token& stop
) {
    auto target = TRY(find_target(reference, policy));
    if (target.kind == "file")
        return read_secret_file(target.place);
    if (target.kind == "env") {
        const auto* value = std::getenv(target.place.c_str());
        if (value == nullptr)
            return fail(ErrorCode::invalid_input, "env:" + target.place + " is not set");
        return checked(value, "env");
    }
    CommandRequest request;
    request.arguments = std::move(target.arguments);
    request.timeout = limits::secret_command_timeout;
    request.output_max = limits::secret_max + 2;
    request.confinement = TRY(confinement_of_program(policy));
    request.stop = stop;
    auto answer = TRY(run_command(request));
    if (answer.status != 0)
        return fail(
            ErrorCode::unavailable,
            "the command that gives a secret ended with status " + std::to_string(answer.status)
        );
    return checked(std::move(answer.output), "command");
}

std::string Secrets::to_nonce(Random& random) {
    return to_hex(random.bytes(16));
}

std::string Secrets::add(std::string_view name, std::string secret) {
    // Letters, digits and underscores only: the mark stays whole in a URL, a header and JSON.
    auto mark = "secret_" + nonce_ + "_" + to_hex(name) + "_";
    auto forms = secret_forms(secret);
    by_mark_[mark] = {std::move(secret), std::move(forms)};
    return mark;
}

std::string Secrets::reveal(std::string_view text, const Encode& encode) const {
    std::string out(text);
    for (const auto& [mark, known] : by_mark_)
        replace_all(out, mark, encode ? encode(known.secret) : known.secret);
    return out;
}

Json Secrets::reveal(const Json& value) const {
    return each_text(value, [&](std::string_view text) { return reveal(text); });
}

bool Secrets::has_mark(std::string_view text) const {
    return text.find("secret_" + nonce_) != std::string_view::npos;
}

std::string Secrets::redact(std::string text) const {
    for (const auto& [mark, known] : by_mark_) {
        replace_all(text, mark, "[secret]");
        for (const auto& form : known.forms)
            replace_all(text, form, "[secret]");
    }
    return text;
}

Json Secrets::redact(const Json& value) const {
    if (by_mark_.empty())
        return value;
    return each_text(value, [&](std::string_view text) { return redact(std::string(text)); });
}

} // namespace slipway::connectors
