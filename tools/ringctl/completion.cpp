#include "tools/ringctl/completion.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <ostream>
#include <sstream>

#include "tools/ringctl/answers.h"
#include "tools/ringctl/commands.h"
#include "tools/ringctl/fields.h"

namespace ringway::ringctl {

namespace {

using Words = std::vector<std::string>;

// The user waits. A healthy proxy answers in milliseconds.
constexpr std::chrono::milliseconds ask_timeout{2'000};

constexpr std::string_view bash_script =
    R"(# Completion of ringctl in bash: source <(ringctl completion bash)
_ringctl() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <("$1" complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -o bashdefault -o default -F _ringctl ringctl
)";

constexpr std::string_view zsh_script = R"(#compdef ringctl
# Completion of ringctl in zsh: source <(ringctl completion zsh), after compinit.
_ringctl() {
    local -a found
    found=("${(@f)$("${(Q)words[1]}" complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n ${found[1]} ]]; then
        compadd -- "${found[@]}"
    else
        _files
    fi
}
compdef _ringctl ringctl
)";

constexpr std::array color_words{"auto", "always", "never"};

bool takes_value(std::string_view option) {
    return option == "--socket" || option == "--color" || option == "--timeout";
}

bool is_number(std::string_view word) {
    return !word.empty() && word.find_first_not_of("0123456789.") == std::string_view::npos;
}

// The words before the one that is being completed.
struct Before {
    Words positional;    // the command and its arguments
    std::string socket;  // empty where none is named
    std::string option;  // whose value comes next; empty for none
};

Before read_before(std::span<const std::string> words) {
    Before before;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word.starts_with("--socket=")) before.socket = word.substr(word.find('=') + 1);
        if (takes_value(word)) {
            if (i + 1 == words.size()) {
                before.option = word;
            } else if (word == "--socket") {
                before.socket = words[i + 1];
            }
            ++i;
        } else if (word == "--watch" && i + 1 < words.size() && is_number(words[i + 1])) {
            ++i;
        } else if (!word.starts_with('-')) {
            before.positional.push_back(word);
        }
    }
    return before;
}

// "POOL", "ID", ... of a command, without its options.
Words arguments_of(const Command& command) {
    Words names;
    std::istringstream words{std::string(command.arguments)};
    for (std::string word; words >> word;) {
        if (word.starts_with("[--")) {
            if (!word.ends_with(']')) words >> word;  // its value
            continue;
        }
        std::erase_if(word, [](char c) { return c == '[' || c == ']'; });
        names.push_back(word);
    }
    return names;
}

Words options_of(const Command* command) {
    Words names{"--socket", "--json", "--watch", "--color", "--timeout", "--version", "--help"};
    if (command == nullptr) return names;
    std::istringstream words{std::string(command->arguments)};
    for (std::string word; words >> word;) {
        if (!word.starts_with("[--")) continue;
        std::erase_if(word, [](char c) { return c == '[' || c == ']'; });
        names.push_back(word);
    }
    return names;
}

Words command_names() {
    Words names{"help"};
    for (const Command& command : commands()) names.emplace_back(command.name);
    return names;
}

Words arguments(const Before& before, const AskNames& ask) {
    const std::string& name = before.positional.front();
    const std::size_t index = before.positional.size() - 1;
    if (name == "help") return index == 0 ? command_names() : Words{};
    const Command* command = find_command(name);
    if (command == nullptr) return {};
    const Words expected = arguments_of(*command);
    if (index >= expected.size()) return {};
    if (expected[index] == "POOL") return ask(before.socket, "");
    // The id of a new server cannot be completed.
    if (expected[index] == "ID" && name != "register") {
        return ask(before.socket, before.positional[1]);
    }
    if (expected[index] == "weight|address") return {"weight", "address"};
    if (expected[index] == "SHELL") return {"bash", "zsh"};
    if (expected[index] == "LEVEL") return {"debug", "info", "warn", "error"};
    if (expected[index] == "level" || expected[index] == "for") return {expected[index]};
    return {};
}

std::vector<std::string> ask_names(const std::string& socket, const std::string& pool) {
    const Words question = pool.empty() ? Words{"status"} : Words{"servers", pool};
    const auto answer = fetch(socket, question, ask_timeout);
    if (!answer) return {};  // no proxy, no candidates
    Words names;
    for (const auto* each : objects(answer->fields, pool.empty() ? "pools" : "servers")) {
        names.push_back(text(*each, pool.empty() ? "name" : "id"));
    }
    return names;
}

}  // namespace

std::string_view completion_script(std::string_view shell) {
    if (shell == "bash") return bash_script;
    if (shell == "zsh") return zsh_script;
    return {};
}

std::vector<std::string> candidates(std::span<const std::string> words, const AskNames& ask) {
    if (words.empty()) return {};
    const std::string& last = words.back();
    const Before before = read_before(words.first(words.size() - 1));
    Words found;
    if (before.option == "--color") {
        found.assign(color_words.begin(), color_words.end());
    } else if (!before.option.empty()) {
        return {};
    } else if (last.starts_with("--color=")) {
        for (const char* word : color_words) found.push_back(std::string("--color=") + word);
    } else if (last.starts_with('-')) {
        found = options_of(before.positional.empty() ? nullptr
                                                     : find_command(before.positional.front()));
    } else {
        found = before.positional.empty() ? command_names() : arguments(before, ask);
    }
    std::erase_if(found, [&](const std::string& word) { return !word.starts_with(last); });
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

std::vector<std::string> shell_words(std::string_view line) {
    Words words{""};
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != 0 && c == quote) {
            quote = 0;
        } else if (quote == 0 && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
            words.back() += line[++i];
        } else if (quote == 0 && (c == ' ' || c == '\t')) {
            if (i > 0 && line[i - 1] != ' ' && line[i - 1] != '\t') words.emplace_back();
        } else {
            words.back() += c;
        }
    }
    return words;
}

std::string for_bash(std::string_view candidate, std::string_view typed) {
    const auto at = typed.find_last_of(":=");
    if (at != std::string_view::npos) candidate.remove_prefix(at + 1);
    std::string out;
    for (const char c : candidate) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80 ||
                           std::string_view("_-./:=@%+,").find(c) != std::string_view::npos;
        if (!plain) out += '\\';
        out += c;
    }
    return out;
}

void run_complete(std::span<const std::string> arguments, const std::string& default_socket,
                  std::ostream& out) {
    if (arguments.empty()) return;
    const AskNames ask = [&](const std::string& socket, const std::string& pool) {
        return ask_names(socket.empty() ? default_socket : socket, pool);
    };
    if (arguments.front() == "zsh") {
        for (const std::string& each : candidates(arguments.subspan(1), ask)) out << each << '\n';
    } else if (arguments.front() == "bash" && arguments.size() == 2) {
        const Words words = shell_words(arguments[1]);
        for (const std::string& each : candidates(std::span(words).subspan(1), ask)) {
            out << for_bash(each, words.back()) << '\n';
        }
    }
}

}  // namespace ringway::ringctl
