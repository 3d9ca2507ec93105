#include "health/checker.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include "tests/health/loop.h"
#include "tests/health/server.h"

using namespace std::chrono_literals;
using namespace ringway;
using health::Checker;
using health::Clock;
using health::HealthChange;
using health::Target;
using tests::Server;

namespace {

conf::HealthSettings quick() {
    return {.interval = conf::Duration(20), .timeout = conf::Duration(5'000), .rise = 2, .fall = 3};
}

Target target(const Server& server, std::string key = "pool/a",
              conf::HealthSettings settings = quick()) {
    return {std::move(key), server.address(), settings};
}

conf::HealthSettings impatient() {
    auto settings = quick();
    settings.timeout = conf::Duration(30);
    return settings;
}

std::vector<Target> many(const Server& server, std::size_t count) {
    std::vector<Target> targets(count, target(server, "", impatient()));
    for (std::size_t i = 0; i < count; ++i) targets[i].key = "pool/" + std::to_string(i);
    return targets;
}

std::ptrdiff_t open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

struct Fixture : tests::Loop {
    void run_until_checked(const std::string& key) {
        run_until([&] { return checker->view(key)->checked; });
    }

    // Some more probes of `key` end.
    void run_probes(const std::string& key, int count) {
        for (; count > 0; --count) {
            const auto last = checker->view(key)->last_probe;
            run_until([&] { return checker->view(key)->last_probe != last; });
        }
    }

    std::vector<HealthChange> changes;
    std::unique_ptr<Checker> checker = std::make_unique<Checker>(
        io, [this](const HealthChange& change) { changes.push_back(change); });
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(checker_, Fixture)

BOOST_AUTO_TEST_CASE(a_refusing_server_goes_down_with_its_first_check) {
    const Server server;
    checker->set_targets({target(server)});
    BOOST_TEST(checker->view("pool/a")->up);
    run_until([&] { return !changes.empty(); });
    BOOST_TEST(changes[0].key == "pool/a");
    BOOST_TEST(!changes[0].up);
    BOOST_TEST(changes[0].reason == "connect: Connection refused, first check");
    const auto view = *checker->view("pool/a");
    BOOST_TEST(!view.up);
    BOOST_TEST(view.checked);
    BOOST_TEST(view.last_result == "refused");
    BOOST_TEST(view.failures == 1u);
    BOOST_CHECK(view.since == view.last_probe);
}

BOOST_AUTO_TEST_CASE(a_listening_server_is_up_and_stays_up) {
    Server server;
    server.listen();
    checker->set_targets({target(server)});
    run_until_checked("pool/a");
    run_probes("pool/a", 5);
    const auto view = *checker->view("pool/a");
    BOOST_TEST(view.up);
    BOOST_TEST(view.last_result == "ok");
    BOOST_TEST(view.successes == 6u);
    BOOST_TEST(changes.empty());
}

BOOST_AUTO_TEST_CASE(a_server_falls_after_fall_failures_and_rises_after_rise_successes) {
    Server server;
    server.listen();
    checker->set_targets({target(server)});
    run_until_checked("pool/a");

    server.stop_listening();
    run_until([&] { return changes.size() == 1; });
    BOOST_TEST(!changes[0].up);
    BOOST_TEST(changes[0].reason == "connect: Connection refused, 3 in a row");
    BOOST_TEST(checker->view("pool/a")->failures == 3u);

    server.listen();
    run_until([&] { return changes.size() == 2; });
    BOOST_TEST(changes[1].up);
    BOOST_TEST(changes[1].reason == "connect: ok, 2 in a row");
    BOOST_TEST(checker->view("pool/a")->successes == 2u);
}

BOOST_AUTO_TEST_CASE(a_flap_shorter_than_fall_changes_nothing) {
    Server server;
    server.listen();
    checker->set_targets({target(server)});
    run_until_checked("pool/a");
    server.stop_listening();
    run_until([&] { return checker->view("pool/a")->failures == 2; });
    server.listen();
    run_probes("pool/a", 5);
    BOOST_TEST(checker->view("pool/a")->successes == 5u);
    BOOST_TEST(changes.empty());
}

BOOST_AUTO_TEST_CASE(a_server_that_swallows_everything_times_out) {
    Server server;
    server.swallow_everything();
    checker->set_targets({target(server, "pool/a", impatient())});
    run_until([&] { return !changes.empty(); });
    BOOST_TEST(changes[0].reason == "connect: nothing in 30 ms, first check");
    BOOST_TEST(checker->view("pool/a")->last_result == "timeout");
    run_probes("pool/a", 2);
    BOOST_TEST(checker->view("pool/a")->failures == 3u);
}

BOOST_AUTO_TEST_CASE(no_check_reaches_a_program_as_a_clean_connection) {
    Server server;
    server.listen();
    checker->set_targets({target(server)});
    run_until_checked("pool/a");
    run_probes("pool/a", 10);
    // As a rule accept() sees none of them; on a slow machine, a reset.
    for (const int seen : server.seen_by_accept()) BOOST_TEST(seen == ECONNRESET);
}

BOOST_AUTO_TEST_CASE(a_probe_that_cannot_run_here_is_no_failed_check) {
    Server server;
    server.listen();
    rlimit allowed{};
    BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &allowed) == 0);
    // That of every probe: asked for while one is under way, it would leave room for the next.
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    checker->set_targets({target(server)});
    run_until_checked("pool/a");
    const auto before = *checker->view("pool/a");

    rlimit none = allowed;
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    run_until([&] { return checker->view("pool/a")->not_run >= 5; });
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &allowed) == 0);

