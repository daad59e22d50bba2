// SPDX-License-Identifier: Apache-2.0
// The shells ask the program itself what may come next, so completion can never lag behind it: a
// short script for each shell calls `slipway complete_words` with the words up to the cursor.
#include <algorithm>
#include <cctype>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/parser.hpp"

namespace slipway::cli {

namespace {

constexpr std::string_view bash_script =
    R"sh(# slipway: completion for bash. Load it with: source <(slipway completion bash)
_slipway() {
    local line files=
    COMPREPLY=()
    while IFS= read -r line; do
        if [ "$line" = : ]; then files=1; else COMPREPLY+=("$line"); fi
    done < <(slipway complete_words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [ -n "$files" ]; then
        while IFS= read -r line; do COMPREPLY+=("$line"); done \
            < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
    fi
}
complete -o filenames -F _slipway slipway
)sh";

constexpr std::string_view zsh_script = R"sh(#compdef slipway
# slipway: completion for zsh. Load it with: source <(slipway completion zsh)
_slipway() {
    local -a answers
    answers=("${(@f)$(slipway complete_words -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if (( ${answers[(Ie):]} )); then _files; fi
    answers=("${(@)answers:#:}")
    answers=("${(@)answers:#}")
    (( ${#answers} )) && compadd -a answers
}
compdef _slipway slipway
)sh";

constexpr std::string_view fish_script =
    R"sh(# slipway: completion for fish. Load it with: slipway completion fish | source
function __slipway_words
    set -l words (commandline -opc) (commandline -ct)
    for line in (slipway complete_words -- $words[2..] 2>/dev/null)
        if test "$line" = :
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c slipway -f -a '(__slipway_words)'
)sh";

Result<ExitCode> print_script(Context& context, const Arguments& arguments) {
    const auto shell = arguments.text("shell");
    context.around.out
        << (shell == "bash"  ? bash_script
            : shell == "zsh" ? zsh_script
                             : fish_script);
    return ExitCode::ok;
}

// Who presses a key waits for no server.
constexpr Span completion_timeout = std::chrono::seconds(1);

// Words that a shell takes as they are; anything else is no number of a change.
bool is_plain_word(std::string_view id) {
    return std::all_of(id.begin(), id.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_';
    });
}

// The newest changes, when somebody is signed in and the server answers at once; otherwise nothing,
// for there is no place where a reason could be read.
void offer_changes(const Context& context, const std::string& begun) {
    const auto client = context.client(completion_timeout);
    if (!client)
        return;
    HttpRequest request;
    request.path = fmt::format("/api/v1/changes?limit={}", limits::page_size_max);
    const auto answer = client->send(request);
    const auto list = answer ? json_of(*answer) : Result<Json>(Json{});
    const auto* items = list && list->is_object() ? find(*list, "items") : nullptr;
    for (const auto& item : items && items->is_array() ? items->get_array() : JsonArray{})
        if (const auto id = text_or_empty(item, "id"); id.starts_with(begun) && is_plain_word(id))
            context.around.out << id << '\n';
}

// One candidate a line; a line with only ":" asks the shell for file names.
Result<ExitCode> complete_words(Context& context, const Arguments& arguments) {
    const auto words = arguments.all("words");
    const auto found = candidates_for(context.commands, words);
    for (const auto& word : found.words)
        context.around.out << word << '\n';
    if (found.changes)
        offer_changes(context, words.empty() ? std::string{} : words.back());
    if (found.files)
        context.around.out << ":\n";
    return ExitCode::ok;
}

} // namespace

void add_completion_commands(Commands& commands) {
    Option shell = positional("shell", "bash, zsh or fish");
    shell.choices = {"bash", "zsh", "fish"};
    commands.push_back(
        {{"completion"},
         "Print the script that completes commands and options in a shell",
         {shell},
         print_script,
         "source <(slipway completion bash)",
         false,
         Reach::alone}
    );
    Option words = positional("words", "the words so far");
    words.required = false;
    words.repeated = true;
    commands.push_back({{"complete_words"}, "What may come next", {words}, complete_words, "", true}
    );
}

} // namespace slipway::cli
