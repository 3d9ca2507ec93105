// Readers and writers at full speed. ThreadSanitizer's reports on this file matter as much as its
// assertions.
#include <atomic>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "ring/balancer.h"
#include "tests/ring/brute.h"

namespace ringway::ring::test {

BOOST_AUTO_TEST_SUITE(concurrency)

BOOST_AUTO_TEST_CASE(readers_see_whole_states_and_never_step_back) {
    constexpr int writers = 2;
    constexpr int changes = 300;
    Settings settings;
    settings.vnodes = 32;
    Balancer balancer(settings);
    for (int i = 0; i < 20; ++i) {
        ServerSpec server;
        server.id = "server-" + std::to_string(i);
        balancer.register_server(server);
    }

    std::atomic<int> writing{writers};
    std::atomic<std::uint64_t> wrong{0}, looked_up{0};
    const auto read = [&](std::uint64_t hash) {
        Reader reader(balancer);
        std::uint64_t last = 0;
        std::uint64_t count = 0;
        while (writing.load() != 0 || count == 0) {
            const Snapshot& snapshot = reader.current();
            if (snapshot.generation() < last) ++wrong;
            last = snapshot.generation();
            hash = hash * 6364136223846793005U + 1442695040888963407U;
            const Member* const owner = snapshot.owner(hash);
            Walk walk(snapshot, hash);
            if (walk.next() != owner) ++wrong;
            if (owner != nullptr && owner->status == Status::offline) ++wrong;
            ++count;
        }
        looked_up += count;
    };
    const auto write = [&](int writer) {
        for (int i = 0; i < changes; ++i) {
            const std::string id = "server-" + std::to_string(writer * 10 + i % 7);
            balancer.set_status(id, i / 7 % 2 == 0 ? Status::offline : Status::online);
            if (i % 50 == 0) {
                balancer.unregister_server(id);
                ServerSpec server;
                server.id = id;
                balancer.register_server(server);
            }
        }
        --writing;
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(read, static_cast<std::uint64_t>(i));
    for (int i = 0; i < writers; ++i) threads.emplace_back(write, i);
    for (std::thread& thread : threads) thread.join();

    BOOST_TEST(wrong.load() == 0U);
    BOOST_TEST(looked_up.load() > 0U);
    const auto last = balancer.snapshot();
    const auto points = expected_points(*last);
    for (std::uint64_t hash = 1; hash != 0 && hash < (std::uint64_t{1} << 60); hash *= 3)
        BOOST_TEST(walk_ids(*last, hash) == brute_walk(points, hash));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ringway::ring::test
