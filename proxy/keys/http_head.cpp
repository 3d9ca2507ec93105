#include "proxy/keys/http_head.h"

#include <algorithm>
#include <optional>

#include "proxy/base/ascii.h"

namespace ringway::proxy {

namespace {

using From = conf::KeyPart::From;

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

// Without the optional white space of RFC 9112, section 5.
std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The pairs "name=value" of RFC 6265, section 4.2; names differ by case. Quotes around a value are
// part of it, as in servers and browsers.
std::optional<std::string_view> cookie_of(std::string_view header, std::string_view name) {
    while (!header.empty()) {
        const auto end = std::min(header.find(';'), header.size());
        const auto pair = header.substr(0, end);
        header.remove_prefix(std::min(end + 1, header.size()));
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos || trimmed(pair.substr(0, equals)) != name) continue;
        return trimmed(pair.substr(equals + 1));
    }
    return std::nullopt;
}

}  // namespace

// The request line, then "name: value" lines up to an empty one. Empty lines before it are skipped,
// as servers do (RFC 9112, section 2.2), up to max_bytes.
ParseStatus HttpHeadParser::read(std::string_view head, std::string& key) {
    auto status = ParseStatus::more;
    while (status == ParseStatus::more) {
        const auto line = lines_.next(head);
        if (!line) break;
        if (at_request_line_ && line->empty()) continue;
        status = at_request_line_ ? read_request_line(*line, key) : read_header(*line, key);
        at_request_line_ = false;
    }
    return status;
}

// Headers may follow any line that is not empty; the target needs a request line as in RFC 9112,
// section 3: three parts with single blanks between them.
ParseStatus HttpHeadParser::read_request_line(std::string_view line, std::string& key) {
    if (part_->from != From::target) return ParseStatus::more;
    const auto target = field_of(line, 2, " ");
    const auto version = field_of(line, 3, " ");
    if (line.starts_with(' ') || !version || !version->starts_with("HTTP/") || target->empty() ||
        field_of(line, 4, " ")) {
        return ParseStatus::malformed;
    }
    key = *target;
    return ParseStatus::found;
}

// White space in a name is refused (RFC 9112, section 5.1): a lax server would accept a header that
// is skipped here.
ParseStatus HttpHeadParser::read_header(std::string_view line, std::string& key) const {
    if (line.empty()) return ParseStatus::missing;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return ParseStatus::malformed;
    const auto name = line.substr(0, colon);
    if (name.find_first_of(" \t") != std::string_view::npos) return ParseStatus::malformed;
    const bool in_cookie = part_->from == From::cookie;
    if (!same_name(name, in_cookie ? "cookie" : std::string_view(part_->name))) {
        return ParseStatus::more;
    }
    const auto value = trimmed(line.substr(colon + 1));
    const auto found = in_cookie ? cookie_of(value, part_->name) : std::optional(value);
    if (!found) return ParseStatus::more;
    key = *found;
    return ParseStatus::found;
}

}  // namespace ringway::proxy
