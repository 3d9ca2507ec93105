// Admin lines. What is split joins to a line that splits alike, however it is quoted; a refusal
// names a column of the line; what is shown of bytes is fit for a terminal.
#include "proxy/text/admin_line.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/text/escape.h"
#include "tests/fuzz/mutation.h"

using namespace ringway;
using fuzz::require;
using Words = std::vector<std::string>;

namespace {

std::optional<Words> split(std::string_view line) {
    auto result = proxy::split_admin_line(line);
    return result ? std::optional(std::move(*result)) : std::nullopt;
}

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// Every byte by its escape, in quotes or bare.
std::string spelled_out(std::string_view word, bool quoted) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : word) {
        const auto byte = static_cast<unsigned char>(c);
        out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
    return quoted ? '"' + out + '"' : out;
}

void check_words(const Words& words) {
    const std::string line = proxy::join_admin_line(words);
    require(is_printable(line), "a joined line is printable");
    require(split(line) == words, "words come back from a line");
    require(split(line + '\r') == words, "a carriage return at the end is dropped");
    std::string other;
    for (const auto& word : words) {
        other += "\t " + spelled_out(word, word.empty() || word.size() % 2 == 0) + ' ';
        require(is_printable(proxy::escaped(word)), "an escaped word is printable");
        require(split(proxy::quote_word(word)) == Words{word}, "a word comes back");
        for (const char c : proxy::printable(word)) {
            const auto byte = static_cast<unsigned char>(c);
            require(byte >= ' ' && byte != 0x7f, "a control byte is shown as text");
        }
    }
    require(split(other) == words, "words come back from another spelling");
}

void check_refusal(const proxy::AdminLineError& error, std::string_view line) {
    require(error.column >= 1 && error.column <= line.size(), "a refusal has a column");
    const auto place = "column " + std::to_string(error.column) + ": ";
    require(error.message.starts_with(place), "the message begins with it");
    require(error.message.size() > place.size(), "and has a reason");
    // What comes before it is no reason to refuse, but where a quote is open.
    const auto before = proxy::split_admin_line(line.substr(0, error.column - 1));
    require(before || before.error().column < error.column, "it is the first");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    const std::string line = fuzz::text_of(data, size);
    const auto result = proxy::split_admin_line(line);
    if (result) {
        check_words(*result);
    } else {
        check_refusal(result.error(), line);
    }
    return 0;
}

// Words that move, double, vanish and are quoted in other ways.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    static constexpr std::array<std::string_view, 24> pieces{
        "register", "set",  "weight", "\"",       "\\",   "\\\"", "\\\\",     "\\x00",
        "\\xfF",    "\\xg", "\"\"",   "\"a b\"",  "\t",   "\r",   "\x7f",     "\x80",
        "explain",  "main", "--",     "10.0.0.1", "\\x2", "\"a",  "a\"b\" c", " "};
    fuzz::Chance chance(seed);
    std::string line = fuzz::text_of(data, size);
    auto words = split(line).value_or(Words{});
    if (words.empty() || chance.one_in(2)) {
        const auto at = chance.below(line.size() + 1);
        line = chance.one_in(2) ? line.insert(at, chance.any(pieces)) : chance.mutate(line);
        return fuzz::store(line, data, size_max);
    }
    std::string& word = chance.any(words);
    switch (chance.below(4)) {
        case 0:
            word = chance.mutate(word);
            break;
        case 1:
            std::swap(word, words.front());
            break;
        case 2:
            words.push_back(word);
            break;
        default:
            word = chance.any(pieces);
    }
    line.clear();
    for (const auto& each : words) {
        line += chance.one_in(3) ? spelled_out(each, chance.one_in(2)) : proxy::quote_word(each);
        line += chance.one_in(4) ? "\t" : " ";
    }
    return fuzz::store(line, data, size_max);
}
