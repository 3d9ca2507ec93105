// Finds a connection's key. Pure: the bytes received so far in, "more", a key or
// a refusal out, the same however the bytes were cut into segments.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "conf/config.h"

namespace ringway::proxy {

class KeyReader {
public:
    enum class State {
        wants_bytes,
        found,
        too_large,  // max_bytes without a key
        missing,    // an HTTP-like head without the header
        malformed,  // not an HTTP-like head
    };

    // With from: source_ip the key is found at once. `settings` must outlive this.
    KeyReader(const conf::KeySettings& settings, const conf::Endpoint& client);

    // `head` is all that was received so far; it only grows between calls, and
    // never beyond limit_bytes().
    State read(std::string_view head);

    State state() const { return state_; }
    std::size_t limit_bytes() const { return settings_.max_bytes; }

    // The key's bytes, once found.
    const std::string& key() const { return key_; }

private:
    State read_line(std::string_view line);
    State read_header(std::string_view line);

    const conf::KeySettings& settings_;
    State state_ = State::wants_bytes;
    std::size_t line_start_ = 0;  // of the line that is not complete yet
    std::size_t scanned_ = 0;     // no newline before here
    bool first_line_ = true;
    std::string key_;
};

}  // namespace ringway::proxy
