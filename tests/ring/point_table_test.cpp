// The table of points with chosen points: ties, collisions, gaps and wraps that SHA-256 never
// gives.
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "tests/ring/brute.h"
#include "tests/ring/world.h"

namespace ringway::ring::test {
namespace {

void check_around(const HandMade& ring, const std::vector<NamedPoint>& points,
                  const Snapshot& snapshot) {
    std::vector<std::uint64_t> hashes{0, 1, top, half, half - 1, half + 1};
    for (const NamedPoint& a : ring.points) {
        for (const std::uint64_t base : {a.position, a.position + half})
            for (const std::uint64_t off : {top, std::uint64_t{0}, std::uint64_t{1}})
                hashes.push_back(base + off);
        for (const NamedPoint& b : ring.points)  // half way between two points
            hashes.push_back(a.position + (b.position - a.position) / 2);
    }
    for (const std::uint64_t hash : hashes) {
        BOOST_TEST_CONTEXT("hash " << hash) {
            const auto expected = brute_walk(points, hash);
            BOOST_TEST(walk_ids(snapshot, hash) == expected);
            const Member* const owner = snapshot.owner(hash);
            BOOST_TEST((owner != nullptr ? owner->id : "") ==
                       (expected.empty() ? "" : expected.front()));
        }
    }
}

void check_around(const HandMade& ring) {
    check_around(ring, ring.points, *ring.snapshot);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(point_table)

BOOST_AUTO_TEST_CASE(the_nearest_point_owns_whichever_way_it_lies) {
    const HandMade ring({{100, "a"}, {200, "b"}});
    BOOST_TEST(ring.snapshot->owner(149)->id == "a");
    BOOST_TEST(ring.snapshot->owner(151)->id == "b");
    BOOST_TEST(ring.snapshot->owner(top)->id == "a");
    check_around(ring);
}

BOOST_AUTO_TEST_CASE(at_equal_distance_the_clockwise_point_comes_first) {
    const HandMade ring({{100, "a"}, {200, "b"}});
    BOOST_TEST(ring.snapshot->owner(150)->id == "b");
    const HandMade mirrored({{100, "b"}, {200, "a"}});
    BOOST_TEST(mirrored.snapshot->owner(150)->id == "a");
}

BOOST_AUTO_TEST_CASE(points_at_one_position_come_by_id_rising_clockwise_and_falling_back) {
    const HandMade ring({{100, "b"}, {100, "c"}, {100, "a"}});
    const std::vector<std::string> rising{"a", "b", "c"}, falling{"c", "b", "a"};
    BOOST_TEST(walk_ids(*ring.snapshot, 99) == rising);
    BOOST_TEST(walk_ids(*ring.snapshot, 100) == rising);
    BOOST_TEST(walk_ids(*ring.snapshot, 101) == falling);
    BOOST_TEST(walk_ids(*ring.snapshot, 100 + half) == rising);  // the antipode is clockwise
    BOOST_TEST(walk_ids(*ring.snapshot, 101 + half) == rising);
    BOOST_TEST(walk_ids(*ring.snapshot, 99 + half) == falling);
}

BOOST_AUTO_TEST_CASE(the_circle_has_no_seam) {
    const HandMade ring({{top - 9, "a"}, {10, "b"}});
    BOOST_TEST(ring.snapshot->owner(top)->id == "a");
    BOOST_TEST(ring.snapshot->owner(0)->id == "b");  // as far from both: clockwise
    check_around(ring);
    check_around(HandMade({{0, "a"}, {top, "b"}}));
}

BOOST_AUTO_TEST_CASE(an_empty_ring_has_no_owner) {
    const HandMade ring({});
    BOOST_TEST(ring.snapshot->owner(0) == nullptr);
    BOOST_TEST(walk_ids(*ring.snapshot, 5).empty());
}

BOOST_AUTO_TEST_CASE(crowded_rings_agree_with_the_model) {
    SeededRandom random;
    for (int round = 0; round < 150; ++round) check_around(HandMade(crowded_points(random)));
}

BOOST_AUTO_TEST_CASE(a_gap_wider_than_the_entries_can_tell_is_still_measured_right) {
    // 600 points close together, the rest of the circle empty: far from dense.
    SeededRandom random;
    std::vector<NamedPoint> points;
    for (int i = 0; i < 600; ++i)
        points.push_back({half + random() % 100'000, std::to_string(random() % 300)});
    const HandMade ring(points);
    for (int i = 0; i < 50; ++i) {
        const std::uint64_t hash = i % 2 == 0 ? random() : half + random() % 100'000;
        BOOST_TEST(walk_ids(*ring.snapshot, hash) == brute_walk(points, hash));
        BOOST_TEST(ring.snapshot->owner(hash)->id == brute_walk(points, hash).front());
    }
}

// Rings that are dense, below and above the size that fits a near cache, and one that
// is dense though some of its parts have few points.
BOOST_AUTO_TEST_CASE(large_rings_find_the_nearest_point_of_a_sorted_list) {
    struct Size {
        std::size_t servers, points;
    };
    for (const Size size : {Size{20, 20'000}, Size{300, 150'000}, Size{900, 80'000}}) {
        SeededRandom random;
        std::vector<NamedPoint> named;
        std::vector<std::uint64_t> sorted;
        for (std::size_t i = 0; i < size.points; ++i) {
            const std::uint64_t position = random();
            named.push_back({position, std::to_string(random() % size.servers)});
            sorted.push_back(position);
        }
        std::sort(sorted.begin(), sorted.end());
        const HandMade ring(named);
        const PointTable& table = SnapshotAccess::table(*ring.snapshot);
        BOOST_TEST(table.is_dense());

        const auto check = [&](std::uint64_t hash) {
            const auto found = std::lower_bound(sorted.begin(), sorted.end(), hash);
            const std::uint64_t up = found == sorted.end() ? sorted.front() : *found;
            const std::uint64_t down = found == sorted.begin() ? sorted.back() : *(found - 1);
            const std::uint64_t nearest = up - hash <= hash - down ? up : down;
            const PointCursor::Step step = PointCursor(table, hash).next();
            BOOST_TEST(table.position(step.index) == nearest);
            BOOST_TEST(step.distance == std::min(up - hash, hash - down));
            BOOST_TEST(table.nearest(hash) == table.seat(step.index));
        };
        for (int i = 0; i < 2'000; ++i) {
            check(random());
            const std::size_t at = random() % sorted.size();
            const std::uint64_t point = sorted[at], next = sorted[(at + 1) % sorted.size()];
            for (const std::uint64_t hash : {point - 1, point, point + 1}) check(hash);
            for (const std::uint64_t more : {0U, 1U, 2U}) check(point + (next - point) / 2 + more);
        }
        for (const std::uint64_t edge : {std::uint64_t{0}, std::uint64_t{1}, half - 1, half, top})
            check(edge);
        check(sorted.front() - 1);
        check(sorted.back() + 1);
    }
}

BOOST_AUTO_TEST_CASE(a_table_gives_back_the_points_it_was_made_of) {
    SeededRandom random;
    std::vector<NamedPoint> named;
    for (int i = 0; i < 40'000; ++i) named.push_back({random(), std::to_string(random() % 90)});
    const HandMade ring(named);
    const PointTable& table = SnapshotAccess::table(*ring.snapshot);
    std::vector<Point> wanted = ring.seated(named);
    std::sort(wanted.begin(), wanted.end(),
              [](const Point& a, const Point& b) { return a.position < b.position; });
    BOOST_REQUIRE(table.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); i += 7) {
        BOOST_TEST(table.position(i) == wanted[i].position);
        BOOST_TEST(table.seat(i) == wanted[i].seat);
    }
}

BOOST_AUTO_TEST_CASE(an_edited_table_is_the_table_built_from_the_same_points) {
    SeededRandom random;
    for (int round = 0; round < 200; ++round) {
        const HandMade ring(crowded_points(random));
        const std::string gone = ring.ids[random() % ring.ids.size()];
        const std::string more = ring.ids[random() % ring.ids.size()];
        const auto rank = ring.ranks();

        std::vector<NamedPoint> added = crowded_points(random);
        for (NamedPoint& point : added) point.id = more;
        std::vector<Point> sorted = ring.seated(added);
        std::sort(sorted.begin(), sorted.end(),
                  [](const Point& a, const Point& b) { return a.position < b.position; });

        std::vector<std::uint8_t> dropped(64);
        dropped[ring.seat(gone)] = 1;
        std::vector<std::vector<std::uint64_t>> left(64);
        auto maybe = SnapshotAccess::table(*ring.snapshot).edit(dropped, sorted, rank, left);
        if (!maybe) continue;  // too crowded
        PointTable edited = std::move(*maybe);

        std::vector<NamedPoint> expected = ring.points;
        std::vector<std::uint64_t> expected_left;
        std::erase_if(expected, [&](const NamedPoint& point) {
            if (point.id == gone) expected_left.push_back(point.position);
            return point.id == gone;
        });
        expected.insert(expected.end(), added.begin(), added.end());
        std::sort(expected_left.begin(), expected_left.end());
        BOOST_TEST(left[ring.seat(gone)] == expected_left);

        const auto built = PointTable::build(ring.seated(expected), edited.geometry(), rank);
        BOOST_REQUIRE(built.size() == edited.size());
        for (std::size_t i = 0; i < built.size(); ++i) {
            BOOST_TEST(built.position(i) == edited.position(i));
            BOOST_TEST(built.seat(i) == edited.seat(i));
        }
        check_around(ring, expected, *ring.make(std::move(edited)));
    }
}

BOOST_AUTO_TEST_CASE(a_table_stays_within_sixteen_bytes_a_point) {
    SeededRandom random;
    for (const std::size_t count : {1000U, 1535U, 1537U, 2047U, 2049U, 100'000U}) {
        std::vector<Point> points;
        for (std::size_t i = 0; i < count; ++i)
            points.push_back({random(), static_cast<Seat>(i % 100)});
        const std::vector<std::uint32_t> rank(100);
        const auto table = PointTable::build(points, Geometry::of(count, 100), rank);
        BOOST_TEST(table.bytes() <= 16 * count);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ringway::ring::test
