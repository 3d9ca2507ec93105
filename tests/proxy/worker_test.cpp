// A worker as control sees it, and as the kernel treats it in hard times.
#include "proxy/data/worker.h"

#include <sys/resource.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/syscalls.h"
#include "tests/proxy/worker_rig.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Fd;
using proxy::ListenerCounts;
using proxy::ServerCounts;
using test::keyed_by_first_line;
using test::WorkerRig;
namespace syscalls = test::syscalls;

namespace {

// Takes every descriptor that this process may still have.
class NoDescriptors {
public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit few = before_;
        few.rlim_cur = test::open_descriptors() + 64;
        BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
        for (Fd fd(::dup(0)); fd; fd = Fd(::dup(0))) taken_.push_back(std::move(fd));
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

private:
    rlimit before_{};
    std::vector<Fd> taken_;
};

bool is_served(const Fd& client, const Fd& server) {
    test::send_all(client, "ping");
    test::send_all(server, "pong");
    return test::receive(server, 4) == "ping" && test::receive(client, 4) == "pong";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(worker)

BOOST_AUTO_TEST_CASE(what_waits_in_the_queue_of_a_socket_that_is_given_up_is_served) {
    WorkerRig rig({.running = false});
    rig.add_server("a");
    const Fd first = rig.connect();
    const Fd second = rig.connect();
    auto open = std::make_shared<int>();
    const std::weak_ptr<int> still_open = open;
    rig.worker().unlisten("front", std::move(open));
    rig.worker().run();
    const Fd first_server = rig.accept("a");
    const Fd second_server = rig.accept("a");
    BOOST_TEST(is_served(first, first_server));
    BOOST_TEST(is_served(second, second_server));
    BOOST_TEST(test::eventually([&] { return still_open.expired(); }));
    BOOST_TEST(test::is_refused(rig.address()));
}

BOOST_AUTO_TEST_CASE(a_new_intake_is_for_new_connections) {
    WorkerRig rig;
    rig.add_server("a");
    const Fd before = rig.connect();
    const Fd before_server = rig.accept("a");

    const Fd other = test::listening_socket();
    auto balancer = std::make_shared<ring::Balancer>(ring::Settings{.vnodes = 8});
    const auto server = std::make_shared<proxy::Server>(proxy::Server{
        "z", test::local_endpoint(other), std::make_shared<proxy::PerWorker<ServerCounts>>(1)});
    balancer->register_server({.id = "z", .context = server});
    rig.worker().take_up("front", rig.intake(balancer));

    // The worker may be accepting when the command comes.
    BOOST_TEST(test::eventually([&] {
        const Fd after = rig.connect();
        test::eventually([&] { return rig.was_dialled("a") || test::ready(other, POLLIN, 0ms); });
        if (rig.was_dialled("a")) return !rig.accept("a");
        const Fd after_server = test::accepted_socket(other);
        return is_served(after, after_server);
    }));
    BOOST_TEST(is_served(before, before_server));
}

BOOST_AUTO_TEST_CASE(a_drain_serves_the_queue_and_ends_with_the_last_connection) {
    WorkerRig rig({.running = false});
    rig.add_server("a");
    Fd client = rig.connect();
    std::atomic<bool> empty = false;
    rig.worker().drain([&] { empty = true; });
    rig.worker().run();
    Fd server = rig.accept("a");
    BOOST_TEST(is_served(client, server));
    BOOST_TEST(!empty);
    BOOST_TEST(test::is_refused(rig.address()));
    client.close();
    server.close();
    BOOST_TEST(test::eventually([&] { return empty.load(); }));
    BOOST_TEST(rig.ended("done"));
    BOOST_TEST(rig.is_idle());
}

BOOST_AUTO_TEST_CASE(a_drain_without_connections_ends_at_once) {
    WorkerRig rig;
    std::atomic<int> empty = 0;
    rig.worker().drain([&] { ++empty; });
    BOOST_TEST(test::eventually([&] { return empty == 1; }));
}

BOOST_AUTO_TEST_CASE(stop_resets_what_is_left_in_every_state) {
    const std::size_t descriptors = test::open_descriptors();
    {
        WorkerRig rig(keyed_by_first_line());
        rig.add_server("a");
        const Fd waits_for_key = rig.connect();
        const Fd relays = rig.connect();
        test::send_all(relays, "key\n");
        const Fd server = rig.accept("a");
        BOOST_TEST(test::eventually([&] { return rig.count(&ListenerCounts::active) == 2; }));
        rig.worker().stop();
        rig.worker().join();
        BOOST_TEST(test::was_reset(test::receive_to_end(waits_for_key)));
        BOOST_TEST(test::was_reset(test::receive_to_end(relays)));
        BOOST_TEST(test::receive(server, 4) == "key\n");
        BOOST_TEST(test::was_reset(test::receive_to_end(server)));
        BOOST_TEST(rig.count(&ListenerCounts::active) == 0u);
        BOOST_TEST(rig.count("a", &ServerCounts::active) == 0u);
        BOOST_TEST(rig.ended("shutdown", 2));
    }
    BOOST_TEST(test::open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_CASE(a_worker_that_never_ran_frees_what_it_was_given) {
    const std::size_t descriptors = test::open_descriptors();
    { const WorkerRig rig({.running = false}); }
    BOOST_TEST(test::open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_CASE(many_connections_at_once_are_each_served_and_all_freed) {
    WorkerRig rig;
    rig.add_server("a");
    std::vector<std::pair<Fd, Fd>> pairs;
    for (int i = 0; i < 300; ++i) {
        Fd client = rig.connect();
        pairs.emplace_back(std::move(client), rig.accept("a"));
    }
    BOOST_TEST(rig.count("a", &ServerCounts::active) == 300u);
    for (const auto& [client, server] : pairs) BOOST_TEST(is_served(client, server));
    pairs.clear();
    BOOST_TEST(rig.is_idle());
    BOOST_TEST(rig.count("a", &ServerCounts::total) == 300u);
}

BOOST_AUTO_TEST_CASE(accepting_pauses_without_descriptors_and_resumes_while_traffic_goes_on) {
    WorkerRig rig;
    rig.add_server("a");
    const Fd live = rig.connect();
    const Fd live_server = rig.accept("a");
    std::vector<Fd> clients;
    {
        const proxy::SocketAddress to(rig.address());
        for (int i = 0; i < 5; ++i) {
            clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        }
        const NoDescriptors none;
        for (const Fd& client : clients) {
            BOOST_TEST(::connect(client.get(), &to.any, to.size) == 0);
        }
        BOOST_TEST(rig.log().has("listener front: accepting pauses"));
        BOOST_TEST(is_served(live, live_server));
        BOOST_TEST(rig.count(&ListenerCounts::accepted) == 1u);
    }
    for (std::size_t i = 0; i < clients.size(); ++i) BOOST_TEST(!!rig.accept("a"));
    BOOST_TEST(rig.count(&ListenerCounts::refused) == 0u);
}

BOOST_AUTO_TEST_CASE(clients_that_come_one_by_one_are_taken_by_one_call_each) {
    WorkerRig rig;
    rig.add_server("a");
    constexpr unsigned clients = 10;
    const std::uint64_t before = syscalls::accepts;
    for (unsigned i = 0; i < clients; ++i) {
        const Fd client = rig.connect();
        const Fd server = rig.accept("a");
        BOOST_TEST(is_served(client, server));
    }
    // One call of the worker, and one of the server that the test plays.
    BOOST_TEST(syscalls::accepts - before == 2 * clients);
}

BOOST_AUTO_TEST_CASE(streams_go_on_where_io_uring_fails_and_the_log_tells_once) {
    if (test::batch_of_engine() == nullptr) return;
    WorkerRig rig;
    rig.add_server("a");
    std::vector<test::TcpPair> pairs;
    for (int i = 0; i < 2; ++i) {
        Fd client = rig.connect();
        pairs.push_back({std::move(client), rig.accept("a")});
        BOOST_TEST(is_served(pairs.back().near, pairs.back().far));
    }
    for (const std::string bytes : {"first", "second"}) {
        // Both have bytes in one round: the worker is held meanwhile.
        std::promise<void> held;
        std::promise<void> sent;
        rig.worker().ask([&held, is_sent = sent.get_future().share()] {
            held.set_value();
            is_sent.wait();
        });
        held.get_future().wait();
        for (const auto& pair : pairs) test::send_all(pair.near, bytes);
        for (const auto& pair : pairs) test::await_delivery(pair.near);
        syscalls::ring_error_once = ENOMEM;
        sent.set_value();
        for (const auto& pair : pairs) BOOST_TEST(test::receive(pair.far, bytes.size()) == bytes);
    }
    syscalls::ring_error_once = 0;
    const std::string told =
        "worker-0: io_uring has failed, plain calls take its place: "
        "Cannot allocate memory";
    BOOST_TEST(rig.log().has(told));
    BOOST_TEST(rig.log().count(told) == 1U);
    BOOST_TEST(rig.worker().io_uring_failure() == ENOMEM);
}

BOOST_AUTO_TEST_CASE(a_pause_does_not_spin) {
    WorkerRig rig;
    rig.add_server("a");
    const auto begin = proxy::Clock::now();
    const std::uint64_t before = syscalls::accepts;
    Fd client;
    {
        const syscalls::Refusal none(syscalls::accept_error, EMFILE);
        client = rig.connect();
        BOOST_TEST(test::eventually([&] { return syscalls::accepts - before >= 4; }));
        const auto tries = static_cast<std::int64_t>(syscalls::accepts - before);
        const auto pauses = (proxy::Clock::now() - begin) / 100ms;
        BOOST_TEST(tries <= pauses + 2);
    }
    const Fd server = rig.accept("a");
    BOOST_TEST(is_served(client, server));
    BOOST_TEST(rig.log().count("accepting pauses") == 1u);
}

// What comes beyond a limit waits in the queue of the kernel.
BOOST_AUTO_TEST_CASE(accepting_pauses_at_a_limit_and_resumes_when_a_place_is_free) {
    for (const bool of_listener : {true, false}) {
        WorkerRig rig(of_listener ? test::RigSettings{.listener_limit = 2}
                                  : test::RigSettings{.total_limit = 2});
        rig.add_server("a");
        const Fd first = rig.connect();
        Fd first_server = rig.accept("a");
        const Fd second = rig.connect();
        const Fd second_server = rig.accept("a");
        const Fd third = rig.connect();
        BOOST_TEST(rig.log().has("the limit of connections is reached"));
        BOOST_TEST(!rig.was_dialled("a"));
        BOOST_TEST(rig.count(&ListenerCounts::accepted) == 2u);
        BOOST_TEST(is_served(second, second_server));
        first_server.close_with_reset();
        const Fd third_server = rig.accept("a");
        BOOST_TEST(is_served(third, third_server));
    }
}

BOOST_AUTO_TEST_CASE(a_higher_limit_counts_at_once_and_a_lower_one_cuts_nobody) {
    WorkerRig rig({.listener_limit = 1});
    rig.add_server("a");
    const Fd first = rig.connect();
    const Fd first_server = rig.accept("a");
    const Fd second = rig.connect();
    BOOST_TEST(rig.log().has("the limit of connections is reached"));
    rig.quota().set_limit(2);
    const Fd second_server = rig.accept("a");
    rig.quota().set_limit(1);
    BOOST_TEST(is_served(first, first_server));
    BOOST_TEST(is_served(second, second_server));
}

BOOST_AUTO_TEST_CASE(a_dial_without_descriptors_waits_for_one_and_blames_no_server) {
    WorkerRig rig(keyed_by_first_line());
    rig.add_server("a");
    const Fd client = rig.connect();
    BOOST_TEST(test::eventually([&] { return rig.count(&ListenerCounts::active) == 1; }));
    {
        const syscalls::Refusal none(syscalls::socket_error, EMFILE);
        test::send_all(client, "key\n");
        BOOST_TEST(test::eventually([&] { return rig.count("a", &ServerCounts::active) == 1; }));
        BOOST_TEST(!test::ready(client, POLLIN, 150ms));
    }
    const Fd server = rig.accept("a");
    BOOST_TEST(test::receive(server, 4) == "key\n");
    BOOST_TEST(is_served(client, server));
    BOOST_TEST(rig.count("a", &ServerCounts::connect_failures) == 0u);
}

BOOST_AUTO_TEST_CASE(a_dial_that_finds_no_descriptor_in_time_ends_the_connection) {
    auto settings = keyed_by_first_line();
    settings.connect.timeout = 150ms;
    WorkerRig rig(settings);
    rig.add_server("a");
    const Fd client = rig.connect();
    BOOST_TEST(test::eventually([&] { return rig.count(&ListenerCounts::active) == 1; }));
    const syscalls::Refusal none(syscalls::socket_error, ENFILE);
    test::send_all(client, "key\n");
    BOOST_TEST(test::was_reset(test::receive_to_end(client)));
    BOOST_TEST(rig.ended("local_error"));
    BOOST_TEST(rig.count("a", &ServerCounts::connect_failures) == 0u);
    BOOST_TEST(rig.is_idle());
}

BOOST_AUTO_TEST_CASE(a_dial_without_local_ports_goes_on_to_the_next_and_blames_no_server) {
    WorkerRig rig(keyed_by_first_line());
    rig.add_server("a");
    rig.add_server("b");
    const Fd client = rig.connect();
    BOOST_TEST(test::eventually([&] { return rig.count(&ListenerCounts::active) == 1; }));
    const syscalls::Refusal none(syscalls::socket_error, EADDRNOTAVAIL);
    test::send_all(client, "key\n");
    BOOST_TEST(test::was_reset(test::receive_to_end(client)));
    BOOST_TEST(rig.log().has(" attempts=2 "));
    for (const auto* id : {"a", "b"}) {
        BOOST_TEST(rig.count(id, &ServerCounts::connect_failures) == 0u);
    }
}

BOOST_AUTO_TEST_CASE(a_socket_that_the_kernel_will_not_watch_is_reset) {
    WorkerRig rig;
    rig.add_server("a");
    {
        const syscalls::Refusal none(syscalls::watch_error, ENOSPC);
        const Fd client = rig.connect();
        BOOST_TEST(test::was_reset(test::receive_to_end(client)));
        BOOST_TEST(rig.ended("local_error"));
    }
    const Fd client = rig.connect();
    const Fd server = rig.accept("a");
    BOOST_TEST(is_served(client, server));
}

BOOST_AUTO_TEST_SUITE_END()
