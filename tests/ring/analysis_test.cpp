// Shares, moves of keys and fingerprints, exactly and against counting.
#include <cmath>
#include <map>
#include <memory>
#include <numeric>

#include <boost/test/unit_test.hpp>

#include "ring/analysis.h"
#include "ring/arcs.h"
#include "ring/balancer.h"
#include "tests/ring/brute.h"
#include "tests/ring/world.h"

namespace ringway::ring::test {
namespace {

std::vector<Arc> arcs_of(const Snapshot& snapshot) {
    std::vector<Arc> arcs;
    ArcReader reader(snapshot);
    while (const auto arc = reader.next()) arcs.push_back(*arc);
    return arcs;
}

// Every arc begins and ends where the owner changes or may change, and the owners
// at its ends are its owner.
void check_arcs(const Snapshot& snapshot) {
    const std::vector<Arc> arcs = arcs_of(snapshot);
    BOOST_REQUIRE(!arcs.empty());
    BOOST_TEST(arcs.front().begin == 0U);
    for (std::size_t i = 0; i < arcs.size(); ++i) {
        const std::uint64_t last = (i + 1 < arcs.size() ? arcs[i + 1].begin : 0) - 1;
        BOOST_TEST(arcs[i].begin <= last);
        BOOST_TEST(snapshot.owner(arcs[i].begin) == arcs[i].owner);
        BOOST_TEST(snapshot.owner(last) == arcs[i].owner);
        BOOST_TEST(snapshot.owner(arcs[i].begin + (last - arcs[i].begin) / 2) == arcs[i].owner);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(analysis)

BOOST_AUTO_TEST_CASE(arcs_cut_the_circle_where_owners_change) {
    SeededRandom random;
    for (int round = 0; round < 200; ++round) {
        World world(random);
        check_arcs(*world.balancer->snapshot());
    }
    const Balancer empty{{}};
    BOOST_TEST(arcs_of(*empty.snapshot()).size() == 1U);
}

BOOST_AUTO_TEST_CASE(arcs_of_crowded_points_are_right_to_the_last_hash) {
    SeededRandom random;
    for (int round = 0; round < 500; ++round)
        check_arcs(*HandMade(crowded_points(random)).snapshot);
    for (const std::uint64_t place : {std::uint64_t{0}, std::uint64_t{1}, half - 1, half, top})
        check_arcs(*HandMade({{place, "b"}, {place, "a"}}).snapshot);
}

BOOST_AUTO_TEST_CASE(shares_add_up_and_match_counted_keys) {
    SeededRandom random;
    for (int round = 0; round < 20; ++round) {
        World world(random);
        const auto snapshot = world.balancer->snapshot();
        const auto all = shares(*snapshot);
        std::map<const Member*, double> counted;
        constexpr int keys = 20'000;
        for (int i = 0; i < keys; ++i) counted[snapshot->owner(random())] += 1.0 / keys;
        double sum = 0, fair = 0;
        for (const Share& share : all) {
            sum += share.share;
            fair += share.fair;
            BOOST_TEST(std::abs(counted[share.member] - share.share) < 0.025);
        }
        const double whole = snapshot->point_count() == 0 ? 0 : 1;
        BOOST_TEST(std::abs(sum - whole) < 1e-12);
        BOOST_TEST(std::abs(fair - whole) < 1e-12);
    }
}

BOOST_AUTO_TEST_CASE(a_hand_made_ring_has_the_shares_of_its_arcs) {
    constexpr std::uint64_t quarter = half / 2;
    const HandMade ring({{0, "a"}, {quarter, "b"}, {half, "a"}});
    const auto all = shares(*ring.snapshot);
    BOOST_TEST(all[0].share == 0.75);
    BOOST_TEST(all[1].share == 0.25);
    const Balance even = balance(all);
    BOOST_TEST(even.peak == 1.5);
    BOOST_TEST(even.least == 0.5);
    BOOST_TEST(even.deviation == 0.5);
}

BOOST_AUTO_TEST_CASE(key_moves_are_exact) {
    SeededRandom random;
    for (int round = 0; round < 200; ++round) {
        World world(random);
        const auto before = world.balancer->snapshot();
        const std::string changed = world.change();
        const auto after = world.balancer->snapshot();
        const KeyMoves moves = key_moves(*before, *after);
        double sum = 0;
        for (const Move& move : moves.moves) {
            BOOST_TEST(move.from != move.to);
            // The law, on exact arcs: no key moves between servers that did not change.
            const bool away = move.from == changed || move.from.empty();
            const bool home = move.to == changed || move.to.empty();
            BOOST_TEST((away || home));
            sum += move.share;
        }
        BOOST_TEST(std::abs(sum - moves.moved) < 1e-12);
        int counted = 0;
        for (int i = 0; i < 2000; ++i) {
            const std::uint64_t hash = random();
            counted += owner_id(*before, hash) != owner_id(*after, hash) ? 1 : 0;
        }
        BOOST_TEST(std::abs(counted / 2000.0 - moves.moved) < 0.07);
        BOOST_TEST(key_moves(*before, *before).moves.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_server_taken_off_moves_its_share_and_no_more) {
    Balancer balancer{{}};
    for (int i = 0; i < 20; ++i) {
        ServerSpec server;
        server.id = std::to_string(i);
        balancer.register_server(server);
    }
    const auto before = balancer.snapshot();
    const double share =
        shares(*before)[static_cast<std::size_t>(before->find("7") - before->members().data())]
            .share;
    balancer.set_status("7", Status::offline);
    const KeyMoves moves = key_moves(*before, *balancer.snapshot());
    BOOST_TEST(moves.moved == share);
    for (const Move& move : moves.moves) BOOST_TEST(move.from == "7");
}

// Servers enough, with points enough, that lookups take the quick way.
std::unique_ptr<Balancer> dense_ring(SeededRandom& random) {
    auto balancer = std::make_unique<Balancer>(Settings{});
    std::vector<Change> changes;
    for (std::size_t i = 0; i < 2 + random() % 20; ++i) {
        ServerSpec server;
        server.id = "s" + std::to_string(i);
        changes.emplace_back(server);
    }
    balancer->apply(changes);
    return balancer;
}

// The hashes of a member, in parts of the circle, from its arcs.
double share_by_arcs(const Snapshot& snapshot, const Member& member) {
    __extension__ using Wide = unsigned __int128;
    Wide hashes = 0;
    const std::vector<Arc> arcs = arcs_of(snapshot);
    for (std::size_t i = 0; i < arcs.size(); ++i) {
        const Wide end = i + 1 < arcs.size() ? Wide{arcs[i + 1].begin} : Wide{1} << 64;
        if (arcs[i].owner == &member) hashes += end - arcs[i].begin;
    }
    return std::ldexp(static_cast<double>(hashes), -64);
}

BOOST_AUTO_TEST_CASE(shares_are_those_of_the_arcs_to_the_last_hash) {
    SeededRandom random;
    const auto check = [](const Snapshot& snapshot) {
        for (const Share& share : shares(snapshot))
            BOOST_TEST(share.share == share_by_arcs(snapshot, *share.member));
    };
    for (int round = 0; round < 300; ++round) check(*HandMade(crowded_points(random)).snapshot);
    for (int round = 0; round < 50; ++round) check(*World(random).balancer->snapshot());
    for (int round = 0; round < 3; ++round) check(*dense_ring(random)->snapshot());
    check(*World(random, Algorithm::maglev).balancer->snapshot());
}

BOOST_AUTO_TEST_CASE(moved_is_the_sum_of_the_key_moves) {
    SeededRandom random;
    const auto check = [](const Snapshot& before, const Snapshot& after) {
        BOOST_TEST(moved(before, after) == key_moves(before, after).moved);
        BOOST_TEST(moved(before, before) == 0.0);
    };
    for (int round = 0; round < 500; ++round)
        check(*HandMade(crowded_points(random)).snapshot,
              *HandMade(crowded_points(random)).snapshot);
    for (int round = 0; round < 300; ++round) {
        World world(random, round % 10 == 0 ? Algorithm::maglev : Algorithm::ring);
        const auto before = world.balancer->snapshot();
        for (std::size_t i = 0; i < 1 + random() % 3; ++i) world.change();
        check(*before, *world.balancer->snapshot());
    }
    for (int round = 0; round < 5; ++round) {
        const auto balancer = dense_ring(random);
        const auto before = balancer->snapshot();
        ServerSpec added;
        added.id = "new";
        balancer->apply(
            std::vector<Change>{SetStatus{"s0", Status::offline}, SetRamp{"s1", 300}, added});
        check(*before, *balancer->snapshot());
    }
}

BOOST_AUTO_TEST_CASE(key_moves_between_other_key_hashes_are_those_of_chance) {
    Settings settings;
    Balancer before(settings);
    settings.seed = "x";
    Balancer after(settings);
    BOOST_TEST(key_moves(*before.snapshot(), *after.snapshot()).moved == 0.0);
    for (const char* const id : {"a", "b", "c", "d"}) {
        ServerSpec server;
        server.id = id;
        before.register_server(server);
        after.register_server(server);
    }
    const KeyMoves moves = key_moves(*before.snapshot(), *after.snapshot());
    BOOST_TEST(!moves.same_hash);
    BOOST_TEST(moves.moves.empty());
    BOOST_TEST(std::abs(moves.moved - 0.75) < 0.01);
}

BOOST_AUTO_TEST_CASE(fingerprints_ignore_the_way_and_tell_states_apart) {
    SeededRandom random;
    for (int round = 0; round < 50; ++round) {
        World world(random);
        for (int step = 0; step < 8; ++step) world.change();
        const auto wandered = world.balancer->snapshot();
        BOOST_TEST(fingerprint(*registered_anew(*wandered, random)) == fingerprint(*wandered));
        const std::string changed = world.change();
        const auto after = world.balancer->snapshot();
        const Member* const was = wandered->find(changed);
        const Member* const is = after->find(changed);
        // The ramp of a server that is not online has no effect yet.
        const bool stays_off = was != nullptr && is != nullptr && was->weight == is->weight &&
                               was->status != Status::online && is->status != Status::online;
        if (after->generation() != wandered->generation() && !stays_off)
            BOOST_TEST(fingerprint(*after) != fingerprint(*wandered));
    }
}

BOOST_AUTO_TEST_CASE(every_setting_that_places_keys_is_in_the_fingerprint) {
    std::vector<Settings> all(7);
    all[1].key_hash = KeyHash::xxh3;
    all[2].vnodes = 511;
    all[3].seed = "s";
    all[4].seed = "t";
    all[5].balance_factor = 1.25;
    all[6].algorithm = Algorithm::maglev;
    std::vector<std::string> prints;
    for (const Settings& settings : all)
        prints.push_back(fingerprint(*Balancer(settings).snapshot()));
    std::sort(prints.begin(), prints.end());
    BOOST_TEST((std::adjacent_find(prints.begin(), prints.end()) == prints.end()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ringway::ring::test
