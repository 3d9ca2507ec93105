// The packed arcs against the table of points that they are made of.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "ring/border.h"
#include "tests/ring/brute.h"
#include "tests/ring/world.h"

namespace ringway::ring::test {
namespace {

std::vector<NamedPoint> random_points(SeededRandom& random, std::size_t count,
                                      std::size_t servers) {
    std::vector<NamedPoint> points;
    for (std::size_t i = 0; i < count; ++i)
        points.push_back({random(), std::to_string(random() % servers)});
    return points;
}

// On both sides of every border, and anywhere.
std::vector<std::uint64_t> telling_hashes(SeededRandom& random, std::vector<NamedPoint> points) {
    std::vector<std::uint64_t> hashes{0, 1, half - 1, half, half + 1, top};
    std::sort(points.begin(), points.end(),
              [](const NamedPoint& a, const NamedPoint& b) { return a.position < b.position; });
    for (std::size_t i = 0; i < points.size(); ++i) {
        const std::uint64_t at =
            border(points[i].position, points[(i + 1) % points.size()].position);
        for (const std::uint64_t hash : {at - 1, at, at + 1}) hashes.push_back(hash);
    }
    for (int i = 0; i < 10'000; ++i) hashes.push_back(random());
    return hashes;
}

// The share of `hashes` that the lines leave to the table. All others must agree.
double unknown_share(const ArcLines& arcs, const PointTable& table,
                     const std::vector<std::uint64_t>& hashes) {
    std::size_t unknown = 0, wrong = 0;
    for (const std::uint64_t hash : hashes) {
        const Seat seat = arcs.owner(hash);
        if (seat == ArcLines::unknown)
            ++unknown;
        else if (seat != table.nearest(hash))
            ++wrong;
    }
    BOOST_TEST(wrong == 0u);
    return static_cast<double>(unknown) / static_cast<double>(hashes.size());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(arc_lines)

BOOST_AUTO_TEST_CASE(lines_name_the_nearest_point_or_say_that_they_do_not_know) {
    SeededRandom random;
    for (const std::size_t count : {1u, 2u, 3u, 17u, 100u, 3'000u, 40'000u}) {
        const auto points = random_points(random, count, 1 + count / 20);
        const HandMade ring(points);
        const PointTable& table = SnapshotAccess::table(*ring.snapshot);
        const auto hashes = telling_hashes(random, points);
        for (const std::size_t lines :
             {std::size_t{1}, ArcLines::count_for(count), count, 3 * count})
            unknown_share(ArcLines(table, lines), table, hashes);
    }
}

BOOST_AUTO_TEST_CASE(lines_of_the_usual_number_know_nearly_all) {
    SeededRandom random;
    const HandMade ring(random_points(random, 200'000, 500));
    const PointTable& table = SnapshotAccess::table(*ring.snapshot);
    std::vector<std::uint64_t> hashes(100'000);
    for (std::uint64_t& hash : hashes) hash = random();
    const ArcLines arcs(table, ArcLines::count_for(table.size()));
    BOOST_TEST(unknown_share(arcs, table, hashes) < 0.01);
    BOOST_TEST(static_cast<double>(arcs.bytes()) / static_cast<double>(table.size()) < 7.5);
}

BOOST_AUTO_TEST_CASE(points_that_crowd_are_left_to_the_table) {
    std::vector<NamedPoint> points;
    for (std::uint64_t i = 0; i < 300; ++i) points.push_back({half + i, std::to_string(i % 7)});
    for (std::uint64_t i = 0; i < 9; ++i) points.push_back({42, std::to_string(i)});
    const HandMade ring(points);
    SeededRandom random;
    const PointTable& table = SnapshotAccess::table(*ring.snapshot);
    unknown_share(ArcLines(table, 40), table, telling_hashes(random, points));
}

BOOST_AUTO_TEST_CASE(edited_lines_are_those_made_anew) {
    SeededRandom random;
    for (int round = 0; round < 30; ++round) {
        const std::size_t count = 10 + random() % 3'000;
        std::vector<NamedPoint> before = random_points(random, count, 50), after;
        std::vector<std::uint64_t> changed;
        for (const NamedPoint& point : before) {
            if (random() % 40 != 0)
                after.push_back(point);
            else
                changed.push_back(point.position);
        }
        for (const NamedPoint& point : random_points(random, random() % 60, 50)) {
            after.push_back(point);
            changed.push_back(point.position);
        }
        std::sort(changed.begin(), changed.end());

        // The same ids on both sides, hence the same seats.
        for (std::size_t id = 0; id < 50; ++id) {
            before.push_back({random(), std::to_string(id)});
            after.push_back(before.back());
        }
        const HandMade old(before), now(after);
        const PointTable& table = SnapshotAccess::table(*now.snapshot);
        const std::size_t lines = ArcLines::count_for(before.size());
        const ArcLines edited =
            ArcLines(SnapshotAccess::table(*old.snapshot), lines).edit(table, changed);
        const ArcLines anew(table, lines);
        std::size_t differing = 0;
        for (const std::uint64_t hash : telling_hashes(random, after))
            differing += edited.owner(hash) != anew.owner(hash) ? 1U : 0U;
        BOOST_TEST(differing == 0u);
    }
}

BOOST_AUTO_TEST_CASE(the_number_of_lines_grows_in_steps_of_a_sixteenth_at_most) {
    std::size_t last = 1;
    for (std::size_t points = 0; points < 300'000; points += 7) {
        const std::size_t count = ArcLines::count_for(points);
        BOOST_REQUIRE(count >= last);
        BOOST_REQUIRE(static_cast<double>(points) <= 9.25 * static_cast<double>(count));
        if (points > 1'000)
            BOOST_REQUIRE(static_cast<double>(points) >= 8.6 * static_cast<double>(count));
        last = count;
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ringway::ring::test
