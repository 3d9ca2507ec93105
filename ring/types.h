// The plain values that the ring's interface is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace ringway::ring {

// How servers are placed; ring/README.md specifies it.
enum class Algorithm : std::uint8_t {
    ring,    // nearest point: a change moves no key but those of the server that changes
    maglev,  // Maglev's table: near-perfect balance, but a change moves a few more keys
};

// How the bytes of a key become 64 bits; ring/README.md specifies it.
enum class KeyHash : std::uint8_t {
    sha256,  // the first 8 bytes of SHA-256 (FIPS 180-4); for keys that clients choose
    xxh3,    // XXH3, 64 bits; several times faster, for keys that clients do not choose
};

// Whether a server is in use. Neither an offline nor a draining server has points; they differ only
// in how they are reported.
enum class Status : std::uint8_t { online, offline, draining };

// A ramp of a server that has all its points, in thousandths.
inline constexpr std::uint32_t full_ramp = 1'000;

// So many that the greatest of 1,000 equal servers has less than 1.1 of the mean under
// nearly any set of names.
inline constexpr std::uint32_t default_vnodes = 704;

// What a ring is made with. Two rings with equal settings and equal members
// place every key alike.
struct Settings {
    std::uint32_t mapping = 1;  // version of the mapping; 1 is the only one
    Algorithm algorithm = Algorithm::ring;
    KeyHash key_hash = KeyHash::sha256;
    std::uint32_t vnodes = default_vnodes;  // ring: points per unit of weight, 1 to 65,536
    std::string seed;  // secret bytes that enter the key hash, at most 4,096; empty for none
    // Bounded load: a server takes no connection that would lift it above
    // ceil(balance_factor x its fair share of the live connections); the next of the
    // walk takes that one. 1 to 1,000,000, in millionths; 0 for no bound. Does not
    // change any walk. Consistent Hashing with Bounded Loads, Mirrokni, Thorup and
    // Zadimoghaddam, 2016 (arXiv:1608.01350).
    double balance_factor = 0;
    bool operator==(const Settings&) const = default;
};

// One server as its user registers it.
struct ServerSpec {
    std::string id;            // 1 to 255 bytes, any of them; unique in its Balancer
    std::uint32_t weight = 1;  // 0 to 1,000; 0 is a member that takes no keys
    Status status = Status::online;
    std::shared_ptr<void> context;      // the user's own; opaque to the ring
    std::uint32_t max_connections = 0;  // live at once, 0 for no limit
    // How many of its points it has while it is online, the first of them, in thousandths:
    // 1 to 1,000. Less than all only with Algorithm::ring.
    std::uint32_t ramp = full_ramp;
};

// The changes that a Balancer takes, alone or as a batch.
struct Unregister {
    std::string id;
};
struct SetStatus {
    std::string id;
    Status status;
};
struct SetWeight {
    std::string id;
    std::uint32_t weight;
};
struct SetRamp {
    std::string id;
    std::uint32_t ramp;
};
struct SetLimit {
    std::string id;
    std::uint32_t max_connections;
};
struct SetContext {
    std::string id;
    std::shared_ptr<void> context;
};
using Change =
    std::variant<ServerSpec, Unregister, SetStatus, SetWeight, SetRamp, SetLimit, SetContext>;

// Whether a server takes a connection, or why it is passed over.
enum class Verdict : std::uint8_t {
    takes,
    offline,
    draining,
    weight_zero,
    full,        // at its max_connections
    over_bound,  // at its bound under balance_factor
};

// "takes", "offline", "draining", "weight 0", "full", "over its bound".
std::string_view to_string(Verdict verdict);

// What a ring may grow to. Points count whether their server is online or not.
struct Limits {
    static constexpr std::size_t id_bytes = 255;
    static constexpr std::size_t seed_bytes = 4096;
    static constexpr std::size_t servers = 65'535;
    static constexpr std::size_t points = std::size_t{1} << 24;
    static constexpr std::uint32_t weight = 1'000;
    static constexpr std::uint32_t vnodes = 65'536;
    static constexpr double balance_factor = 1e6;
};

// A change or setting that was refused; what() says which and why. Nothing has
// changed when it is thrown.
class Error : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

}  // namespace ringway::ring
