#include "health/local_fault.h"

#include <chrono>

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using ringway::health::Clock;
using ringway::health::LocalFault;
using ringway::health::LocalFaults;
using ringway::health::LocalSigns;

namespace {

struct Fixture {
    LocalFault look() { return faults.judge(signs, now += 1s); }
    void fail(LocalFault fault, std::uint64_t times = 1) {
        signs.failed[static_cast<std::size_t>(fault)] += times;
    }

    LocalFaults faults;
    LocalSigns signs;
    Clock::time_point now{1h};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(local_fault, Fixture)

BOOST_AUTO_TEST_CASE(a_pool_whose_dials_all_fail_here_has_a_fault_until_one_leaves) {
    BOOST_CHECK(look() == LocalFault::none);
    fail(LocalFault::no_port);
    BOOST_CHECK(look() == LocalFault::no_port);
    BOOST_CHECK(look() == LocalFault::no_port);
    fail(LocalFault::no_port);
    ++signs.dials_out;
    BOOST_CHECK(look() == LocalFault::none);
    fail(LocalFault::no_resources);
    fail(LocalFault::no_address, 2);
    BOOST_CHECK(look() == LocalFault::no_address);
}

// A replica that is not ready gets no client that could show that it works again.
BOOST_AUTO_TEST_CASE(a_fault_that_nothing_shows_any_more_ends) {
    fail(LocalFault::no_address);
    const auto failed_at = now + 1s;
    while (look() != LocalFault::none) BOOST_REQUIRE(now < failed_at + LocalFaults::kept_for);
    BOOST_CHECK(now == failed_at + LocalFaults::kept_for);
}

BOOST_AUTO_TEST_CASE(what_failed_another_way_is_forgiven) {
    fail(LocalFault::no_address);
    BOOST_CHECK(look() == LocalFault::no_address);
    fail(LocalFault::no_address);  // since the last look
    faults.forgive(signs);
    BOOST_CHECK(look() == LocalFault::none);
    fail(LocalFault::no_address);
    BOOST_CHECK(look() == LocalFault::no_address);
}

BOOST_AUTO_TEST_CASE(checks_without_a_source_address_are_a_fault_without_a_client) {
    signs.checks_no_address = 2;
    signs.checks_out = 1;  // of the other family
    BOOST_CHECK(look() == LocalFault::none);
    signs.checks_out = 0;
    for (int second = 0; second < 60; ++second) BOOST_CHECK(look() == LocalFault::no_address);
    signs.checks_no_address = 0;
    signs.checks_out = 2;
    BOOST_CHECK(look() == LocalFault::none);
}

BOOST_AUTO_TEST_CASE(a_check_with_its_source_address_shows_that_it_is_back) {
    fail(LocalFault::no_address);
    BOOST_CHECK(look() == LocalFault::no_address);
    signs.checks_out = 1;
    BOOST_CHECK(look() == LocalFault::none);
    // It proves nothing about ports: each server has its own.
    fail(LocalFault::no_port);
    BOOST_CHECK(look() == LocalFault::no_port);
    BOOST_CHECK(look() == LocalFault::no_port);
}

BOOST_AUTO_TEST_SUITE_END()
