// The routes of a listener: which of them a connection takes. The first fits that it shows all of,
// and names are looked up by hash: ten thousand cost what ten do. Immutable. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "conf/config.h"
#include "proxy/keys/client_hello.h"
#include "proxy/keys/recipe.h"

namespace ringway::proxy {

// What a connection shows before it has a route.
struct RouteFacts {
    const conf::Endpoint& source;
    const std::optional<conf::Endpoint>& destination;
    // Of TLS; nullptr while it is not known. Without TLS, or without what is asked for, its members
    // are empty.
    const HelloFacts* hello = nullptr;
};

class RouteTable {
public:
    enum class Verdict : std::uint8_t { found, none, needs_hello };
    struct Choice {
        Verdict verdict;
        std::size_t route;  // if found
    };

    // At least one.
    explicit RouteTable(const std::vector<conf::ListenerRoute>& routes);

    // Where `hello` is not known, a route is found if no earlier one could be by what it says.
    Choice choose(const RouteFacts& facts) const;

    // What a connection lacks for the route: "sni", "alpn", "source" or "destination_port", the
    // first of these; "" where it fits. `hello` is known.
    std::string_view misfit(std::size_t route, const RouteFacts& facts) const;

    const KeyRecipe& key(std::size_t route) const { return keys_[route]; }
    std::size_t size() const { return keys_.size(); }
    // Whether every connection takes the first.
    bool has_one_way() const { return matches_.front().is_empty(); }
    // Whether a connection's destination must be known.
    bool needs_destination() const { return needs_destination_; }
    // The most that a client may send before it has a key, whatever its route.
    std::size_t max_bytes() const { return max_bytes_; }

private:
    using Indices = std::vector<std::uint32_t>;
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>()(text);
        }
    };
    using Names = std::unordered_map<std::string, Indices, TextHash, std::equal_to<>>;

    Choice choose_early(const RouteFacts& facts) const;
    bool fits_source(std::size_t route, const RouteFacts& facts) const;
    bool fits_but_tls(std::size_t route, const RouteFacts& facts) const;
    bool fits_but_names(std::size_t route, const RouteFacts& facts) const;
    std::optional<std::size_t> first_of(const Names& names, std::string_view name,
                                        const RouteFacts& facts) const;
    std::optional<std::size_t> first_of(const Indices& some, const RouteFacts& facts) const;

    std::vector<KeyRecipe> keys_;
    std::vector<conf::RouteMatch> matches_;  // their names are in the tables below
    Indices nameless_;
    Names exact_;
    Names suffixes_;  // "" for any name
    bool needs_destination_ = false;
    std::size_t max_bytes_ = 0;
};

}  // namespace ringway::proxy
