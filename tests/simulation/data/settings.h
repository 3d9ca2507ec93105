// The settings of one history's listener and pool, and the openings of its clients.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "conf/config.h"
#include "proxy/data/close_reason.h"
#include "tests/simulation/random_source.h"

namespace ringway::simulation::data {

struct Settings {
    bool keyed = false;  // by the first line; else by address
    std::size_t max_bytes = 0;
    conf::KeySettings::OnMissing on_missing = conf::KeySettings::OnMissing::reject;
    conf::Duration silent_after{0};
    bool expects_proxy = false;
    bool sends_proxy = false;
    conf::ListenerTimeouts timeouts;
    conf::ConnectSettings connect;
    std::vector<std::uint32_t> servers;  // their max_connections
    std::uint64_t listener_limit = 0;
    std::uint64_t total_limit = 0;
    std::uint64_t most_pipes = 0;

    static Settings draw(RandomSource& random);
    conf::KeySettings key() const;
    // For people.
    std::string to_text() const;
};

// What a client says first, and what must come of it.
struct Opening {
    std::string bytes;
    std::size_t header_bytes = 0;  // its PROXY header, which is not passed on
    // Why it is refused once `decided_at` bytes have come; none if it is not.
    proxy::CloseReason refusal = proxy::CloseReason::none;
    std::size_t decided_at = 0;
    bool is_trusted = true;

    static Opening draw(const Settings& settings, unsigned number, RandomSource& random);
};

// The port of client `number`, which tells its connection in the log.
inline constexpr std::uint16_t port_of(std::size_t number) {
    return static_cast<std::uint16_t>(1'000 + number);
}
inline constexpr std::uint16_t first_server_port = 7'000;

}  // namespace ringway::simulation::data
