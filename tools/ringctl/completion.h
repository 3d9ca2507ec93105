// What a shell offers when somebody presses Tab. Pure but for `run_complete`; any thread.
#pragma once

#include <functional>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::ringctl {

// The script for a shell that has `ringctl complete` asked; empty for a shell unknown here.
std::string_view completion_script(std::string_view shell);

// The names that a proxy knows: of its pools for an empty `pool`, else of that pool's servers.
// `socket` is the one on the command line, empty where none is.
using AskNames =
    std::function<std::vector<std::string>(const std::string& socket, const std::string& pool)>;

// What the last of `words` may become. They follow "ringctl", and the last may be empty.
// Nothing where files are as good a guess.
std::vector<std::string> candidates(std::span<const std::string> words, const AskNames& ask);

// The words of an unfinished line as a shell would take it apart, the last as far as it goes.
std::vector<std::string> shell_words(std::string_view line);

// `candidate` as bash wants it in place of what stands behind the last ":" or "=" of `typed`,
// at which bash begins a new word.
std::string for_bash(std::string_view candidate, std::string_view typed);

// "ringctl complete bash LINE" and "ringctl complete zsh WORD...", one candidate a line.
void run_complete(std::span<const std::string> arguments, const std::string& default_socket,
                  std::ostream& out);

}  // namespace ringway::ringctl
