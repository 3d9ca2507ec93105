// Completion of ringctl's arguments in a shell. Pure but for `run_complete`; any thread.
#pragma once

#include <functional>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::ringctl {

// The script that makes a shell call `ringctl complete`; empty for an unknown shell.
std::string_view completion_script(std::string_view shell);

// The names that a proxy has: of its pools for an empty `pool`, else of that pool's servers.
// `socket` is the one on the command line, empty where none is.
using AskNames =
    std::function<std::vector<std::string>(const std::string& socket, const std::string& pool)>;

// The completions of the last of `words`, which follow "ringctl"; the last may be empty. Nothing if
// the shell should complete file names.
std::vector<std::string> candidates(std::span<const std::string> words, const AskNames& ask);

// The words of an unfinished line as a shell splits it; the last may be incomplete.
std::vector<std::string> shell_words(std::string_view line);

// `candidate` in the form that bash needs: it replaces only the part after the last ":" or "=" of
// `typed`, at which bash begins a new word.
std::string for_bash(std::string_view candidate, std::string_view typed);

// "ringctl complete bash LINE" and "ringctl complete zsh WORD...", one candidate a line.
void run_complete(std::span<const std::string> arguments, const std::string& default_socket,
                  std::ostream& out);

}  // namespace ringway::ringctl
