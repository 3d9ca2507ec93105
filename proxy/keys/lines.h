// Keys from a client's first line: the line, one of its fields, or a match of a regular expression.
// Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "conf/config.h"
#include "proxy/keys/parse_status.h"

namespace re2 {
class RE2;
}

namespace ringway::proxy {

// Splits growing bytes into lines; each byte is read once.
class Lines {
public:
    // The next line without its LF or CRLF; nothing while it is not complete.
    std::optional<std::string_view> next(std::string_view head);

private:
    std::size_t begin_ = 0;    // of the line that is not complete yet
    std::size_t scanned_ = 0;  // no newline before here
};

// Field `number` of `line`, counted from 1; nothing where there are fewer. Without
// a separator, runs of blanks and tabs separate, and those at the front do not count;
// with one, every occurrence separates, and a field may be empty.
std::optional<std::string_view> field_of(std::string_view line, std::size_t number,
                                         std::string_view separator);

// The match of `group` of `pattern` in `text`, if any.
std::optional<std::string_view> group_of(std::string_view text, const re2::RE2& pattern, int group);

// from: first_line, field, and regex without a length.
class LineParser {
public:
    // `part` and `pattern`, which only a regex has, must outlive this.
    LineParser(const conf::KeyPart& part, const re2::RE2* pattern)
        : part_(&part), pattern_(pattern) {}
    ParseStatus read(std::string_view head, std::string& key);

private:
    const conf::KeyPart* part_;
    const re2::RE2* pattern_;
    Lines lines_;
};

// from: bytes, and regex with a length: waits for this many bytes, so that the result does not
// depend on segments.
class BytesParser {
public:
    BytesParser(const conf::KeyPart& part, const re2::RE2* pattern)
        : part_(&part), pattern_(pattern) {}
    ParseStatus read(std::string_view head, std::string& key) const;

private:
    const conf::KeyPart* part_;
    const re2::RE2* pattern_;
};

}  // namespace ringway::proxy
