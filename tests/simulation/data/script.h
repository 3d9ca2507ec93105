// A history of the data path: a seed, which decides the settings and what the network does, and
// what clients, servers and operators do, one event after another. A history with some of its
// events left out is one too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::simulation::data {

struct Event {
    enum class Kind : std::uint8_t {
        wait,  // so many microseconds
        open,  // client WHO connects
        // The client of connection WHO.
        client_send,  // so many bytes
        client_end,
        client_close,
        client_reset,
        client_vanish,
        client_pause,
        client_slow,
        client_resume,
        // Its server, once it is connected.
        server_send,
        server_end,
        server_close,
        server_reset,
        server_vanish,
        server_pause,
        server_slow,
        server_resume,
        // Others.
        mode,     // server WHO meets dials so from now on (ServerMode)
        evict,    // the connections of server WHO, within so many milliseconds
        cancel,   // that eviction
        take_up,  // the same settings again
        lack,     // descriptors or watches, as by the amount
        lack_no_more,
        sleep,  // the worker does not run for so many microseconds
        drain,
        stop,
    };
    Kind kind = Kind::wait;
    std::uint64_t who = 0;
    std::uint64_t amount = 0;
    bool operator==(const Event&) const = default;
};

enum class ServerMode : std::uint8_t { accepts, refuses, is_silent, is_unreachable, resets };
inline constexpr std::uint64_t server_modes = 5;

struct History {
    std::uint64_t seed = 0;
    std::vector<Event> events;
};

History make_history(std::uint64_t seed);

// "seed 17", then a line for each event, "client_send 3 700": parse_history(to_text(h)) is h.
std::string to_text(const History& history);
std::string to_text(const Event& event);
std::optional<History> parse_history(std::string_view text);

}  // namespace ringway::simulation::data
