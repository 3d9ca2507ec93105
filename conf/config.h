// The configuration file as plain validated values, with the places in the
// file that they came from. Parsing is pure: text in, a Config or errors out.
// No I/O but in read_file; no thread rules: everything here is a value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/endpoint.h"
#include "conf/result.h"
#include "conf/routes.h"
#include "conf/sources.h"
#include "conf/tls.h"
#include "conf/types.h"

namespace ringway::conf {

// One source of a key's bytes.
struct KeyPart {
    enum class From : std::uint8_t {
        source_ip,
        source,
        destination,
        first_line,
        field,
        header,
        target,
        cookie,
        bytes,
        regex,
        sni,
        alpn,
        proxy_tlv,
        proxy_authority,
        client_cert,
        mqtt_client_id,
        mqtt_username,
        postgres_user,
        postgres_database,
        rdp_cookie
    };
    // What a client's certificate names. Of alternative names (RFC 5280, 4.2.1.6), the first of
    // their kind.
    enum class CertField : std::uint8_t {
        subject_cn,
        san_uri,
        san_dns,
        san_email,
        fingerprint,  // SHA-256 of the certificate, in lower-case hexadecimal digits
    };
    From from = From::source_ip;
    int prefix_v4 = 32;        // source_ip: leading bits kept, 1 to 32
    int prefix_v6 = 128;       // source_ip: leading bits kept, 1 to 128
    std::string name;          // header: compared without case; cookie: compared exactly
    std::uint32_t number = 1;  // field: counted from 1
    std::string separator;     // field: empty for runs of blanks and tabs
    std::uint32_t offset = 0;  // bytes: how many come before
    std::uint32_t length = 0;  // bytes; regex: what is matched, 0 for the first line
    std::string pattern;       // regex, in RE2's syntax
    int group = 0;             // regex: of the pattern, 0 for the whole match
    std::uint8_t type = 0;     // proxy_tlv
    CertField cert_field = CertField::subject_cn;  // client_cert
    bool operator==(const KeyPart&) const = default;

    // Whether TLS has it before its first byte of data: in the ClientHello, or negotiated.
    bool reads_tls() const { return from == From::sni || from == From::alpn; }
    bool reads_proxy_header() const {
        return from == From::proxy_tlv || from == From::proxy_authority;
    }
    // Whether the key is read from the client's bytes, beyond a PROXY header. Where the listener
    // terminates TLS, those of sni and alpn are the handshake's.
    bool reads_bytes() const {
        return from >= From::first_line && from != From::client_cert && !reads_proxy_header();
    }
};

// Their keywords in the file.
std::string_view to_string(KeyPart::From from);
std::string_view to_string(KeyPart::CertField field);

// Where a listener's key comes from.
struct KeySettings {
    // What happens to a client whose bytes have no key.
    enum class OnMissing : std::uint8_t { reject, source_ip, random };
    std::vector<KeyPart> parts{1};     // at least one; several make a composite
    std::size_t max_bytes = 16 << 10;  // read of a client before its connection is placed
    OnMissing on_missing = OnMissing::reject;
    // How long to wait for a key, from accept, but not before the PROXY header has arrived. After
    // it, the client counts as one without a key. 0: until `timeouts: key`. Not with reject.
    Duration silent_after{0};
    bool operator==(const KeySettings&) const = default;

