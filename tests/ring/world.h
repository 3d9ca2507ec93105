// Rings for tests: hand-made ones, with what SHA-256 never gives, and random ones
// that change.
#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "ring/balancer.h"
#include "ring/snapshot_access.h"
#include "tests/ring/brute.h"
#include "tests/ring/seeded_random.h"

namespace ringway::ring::test {

inline constexpr std::uint64_t half = std::uint64_t{1} << 63;
inline constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();

// A snapshot of hand-made points; the seats of the servers are given out backwards,
// so that no test passes because seats happen to be in the order of ids.
struct HandMade {
    explicit HandMade(std::vector<NamedPoint> named) : points(std::move(named)) {
        for (const NamedPoint& point : points) ids.push_back(point.id);
        std::sort(ids.begin(), ids.end());
        ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
        const Geometry geometry = Geometry::of(points.size(), ids.size());
        snapshot = make(PointTable::build(seated(points), geometry, ranks()));
    }

    Seat seat(const std::string& id) const {
        const auto place = std::lower_bound(ids.begin(), ids.end(), id) - ids.begin();
        return static_cast<Seat>(ids.size() - 1 - static_cast<std::size_t>(place));
    }
    std::vector<Point> seated(const std::vector<NamedPoint>& named) const {
        std::vector<Point> out;
        for (const NamedPoint& point : named) out.push_back({point.position, seat(point.id)});
        return out;
    }
    std::vector<std::uint32_t> ranks() const {
        std::vector<std::uint32_t> rank(ids.size());
        std::iota(rank.rbegin(), rank.rend(), 0U);
        return rank;
    }
    std::shared_ptr<const Snapshot> make(PointTable table) const {
        std::vector<std::uint32_t> counts(ids.size());
        for (const Point& point : table.points()) ++counts[point.seat];
        std::vector<Member> members;
        std::vector<Seat> seats;
        for (const std::string& id : ids) {
            members.push_back({id, 1, Status::online, counts[seat(id)], nullptr, 0, nullptr});
            seats.push_back(seat(id));
        }
        auto arcs = std::make_shared<const ArcLines>(table, ArcLines::count_for(table.size()));
        Placement placement{std::make_shared<const PointTable>(std::move(table)), std::move(arcs),
                            nullptr};
        return SnapshotAccess::make({}, std::move(members), std::move(seats), std::move(placement),
                                    nullptr, 1);
    }

    std::vector<NamedPoint> points;
    std::vector<std::string> ids;
    std::shared_ptr<const Snapshot> snapshot;
};

// Points that crowd: few distinct positions, some of them neighbours or antipodes.
inline std::vector<NamedPoint> crowded_points(std::mt19937_64& random) {
    std::vector<std::uint64_t> places{0, top, half};
    for (int i = 0; i < 6; ++i) {
        const std::uint64_t base = random();
        places.insert(places.end(), {base, base + 1, base + 2, base + half});
    }
    const std::size_t servers = 1 + random() % 12;
    const std::size_t count = 1 + random() % 40;
    std::vector<NamedPoint> points;
    for (std::size_t i = 0; i < count; ++i)
        points.push_back({places[random() % places.size()],
                          std::string(1, static_cast<char>('a' + random() % servers))});
    return points;
}

// A balancer and random changes to it.
struct World {
    explicit World(SeededRandom& source, Algorithm algorithm = Algorithm::ring) : random(source) {
        Settings settings;
        settings.algorithm = algorithm;
        settings.vnodes = static_cast<std::uint32_t>(1 + random() % 24);
        settings.key_hash = random() % 2 == 0 ? KeyHash::sha256 : KeyHash::xxh3;
        balancer.emplace(settings);
        const std::size_t count = 1 + random() % 12;
        for (std::size_t i = 0; i < count; ++i) add();
    }

    std::string add() {
        ServerSpec server;
        do {
            server.id = "s" + std::to_string(random() % 1000);
        } while (balancer->server_status(server.id));
        server.weight = static_cast<std::uint32_t>(random() % 4);
        server.status = random() % 4 == 0 ? Status::offline : Status::online;
        balancer->register_server(server);
        return server.id;
    }

    std::string any() const {
        const auto snapshot = balancer->snapshot();
        return snapshot->members()[random() % snapshot->members().size()].id;
    }

    // Changes one server in any way; its id.
    std::string change() {
        if (balancer->snapshot()->members().empty()) return add();
        const std::string id = any();
        switch (random() % 5) {
            case 0:
                return add();
            case 1:
                balancer->unregister_server(id);
                break;
            case 2:
                balancer->set_status(id, random() % 2 == 0 ? Status::online : Status::offline);
                break;
            case 3:
                if (balancer->snapshot()->settings().algorithm == Algorithm::ring)
                    balancer->apply(std::vector<Change>{SetRamp{id, random_ramp()}});
                break;
            default:
                balancer->apply(
                    std::vector<Change>{SetWeight{id, static_cast<std::uint32_t>(random() % 4)}});
        }
        return id;
    }

    // Often all, or hardly any, of a server's points.
    std::uint32_t random_ramp() const {
        const auto ramp = static_cast<std::uint32_t>(1 + random() % 1500);
        return std::min(ramp, full_ramp);
    }

    SeededRandom& random;
    std::optional<Balancer> balancer;
};

// The id of the owner, empty where there is none.
inline std::string owner_id(const Snapshot& snapshot, std::uint64_t hash) {
    const Member* const member = snapshot.owner(hash);
    return member != nullptr ? member->id : "";
}

// The same members in another balancer, registered at once in another order.
inline std::shared_ptr<const Snapshot> registered_anew(const Snapshot& snapshot,
                                                       SeededRandom& random) {
    std::vector<Change> changes;
    for (const Member& member : snapshot.members())
        changes.push_back(ServerSpec{member.id, member.weight, member.status, nullptr,
                                     member.max_connections, member.ramp});
    std::shuffle(changes.begin(), changes.end(), random);
    Balancer direct(snapshot.settings());
    direct.apply(changes);
    return direct.snapshot();
}

}  // namespace ringway::ring::test
