// The exchange of a check once it is connected: its request, and whether the server's answer is the
// expected one. Pure; one AnswerMatcher per attempt, used from one thread.
//
// Memory is bounded: only the bytes that may begin a match are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "conf/config.h"

namespace ringway::health {

// Whether a check by `settings` exchanges bytes after the connect.
bool has_exchange(const conf::HealthSettings& settings);

// The request to send to `address`; may be empty.
std::string request_of(const conf::HealthSettings& settings, const conf::Endpoint& address);

class AnswerMatcher {
public:
    // The most bytes of an answer that are searched, and the most before the final status.
    static constexpr std::size_t bytes_max = 16 << 10;

    enum class State : std::uint8_t { needs_bytes, good, bad };

    // `settings` has an exchange, and outlives this.
    explicit AnswerMatcher(const conf::HealthSettings& settings) : settings_(&settings) {}

    // The next bytes from the server. Once good or bad, it stays so.
    State read(std::string_view bytes);
    // The server has ended its side.
    State end();

    // Why it is bad: short, as "mismatch" or "status 503", and in full for people.
    const std::string& result() const { return result_; }
    std::string detail() const;

private:
    State read_prefix();
    State read_anywhere(std::string_view bytes);
    State read_http(std::string_view bytes);
    State read_status();
    bool skip_interim(char c);
    State fail(std::string result);

    const conf::HealthSettings* settings_;
    State state_ = State::needs_bytes;
    std::string kept_;  // the last bytes read, as many as may begin a match
    std::size_t read_bytes_ = 0;
    bool in_interim_ = false;          // within the head of an interim answer (1xx)
    bool interim_line_empty_ = false;  // its current line is empty so far
    std::string result_;
};

}  // namespace ringway::health