    // Whether a part is read from the client's bytes; where the listener terminates TLS, from those
    // that it decrypts.
    bool reads_bytes(bool terminates_tls = false) const;
};

// The PROXY protocol that a listener requires of its clients.
struct ProxyProtocol {
    bool v1 = false;
    bool v2 = false;
    std::vector<Network> trusted;  // clients that may connect; unused on a unix socket
    bool operator==(const ProxyProtocol&) const = default;
};

struct ListenerTimeouts {
    Duration key{5'000};     // from accept until the key is known; never extended
    Duration idle{600'000};  // no byte in either direction; also the longest pause of a reader
    // One direction has ended, no byte moves in the other, and no byte waits for a reader.
    Duration half_close{30'000};
    // The peer's kernel acknowledges neither bytes nor probes.
    Duration unacknowledged{30'000};
    Duration keepalive{60'000};  // silence after which keepalive probes are sent
    bool operator==(const ListenerTimeouts&) const = default;
};

// Where a listener's connections go that fit `match`, and by what they are placed there.
struct ListenerRoute {
    std::string pool;
    KeySettings key{};
    RouteMatch match{};
    Position position{};
};

struct Listener {
    std::string name;
    Endpoint bind;
    std::uint16_t last_port = 0;  // of a range that begins with the port of `bind`; 0: that alone
    // A connection is accepted once the client has sent bytes, or after this time
    // (TCP_DEFER_ACCEPT, whole seconds); 0: at once.
    Duration defer_accept{0};
    // At least one; the first that a connection fits is its route. The entries `pool` and `key` are
    // one route for all.
    std::vector<ListenerRoute> routes;
    std::optional<ProxyProtocol> proxy_protocol;  // absent: no header is expected or known
    std::optional<ListenerTls> tls;               // absent: TLS is passed through
    ListenerTimeouts timeouts;
    std::uint32_t max_connections = 0;  // live at once; 0 for no limit but the process's own
    Position position;

    // The address, or one for each port of the range.
    std::vector<Endpoint> addresses() const;
    // As `bind` is written: "192.0.2.1:6000-6099".
    std::string bind_text() const;
    // The pool of all connections; nullptr where there are routes to choose from.
    const std::string* only_pool() const;
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
    std::string seed;           // secret bytes that enter the key hash; empty for none
    std::uint32_t mapping = 1;  // version of the ring's mapping
    bool operator==(const HashSettings&) const = default;
};

struct ConnectSettings {
    // Of one attempt. A lost SYN is sent again after 1 s (RFC 6298): with a timeout of 1 s or less,
    // one lost packet moves a key.
    Duration timeout{2'000};
    std::uint32_t attempts = 3;  // distinct servers tried for one connection
    Duration budget{0};          // of all attempts together; 0 for the sum of their timeouts
    // The addresses that servers are dialled from, by family; absent: the kernel's choice.
    std::optional<Endpoint> source_v4;
    std::optional<Endpoint> source_v6;
    bool operator==(const ConnectSettings&) const = default;
};

// The PROXY header that is sent to a pool's servers before the client's bytes.
struct SendProxy {
    enum class Version : std::uint8_t { none, v1, v2 };
    Version version = Version::none;
    bool authority = false;  // v2: send the TLS server name, where it is known
    bool unique_id = false;  // v2: send the one received, or a new one
    // v2: send the TLS version, the cipher, the client's name and whether its certificate was
    // verified, where the listener terminates TLS.
    bool tls = false;
    bool operator==(const SendProxy&) const = default;
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

// The active check of every server of a pool: a TCP connect, a TLS handshake where it speaks TLS,
// and an exchange after it if `expect` or `http` is set.
struct HealthSettings {
    Duration interval{2'000};
    Duration timeout{1'500};        // longer than a lost SYN takes, as ConnectSettings::timeout
    std::uint32_t rise = 2;         // successes in a row that bring a server back
    std::uint32_t fall = 3;         // failures in a row that take a server down
    Duration fast_interval{0};      // while a server is down or changing; 0 for `interval`
    std::string send;               // bytes; only with `expect`
    std::string expect;             // bytes; empty for a connect alone
    bool expect_anywhere = false;   // in the answer's first 16 KiB, not at its beginning
    std::optional<HttpCheck> http;  // not with `expect`
    // What a new server counts as before its first check.
    enum class Initial : std::uint8_t { up, down };
    Initial initial = Initial::up;
    // Whether checks speak TLS: as connections of the pool do, never, or by settings of their own.
    enum class TlsFrom : std::uint8_t { pool, none, own };
    TlsFrom tls_from = TlsFrom::pool;
    std::optional<PoolTls> tls{};  // with `own`
    bool operator==(const HealthSettings&) const = default;
};

// Passive checks: how failed client connections take a server offline.
struct PassiveSettings {
    std::uint32_t failures = 3;  // in a row, that take a server offline
    Duration within{10'000};     // failures further apart than this are not in a row
    bool early_resets = true;    // resets soon after the connect, before a byte, count too
    Duration retry{5'000};       // without checks, offline for this time; doubled each time
    Duration retry_max{300'000};
    bool operator==(const PassiveSettings&) const = default;
};

// What happens to the connections of a server that goes down or is removed.
struct Leaving {
    enum class Way : std::uint8_t { keep, reset, drain };
    Way way = Way::keep;
    Duration over{30'000};  // drain: resets are spread at random over this time
    bool operator==(const Leaving&) const = default;
};

struct Server {
    std::string id;  // 1 to 255 bytes, unique in its pool
    ServerAddress address;
    std::uint32_t weight = 1;           // 0 keeps the server without new connections
    std::uint32_t max_connections = 0;  // live at once, 0 for no limit
    // Checked instead of `address`. Of a host it may be the same with another port.
    std::optional<Endpoint> check_address{};
    Position position;
};

struct Pool {
    std::string name;
    HashSettings hash;
    ConnectSettings connect;
    SendProxy send_proxy;
    std::optional<PoolTls> tls;              // absent: servers get bytes in clear
    std::optional<HealthSettings> health;    // absent: servers are never checked
    std::optional<PassiveSettings> passive;  // absent: failed connections have no effect on servers
    // The pool that gets the connections for which no server of this one is online, or all are
    // full; empty for none. Chains of fallbacks end.
    std::string fallback{};
    Leaving on_down;
    Leaving on_removed;
    double panic = 0;        // share of servers online below which states are ignored
    Duration slow_start{0};  // slow start of a server that is new or returns; 0 for none
    std::vector<Server> servers;
    Position position;
    ServersFrom servers_from{};
};

struct AdminSettings {
    std::string socket;            // path of the admin socket; empty for none
    std::optional<Endpoint> http;  // where the HTTP endpoint listens; never a unix socket
    std::string state;             // path of the file that keeps run-time overrides; empty for none
    // The pools that readiness depends on; absent: each that a listener uses.
    std::optional<std::vector<std::string>> ready;
    bool operator==(const AdminSettings&) const = default;
};

struct LogSettings {
    enum class Level : std::uint8_t { debug, info, warn, error };
    enum class Format : std::uint8_t { text, json };
    Level level = Level::info;
    // Or "stdout", "syslog", "syslog:/path of its socket", or the absolute path of a file.
    std::string target = "stderr";
    Format format = Format::text;
    bool access = true;  // one line per connection
    bool operator==(const LogSettings&) const = default;
};

// What the workers' reads and writes go through.
enum class Engine : std::uint8_t {
    automatic,  // io_uring(7) where the kernel allows it, else plain calls
    epoll,      // plain calls after epoll_wait(2)
    io_uring,
};

struct Config {
    std::uint32_t workers = 0;  // 0: one for each processor that it may use
    Engine engine = Engine::automatic;
    Duration drain_delay{
        0};  // from SIGTERM, when readiness fails, until accepting ends; 0: at once
    Duration drain_timeout{30'000};  // the longest drain after it
    std::vector<Listener> listeners;
    std::vector<Pool> pools;
    AdminSettings admin;
    LogSettings log;
    DnsSettings dns{};
    std::optional<FleetSettings> fleet{};  // absent: this proxy goes by itself alone
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
Result<Config, Errors> parse(std::string_view yaml);

// The text of a configuration file, or one Error without a position that names
// the reason. Regular files only, at most 16 MiB; never blocks on a FIFO.
Result<std::string, Error> read_file(const std::string& path);

}  // namespace ringway::conf
