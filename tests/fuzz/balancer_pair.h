// A Balancer and its model, side by side: each call goes to both, and both must do the same. Aborts
// where they do not. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ring/balancer.h"
#include "tests/fuzz/balancer_model.h"

namespace ringway::fuzz {

class BalancerPair {
public:
    // Throws ring::Error where the settings are refused.
    explicit BalancerPair(const ring::Settings& settings)
        : model_(settings), balancer_(std::in_place, settings) {}

    // All of them, or none.
    void apply(const std::vector<ring::Change>& changes);
    // A connection, by its key's hash or to one server; kept until it is released.
    void pick(std::uint64_t hash);
    void claim(const std::string& id);
    void release(std::size_t index);
    // The connections of `from` count for `to` from now on, as when a server gets another id; does
    // nothing where either is not free for that.
    void rename(const std::string& from, const std::string& to);
    // Another Balancer takes over the servers and their connections.
    void renew();

    void check_counts() const;
    void check_key(const std::string& key) const;
    // The walk of a hash, and what explains it.
    void check_hash(std::uint64_t hash) const;
    // Against a Balancer that never changed.
    void check_renewed() const;

    const ring::Settings& settings() const { return model_.settings(); }
    const ring::Balancer& balancer() const { return *balancer_; }
    // Those of a ring.
    const std::vector<ring::test::NamedPoint>& points() const { return points_; }

private:
    bool apply_alone(const ring::Change& change);
    void check_members() const;
    void check_change(const ring::Snapshot& before, const ring::Snapshot& after) const;
    void check_explained(std::uint64_t hash, const std::vector<std::string>& walk) const;
    std::vector<std::string> walk(std::uint64_t hash) const;

    BalancerModel model_;
    std::optional<ring::Balancer> balancer_;
    std::vector<std::pair<std::string, ring::Slot>> slots_;
    std::vector<ring::test::NamedPoint> points_;
};

}  // namespace ringway::fuzz
