#include "proxy/keys/lines.h"

#include <algorithm>
#include <array>

#include <re2/re2.h>

namespace ringway::proxy {

namespace {

constexpr std::string_view blanks = " \t";
// The configuration's limit: groups 0 to 32.
constexpr std::size_t groups_max = 33;

std::optional<std::string_view> blank_field(std::string_view line, std::size_t number) {
    for (std::size_t begin = 0;; --number) {
        begin = line.find_first_not_of(blanks, begin);
        if (begin == std::string_view::npos) return std::nullopt;
        const auto end = std::min(line.find_first_of(blanks, begin), line.size());
        if (number == 1) return line.substr(begin, end - begin);
        begin = end;
    }
}

}  // namespace

std::optional<std::string_view> Lines::next(std::string_view head) {
    const auto newline = head.find('\n', scanned_);
    if (newline == std::string_view::npos) {
        scanned_ = head.size();
        return std::nullopt;
    }
    auto line = head.substr(begin_, newline - begin_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    begin_ = scanned_ = newline + 1;
    return line;
}

std::optional<std::string_view> field_of(std::string_view line, std::size_t number,
                                         std::string_view separator) {
    if (separator.empty()) return blank_field(line, number);
    for (;; --number) {
        const auto end = line.find(separator);
        if (number == 1) return line.substr(0, end);
        if (end == std::string_view::npos) return std::nullopt;
        line.remove_prefix(end + separator.size());
    }
}

std::optional<std::string_view> group_of(std::string_view text, const re2::RE2& pattern,
                                         int group) {
    std::array<re2::StringPiece, groups_max> groups;
    const bool matches = pattern.Match({text.data(), text.size()}, 0, text.size(),
                                       re2::RE2::UNANCHORED, groups.data(), group + 1);
    const auto& found = groups[static_cast<std::size_t>(group)];
    if (!matches || found.data() == nullptr) return std::nullopt;
    return std::string_view(found.data(), found.size());
}

ParseStatus LineParser::read(std::string_view head, std::string& key) {
    const auto line = lines_.next(head);
    if (!line) return ParseStatus::more;
    if (pattern_ != nullptr) return keep(group_of(*line, *pattern_, part_->group), key);
    if (part_->from != conf::KeyPart::From::field) return keep(line, key);
    return keep(field_of(*line, part_->number, part_->separator), key);
}

ParseStatus BytesParser::read(std::string_view head, std::string& key) const {
    if (head.size() < std::size_t{part_->offset} + part_->length) return ParseStatus::more;
    const auto bytes = head.substr(part_->offset, part_->length);
    if (pattern_ != nullptr) return keep(group_of(bytes, *pattern_, part_->group), key);
    return keep(bytes, key);
}

}  // namespace ringway::proxy
