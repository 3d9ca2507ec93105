// What the documents say, one example after another, of the model.
#include "tests/simulation/model.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/pools_rig.h"

using namespace ringway;
using namespace std::chrono_literals;
using health::AdminState;
using health::Failure;
using simulation::Model;
using simulation::ModelServer;
using simulation::TimePoint;
using test::config;
using test::server;

namespace {

using Initial = conf::HealthSettings::Initial;

struct Bench {
    Model model;
    TimePoint now = TimePoint{} + 1'000h;
    conf::Pool pool =
        test::pool("main", {server("a", "192.0.2.1:80"), server("b", "192.0.2.2:80")});

    void reload() { model.reload(config({pool}), now); }
    void passes(std::chrono::milliseconds time) { model.time_passes(now += time); }
    void watch(std::uint32_t failures = 3) {
        pool.passive = {.failures = failures, .retry = 5s, .retry_max = 30s};
    }
    void check(Initial initial = Initial::up) { pool.health = {.initial = initial}; }
    void wait_for_checks() { check(Initial::down); }

    void checked(const std::string& id, std::vector<bool> results) {
        for (const bool passed : results) model.check_ended("main", id, passed, now);
    }
    void failed(const std::string& id, std::uint32_t count, Failure kind = Failure::connect) {
        model.connections_failed("main", id, kind, count, now);
    }
    bool set(const std::string& id, AdminState state) {
        return model.set_admin_state("main", id, state, now);
    }
    bool add(const std::string& id, std::string_view address = "192.0.2.7:80",
             std::uint32_t weight = 1) {
        return model.register_servers("main", {{id, test::endpoint(address), weight}}, now);
    }
    bool move(const std::string& id, std::string_view address) {
        return model.set_address("main", id, test::endpoint(address), now);
    }

