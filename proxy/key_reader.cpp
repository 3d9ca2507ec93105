#include "proxy/key_reader.h"

#include <algorithm>

#include "proxy/address.h"

namespace ringway::proxy {

namespace {

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

// Without the optional white space of RFC 9112, section 5.
std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

KeyReader::KeyReader(const conf::KeySettings& settings, const conf::Endpoint& client)
    : settings_(settings) {
    if (settings.from != conf::KeySettings::From::source_ip) return;
    key_ = masked_address(client, client.is_v6 ? settings.prefix_v6 : settings.prefix_v4);
    state_ = State::found;
}

KeyReader::State KeyReader::read(std::string_view head) {
    while (state_ == State::wants_bytes) {
        const auto newline = head.find('\n', scanned_);
        if (newline == std::string_view::npos) {
            scanned_ = head.size();
            if (head.size() >= limit_bytes()) state_ = State::too_large;
            break;
        }
        auto line = head.substr(line_start_, newline - line_start_);
        if (line.ends_with('\r')) line.remove_suffix(1);
        line_start_ = scanned_ = newline + 1;
        state_ = read_line(line);
        first_line_ = false;
    }
    return state_;
}

KeyReader::State KeyReader::read_line(std::string_view line) {
    if (settings_.from == conf::KeySettings::From::header) return read_header(line);
    key_ = line;
    return State::found;
}

// The request line is passed over; then "name: value" lines up to an empty one.
// White space in a name is refused as RFC 9112, section 5.1 wants it: a lax server
// would see a header that was passed over here.
KeyReader::State KeyReader::read_header(std::string_view line) {
    if (first_line_) return line.empty() ? State::malformed : State::wants_bytes;
    if (line.empty()) return State::missing;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return State::malformed;
    const auto name = line.substr(0, colon);
    if (name.find_first_of(" \t") != std::string_view::npos) return State::malformed;
    if (!same_name(name, settings_.name)) return State::wants_bytes;
    key_ = trimmed(line.substr(colon + 1));
    return State::found;
}

}  // namespace ringway::proxy
