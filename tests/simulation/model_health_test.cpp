// The model beside the state machines of health/, on a clock of their own.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "health/passive.h"
#include "health/slow_start.h"
#include "health/state.h"
#include "tests/proxy/pools_rig.h"
#include "tests/simulation/model.h"
#include "tests/support/random.h"

using namespace ringway;
using namespace std::chrono_literals;
using health::Failure;
using simulation::Model;
using simulation::TimePoint;
using test::config;
using test::server;

namespace {

conf::Duration any_time(test::SeededRandom& random) {
    return conf::Duration(random.between(1, 4) * 1'000);
}

conf::PassiveSettings any_passive(test::SeededRandom& random) {
    conf::PassiveSettings made{.failures = static_cast<std::uint32_t>(random.between(1, 3)),
                               .within = any_time(random),
                               .early_resets = !random.one_in(4),
                               .retry = any_time(random)};
    made.retry_max = made.retry * static_cast<int>(random.between(1, 6));
    return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(model_and_health)

BOOST_AUTO_TEST_CASE(time_outs_begin_and_end_as_those_of_passive_checks) {
    test::SeededRandom random;
    for (int history = 0; history < 2'000; ++history) {
        Model model;
        auto now = TimePoint{} + 1'000h;
        auto changed = now;
        conf::Pool pool = test::pool("main", {server("a")});
        pool.passive = any_passive(random);
        model.reload(config({pool}), now);
        health::Passive passive(*pool.passive);
        std::uint64_t total = 0;
        std::uint64_t with_bytes = 0;
        for (int event = 0; event < 60; ++event) {
            switch (random.below(8)) {
                case 0:
                    pool.passive = any_passive(random);
                    passive.set_settings(*pool.passive);
                    model.reload(config({pool}), changed = now);
                    break;
                case 1: {
                    const bool bytes = random.one_in(2);
                    ++total;
                    if (bytes) ++with_bytes;
                    model.connection_served("main", "a", bytes);
                    break;
                }
                case 2:
                    if (random.one_in(4))
                        passive.clear();
                    else
                        break;
                    BOOST_TEST(model.clear("main", "a", now));
                    break;
                case 3:
                case 4:
                    now += std::chrono::milliseconds(random.below(7'000));
                    model.time_passes(now);
                    if (const auto time_out = passive.time_out();
                        time_out && time_out->until <= now)
                        passive.end_time_out(std::max(time_out->until, changed));
                    break;
                default:
                    if (passive.time_out()) break;
                    const auto kind = random.one_in(2) ? Failure::connect : Failure::early_reset;
                    const auto count = static_cast<std::uint32_t>(random.between(1, 2));
                    passive.on_failures(kind, count, kind == Failure::connect ? total : with_bytes,
                                        now);
                    model.connections_failed("main", "a", kind, count, now);
            }
            const auto time_out = passive.time_out();
            BOOST_REQUIRE_EQUAL(model.servers(now).at("main").at("a").up, !time_out);
            const auto next = model.next_step(now);
            if (time_out && time_out->until > now) BOOST_REQUIRE((next == time_out->until));
            if (!time_out) BOOST_REQUIRE(!next);
        }
    }
}

BOOST_AUTO_TEST_CASE(results_of_checks_count_as_in_their_state) {
    test::SeededRandom random;
    for (int history = 0; history < 2'000; ++history) {
        Model model;
        const auto now = TimePoint{} + 1'000h;
        conf::Pool pool = test::pool("main", {server("a")});
        pool.passive = {.failures = 1};
        pool.health.emplace();
        if (random.one_in(2)) pool.health->initial = conf::HealthSettings::Initial::down;
        model.reload(config({pool}), now);
        health::State state({.rise = pool.health->rise, .fall = pool.health->fall},
                            pool.health->initial == conf::HealthSettings::Initial::up);
        for (int event = 0; event < 60; ++event) {
            switch (random.below(12)) {
                case 0:
                    pool.health->rise = static_cast<std::uint32_t>(random.between(1, 4));
                    pool.health->fall = static_cast<std::uint32_t>(random.between(1, 4));
                    state.set_thresholds({.rise = pool.health->rise, .fall = pool.health->fall});
                    model.reload(config({pool}), now);
                    break;
                case 1:
                    pool.health->initial = conf::HealthSettings::Initial::up;
                    state.wait_no_more();
                    model.reload(config({pool}), now);
                    break;
                case 2:
                    if (!state.up()) break;
                    state.take_down();
                    model.connections_failed("main", "a", Failure::connect, 1, now);
                    break;
                default: {
                    const bool passed = random.one_in(2);
                    state.on_probe(passed);
                    model.check_ended("main", "a", passed, now);
                }
            }
            const auto found = model.servers(now).at("main").at("a");
            BOOST_REQUIRE_EQUAL(found.up, state.up());
            BOOST_REQUIRE_EQUAL(found.awaits_check, state.awaited());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_slow_start_has_the_steps_of_any_length_of_time) {
    test::SeededRandom random;
    for (int round = 0; round < 500; ++round) {
        Model model;
        const auto begin = TimePoint{} + 1'000h;
        conf::Pool pool = test::pool("main", {server("a")});
        pool.slow_start = conf::Duration(random.between(1, random.one_in(2) ? 50 : 86'400'000));
        model.reload(config({pool}), begin);
        BOOST_TEST(model.register_servers("main", {{"r", test::endpoint("192.0.2.7:80")}}, begin));
        auto now = begin;
        for (std::optional<TimePoint> next = now; next; next = model.next_step(now)) {
            for (const auto at : {*next - 1ns, *next}) {
                if (at < begin) continue;
                BOOST_REQUIRE_EQUAL(model.servers(at).at("main").at("r").ramp,
                                    health::ramp_after(at - begin, pool.slow_start));
            }
            now = *next;
        }
        BOOST_REQUIRE_EQUAL(model.servers(now).at("main").at("r").ramp, ring::full_ramp);
    }
}

BOOST_AUTO_TEST_SUITE_END()
