// The laws of placement over random memberships, against the brute-force model.
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "ring/balancer.h"
#include "tests/ring/brute.h"
#include "tests/ring/world.h"

namespace ringway::ring::test {

BOOST_AUTO_TEST_SUITE(laws)

BOOST_AUTO_TEST_CASE(owners_and_walks_are_those_of_the_model) {
    SeededRandom random;
    for (int round = 0; round < 300; ++round) {
        World world(random);
        for (int step = 0; step < 5; ++step) {
            const auto snapshot = world.balancer->snapshot();
            const auto points = expected_points(*snapshot);
            BOOST_TEST(snapshot->point_count() == points.size());
            for (int i = 0; i < 10; ++i) {
                const std::uint64_t hash = random();
                const auto expected = brute_walk(points, hash);
                BOOST_TEST(walk_ids(*snapshot, hash) == expected);
                BOOST_TEST(owner_id(*snapshot, hash) == (expected.empty() ? "" : expected[0]));
            }
            world.change();
        }
    }
}

BOOST_AUTO_TEST_CASE(a_change_moves_keys_only_from_or_to_the_server_that_changed) {
    SeededRandom random;
    for (int round = 0; round < 1000; ++round) {
        World world(random);
        const auto before = world.balancer->snapshot();
        const std::string changed = world.change();
        const auto after = world.balancer->snapshot();
        for (int i = 0; i < 200; ++i) {
            const std::uint64_t hash = random();
            const std::string was = owner_id(*before, hash), is = owner_id(*after, hash);
            if (was != is) BOOST_TEST((was == changed || is == changed));
        }
    }
}

BOOST_AUTO_TEST_CASE(the_second_of_a_walk_is_the_owner_without_the_first) {
    SeededRandom random;
    for (int round = 0; round < 300; ++round) {
        World world(random);
        const std::uint64_t hash = random();
        std::vector<std::string> walk = walk_ids(*world.balancer->snapshot(), hash);
        while (!walk.empty()) {
            BOOST_TEST(owner_id(*world.balancer->snapshot(), hash) == walk.front());
            if (random() % 2 == 0)
                world.balancer->unregister_server(walk.front());
            else
                world.balancer->set_status(walk.front(), Status::offline);
            walk.erase(walk.begin());
        }
        BOOST_TEST(owner_id(*world.balancer->snapshot(), hash) == "");
    }
}

BOOST_AUTO_TEST_CASE(the_way_to_a_membership_leaves_no_trace) {
    SeededRandom random;
    for (int round = 0; round < 300; ++round) {
        World world(random);
        for (int step = 0; step < 12; ++step) world.change();
        const auto wandered = world.balancer->snapshot();

        const auto direct = registered_anew(*wandered, random);
        for (int i = 0; i < 50; ++i) {
            const std::uint64_t hash = random();
            BOOST_TEST(walk_ids(*direct, hash) == walk_ids(*wandered, hash));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_server_that_replaces_another_has_its_own_points) {
    SeededRandom random;
    Balancer balancer{{}};
    for (const char* const id : {"a", "b", "c"}) {
        ServerSpec server;
        server.id = id;
        balancer.register_server(server);
    }
    ServerSpec heir;
    heir.id = "d";
    heir.status = Status::offline;
    balancer.apply(std::vector<Change>{Unregister{"b"}, heir});
    balancer.set_status("d", Status::online);
    const auto snapshot = balancer.snapshot();
    const auto direct = registered_anew(*snapshot, random);
    for (int i = 0; i < 200; ++i) {
        const std::uint64_t hash = random();
        BOOST_TEST(walk_ids(*snapshot, hash) == walk_ids(*direct, hash));
    }
}

BOOST_AUTO_TEST_CASE(a_server_that_ramps_gets_more_of_its_own_keys_with_every_step) {
    SeededRandom random;
    for (int round = 0; round < 100; ++round) {
        World world(random);
        const std::string id = world.any();
        world.balancer->set_status(id, Status::online);
        const auto all = world.balancer->snapshot();
        const auto ramp_to = [&](std::uint32_t ramp) {
            world.balancer->apply(std::vector<Change>{SetRamp{id, ramp}});
            return world.balancer->snapshot();
        };
        auto before = ramp_to(1);
        for (std::uint32_t ramp = 100; ramp <= full_ramp; ramp += 300) {
            const auto after = ramp_to(ramp);
            const auto points = expected_points(*after);
            BOOST_TEST(after->point_count() == points.size());
            for (int i = 0; i < 50; ++i) {
                const std::uint64_t hash = random();
                const std::string was = owner_id(*before, hash), is = owner_id(*after, hash);
                if (was != is) BOOST_TEST(is == id);
                BOOST_TEST(walk_ids(*after, hash) == brute_walk(points, hash));
            }
            before = after;
        }
        if (all->find(id)->ramp != full_ramp) continue;
        for (int i = 0; i < 50; ++i) {
            const std::uint64_t hash = random();
            BOOST_TEST(owner_id(*before, hash) == owner_id(*all, hash));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_server_that_flaps_gets_its_old_keys_back) {
    SeededRandom random;
    Balancer balancer{{}};
    for (int i = 0; i < 200; ++i) {
        ServerSpec server;
        server.id = "server-" + std::to_string(i);
        balancer.register_server(server);
    }
    const auto before = balancer.snapshot();
    for (int flap = 0; flap < 30; ++flap) {
        const std::string id = "server-" + std::to_string(random() % 200);
        balancer.set_status(id, Status::offline);
        const auto down = balancer.snapshot();
        balancer.set_status(id, Status::online);
        const auto after = balancer.snapshot();
        for (int i = 0; i < 2000; ++i) {
            const std::uint64_t hash = random();
            const std::string was = owner_id(*before, hash);
            BOOST_TEST(owner_id(*after, hash) == was);
            if (was != id)
                BOOST_TEST(owner_id(*down, hash) == was);
            else
                BOOST_TEST(owner_id(*down, hash) != id);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ringway::ring::test