    const auto during = *checker->view("pool/a");
    BOOST_TEST(during.up);
    BOOST_TEST(during.failures == 0u);
    BOOST_TEST(during.successes == before.successes);
    BOOST_CHECK(during.last_probe == before.last_probe);
    run_probes("pool/a", 1);
    BOOST_TEST(changes.empty());
}

BOOST_AUTO_TEST_CASE(a_check_without_its_source_address_is_none_and_says_so) {
    Server server;
    server.listen();
    auto checked = target(server);
    checked.source = conf::Endpoint::parse("192.0.2.77:1");  // of no machine: RFC 5737
    checker->set_targets({checked});
    run_until([&] { return checker->view("pool/a")->not_run > 0; });
    BOOST_TEST(!checker->view("pool/a")->checked);
    BOOST_TEST(checker->view("pool/a")->up);
    BOOST_TEST(checker->view("pool/a")->not_run_why == "no address 192.0.2.77 here");
    BOOST_CHECK(checker->view("pool/a")->not_run_by == health::LocalFault::no_address);
    BOOST_TEST(checker->not_run() > 0u);
    checked.source = conf::Endpoint::parse("127.0.0.1:1");
    checker->set_targets({checked});
    run_until_checked("pool/a");
    BOOST_TEST(checker->view("pool/a")->not_run_why == "");
    BOOST_TEST(changes.empty());
}

BOOST_AUTO_TEST_CASE(a_target_that_starts_down_goes_up_with_its_first_check) {
    Server server;
    server.listen();
    auto waiting = target(server);
    waiting.starts_down = true;
    waiting.settings.initial = conf::HealthSettings::Initial::down;
    checker->set_targets({waiting});
    BOOST_TEST(!checker->view("pool/a")->up);
    BOOST_TEST(checker->view("pool/a")->awaited);
    run_until([&] { return !changes.empty(); });
    BOOST_TEST(changes[0].up);
    BOOST_TEST(changes[0].reason == "connect: ok, first check");
    BOOST_TEST(!checker->view("pool/a")->awaited);
    // It is no new one where only its settings change.
    waiting.settings.rise = 7;
    checker->set_targets({waiting});
    BOOST_TEST(checker->view("pool/a")->up);
}

BOOST_AUTO_TEST_CASE(what_is_known_survives_new_settings_but_not_a_new_address) {
    const Server server;
    Server other;
    other.listen();
    checker->set_targets({target(server)});
    run_until_checked("pool/a");

    auto settings = quick();
    settings.interval = conf::Duration(30);
    settings.rise = 1;
    checker->set_targets({target(server, "pool/a", settings), target(other, "pool/b")});
    BOOST_TEST(!checker->view("pool/a")->up);
    BOOST_TEST(checker->view("pool/a")->checked);
    BOOST_TEST(!checker->view("pool/b")->checked);
    run_until_checked("pool/b");

    checker->set_targets({target(other)});
    BOOST_TEST(checker->view("pool/a")->up);
    BOOST_TEST(!checker->view("pool/a")->checked);
    BOOST_TEST(!checker->view("pool/b"));
    run_until_checked("pool/a");
    BOOST_TEST(changes.size() == 1u);
}

