#include "health/state.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <boost/test/unit_test.hpp>

using ringway::health::State;
using ringway::health::Thresholds;
using ringway::health::Transition;

namespace {

// The rule once more, from the whole history: the last n results are alike.
class Model {
public:
    Transition on_probe(bool ok, Thresholds thresholds) {
        history_.push_back(ok);
        const bool first = history_.size() == 1 && !taken_;
        const std::size_t wanted = first ? 1 : (ok ? thresholds.rise : thresholds.fall);
        if (ok == up_ || tail(ok) < wanted) return Transition::none;
        up_ = ok;
        return ok ? Transition::went_up : Transition::went_down;
    }

    // As if all that came before had failed.
    void take_down() {
        up_ = false;
        forgotten_ = history_.size();
        taken_ = true;
    }

    bool up() const { return up_; }

    std::size_t tail(bool ok) const {
        const auto other = std::find(history_.rbegin(), history_.rend(), !ok);
        const auto row = static_cast<std::size_t>(other - history_.rbegin());
        return ok ? std::min(row, history_.size() - forgotten_) : row;
    }

private:
    std::vector<bool> history_;
    std::size_t forgotten_ = 0;  // results that no success is in a row with any more
    bool taken_ = false;
    bool up_ = true;
};

Thresholds random_thresholds(std::mt19937& random) {
    std::uniform_int_distribution<std::uint32_t> limit(1, 5);
    return {.rise = limit(random), .fall = limit(random)};
}

void check_one_sequence(std::uint32_t seed) {
    std::mt19937 random(seed);
    Thresholds thresholds = random_thresholds(random);
    State state(thresholds);
    Model model;
    std::bernoulli_distribution goes_on(0.8), resets(0.02);
    bool ok = random() % 2 == 0;
    for (int event = 0; event < 60; ++event) {
        if (resets(random)) state.set_thresholds(thresholds = random_thresholds(random));
        if (resets(random)) {
            state.take_down();
            model.take_down();
        }
        if (!goes_on(random)) ok = !ok;
        BOOST_REQUIRE(state.on_probe(ok) == model.on_probe(ok, thresholds));
        BOOST_REQUIRE_EQUAL(state.up(), model.up());
        BOOST_REQUIRE_EQUAL(state.successes(), model.tail(true));
        BOOST_REQUIRE_EQUAL(state.failures(), model.tail(false));
        BOOST_REQUIRE(state.checked());
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(state)

BOOST_AUTO_TEST_CASE(an_unchecked_server_counts_as_up) {
    const State state(Thresholds{});
    BOOST_TEST(state.up());
    BOOST_TEST(!state.checked());
}

BOOST_AUTO_TEST_CASE(the_first_result_decides_at_once) {
    State failed({.rise = 5, .fall = 5});
    BOOST_CHECK(failed.on_probe(false) == Transition::went_down);
    BOOST_TEST(!failed.up());

    State passed({.rise = 5, .fall = 5});
    BOOST_CHECK(passed.on_probe(true) == Transition::none);
    BOOST_TEST(passed.up());
    BOOST_TEST(passed.checked());
}

BOOST_AUTO_TEST_CASE(a_server_that_starts_down_waits_for_its_first_result_which_decides) {
    State passed({.rise = 5, .fall = 5}, false);
    BOOST_TEST(!passed.up());
    BOOST_TEST(passed.awaited());
    BOOST_TEST(!passed.settled());
    BOOST_CHECK(passed.on_probe(true) == Transition::went_up);
    BOOST_TEST(!passed.awaited());

    State failed({.rise = 2, .fall = 5}, false);
    BOOST_CHECK(failed.on_probe(false, "refused") == Transition::went_down);
    BOOST_TEST(!failed.awaited());
    BOOST_TEST(failed.reason() == "refused");
    failed.wait_no_more();
    BOOST_TEST(!failed.up());
    BOOST_CHECK(failed.on_probe(true) == Transition::none);
    BOOST_CHECK(failed.on_probe(true) == Transition::went_up);

    State impatient({.rise = 5, .fall = 5}, false);
    impatient.wait_no_more();
    BOOST_TEST(impatient.up());
    BOOST_CHECK(impatient.on_probe(true) == Transition::none);
}

BOOST_AUTO_TEST_CASE(fall_failures_in_a_row_take_down_and_rise_successes_bring_back) {
    State state({.rise = 2, .fall = 3});
    state.on_probe(true);
    BOOST_CHECK(state.on_probe(false) == Transition::none);
    BOOST_CHECK(state.on_probe(false) == Transition::none);
    BOOST_CHECK(state.on_probe(false) == Transition::went_down);
    BOOST_CHECK(state.on_probe(true) == Transition::none);
    BOOST_CHECK(state.on_probe(true) == Transition::went_up);
}

BOOST_AUTO_TEST_CASE(a_flap_shorter_than_fall_changes_nothing) {
    State state({.rise = 2, .fall = 3});
    state.on_probe(true);
    for (int flap = 0; flap < 100; ++flap) {
        for (const bool ok : {false, false, true}) {
            BOOST_REQUIRE(state.on_probe(ok) == Transition::none);
        }
    }
    BOOST_TEST(state.up());
}

BOOST_AUTO_TEST_CASE(a_server_taken_down_comes_back_by_rise_new_successes) {
    State state({.rise = 2, .fall = 3});
    for (int i = 0; i < 5; ++i) state.on_probe(true);
    BOOST_TEST(state.settled());
    state.take_down();
    BOOST_TEST(!state.up());
    BOOST_TEST(!state.settled());
    BOOST_CHECK(state.on_probe(true) == Transition::none);
    BOOST_CHECK(state.on_probe(true) == Transition::went_up);
    state.on_probe(false);
    BOOST_TEST(!state.settled());
    BOOST_TEST(state.up());
}

BOOST_AUTO_TEST_CASE(random_histories_agree_with_the_model) {
    const std::uint32_t base = std::random_device()();
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        BOOST_TEST_CONTEXT("seed " << base + i) {
            check_one_sequence(base + i);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