    // "a online 1000 up, b offline 1000 awaits"
    std::string shown() const {
        std::string text;
        const Model::Servers servers = model.servers(now).at("main");
        for (const auto& [id, server] : servers) {
            text += text.empty() ? "" : ", ";
            text += id + (server.status == ModelServer::Status::online    ? " online "
                          : server.status == ModelServer::Status::offline ? " offline "
                                                                          : " draining ");
            text += std::to_string(server.ramp);
            text += server.awaits_check ? " awaits" : server.up ? " up" : " down";
        }
        return text;
    }
    // "a 192.0.2.1:80 x1 file, ..."
    std::string wanted() const {
        std::string text;
        const Model::Servers servers = model.servers(now).at("main");
        for (const auto& [id, server] : servers) {
            text += text.empty() ? "" : ", ";
            text += id + " " + server.address.to_string() + " x" + std::to_string(server.weight) +
                    (server.runtime ? " runtime" : " file");
        }
        return text;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(model_of_servers, Bench)

BOOST_AUTO_TEST_CASE(the_file_and_the_overrides_meet_by_six_rules) {
    pool.servers[0].max_connections = 7;
    reload();
    // 1
    BOOST_TEST(add("r", "192.0.2.7:80", 2));
    BOOST_TEST(wanted() ==
               "a 192.0.2.1:80 x1 file, b 192.0.2.2:80 x1 file, r 192.0.2.7:80 x2 runtime");
    // 2
    BOOST_TEST(model.unregister_server("main", "a", now));
    BOOST_TEST(add("a", "192.0.2.9:80", 5));
    BOOST_TEST(model.servers(now).at("main").at("a").max_connections == 7u);
    BOOST_TEST(wanted() ==
               "a 192.0.2.9:80 x5 runtime, b 192.0.2.2:80 x1 file, r 192.0.2.7:80 x2 runtime");
    reload();
    BOOST_TEST(wanted() ==
               "a 192.0.2.1:80 x1 file, b 192.0.2.2:80 x1 file, r 192.0.2.7:80 x2 runtime");
    // 3
    BOOST_TEST(model.unregister_server("main", "b", now));
    model.restart(config({pool}), now);
    BOOST_TEST(wanted() == "a 192.0.2.1:80 x1 file, r 192.0.2.7:80 x2 runtime");
    const conf::Server b = pool.servers.back();
    pool.servers.pop_back();
    reload();
    pool.servers.push_back(b);
    reload();
    BOOST_TEST(wanted() ==
               "a 192.0.2.1:80 x1 file, b 192.0.2.2:80 x1 file, r 192.0.2.7:80 x2 runtime");
    // 4
    BOOST_TEST(set("a", AdminState::drain));
    BOOST_TEST(model.set_weight("main", "a", 3, now));
    BOOST_TEST(model.set_weight("main", "r", 4, now));
    reload();
    BOOST_TEST(shown() == "a draining 1000 up, b online 1000 up, r online 1000 up");
    BOOST_TEST(wanted() ==
               "a 192.0.2.1:80 x3 file, b 192.0.2.2:80 x1 file, r 192.0.2.7:80 x4 runtime");
    // 5
    const auto overrides = model.overrides();
    model.reload(config({}), now);
    BOOST_TEST(model.servers(now).empty());
    BOOST_TEST(!add("s"));
    BOOST_TEST((model.overrides() == overrides));
    reload();
    BOOST_TEST(shown() == "a draining 1000 up, b online 1000 up, r online 1000 up");
    // 6
    BOOST_TEST(model.forget("main", "a", now));
    BOOST_TEST(model.forget("main", "r", now));
    BOOST_TEST(!model.forget("main", "a", now));
    BOOST_TEST(wanted() == "a 192.0.2.1:80 x1 file, b 192.0.2.2:80 x1 file");
    BOOST_TEST(model.overrides().empty());
}

BOOST_AUTO_TEST_CASE(what_is_refused_changes_nothing) {
    pool.hash.vnodes = 16'384;
    reload();
    for (const auto* id : {"", "a\nb", "\xff", "a"}) BOOST_TEST(!add(id));
    BOOST_TEST(!add(std::string(256, 'x')));
    BOOST_TEST(!add("r", "192.0.2.7:80", 1'001));
    BOOST_TEST(!add("r", "192.0.2.7:80", 1'000 + 23));
    BOOST_TEST(!model.set_weight("main", "z", 1, now));
    BOOST_TEST(!set("z", AdminState::drain));
    BOOST_TEST(!model.clear("main", "z", now));
    const Model::Registration r{"r", test::endpoint("192.0.2.7:80"), 1};
    BOOST_TEST(!model.register_servers("main", {r, r}, now));
    BOOST_TEST(model.overrides().empty());
    // 1,024 of weight is 2^24 points.
    BOOST_TEST(model.set_weight("main", "a", 1'000, now));
    BOOST_TEST(add("r", "192.0.2.7:80", 23));
    BOOST_TEST(!model.set_weight("main", "b", 2, now));
    pool.hash.vnodes = 16'385;
    BOOST_TEST(!model.fits(config({pool})));
    pool.hash.algorithm = conf::HashSettings::Algorithm::maglev;
    BOOST_TEST(model.fits(config({pool})));
}

BOOST_AUTO_TEST_CASE(the_first_check_decides_and_then_rise_and_fall_in_a_row) {
    check();
    reload();
    checked("a", {false});
    checked("b", {true, false, false, true, false, false});
    BOOST_TEST(shown() == "a offline 1000 down, b online 1000 up");
    checked("a", {true, false, true});
    checked("b", {false});
    BOOST_TEST(shown() == "a offline 1000 down, b offline 1000 down");
    checked("a", {true});
    BOOST_TEST(shown() == "a online 1000 up, b offline 1000 down");
    // A server at a new address is new to its checks.
    BOOST_TEST(move("b", "192.0.2.9:80"));
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
    checked("b", {false});
    BOOST_TEST(model.clear("main", "b", now));
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
}

BOOST_AUTO_TEST_CASE(with_initial_down_a_new_server_waits_for_its_first_check) {
    wait_for_checks();
    pool.panic = 1;
    reload();
    BOOST_TEST(shown() == "a offline 1000 awaits, b offline 1000 awaits");
    BOOST_TEST(!model.panics("main"));
    checked("a", {true});
    checked("b", {false});
    BOOST_TEST(model.panics("main"));
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 down");
    BOOST_TEST(move("a", "192.0.2.9:80"));
    BOOST_TEST(add("r"));
    BOOST_TEST(shown() == "a offline 1000 awaits, b online 1000 down, r offline 1000 awaits");
    // So does one whose checks go elsewhere meanwhile.
    pool.servers[0].check_address = test::endpoint("192.0.2.50:81");
    reload();
    BOOST_TEST(shown() == "a offline 1000 awaits, b online 1000 down, r offline 1000 awaits");
    BOOST_TEST(move("b", "192.0.2.8:80"));
    BOOST_TEST(shown() == "a offline 1000 awaits, b offline 1000 awaits, r offline 1000 awaits");
    check(Initial::up);
    reload();
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up, r online 1000 up");
}

BOOST_AUTO_TEST_CASE(a_server_at_a_new_address_is_new_to_checks_that_go_to_another_machine) {
    wait_for_checks();
    pool.servers[0].check_address = test::endpoint("192.0.2.50:81");
    reload();
    checked("a", {true});
    BOOST_TEST(move("a", "192.0.2.9:80"));
    BOOST_TEST(shown() == "a offline 1000 awaits, b offline 1000 awaits");
}

BOOST_AUTO_TEST_CASE(failures_in_a_row_are_a_time_out_that_doubles) {
    watch();
    reload();
    failed("a", 2);
    passes(10s);
    failed("a", 1);
    BOOST_TEST(shown() == "a offline 1000 down, b online 1000 up");
    for (const auto lasts : {5s, 10s, 20s, 30s, 30s}) {
        BOOST_CHECK(*model.next_step(now) == now + lasts);
        passes(lasts - 1ms);
        BOOST_TEST(shown() == "a offline 1000 down, b online 1000 up");
        passes(1ms);
        BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
        failed("a", 3);
    }
    passes(30s + 30s);  // back for as long as the last
    failed("a", 3);
    BOOST_CHECK(*model.next_step(now) == now + 5s);
    pool.passive->retry = 1s;
    reload();
    passes(1s);
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
    BOOST_CHECK(*model.next_step(now - 10ms) == now);
}

BOOST_AUTO_TEST_CASE(successes_time_kinds_and_administrators_keep_failures_apart) {
    watch();
    reload();
    failed("a", 2);
    failed("a", 2, Failure::early_reset);
    model.connection_served("main", "a", false);
    failed("a", 2);
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
    passes(10'001ms);
    failed("a", 2);
    failed("a", 2, Failure::early_reset);
    BOOST_TEST(set("a", AdminState::online));
    failed("a", 9);
    BOOST_TEST(set("a", AdminState::automatic));
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
    failed("a", 1, Failure::early_reset);
    BOOST_TEST(shown() == "a offline 1000 down, b online 1000 up");
    BOOST_TEST(model.clear("main", "a", now));
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
}

BOOST_AUTO_TEST_CASE(checks_end_a_time_out_where_there_are_any) {
    watch(1);
    reload();
    failed("a", 1);
    check();
    reload();
    passes(1h);
    checked("a", {true});
    BOOST_TEST(shown() == "a offline 1000 down, b online 1000 up");
    checked("a", {true});
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
    failed("a", 1);
    failed("b", 1);
    checked("a", {false});
    pool.health.reset();
    reload();  // the time-outs go on
    BOOST_TEST(shown() == "a offline 1000 down, b offline 1000 down");
    passes(5s);
    BOOST_TEST(shown() == "a offline 1000 down, b online 1000 up");
    passes(5s);  // the second of a
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
    failed("a", 1);
    BOOST_TEST(move("a", "192.0.2.9:80"));
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
}

BOOST_AUTO_TEST_CASE(below_the_threshold_conditions_are_ignored_and_admin_states_are_not) {
    check();
    pool.panic = 0.5;
    for (const auto* id : {"c", "d"}) pool.servers.push_back(server(id));
    pool.servers.push_back(server("idle", "192.0.2.1:80", 0));
    reload();
    set("d", AdminState::offline);
    checked("a", {false});
    BOOST_TEST(!model.panics("main"));
    checked("b", {false});
    BOOST_TEST(model.panics("main"));
    BOOST_TEST(shown() ==
               "a online 1000 down, b online 1000 down, c online 1000 up, "
               "d offline 1000 up, idle online 1000 up");
}

// Less than the share is up, not as much.
BOOST_AUTO_TEST_CASE(seven_of_25_servers_are_not_less_than_28_hundredths) {
    check();
    pool.panic = 0.28;
    pool.servers.clear();
    for (int i = 0; i < 25; ++i) pool.servers.push_back(server("s" + std::to_string(i)));
    reload();
    for (int i = 7; i < 25; ++i) checked("s" + std::to_string(i), {false});
    BOOST_TEST(!model.panics("main"));
    checked("s0", {false, false, false});
    BOOST_TEST(model.panics("main"));
}

BOOST_AUTO_TEST_CASE(who_is_new_or_back_gets_its_points_in_20_steps) {
    check();
    pool.slow_start = 30s;
    reload();
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
    BOOST_TEST(add("r"));
    checked("a", {false, true, true});
    BOOST_TEST(shown() == "a online 50 up, b online 1000 up, r online 50 up");
    BOOST_CHECK(*model.next_step(now) == now + 1500ms);
    passes(1499ms);
    BOOST_TEST(shown() == "a online 50 up, b online 1000 up, r online 50 up");
    passes(1ms);
    BOOST_TEST(shown() == "a online 100 up, b online 1000 up, r online 100 up");
    pool.slow_start = 3s;
    reload();
    BOOST_TEST(shown() == "a online 550 up, b online 1000 up, r online 550 up");
    passes(1350ms);
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up, r online 1000 up");
    passes(model.lateness);
    pool.slow_start = 1h;
    reload();
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up, r online 1000 up");
    set("b", AdminState::drain);
    BOOST_TEST(shown() == "a online 1000 up, b draining 1000 up, r online 1000 up");
    set("b", AdminState::automatic);
    BOOST_TEST(shown() == "a online 1000 up, b online 50 up, r online 1000 up");
    pool.slow_start = 0s;
    reload();
    BOOST_TEST(!model.next_step(now));
}

BOOST_AUTO_TEST_CASE(no_slow_start_of_a_whole_pool_or_in_a_panic) {
    wait_for_checks();
    pool.slow_start = 1h;
    reload();
    checked("a", {true});
    pool.health.reset();  // the other waits no more
    reload();
    BOOST_TEST(shown() == "a online 1000 up, b online 1000 up");
    check();
    pool.panic = 1;
    reload();
    checked("a", {false});
    BOOST_TEST(shown() == "a online 1000 down, b online 1000 up");
    set("b", AdminState::offline);
    set("b", AdminState::automatic);
    BOOST_TEST(shown() == "a online 1000 down, b online 1000 up");
    pool.servers.clear();
    pool.health.reset();
    reload();
    const auto address = test::endpoint("192.0.2.7:80");
    BOOST_TEST(model.register_servers("main", {{"r", address}, {"s", address}}, now));
    BOOST_TEST(shown() == "r online 1000 up, s online 1000 up");
}

BOOST_AUTO_TEST_SUITE_END()
