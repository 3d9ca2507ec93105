// Slots, limits and bounded load, against plain arithmetic.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <map>
#include <new>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "ring/balancer.h"
#include "ring/explain.h"
#include "tests/ring/brute.h"
#include "tests/ring/seeded_random.h"

namespace {

// Allocations of this thread, counted to show that a pick makes none.
thread_local std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t bytes) {
    ++allocations;
    if (void* const memory = std::malloc(bytes)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace ringway::ring::test {
namespace {

Settings bounded_by(double factor) {
    Settings settings;
    settings.vnodes = 64;
    settings.key_hash = KeyHash::xxh3;
    settings.balance_factor = factor;
    return settings;
}

void add_servers(Balancer& balancer, int count, std::uint32_t limit = 0) {
    std::vector<Change> changes;
    for (int i = 0; i < count; ++i) {
        ServerSpec server;
        server.id = "server-" + std::to_string(i);
        server.max_connections = limit;
        changes.push_back(server);
    }
    balancer.apply(changes);
}

std::uint32_t live(const Balancer& balancer, std::string_view id) {
    return balancer.snapshot()->find(id)->live();
}

std::uint32_t most_live(const Balancer& balancer) {
    std::uint32_t most = 0;
    for (const Member& member : balancer.snapshot()->members())
        most = std::max(most, member.live());
    return most;
}

// Keys as they come in practice: few of them make most of the connections.
std::uint64_t zipf_hash(SeededRandom& random, const Snapshot& snapshot) {
    const double uniform = std::uniform_real_distribution<>(0, std::log(1e4))(random);
    return snapshot.hash("key-" + std::to_string(static_cast<int>(std::exp(uniform))));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(load)

BOOST_AUTO_TEST_CASE(a_slot_counts_for_as_long_as_it_lives) {
    Balancer balancer(bounded_by(0));
    add_servers(balancer, 1);
    {
        Pick pick = balancer.snapshot()->pick(1);
        BOOST_TEST((pick.verdict == Verdict::takes));
        BOOST_TEST(pick.member->id == "server-0");
        BOOST_TEST(live(balancer, "server-0") == 1U);
        Slot moved = std::move(pick.slot);
        BOOST_TEST(!pick.slot);
        Slot second = balancer.snapshot()->pick(2).slot;
        BOOST_TEST(live(balancer, "server-0") == 2U);
        second = std::move(moved);
        BOOST_TEST(live(balancer, "server-0") == 1U);
        second.release();
        second.release();
        BOOST_TEST(live(balancer, "server-0") == 0U);
        moved = balancer.snapshot()->pick(3).slot;
    }
    BOOST_TEST(live(balancer, "server-0") == 0U);
}

BOOST_AUTO_TEST_CASE(counts_outlive_changes_of_their_server_and_slots_outlive_all) {
    Balancer balancer(bounded_by(2));
    add_servers(balancer, 1);
    const auto context = std::make_shared<int>(1);
    balancer.apply(std::vector<Change>{SetContext{"server-0", context}});
    Slot slot = balancer.snapshot()->pick(1).slot;
    balancer.apply(std::vector<Change>{SetContext{"server-0", nullptr}, SetWeight{"server-0", 3}});
    balancer.set_status("server-0", Status::offline);
    BOOST_TEST(live(balancer, "server-0") == 1U);
    BOOST_TEST(slot.context() == context);
    balancer.unregister_server("server-0");
    BOOST_TEST(slot.live() == 1U);
    slot.release();
    BOOST_TEST(context.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(without_limits_a_pick_is_the_owner) {
    SeededRandom random;
    Balancer balancer(bounded_by(0));
    add_servers(balancer, 20);
    std::vector<Slot> slots;
    for (int i = 0; i < 500; ++i) {
        const std::uint64_t hash = random();
        Pick pick = balancer.snapshot()->pick(hash);
        BOOST_TEST(pick.member == balancer.snapshot()->owner(hash));
        slots.push_back(std::move(pick.slot));
    }
}

BOOST_AUTO_TEST_CASE(a_server_that_comes_back_counts_the_connections_that_it_still_has) {
    Balancer balancer(bounded_by(0));
    add_servers(balancer, 1, 2);
    const Slot slot = balancer.snapshot()->pick(1).slot;
    balancer.unregister_server("server-0");
    BOOST_TEST(slot.live() == 1U);
    add_servers(balancer, 1, 2);
    BOOST_TEST(live(balancer, "server-0") == 1U);
    const Slot second = balancer.snapshot()->pick(2).slot;
    BOOST_TEST(static_cast<bool>(second));
    BOOST_TEST((balancer.snapshot()->pick(3).verdict == Verdict::full));
}

BOOST_AUTO_TEST_CASE(balancers_that_share_a_ledger_count_the_same_connections) {
    const auto ledger = std::make_shared<Ledger>();
    Balancer first(bounded_by(0), ledger);
    add_servers(first, 4, 3);
    std::vector<Slot> slots;
    for (std::uint64_t i = 0; i < 8; ++i)
        slots.push_back(first.snapshot()->pick(i * 0x9e3779b97f4a7c15).slot);
    BOOST_TEST(ledger->live() == 8U);

    // Limits that are there at last, of connections that were counted without a need.
    Balancer second(bounded_by(1), ledger);
    add_servers(second, 4, 3);
    for (const Member& member : second.snapshot()->members())
        BOOST_TEST(member.live() == live(first, member.id));
    while (Slot slot = second.snapshot()->pick(slots.size()).slot) slots.push_back(std::move(slot));
    BOOST_TEST(slots.size() == 12U);
    BOOST_TEST(most_live(second) == 3U);
    slots.clear();
    BOOST_TEST(ledger->live() == 0U);
    BOOST_TEST(most_live(first) == 0U);
}

BOOST_AUTO_TEST_CASE(a_bound_counts_connections_of_the_balancer_before_it) {
    const auto ledger = std::make_shared<Ledger>();
    Balancer first(bounded_by(0), ledger);
    add_servers(first, 2);
    const std::uint64_t hash = first.snapshot()->hash("one key");
    std::vector<Slot> slots;
    for (int i = 0; i < 10; ++i) slots.push_back(first.snapshot()->pick(hash).slot);
    Balancer second(bounded_by(1.2), ledger);
    add_servers(second, 2);
    // ceil(1.2 x 11 / 2) = 7 are fewer than the owner has.
    const auto snapshot = second.snapshot();
    BOOST_TEST(snapshot->pick(hash).member->id == walk_ids(*snapshot, hash)[1]);
}

BOOST_AUTO_TEST_CASE(a_server_with_another_name_keeps_its_count) {
    const auto ledger = std::make_shared<Ledger>();
    Balancer balancer(bounded_by(0), ledger);
    add_servers(balancer, 1, 1);
    Slot slot = balancer.snapshot()->pick(1).slot;
    ledger->rename("server-0", "renamed");
    ledger->rename("nobody", "renamed");
    balancer.apply(std::vector<Change>{Unregister{"server-0"},
                                       ServerSpec{.id = "renamed", .max_connections = 1}});
    BOOST_TEST(live(balancer, "renamed") == 1U);
    BOOST_TEST((balancer.snapshot()->pick(2).verdict == Verdict::full));
    slot.release();
    BOOST_TEST(live(balancer, "renamed") == 0U);
    // The old name is free for another server.
    slot = balancer.snapshot()->pick(3).slot;
    add_servers(balancer, 1, 1);
    BOOST_TEST(live(balancer, "server-0") == 0U);
}

BOOST_AUTO_TEST_CASE(a_full_server_passes_connections_to_the_next_of_the_walk) {
    Balancer balancer(bounded_by(0));
    add_servers(balancer, 5, 2);
    const std::uint64_t hash = balancer.snapshot()->hash("one key");
    const auto order = walk_ids(*balancer.snapshot(), hash);
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < 10; ++i) {
        Pick pick = balancer.snapshot()->pick(hash);
        BOOST_TEST(pick.member->id == order[i / 2]);
        slots.push_back(std::move(pick.slot));
    }
    const Pick none = balancer.snapshot()->pick(hash);
    BOOST_TEST(!none.slot);
    BOOST_TEST(none.member == nullptr);
    BOOST_TEST((none.verdict == Verdict::full));

    // Room again: on the server nearest to the key that has it.
    slots[3].release();
    slots[6].release();
    BOOST_TEST(balancer.snapshot()->pick(hash).member->id == order[1]);
    balancer.apply(std::vector<Change>{SetLimit{order[0], 3}});
    BOOST_TEST(balancer.snapshot()->pick(hash).member->id == order[0]);
}

BOOST_AUTO_TEST_CASE(where_no_server_is_online_the_reason_says_so) {
    Balancer balancer(bounded_by(1.5));
    BOOST_TEST((balancer.snapshot()->pick(1).verdict == Verdict::offline));
    add_servers(balancer, 1);
    balancer.set_status("server-0", Status::offline);
    BOOST_TEST((balancer.snapshot()->pick(1).verdict == Verdict::offline));
    BOOST_TEST(!balancer.snapshot()->try_claim(*balancer.snapshot()->find("server-0")));
}

BOOST_AUTO_TEST_CASE(a_walk_goes_on_after_a_server_that_cannot_be_reached) {
    Balancer balancer(bounded_by(0));
    add_servers(balancer, 4, 1);
    const auto snapshot = balancer.snapshot();
    const auto order = walk_ids(*snapshot, 5);
    const Slot taken = snapshot->try_claim(*snapshot->find(order[1]));
    std::vector<std::string> tried;
    Walk walk(*snapshot, 5);
    while (const Member* const member = walk.next())
        if (const Slot slot = snapshot->try_claim(*member)) tried.push_back(member->id);
    BOOST_TEST(tried == (std::vector<std::string>{order[0], order[2], order[3]}));
    for (const Member& member : snapshot->members())
        BOOST_TEST(member.live() == (member.id == order[1] ? 1U : 0U));
}

BOOST_AUTO_TEST_CASE(a_balance_factor_out_of_range_is_refused) {
    for (const double factor : {0.5, 0.999999, -1.0, 1e7, std::nan(""), HUGE_VAL, -HUGE_VAL})
        BOOST_CHECK_THROW(Balancer{bounded_by(factor)}, Error);
    for (const double factor : {0.0, 1.0, 1.25, 1e6}) Balancer{bounded_by(factor)};
}

BOOST_AUTO_TEST_CASE(bounds_are_the_ceiling_of_the_weighted_share) {
    Balancer balancer(bounded_by(1.1));
    std::vector<Change> changes;
    for (const std::uint32_t weight : {1U, 2U, 7U}) {
        ServerSpec server;
        server.id = std::to_string(weight);
        server.weight = weight;
        changes.push_back(server);
    }
    balancer.apply(changes);
    const auto snapshot = balancer.snapshot();
    BOOST_TEST(snapshot->bound(*snapshot->find("1"), 1) == 1U);
    BOOST_TEST(snapshot->bound(*snapshot->find("1"), 100) == 11U);  // 11 exactly
    BOOST_TEST(snapshot->bound(*snapshot->find("2"), 100) == 22U);
    BOOST_TEST(snapshot->bound(*snapshot->find("7"), 101) == 78U);  // 77.77
    BOOST_TEST(snapshot->bound(*snapshot->find("7"), 1'000'000'000) == 770'000'000U);
}

BOOST_AUTO_TEST_CASE(no_server_is_ever_lifted_above_its_bound) {
    for (const double factor : {1.0, 1.1, 1.25, 2.0}) {
        SeededRandom random;
        Balancer balancer(bounded_by(factor));
        add_servers(balancer, 20);
        balancer.apply(std::vector<Change>{SetWeight{"server-3", 4}, SetWeight{"server-4", 0}});
        const auto snapshot = balancer.snapshot();
        std::vector<Slot> slots;
        for (int i = 0; i < 3000; ++i) {
            if (!slots.empty() && random() % 3 == 0) {
                std::swap(slots[random() % slots.size()], slots.back());
                slots.pop_back();
                continue;
            }
            const std::uint64_t hash = zipf_hash(random, *snapshot);
            // What must come out: the first of the walk that is below its bound.
            const auto all = static_cast<double>(slots.size() + 1);
            std::string expected;
            for (const std::string& id : walk_ids(*snapshot, hash)) {
                const double share = id == "server-3" ? 4.0 / 22 : 1.0 / 22;
                const double bound = std::ceil(factor * all * share - 1e-9);
                if (live(balancer, id) < bound) {
                    expected = id;
                    break;
                }
            }
            Pick pick = snapshot->pick(hash);
            BOOST_REQUIRE(pick.member != nullptr);
            BOOST_TEST(pick.member->id == expected);
            slots.push_back(std::move(pick.slot));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_zipf_connections_stay_within_a_quarter_of_the_mean) {
    SeededRandom random;
    Balancer balancer(bounded_by(1.25));
    add_servers(balancer, 100);
    const auto snapshot = balancer.snapshot();
    std::vector<Slot> slots;
    for (std::uint32_t i = 1; i <= 100'000; ++i) {
        Pick pick = snapshot->pick(zipf_hash(random, *snapshot));
        BOOST_REQUIRE(pick.slot);
        if (pick.member->live() > (5 * i + 399) / 400)  // ceil(1.25 x i / 100)
            BOOST_TEST(pick.member->live() == 0U, "above the bound at connection " << i);
        slots.push_back(std::move(pick.slot));
    }
    BOOST_TEST(most_live(balancer) <= 1250U);
}

BOOST_AUTO_TEST_CASE(threads_together_never_pass_a_bound_or_a_limit) {
    for (const double factor : {0.0, 1.0, 1.25}) {
        Balancer balancer(bounded_by(factor));
        add_servers(balancer, 10, factor == 0 ? 400 : 0);
        std::atomic<int> failed{0};
        std::vector<std::vector<Slot>> held(4);
        std::vector<std::thread> threads;
        for (std::size_t t = 0; t < held.size(); ++t)
            threads.emplace_back([&, t] {
                Reader reader(balancer);
                std::uint64_t hash = t + 1;
                for (int i = 0; i < 1000; ++i) {
                    hash = hash * 6364136223846793005U + 1442695040888963407U;
                    Pick pick = reader.pick(i % 2 == 0 ? 7 : hash);  // half go to one place
                    if (!pick.slot) ++failed;
                    held[t].push_back(std::move(pick.slot));
                }
            });
        for (std::thread& thread : threads) thread.join();
        BOOST_TEST(failed.load() == 0);
        BOOST_TEST(most_live(balancer) <= (factor == 1.25 ? 500U : 400U));
        held.clear();
        BOOST_TEST(most_live(balancer) == 0U);
        BOOST_TEST(
            (balancer.snapshot()->verdict(balancer.snapshot()->members()[0]) == Verdict::takes));
    }
}

BOOST_AUTO_TEST_CASE(a_pick_allocates_nothing) {
    Balancer balancer(bounded_by(1));
    add_servers(balancer, 300, 3);
    const auto snapshot = balancer.snapshot();
    std::vector<Slot> slots;
    slots.reserve(2000);
    while (Slot slot = snapshot->pick(77).slot) slots.push_back(std::move(slot));
    BOOST_TEST(slots.size() == 900U);  // every server is full: walks are long
    const std::size_t before = allocations;
    BOOST_TEST(!snapshot->pick(78).slot);
    const std::size_t after_failure = allocations;
    slots[500].release();
    slots[500] = snapshot->pick(79).slot;
    const std::size_t after_success = allocations;
    BOOST_TEST(after_failure - before <= 1U);  // the check above may allocate
    BOOST_TEST(after_success == after_failure);
    BOOST_TEST(slots[500].live() == 3U);
}

BOOST_AUTO_TEST_CASE(an_explanation_says_who_is_full_and_who_is_over_its_bound) {
    Balancer balancer(bounded_by(1));
    add_servers(balancer, 3);
    const auto snapshot = balancer.snapshot();
    std::vector<Slot> slots;
    slots.push_back(snapshot->pick(9).slot);
    const auto steps = explain(*snapshot, 9, 3);
    BOOST_TEST((steps[0].verdict == Verdict::over_bound));  // ceil(1 x 2 / 3) = 1
    BOOST_TEST((steps[1].verdict == Verdict::takes));
    balancer.apply(std::vector<Change>{SetLimit{steps[0].member->id, 1}});
    BOOST_TEST((explain(*balancer.snapshot(), 9, 1)[0].verdict == Verdict::full));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ringway::ring::test
