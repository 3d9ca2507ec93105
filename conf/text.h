// Helpers for error messages: UTF-8, escapes for terminals, and the nearest name for a typo. Pure
// functions.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::conf {

// One character of a text and the bytes it takes.
struct Character {
    char32_t code;
    std::size_t bytes;
};

// The character that `text`, which is not empty, begins with; nothing where its
// first bytes are not UTF-8 (RFC 3629: no overlong forms, no surrogates).
std::optional<Character> first_character(std::string_view text);

// A C0 or C1 control, DEL included: what must not reach a terminal or a log.
bool is_control(char32_t code);
bool has_control(std::string_view text);

// `text` in double quotes, with controls and invalid UTF-8 escaped, cut after 64 bytes: always safe
// to print.
std::string quoted(std::string_view text);

// "a, b, c"
std::string joined(std::span<const std::string_view> words);

// The parts of `text` between separators: one more than there are separators.
std::vector<std::string_view> split(std::string_view text, char separator);

// The candidate within two edits (insert, delete, replace, swap neighbours) of
// `word`, nearest first; nothing where none is. Looks at the first 1,000, and at words of
// up to 64 bytes.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

}  // namespace ringway::conf
