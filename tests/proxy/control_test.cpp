// The control thread from its start to its end, by real signals.
#include "proxy/control/control.h"
#include "proxy/admin/admin.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/control/descriptors.h"
#include "proxy/net/listen_sockets.h"
#include "tests/proxy/control_rig.h"
#include "tests/proxy/syscalls.h"
#include "tests/proxy/unix_client.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Fd;
using test::UnixClient;
namespace json = boost::json;

namespace {

// A Control that runs on a thread of its own until signals end it.
class Fixture : protected test::ControlRig {
public:
    ~Fixture() {
        if (thread_.joinable()) end();
    }

protected:
    void start() {
        control.emplace(file(), parsed(), log().writer());
        thread_ = std::thread([this] {
            served = proxy::serve(*control);
            running = false;
        });
        BOOST_REQUIRE(log().has(" ready: "));
    }
    static void signal(int number) { ::kill(::getpid(), number); }
    bool has_stopped() {
        return test::eventually([&] { return !running; });
    }
    // At once, without waiting for anything.
    void end() {
        for (; running; std::this_thread::sleep_for(10ms)) signal(SIGTERM);
        thread_.join();
    }

    // A client whose connection is relayed, and the server's end of it.
    test::TcpPair relayed() const {
        Fd client = test::connected_socket(bind());
        test::send_all(client, "key\n");
        BOOST_REQUIRE(test::eventually(
            [&] { return test::ready(a, POLLIN, 0ms) || test::ready(b, POLLIN, 0ms); }));
        Fd server = test::accepted_socket(test::ready(a, POLLIN, 0ms) ? a : b);
        BOOST_REQUIRE(test::receive(server, 4) == "key\n");
        return {std::move(client), std::move(server)};
    }

