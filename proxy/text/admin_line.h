// The admin line, the syntax of commands: written by ringctl, read by the admin socket. Pure
// functions on bytes, any thread.
//
// A line is a command's words, separated by spaces or tabs. A word is written bare, or in double
// quotes if it is empty or holds blanks. In both, a backslash starts an escape: \" is a quote, \\ a
// backslash, \xNN the byte with that hex value. Other control bytes must be escaped; bytes from
// 0x80 up stand for themselves.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conf/result.h"

namespace ringway::proxy {

// Why a line is malformed.
struct AdminLineError {
    std::size_t column;   // of the offending byte, from 1
    std::string message;  // "column 9: a quote that is never closed"
};

// The words of `line`, which comes without its newline; one carriage return at
// its end is dropped, for clients that end lines as telnet does. A line of
// blanks has no words.
Result<std::vector<std::string>, AdminLineError> split_admin_line(std::string_view line);

// `word` quoted for an admin line: bare if possible, and always printable ASCII.
std::string quote_word(std::string_view word);

// The line that split_words takes apart into `words`.
std::string join_admin_line(std::span<const std::string> words);

// `bytes` for display: control bytes as \xNN, so that a key or an id cannot move the cursor or
// forge a line. Bytes from 0x80 up are unchanged: they are most likely UTF-8.
std::string printable(std::string_view bytes);

}  // namespace ringway::proxy