BOOST_AUTO_TEST_CASE(new_settings_count_from_the_next_probe_on) {
    Server server;
    server.listen();
    auto rare = quick();
    rare.interval = conf::Duration(3'600'000);
    checker->set_targets({target(server, "pool/a", rare)});
    run_until_checked("pool/a");
    server.stop_listening();
    auto settings = quick();
    settings.fall = 1;
    checker->set_targets({target(server, "pool/a", settings)});
    run_until([&] { return !changes.empty(); });
    BOOST_TEST(changes[0].reason == "connect: Connection refused, 1 in a row");
}

BOOST_AUTO_TEST_CASE(probes_beyond_the_limit_wait_for_their_turn) {
    Server silent, server;
    silent.swallow_everything();
    server.listen();
    checker = std::make_unique<Checker>(
        io, [this](const HealthChange& change) { changes.push_back(change); }, 1);
    checker->set_targets({target(silent, "pool/a", impatient()),
                          target(silent, "pool/b", impatient()), target(server, "pool/c")});
    for (const char* key : {"pool/a", "pool/b", "pool/c"}) run_until_checked(key);
    run_probes("pool/c", 2);
    // A target that is removed while it is probed frees its place.
    for (int round = 0; round < 3; ++round) {
        checker->set_targets({target(silent, "pool/d" + std::to_string(round), impatient())});
        run_until_checked("pool/d" + std::to_string(round));
        io.poll();  // what the probe has left
    }
    checker->set_targets({target(server, "pool/e")});
    run_until_checked("pool/e");
}

BOOST_AUTO_TEST_CASE(the_limit_bounds_descriptors_and_waiting_costs_no_turns) {
    Server silent;
    silent.swallow_everything();
    const std::vector<Target> targets = many(silent, 12);
    checker = std::make_unique<Checker>(
        io, [this](const HealthChange& change) { changes.push_back(change); }, 3);
    const auto open_before = open_descriptors();
    auto most_open = open_before;
    int turns = 0;
    checker->set_targets(targets);
    run_until([&] {
        ++turns;
        most_open = std::max(most_open, open_descriptors());
        return changes.size() == targets.size();
    });
    BOOST_TEST(most_open == open_before + 3);
    // A start, an aborted connect and a timeout each; a loop that spins while it
    // waits for a place turns thousands of times.
    BOOST_TEST(turns < 200);
}

BOOST_AUTO_TEST_CASE(a_late_loop_is_not_taken_for_a_silent_server) {
    Server server;
    server.listen();
    const std::vector<Target> targets = many(server, 300);
    checker->set_targets(targets);
    // The loop is kept from running, first until all are due, then beyond the
    // timeout of the probes that this one turn has started.
    std::this_thread::sleep_for(50ms);
    run_until([this] { return io.run_one() > 0; });
    std::this_thread::sleep_for(60ms);
    for (const Target& each : targets) run_until_checked(each.key);
    BOOST_TEST(changes.empty());
}

BOOST_AUTO_TEST_CASE(nothing_is_heard_of_after_stop_or_removal) {
    const Server server;
    checker->set_targets({target(server)});
    run_until_checked("pool/a");
    checker->set_targets({target(server, "pool/b")});
    checker->stop();
    io.restart();
    io.run();  // returns, since nothing is left to wait for
    BOOST_TEST(changes.size() == 1u);
    BOOST_TEST(!checker->view("pool/b")->checked);
}

BOOST_AUTO_TEST_CASE(the_callback_may_change_the_targets_and_destroy_the_checker) {
    const Server refusing;
    Server silent;
    silent.swallow_everything();
    for (const auto& first : {target(refusing), target(silent, "pool/a", impatient())}) {
        bool called = false;
        checker = std::make_unique<Checker>(io, [&](const HealthChange&) {
            checker->set_targets({target(refusing, "pool/b")});
            BOOST_TEST(!checker->view("pool/a"));
            checker.reset();
            called = true;
        });
        checker->set_targets({first});
        run_until([&] { return called; });
        io.restart();
        io.run();
    }
}

BOOST_AUTO_TEST_SUITE_END()
