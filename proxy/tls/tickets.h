// Keys of session tickets (RFC 5077; RFC 8446, 4.6.1), derived from a secret and the time: replicas
// that have the secret open each other's tickets without talking. Any thread.
//
// A key serves for one period of the wall clock. Tickets are taken in the period after theirs too,
// and in the one before, by whoever's clock is behind.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conf/result.h"
#include "proxy/tls/secret.h"

namespace ringway::proxy {

class TicketKeys {
public:
    static constexpr std::size_t secret_bytes = 32;
    using WallClock = std::chrono::system_clock;

    // The first secret seals, each opens. There is at least one, of secret_bytes each.
    TicketKeys(std::vector<Secret> secrets, std::chrono::seconds period);

    // A line of 64 hexadecimal digits for each secret. The error does not repeat them.
    static Result<std::vector<Secret>> parse(std::string_view text);
    // Of this process alone: the same at each call.
    static Secret own_secret();

    using Name = std::array<unsigned char, 16>;
    struct Keys {
        Name name;  // of the secret and the period, sent with the ticket in clear
        std::array<unsigned char, 32> cipher;
        std::array<unsigned char, 32> mac;
    };
    Keys sealing(WallClock::time_point now) const;
    // Of a ticket with this name; none if it is too old, or another's.
    std::optional<Keys> opening(const Name& name, WallClock::time_point now) const;

    std::chrono::seconds period() const { return period_; }

private:
    // Keys, which are kept as their secret is.
    struct Kept {
        Name name;
        Secret both;
    };

    std::uint64_t period_of(WallClock::time_point now) const;

    const std::vector<Secret> secrets_;
    const std::vector<Name> names_;  // of the secrets, in their first halves
    const std::chrono::seconds period_;
    mutable std::mutex mutex_;
    mutable std::optional<Kept> sealing_;  // of the last period asked for: work, not state
};

}  // namespace ringway::proxy
