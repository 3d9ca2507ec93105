// The configuration file as plain validated values, with the places in the
// file that they came from. Parsing is pure: text in, a Config or errors out.
// No I/O but in read_file; no thread rules: everything here is a value.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ringway::conf {

using Duration = std::chrono::milliseconds;

// Where an entry begins. Both count from 1; 0 means "nowhere in the file".
struct Position {
    int line = 0;
    int column = 0;
};

// An IPv4 or IPv6 address and a TCP port. Bytes are in network order; a v4
// address uses the first four. No host names: they would make the placement
// depend on what a resolver says.
struct Endpoint {
    bool is_v6 = false;
    std::array<std::uint8_t, 16> address{};
    std::uint16_t port = 0;

    // "192.0.2.1:80" or "[2001:db8::1]:80"; the port is 1 to 65535.
    static std::optional<Endpoint> parse(std::string_view text);
    // The same spelling, canonical (RFC 5952 for IPv6).
    std::string to_string() const;
    bool operator==(const Endpoint&) const = default;
};

// Where a listener's key comes from.
struct KeySettings {
    enum class From : std::uint8_t { source_ip, first_line, header };
    From from = From::source_ip;
    int prefix_v4 = 32;                // source_ip: leading bits kept, 1 to 32
    int prefix_v6 = 128;               // source_ip: leading bits kept, 1 to 128
    std::string name;                  // header: its name, compared without case
    std::size_t max_bytes = 16 << 10;  // first_line, header: bytes read in search of the key
    bool operator==(const KeySettings&) const = default;
};

struct ListenerTimeouts {
    Duration key{5'000};              // from accept until the key is known; never extended
    Duration idle{600'000};           // no byte in either direction
    Duration half_close{30'000};      // one direction has ended and no byte moves in the other
    Duration unacknowledged{30'000};  // sent data that the peer's kernel never confirms
    Duration keepalive{60'000};       // silence after which a peer's kernel is asked for a sign
    bool operator==(const ListenerTimeouts&) const = default;
};

struct Listener {
    std::string name;
    Endpoint bind;
    std::string pool;
    KeySettings key;
    ListenerTimeouts timeouts;
    std::uint32_t max_connections = 0;  // at once, 0 for no limit but the process's own
    Position position;
};

struct HashSettings {
    enum class Algorithm : std::uint8_t { ring, maglev };
    enum class Function : std::uint8_t { sha256, xxh3 };
    Algorithm algorithm = Algorithm::ring;
    Function function = Function::sha256;
    std::uint32_t vnodes = 704;  // ring: points per unit of weight
    // A server takes at most ceil(balance_factor x its fair share of the pool's live
    // connections); the next of the walk takes the others. 0 for no bound.
    double balance_factor = 0;
    std::string seed;           // secret that enters the key hash; empty for none
    std::uint32_t mapping = 1;  // version of the ring's mapping
    bool operator==(const HashSettings&) const = default;
};

struct ConnectSettings {
    Duration timeout{1'000};     // of one attempt
    std::uint32_t attempts = 3;  // distinct servers tried for one connection
    Duration budget{0};          // of all attempts together; 0 for what they add up to
    bool operator==(const ConnectSettings&) const = default;
};

// A request that a check makes, and the statuses that pass.
struct HttpCheck {
    std::string method = "GET";
    std::string path = "/";
    std::string host;  // empty for the address that is checked
    std::uint16_t least_status = 200;
    std::uint16_t greatest_status = 299;
    bool operator==(const HttpCheck&) const = default;
};

// The active check of every server of a pool: a TCP connect, and what is said after it
// where `expect` or `http` is there.
struct HealthSettings {
    Duration interval{2'000};
    Duration timeout{1'000};
    std::uint32_t rise = 2;         // successes in a row that bring a server back
    std::uint32_t fall = 3;         // failures in a row that take it off
    Duration fast_interval{0};      // while a server is down or changing; 0 for `interval`
    std::string send;               // bytes; only with `expect`
    std::string expect;             // bytes; empty for a connect alone
    bool expect_anywhere = false;   // in the answer's first 16 KiB, not at its beginning
    std::optional<HttpCheck> http;  // not with `expect`
    bool operator==(const HealthSettings&) const = default;
};

// What the connections of clients tell of a server.
struct PassiveSettings {
    std::uint32_t failures = 3;  // in a row, that take a server offline
    Duration within{10'000};     // failures further apart than this are not in a row
    bool early_resets = true;    // resets soon after the connect, before a byte, count too
    Duration retry{5'000};       // without checks, offline for so long; doubled each time
    Duration retry_max{300'000};
    bool operator==(const PassiveSettings&) const = default;
};

// What becomes of the connections of a server that goes down or is removed.
struct Leaving {
    enum class Way : std::uint8_t { keep, reset, drain };
    Way way = Way::keep;
    Duration over{30'000};  // drain: resets are spread at random over this time
    bool operator==(const Leaving&) const = default;
};

struct Server {
    std::string id;  // 1 to 255 bytes, unique in its pool
    Endpoint address;
    std::uint32_t weight = 1;                 // 0 keeps the server without new connections
    std::uint32_t max_connections = 0;        // live at once, 0 for no limit
    std::optional<Endpoint> check_address{};  // where not `address` is to be checked
    Position position;
};

struct Pool {
    std::string name;
    HashSettings hash;
    ConnectSettings connect;
    std::optional<HealthSettings> health;    // absent: servers are never checked
    std::optional<PassiveSettings> passive;  // absent: connections say nothing of servers
    Leaving on_down;
    Leaving on_removed;
    double panic = 0;        // share of servers online below which states are ignored
    Duration slow_start{0};  // in which a server that comes (back) gets its points; 0 for at once
    std::vector<Server> servers;
    Position position;
};

struct AdminSettings {
    std::string socket;  // path of the admin socket; empty for none
    bool operator==(const AdminSettings&) const = default;
};

struct LogSettings {
    enum class Level : std::uint8_t { debug, info, warn, error };
    Level level = Level::info;
    bool access = true;  // one line per connection
    bool operator==(const LogSettings&) const = default;
};

struct Config {
    std::uint32_t workers = 0;       // 0: one per core
    Duration drain_timeout{30'000};  // what SIGTERM gives connections in progress
    std::vector<Listener> listeners;
    std::vector<Pool> pools;
    AdminSettings admin;
    LogSettings log;
};

struct Error {
    Position position;
    std::string path;     // of the entry, as "pools.redis.servers[2].id"; may be empty
    std::string message;  // what was expected, what was found

    // "file:line:column: path: message", as compilers print it.
    std::string to_string(std::string_view file) const;
};

using Errors = std::vector<Error>;

// The Config that `yaml` describes, or every error found in it, in file order.
std::variant<Config, Errors> parse(std::string_view yaml);

// The text of a configuration file, or one Error without a position that names
// the reason. Regular files only, at most 16 MiB; never blocks on a FIFO.
std::variant<std::string, Error> read_file(const std::string& path);

}  // namespace ringway::conf
