// What a check says once it is connected, and whether what comes back is the answer
// that it wants. Pure; one AnswerMatcher per attempt, used from one thread.
//
// However much comes, no more is kept than the bytes that the next ones may complete
// to what is looked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "conf/config.h"

namespace ringway::health {

// Whether a check by `settings` says or hears anything beyond the connect.
bool has_exchange(const conf::HealthSettings& settings);

// The bytes to be sent to `address`; may be empty.
std::string request_of(const conf::HealthSettings& settings, const conf::Endpoint& address);

class AnswerMatcher {
public:
    // An answer may have so many bytes before what is looked for anywhere in it, or before
    // the status that decides.
    static constexpr std::size_t bytes_max = 16 << 10;

    enum class State : std::uint8_t { wants_bytes, good, bad };

    // `settings` has an exchange, and outlives this.
    explicit AnswerMatcher(const conf::HealthSettings& settings) : settings_(&settings) {}

    // The next bytes from the server. Once good or bad, it stays so.
    State read(std::string_view bytes);
    // The server has ended its side.
    State end();

    // Why it is bad: one word or two, as "mismatch" or "status 503", and for people.
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
    State state_ = State::wants_bytes;
    std::string kept_;  // of what was read, no more than is needed
    std::size_t read_bytes_ = 0;
    bool in_interim_ = false;          // within the head of an interim answer (1xx)
    bool interim_line_empty_ = false;  // its present line has nothing so far
    std::string result_;
};

}  // namespace ringway::health
