// Explanations against the model and against the walk that connections take.
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "ring/balancer.h"
#include "ring/explain.h"
#include "tests/ring/brute.h"
#include "tests/ring/seeded_random.h"

namespace ringway::ring::test {
namespace {

struct MixedServers {
    MixedServers() {
        Settings settings;
        settings.vnodes = 8;
        balancer.emplace(settings);
        for (std::uint32_t i = 0; i < 30; ++i)
            balancer->register_server({.id = "s" + std::to_string(i),
                                       .weight = i % 5,
                                       .status = i % 3 == 0 ? Status::offline : Status::online,
                                       .context = nullptr,
                                       .max_connections = 0});
    }
    std::optional<Balancer> balancer;
};

std::vector<std::string> ids_of(const std::vector<ExplainStep>& steps) {
    std::vector<std::string> ids;
    for (const ExplainStep& step : steps) ids.push_back(step.member->id);
    return ids;
}

// In a pool with every reason to pass a server over.
void compare_with_picks(Algorithm algorithm, double balance_factor) {
    SeededRandom random;
    Settings settings;
    settings.algorithm = algorithm;
    settings.vnodes = 64;
    settings.balance_factor = balance_factor;
    Balancer balancer(settings);
    std::vector<Change> changes;
    for (std::uint32_t i = 0; i < 20; ++i)
        changes.emplace_back(ServerSpec{.id = "s" + std::to_string(i),
                                        .weight = i % 6,
                                        .status = i % 5 == 1   ? Status::offline
                                                  : i % 5 == 2 ? Status::draining
                                                               : Status::online,
                                        .max_connections = i % 4 == 3 ? 3U : 0U});
    balancer.apply(changes);
    const auto snapshot = balancer.snapshot();
    std::vector<Slot> held;
    // Enough to fill those with a limit.
    while (held.size() < 200) held.push_back(snapshot->pick(random()).slot);

    std::size_t passed = 0;
    for (int i = 0; i < 4'000; ++i) {
        const std::uint64_t hash = random();
        const auto steps = explain(*snapshot, hash, 100);
        BOOST_REQUIRE((ids_of(steps) == walk_ids(*snapshot, hash)));
        BOOST_REQUIRE(steps.front().member == snapshot->owner(hash));
        const auto choice = std::find_if(steps.begin(), steps.end(), [](const ExplainStep& step) {
            return step.verdict == Verdict::takes;
        });
        const Pick pick = snapshot->pick(hash);
        BOOST_REQUIRE((pick.member == (choice != steps.end() ? choice->member : nullptr)));
        passed += choice != steps.begin();
        BOOST_REQUIRE(ids_of(explain(*snapshot, hash, 3)).size() == 3U);
    }
    BOOST_TEST(passed > 0U);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(explanation)

BOOST_FIXTURE_TEST_CASE(what_would_be_names_every_server_as_if_all_were_online, MixedServers) {
    SeededRandom random;
    const auto snapshot = balancer->snapshot();
    Balancer all(snapshot->settings());
    std::vector<std::string> idle;
    for (const Member& member : snapshot->members()) {
        if (member.weight == 0) idle.push_back(member.id);
        all.register_server({member.id, member.weight, Status::online, nullptr, 0});
    }
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t hash = random();
        auto expected = walk_ids(*all.snapshot(), hash);
        expected.insert(expected.end(), idle.begin(), idle.end());
        BOOST_TEST(ids_of(explain_if_all_online(*snapshot, hash, 100)) == expected);
        expected.resize(7);
        BOOST_TEST(ids_of(explain_if_all_online(*snapshot, hash, 7)) == expected);
    }
}

BOOST_AUTO_TEST_CASE(the_first_that_takes_is_the_server_that_a_pick_takes) {
    for (const Algorithm algorithm : {Algorithm::ring, Algorithm::maglev})
        for (const double balance_factor : {0.0, 1.25})
            compare_with_picks(algorithm, balance_factor);
}

BOOST_FIXTURE_TEST_CASE(a_walk_is_measured_by_the_nearest_point_of_each, MixedServers) {
    SeededRandom random;
    const auto snapshot = balancer->snapshot();
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t hash = random();
        for (const ExplainStep& step : explain(*snapshot, hash, 100)) {
            std::uint64_t nearest = ~std::uint64_t{0};
            for (const auto& [position, id] : expected_points(*snapshot))
                if (id == step.member->id)
                    nearest = std::min({nearest, position - hash, hash - position});
            BOOST_REQUIRE(step.point.has_value());
            const SeenPoint& point = *step.point;
            BOOST_TEST(point.distance == nearest);
            BOOST_TEST(hash + (point.clockwise ? point.distance : 0 - point.distance) ==
                       point.position);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(a_server_is_passed_over_for_its_own_reason, MixedServers) {
    balancer->set_status("s1", Status::draining);
    for (const ExplainStep& step : explain_if_all_online(*balancer->snapshot(), 1, 100)) {
        const Member& member = *step.member;
        const Verdict expected = member.weight == 0                  ? Verdict::weight_zero
                                 : member.status == Status::offline  ? Verdict::offline
                                 : member.status == Status::draining ? Verdict::draining
                                                                     : Verdict::takes;
        BOOST_TEST((step.verdict == expected));
        BOOST_TEST(step.point.has_value() == (member.weight != 0));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ringway::ring::test