    std::optional<proxy::Control> control;
    Result<void> served;
    std::atomic<bool> running = true;

private:
    std::thread thread_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(control, Fixture)

BOOST_AUTO_TEST_CASE(it_serves_until_a_signal_ends_it) {
    start();
    {
        const auto pair = relayed();
        BOOST_TEST(UnixClient(admin_path()).ask("status").find("\"active\":1") !=
                   std::string::npos);
    }
    signal(SIGTERM);
    BOOST_TEST(has_stopped());
    BOOST_TEST(served.has_value());
    BOOST_TEST(test::is_refused(bind()));
    BOOST_TEST(!std::filesystem::exists(admin_path()));
}

BOOST_AUTO_TEST_CASE(a_drain_lets_connections_end_and_takes_no_more) {
    start();
    auto pair = relayed();
    signal(SIGTERM);
    BOOST_TEST(log().has("draining"));
    BOOST_TEST(test::eventually([&] { return test::is_refused(bind()); }));
    test::send_all(pair.far, "answer");
    BOOST_TEST(test::receive(pair.near, 6) == "answer");
    BOOST_TEST(running);
    pair.near.close();
    pair.far.close();
    BOOST_TEST(has_stopped());
    BOOST_TEST(log().has("end=done"));
}

BOOST_AUTO_TEST_CASE(nothing_is_changed_by_a_reload_during_a_drain) {
    start();
    auto pair = relayed();
    signal(SIGTERM);
    BOOST_TEST(log().has("draining"));
    const auto answer = json::parse(UnixClient(admin_path()).ask("reload")).as_object();
    BOOST_TEST(answer.at("ok") == false);
    signal(SIGHUP);
    test::send_all(pair.near, "still there");
    BOOST_TEST(test::receive(pair.far, 11) == "still there");
    BOOST_TEST(log().count("reload: ok") == 0u);
}

BOOST_AUTO_TEST_CASE(a_second_signal_stops_at_once_with_resets) {
    start();
    const auto pair = relayed();
    signal(SIGTERM);
    BOOST_TEST(log().has("draining"));
    signal(SIGTERM);
    BOOST_TEST(has_stopped());
    BOOST_TEST(test::was_reset(test::receive_to_end(pair.near)));
    BOOST_TEST(test::was_reset(test::receive_to_end(pair.far)));
    BOOST_TEST(log().has("end=shutdown"));
}

BOOST_AUTO_TEST_CASE(before_a_drain_clients_are_accepted_for_its_delay) {
    write(yaml("", "drain_delay: 300ms\n"));
    start();
    auto pair = relayed();
    signal(SIGTERM);
    BOOST_TEST(log().has("draining in 300 ms"));
    BOOST_TEST(log().has("drain_delay has passed: draining"));
    BOOST_TEST(test::eventually([&] { return test::is_refused(bind()); }));
    test::send_all(pair.far, "answer");
    BOOST_TEST(test::receive(pair.near, 6) == "answer");
    pair.near.close();
    pair.far.close();
    BOOST_TEST(has_stopped());
    BOOST_TEST(served.has_value());
}

BOOST_AUTO_TEST_CASE(each_signal_in_a_delay_goes_one_step_further) {
    write(yaml("", "drain_delay: 24h\n"));
    start();
    const auto pair = relayed();
    signal(SIGTERM);
    BOOST_TEST(log().has("draining in 86400000 ms"));
    // Not ready, and no changes any more; but new clients are still served.
    const auto status = json::parse(UnixClient(admin_path()).ask("status")).as_object();
    BOOST_TEST(status.at("not_ready") == "about to drain");
    const auto answer = json::parse(UnixClient(admin_path()).ask("reload")).as_object();
    BOOST_TEST(answer.at("ok") == false);
    signal(SIGHUP);
    {
        const auto late = relayed();
        test::send_all(late.near, "hello");
        BOOST_TEST(test::receive(late.far, 5) == "hello");
    }
    signal(SIGTERM);
    BOOST_TEST(test::eventually([&] { return test::is_refused(bind()); }));
    BOOST_TEST(running);
    test::send_all(pair.near, "still there");
    BOOST_TEST(test::receive(pair.far, 11) == "still there");
    signal(SIGINT);
    BOOST_TEST(has_stopped());
    BOOST_TEST(test::was_reset(test::receive_to_end(pair.near)));
    BOOST_TEST(log().count("reload: ok") == 0u);
}

BOOST_AUTO_TEST_CASE(readiness_depends_on_the_pools_that_the_file_names) {
    const auto why = [&] {
        const auto status = json::parse(UnixClient(admin_path()).ask("status")).as_object();
        return status.at("not_ready").is_null() ? std::string()
                                                : std::string(status.at("not_ready").as_string());
    };
    const auto with_ready = [&](const std::string& list) {
        std::string text = yaml("", "  empty: {}\n");
        const std::string admin = admin_path() + '"';
        return text.insert(text.find(admin) + admin.size(), list);
    };
    write(with_ready(""));
    start();
    BOOST_TEST(why() == "");  // no listener uses the empty one
    const auto reload_well = [&](const std::string& text) {
        write(text);
        const auto answer = json::parse(UnixClient(admin_path()).ask("reload")).as_object();
        BOOST_TEST(answer.at("ok") == true);
    };
    reload_well(with_ready(", ready: [main, empty]"));
    BOOST_TEST(why() == "pool empty has no server online");
    reload_well(with_ready(", ready: [main]"));
    BOOST_TEST(why() == "");
    UnixClient(admin_path()).ask("offline main a");
    UnixClient(admin_path()).ask("offline main b");
    BOOST_TEST(why() == "pool main has no server online");
    reload_well(with_ready(", ready: []"));
    BOOST_TEST(why() == "");
    reload_well(with_ready(""));
    BOOST_TEST(why() == "pool main has no server online");
}

BOOST_AUTO_TEST_CASE(a_drain_ends_with_its_timeout) {
    write(yaml("", "drain_timeout: 100ms\n"));
    start();
    const auto pair = relayed();
    signal(SIGTERM);
    BOOST_TEST(has_stopped());
    BOOST_TEST(test::was_reset(test::receive_to_end(pair.near)));
    BOOST_TEST(log().has("drain_timeout: connections in progress are reset within 25 ms"));
}

BOOST_AUTO_TEST_CASE(a_hangup_reloads_the_file_and_cuts_nobody) {
    start();
    const auto pair = relayed();
    write(yaml("      - {id: c, address: \"192.0.2.3:80\"}\n"));
    signal(SIGHUP);
    BOOST_TEST(log().has("reload: + pools.main.servers.c: "));
    write("version: 1\nnonsense: true\n");
    signal(SIGHUP);
    BOOST_TEST(log().has("reload: refused"));
    BOOST_TEST(log().has(file() + ":2:1: nonsense: "));
    test::send_all(pair.near, "still there");
    BOOST_TEST(test::receive(pair.far, 11) == "still there");
    const auto status = json::parse(UnixClient(admin_path()).ask("status")).as_object();
    BOOST_TEST(status.at("generation") == 2);
    BOOST_TEST(status.at("config").at("failed_reloads") == 1);
}

BOOST_AUTO_TEST_CASE(a_reload_is_over_when_no_worker_accepts_by_what_was_before) {
    const test::ReservedPort elsewhere;
    std::string moved = yaml("", "log: {level: debug}\n");
    write(moved);
    start();
    const std::string from = bind().to_string();
    write(moved.replace(moved.find(from), from.size(), elsewhere.endpoint().to_string()));
    const auto reloads = [&] {
        const auto status = json::parse(UnixClient(admin_path()).ask("status")).as_object();
        return status.at("config").at("reloads").to_number<int>();
    };
    {
        const auto accepts = test::syscalls::accepts.load();
        const test::syscalls::HeldAccepts held;
        const Fd client = test::connected_socket(bind());
        BOOST_TEST(test::eventually([&] { return test::syscalls::accepts > accepts; }));
        signal(SIGHUP);
        BOOST_TEST(log().has("debug configuration: listeners changed, "));
        BOOST_TEST(reloads() == 0);
    }
    BOOST_TEST(test::eventually([&] { return reloads() == 1; }));
    BOOST_TEST(test::is_refused(bind()));
    BOOST_TEST(!test::is_refused(elsewhere.endpoint()));
}

BOOST_AUTO_TEST_CASE(what_cannot_begin_says_why_and_leaves_nothing) {
    const std::size_t descriptors = test::open_descriptors();
    {
        const auto others = proxy::open_listen_sockets(bind(), 1);
        proxy::Control other(file(), parsed(), log().writer());
        const auto why = proxy::serve(other).error().text;
        BOOST_TEST(why == "listener front: cannot listen on " + bind().to_string() +
                              ": Address already in use");
    }
    BOOST_TEST(test::open_descriptors() == descriptors);
    BOOST_TEST(!std::filesystem::exists(admin_path()));
    const Fd owner = test::unix_listener(admin_path(), 8);
    proxy::Control other(file(), parsed(), log().writer());
    BOOST_TEST(proxy::serve(other).error().text.ends_with("another process listens on it"));
}

BOOST_AUTO_TEST_CASE(descriptors_are_shared_out_within_the_limit) {
    for (const std::uint64_t limit : {20u, 256u, 1024u, 65'536u, 1'048'576u}) {
        const auto budget = proxy::share_out(limit);
        BOOST_TEST(budget.limit == limit);
        BOOST_TEST(budget.connections >= 1u);
        const std::uint64_t used = 2 * budget.connections + 2 * budget.pipes;
        BOOST_TEST(used < limit);
        BOOST_TEST(limit - used >= std::min<std::uint64_t>(limit / 8, 1024));
        BOOST_TEST(budget.connections >= limit / 3);
        // Read-only clients use a part of the reserved descriptors.
        BOOST_TEST(budget.http_clients >= 4u);
        BOOST_TEST(budget.http_clients <= std::max<std::uint64_t>(4, (limit - used) / 2));
    }
}

BOOST_AUTO_TEST_CASE(status_and_log_tell_the_engine_and_why_it_is_not_io_uring) {
    const test::syscalls::Refusal refusal(test::syscalls::ring_setup_error, EPERM);
    start();
    BOOST_TEST(log().has("engine epoll: io_uring_setup: Operation not permitted"));
    const auto status = json::parse(UnixClient(admin_path()).ask("status")).as_object();
    BOOST_TEST(status.at("engine") == json::parse(R"({"name": "epoll",
                               "reason": "io_uring_setup: Operation not permitted"})"));
    const auto pair = relayed();
}

BOOST_AUTO_TEST_CASE(epoll_that_is_wanted_has_no_reason) {
    write(yaml("", "engine: epoll\n"));
    start();
    const auto status = json::parse(UnixClient(admin_path()).ask("status")).as_object();
    BOOST_TEST(status.at("engine") == json::parse(R"({"name": "epoll", "reason": null})"));
}

BOOST_AUTO_TEST_CASE(an_engine_that_is_demanded_and_refused_stops_the_start) {
    const test::syscalls::Refusal refusal(test::syscalls::ring_setup_error, EPERM);
    write(yaml("", "engine: io_uring\n"));
    BOOST_CHECK_EXCEPTION(control.emplace(file(), parsed(), log().writer()), std::runtime_error,
                          [](const std::runtime_error& error) {
                              return std::string(error.what()) ==
                                     "engine: io_uring: io_uring_setup: Operation not permitted";
                          });
}

BOOST_AUTO_TEST_SUITE_END()
