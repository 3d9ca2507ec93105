// The last things that happened, for people: as in the log, but
// kept and numbered. Control thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace ringway::proxy {

struct Event {
    enum class Kind : std::uint8_t {
        server_up,
        server_down,
        registered,
        unregistered,
        forgotten,
        admin_state,
        panic,
        panic_over,
        reload,
        reload_refused,
        draining,
        local_fault,
        local_fault_over,
        names_fail,
        names_recover,
        moved,
        membership,
        fleet,
    };

    std::uint64_t id = 0;  // rises by one for ever, from 1
    std::chrono::system_clock::time_point time;
    Kind kind = Kind::server_up;
    std::string pool;    // empty where there is none
    std::string server;  // the same
    std::string text;    // UTF-8 without control characters
};

// The word for it: "server_up", ..., "override" for admin_state.
std::string_view to_string(Event::Kind kind);

class Events {
public:
    static constexpr std::size_t kept = 256;

    void add(Event::Kind kind, std::string_view pool, std::string_view server,
             std::string_view text);

    // Oldest first.
    const std::deque<Event>& all() const { return events_; }

private:
    std::deque<Event> events_;
    std::uint64_t last_id_ = 0;
};

}  // namespace ringway::proxy
