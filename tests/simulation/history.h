// A history: what happens to a proxy, one event after another. Every event has a number, from
// which it makes its own choices, so that a history with some events left out is one too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::simulation {

struct Event {
    enum class Kind : std::uint8_t {
        advance,       // time passes
        edit,          // the file is edited and read again, by SIGHUP or by a command
        spoil,         // the file becomes one that is not valid, and is read again
        reread,        // the same file again
        plan,          // the file is edited, a reload planned, and made
        command,       // a word of the admin socket
        peer,          // another peer at an address: checks find out
        open,          // clients connect
        close,         // connections end
        fail,          // connections to a server fail
        hold,          // rings take long from now on
        release,       // and no more
        take_address,  // another process listens where we might, or stops
        disk,          // the disk fails
        wall_step,     // somebody sets the wall clock
        restart,       // SIGTERM, and a new process
        crash,         // SIGKILL, and a new process
        lose_state,    // a crash after which the state file is not there
        damage_state,  // or is damaged
        question,      // the admin socket is asked, or given a line that it refuses
        page,          // the HTTP endpoint is asked
        dial,          // connections to a server cannot leave this machine
        rotate,        // SIGUSR1
        leave,         // SIGTERM, and what comes next happens during the drain
    };
    Kind kind = Kind::advance;
    std::uint64_t number = 0;
    bool operator==(const Event&) const = default;
};

struct History {
    std::uint64_t seed = 0;  // of the world: what no event decides
    std::vector<Event> events;
};

// A history of so many events.
History make_history(std::uint64_t seed, std::size_t events);

// "seed 17", then a line for each event, "command 8713": parse_history(to_text(h)) is h.
std::string to_text(const History& history);
std::optional<History> parse_history(std::string_view text);

}  // namespace ringway::simulation
