#include "health/passive.h"

#include <cstdint>
#include <random>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "health/availability.h"
#include "health/condition.h"
#include "health/slow_start.h"

using namespace std::chrono_literals;
using ringway::conf::PassiveSettings;
using ringway::health::Clock;
using ringway::health::Failure;
using ringway::health::Passive;

namespace {

const Clock::time_point start = Clock::time_point{} + 1'000h;

// The rule once more, from the whole history: walk back from the newest failure.
class Model {
public:
    explicit Model(PassiveSettings settings) : settings_(settings) {}

    void success() { history_.push_back({true, {}}); }

    bool failure(Clock::time_point now) {
        history_.push_back({false, now});
        std::uint32_t row = 0;
        auto later = now;
        for (auto event = history_.rbegin(); event != history_.rend(); ++event) {
            if (event->ok || later - event->at > settings_.within) break;
            ++row;
            later = event->at;
        }
        if (row < settings_.failures) return false;
        history_.clear();
        return true;
    }

private:
    struct Event {
        bool ok;
        Clock::time_point at;
    };
    const PassiveSettings settings_;
    std::vector<Event> history_;
};

void check_one_sequence(std::uint32_t seed) {
    std::mt19937 random(seed);
    PassiveSettings settings;
    settings.failures = static_cast<std::uint32_t>(1 + random() % 5);
    settings.within = ringway::conf::Duration(1 + static_cast<int>(random() % 1'000));
    Passive passive(settings);
    Model model(settings);
    auto now = start;
    std::uint64_t successes = 0;
    for (int event = 0; event < 60; ++event) {
        now += std::chrono::milliseconds(random() % 400);
        if (random() % 5 == 0) {
            ++successes;
            model.success();
        } else {
            BOOST_REQUIRE_EQUAL(passive.on_failures(Failure::connect, 1, successes, now),
                                model.failure(now));
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(passive)

BOOST_AUTO_TEST_CASE(random_histories_agree_with_the_model) {
    const std::uint32_t base = std::random_device()();
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        BOOST_TEST_CONTEXT("seed " << base + i) {
            check_one_sequence(base + i);
        }
    }
}

BOOST_AUTO_TEST_CASE(failures_of_two_kinds_are_two_rows) {
    Passive passive({.failures = 3});
    for (int i = 0; i < 2; ++i) {
        BOOST_TEST(!passive.on_failures(Failure::connect, 1, 0, start));
        BOOST_TEST(!passive.on_failures(Failure::early_reset, 1, 0, start));
    }
    BOOST_TEST(passive.on_failures(Failure::early_reset, 1, 0, start));
    BOOST_TEST(!passive.on_failures(Failure::connect, 2, 0, start));  // all begins anew
    BOOST_TEST(passive.on_failures(Failure::connect, 1, 0, start));
}

BOOST_AUTO_TEST_CASE(failures_reported_at_once_count_each) {
    Passive passive({.failures = 3});
    BOOST_TEST(!passive.on_failures(Failure::connect, 2, 7, start));
    BOOST_TEST(!passive.on_failures(Failure::connect, 2, 8, start));  // a success between
    BOOST_TEST(passive.on_failures(Failure::connect, 4'000'000'000, 8, start));
}

BOOST_AUTO_TEST_CASE(early_resets_count_only_where_they_are_to) {
    Passive passive({.failures = 1, .early_resets = false});
    BOOST_TEST(!passive.on_failures(Failure::early_reset, 9, 0, start));
    BOOST_TEST(passive.on_failures(Failure::connect, 1, 0, start));
}

BOOST_AUTO_TEST_CASE(time_outs_grow_up_to_their_limit_and_begin_anew_after_a_good_while) {
    Passive passive({.failures = 1, .retry = 5'000ms, .retry_max = 30'000ms});
    auto now = start;
    const auto fail = [&] {
        BOOST_REQUIRE(passive.on_failures(Failure::connect, 1, 0, now));
        return passive.time_out()->until - now;
    };
    BOOST_TEST(!passive.time_out().has_value());
    for (const auto expected : {5s, 10s, 20s, 30s, 30s}) {
        BOOST_CHECK(fail() == expected);
        now += expected;
        passive.end_time_out(now);
        BOOST_TEST(!passive.time_out().has_value());
        now += 1s;
    }
    now += 28s;
    BOOST_CHECK(fail() == 30s);  // it stood for less than the last one
    now += 30s;
    passive.end_time_out(now);
    now += 30s;
    BOOST_CHECK(fail() == 5s);
}

BOOST_AUTO_TEST_CASE(a_time_out_lasts_as_the_settings_of_the_moment_say) {
    Passive passive({.failures = 1, .retry = 60'000ms, .retry_max = 300'000ms});
    passive.on_failures(Failure::early_reset, 1, 0, start);
    BOOST_CHECK(passive.time_out()->until == start + 60s);
    passive.set_settings({.failures = 1, .retry = 2'000ms, .retry_max = 300'000ms});
    BOOST_CHECK(passive.time_out()->until == start + 2s);
    BOOST_CHECK((passive.time_out()->reason == Failure::early_reset));
    passive.end_time_out(start + 2s);
    passive.on_failures(Failure::connect, 1, 0, start + 3s);
    BOOST_CHECK(passive.time_out()->until == start + 3s + 4s);  // the second in a row
    passive.clear();
    BOOST_TEST(!passive.time_out().has_value());
    passive.on_failures(Failure::connect, 1, 0, start + 4s);
    BOOST_CHECK(passive.time_out()->until == start + 4s + 2s);
    // The longest there is: no overflow.
    passive.set_settings({.failures = 1, .retry = 9'000'000'000ms, .retry_max = 9'000'000'000ms});
    BOOST_CHECK(passive.time_out()->until > start + 1h);
}

BOOST_AUTO_TEST_CASE(a_condition_has_the_reason_of_whoever_decides) {
    using ringway::health::condition_of;
    using ringway::health::TimeOut;
    using ringway::health::View;
    const std::optional<TimeOut> failed = TimeOut{Failure::connect, start, start + 1s};
    const auto is = [](const auto& condition, bool up, std::string_view reason) {
        BOOST_TEST(condition.up == up);
        BOOST_TEST(condition.reason == reason);
    };
    is(condition_of({}, {}), true, "not checked");
    is(condition_of({}, failed), false, "connections failed");
    // Checks decide where there are some.
    is(condition_of(View{}, {}), true, "not checked yet");
    const View passed{.up = true, .checked = true, .last_result = "ok"};
    is(condition_of(passed, {}), true, "checked ok");
    is(condition_of(passed, failed), true, "checked ok");
    const View refused{.up = false, .checked = true, .last_result = "refused", .reason = "refused"};
    is(condition_of(refused, failed), false, "refused");
    // The last result of a server that is not back yet is no reason.
    const View rising{.up = false, .checked = true, .last_result = "ok", .reason = "refused"};
    is(condition_of(rising, {}), false, "refused");
}

BOOST_AUTO_TEST_CASE(admin_states_override_conditions_and_panics_ignore_conditions_only) {
    using ringway::health::AdminState;
    using ringway::health::Availability;
    using ringway::health::availability_of;
    const Availability serves{true, false}, down{false, true}, drains{false, false};
    for (const bool panics : {false, true}) {
        for (const bool up : {false, true}) {
            const bool counts_as_up = up || panics;
            BOOST_CHECK(availability_of(up, AdminState::automatic, panics) ==
                        (counts_as_up ? serves : down));
            BOOST_CHECK(availability_of(up, AdminState::online, panics) == serves);
            BOOST_CHECK(availability_of(up, AdminState::offline, panics) == down);
            BOOST_CHECK(availability_of(up, AdminState::drain, panics) ==
                        (counts_as_up ? drains : down));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_panic_begins_below_its_share) {
    using ringway::health::panics;
    BOOST_TEST(!panics(0, 10, 0));
    BOOST_TEST(panics(4, 10, 0.5));
    BOOST_TEST(!panics(5, 10, 0.5));
    BOOST_TEST(panics(9, 10, 1));
    BOOST_TEST(!panics(10, 10, 1));
    BOOST_TEST(!panics(0, 0, 1));
}

BOOST_AUTO_TEST_CASE(a_slow_start_takes_equal_steps_to_its_end) {
    using ringway::health::ramp_after;
    using ringway::health::step_after;
    for (const Clock::duration over : {Clock::duration(30s), Clock::duration(1ms + 7ns)}) {
        BOOST_TEST(ramp_after(-1s, over) == 50u);
        Clock::duration elapsed{};
        for (std::uint32_t step = 1; step < 20; ++step) {
            BOOST_TEST(ramp_after(elapsed, over) == step * 50);
            const auto next = step_after(elapsed, over);
            BOOST_CHECK(next > elapsed);
            BOOST_TEST(ramp_after(next - 1ns, over) == step * 50);
            elapsed = next;
        }
        BOOST_TEST(ramp_after(elapsed, over) == 1'000u);
        BOOST_TEST(ramp_after(over, over) == 1'000u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
