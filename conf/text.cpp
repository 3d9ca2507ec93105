#include "conf/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

namespace ringway::conf {
namespace {

constexpr std::size_t quoted_bytes_max = 64;
constexpr std::size_t candidates_max = 1'000;
constexpr std::size_t edits_max = 2;
constexpr std::size_t word_bytes_max = 64;

std::uint32_t byte_at(std::string_view text, std::size_t index) {
    return static_cast<std::uint8_t>(text[index]);
}

// Optimal string alignment distance (Damerau-Levenshtein without edits between
// swapped letters), or edits_max + 1 for all that is more than edits_max. Only
// cells near the diagonal can hold less (Ukkonen 1985), so only they are filled.
std::size_t edits(std::string_view a, std::string_view b) {
    constexpr std::size_t far = edits_max + 1;
    const auto difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
    if (difference > edits_max || std::max(a.size(), b.size()) > word_bytes_max) return far;
    std::array<std::array<std::size_t, word_bytes_max + 2>, 3> rows{};
    std::iota(rows[0].begin(), rows[0].end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto& row = rows[i % 3];
        const auto& above = rows[(i - 1) % 3];
        const auto& above2 = rows[(i + 1) % 3];
        const std::size_t first = i > edits_max ? i - edits_max : 1;
        const std::size_t last = std::min(i + edits_max, b.size());
        row[first - 1] = first == 1 ? i : far;
        row[last + 1] = far;
        std::size_t least = row[first - 1];
        for (std::size_t j = first; j <= last; ++j) {
            const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], above2[j - 2] + 1);
            }
            least = std::min(least, row[j]);
        }
        // No later row can hold less than this one's least.
        if (least >= far) return far;
    }
    return std::min(rows[a.size() % 3][b.size()], far);
}

}  // namespace

std::optional<Character> first_character(std::string_view text) {
    const std::uint32_t lead = byte_at(text, 0);
    if (lead < 0x80) return Character{lead, 1};
    const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return std::nullopt;
    std::uint32_t code = lead & (0xFFU >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte_at(text, i) & 0xC0) != 0x80) return std::nullopt;
        code = code << 6 | (byte_at(text, i) & 0x3F);
    }
    constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code < smallest[bytes] || code > 0x10FFFF || surrogate) return std::nullopt;
    return Character{code, bytes};
}

bool is_control(char32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

bool has_control(std::string_view text) {
    while (!text.empty()) {
        const auto character = first_character(text);
        if (!character || is_control(character->code)) return true;
        text.remove_prefix(character->bytes);
    }
    return false;
}

std::string quoted(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out = "\"";
    while (!text.empty() && out.size() <= quoted_bytes_max) {
        const auto character = first_character(text);
        const std::size_t bytes = character ? character->bytes : 1;
        if (text.front() == '"' || text.front() == '\\') {
            out += {'\\', text.front()};
        } else if (character && !is_control(character->code)) {
            out += text.substr(0, bytes);
        } else {
            for (std::size_t i = 0; i < bytes; ++i) {
                out += {'\\', 'x', hex[byte_at(text, i) >> 4], hex[byte_at(text, i) & 15]};
            }
        }
        text.remove_prefix(bytes);
    }
    return out + (text.empty() ? "\"" : "...\"");
}

std::string joined(std::span<const std::string_view> words) {
    std::string out;
    for (const auto word : words) {
        if (!out.empty()) out += ", ";
        out += word;
    }
    return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
    std::optional<std::string_view> best;
    // Short names are near to everything: at most half the letters may be edited.
    std::size_t limit = std::min(edits_max + 1, (word.size() + 1) / 2);
    for (const auto candidate : candidates.first(std::min(candidates.size(), candidates_max))) {
        const std::size_t distance = edits(word, candidate);
        if (distance < limit) {
            best = candidate;
            limit = distance;
        }
    }
    return best;
}

}  // namespace ringway::conf
