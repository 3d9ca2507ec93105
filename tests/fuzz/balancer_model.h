// What a Balancer should hold, by its documents alone: members in a map, counts by id, walks by
// brute force. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ring/types.h"
#include "tests/ring/brute.h"

namespace ringway::fuzz {

struct ModelServer {
    std::uint32_t weight = 1;
    ring::Status status = ring::Status::online;
    std::uint32_t ramp = ring::full_ramp;
    std::uint32_t max_connections = 0;
    std::shared_ptr<void> context;
    bool operator==(const ModelServer&) const = default;

    bool has_points() const { return weight != 0 && status == ring::Status::online; }
};

class BalancerModel {
public:
    using Servers = std::map<std::string, ModelServer>;

    explicit BalancerModel(ring::Settings settings) : settings_(std::move(settings)) {}

    // All of them, or none; whether they are taken.
    bool apply(std::span<const ring::Change> changes);

    const ring::Settings& settings() const { return settings_; }
    const Servers& servers() const { return servers_; }
    // Grows by one with every change that makes a difference.
    std::uint64_t generation() const { return generation_; }

    // Every point; of a ring.
    std::vector<ring::test::NamedPoint> points() const;
    // Of a server on the ring, with `live` connections in all.
    std::uint64_t bound(const std::string& id, std::uint64_t live) const;
    ring::Verdict verdict(const std::string& id) const;
    // The first of `walk` that takes a connection; empty for none, and why.
    std::pair<std::string, ring::Verdict> pick(const std::vector<std::string>& walk) const;

    // Connections.
    void open(const std::string& id) { ++live_[id]; }
    void close(const std::string& id) { --live_[id]; }
    void rename(const std::string& from, const std::string& to);
    std::uint32_t live(const std::string& id) const;
    std::uint64_t live() const;

private:
    ring::Settings settings_;
    Servers servers_;
    std::uint64_t generation_ = 1;
    std::map<std::string, std::uint32_t> live_;
};

}  // namespace ringway::fuzz
