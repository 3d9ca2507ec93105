#include "proxy/control/listeners.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/data/quota.h"
#include "proxy/net/listen_sockets.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_dir.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Fd;
using proxy::Listeners;
using test::ReservedPort;
using Strings = std::vector<std::string>;

namespace {

constexpr std::size_t worker_count = 2;

// Two pools, "red" and "blue", of one server each that the test plays itself.
struct Fixture {
    Fd red = test::listening_socket();
    Fd blue = test::listening_socket();
    ReservedPort first;
    ReservedPort second;
    boost::asio::io_context io;
    proxy::Quota total;
    std::vector<std::unique_ptr<proxy::Worker>> workers;
    proxy::Events events;
    proxy::Inline builder;
    proxy::Pools pools{io, worker_count, events, builder, {}};
    Listeners listeners{workers};

    Fixture() {
        for (std::size_t i = 0; i < worker_count; ++i) {
            workers.push_back(std::make_unique<proxy::Worker>(i, total, 4));
        }
        conf::Config config;
        config.pools = {pool("red", red), pool("blue", blue)};
        pools.apply(config);
    }

    static conf::Pool pool(const std::string& name, const Fd& socket) {
        conf::Pool made{.name = name, .hash = {.vnodes = 8}};
        made.servers.push_back({.id = name + "-1", .address = test::local_endpoint(socket)});
        return made;
    }
    static conf::Listener listener(std::string name, const conf::Endpoint& bind, std::string to) {
        return {.name = std::move(name), .bind = bind, .routes = {{.pool = std::move(to)}}};
    }

    // As a start or a reload does.
    Result<void> try_to_apply(std::vector<conf::Listener> all) {
        conf::Config config;
        config.listeners = std::move(all);
        auto opened = listeners.open(config);
        if (!opened) return opened.error();
        listeners.apply(config, std::move(*opened), pools, {});
        return {};
    }
    void apply(std::vector<conf::Listener> all) {
        const auto applied = try_to_apply(std::move(all));
        BOOST_TEST(applied.has_value(), applied.error().text);
    }
    void run_workers() {
        for (const auto& worker : workers) worker->run();
    }

    // The server's socket that a connection to `address` comes out at.
    const Fd& destination(const conf::Endpoint& address) const {
        const Fd client = test::connected_socket(address);
        test::send_all(client, "hello");
        BOOST_REQUIRE(test::eventually(
            [&] { return test::ready(red, POLLIN, 0ms) || test::ready(blue, POLLIN, 0ms); }));
        const Fd& server = test::ready(red, POLLIN, 0ms) ? red : blue;
        BOOST_REQUIRE(test::receive(test::accepted_socket(server), 5) == "hello");
        return server;
    }
    bool leads_to(const conf::Endpoint& address, const Fd& server) const {
        return &destination(address) == &server;
    }
    std::uint64_t accepted_by(const std::string& name) const {
        return sum(*listeners.all().at(name).counts, &proxy::ListenerCounts::accepted);
    }
};

conf::Endpoint with_address(conf::Endpoint endpoint, std::string_view address) {
    const std::uint16_t port = endpoint.port;
    endpoint = test::endpoint(address);
    endpoint.port = port;
    return endpoint;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(listeners, Fixture)

BOOST_AUTO_TEST_CASE(each_worker_gets_a_socket_of_its_own_on_an_address) {
    const auto sockets = proxy::open_listen_sockets(first.endpoint(), 3);
    const auto& opened = sockets.value().sockets;
    BOOST_TEST(opened.size() == 3u);
    for (const Fd& socket : opened) {
        BOOST_TEST(test::local_endpoint(socket).to_string() == first.endpoint().to_string());
        int on = 0;
        socklen_t size = sizeof on;
        // Accepted sockets inherit it.
        ::getsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, &size);
        BOOST_TEST(on != 0);
    }
}

// A client that comes before a worker runs is accepted by them too.
BOOST_AUTO_TEST_CASE(a_socket_that_listens_has_the_options_of_its_listener) {
    auto front = listener("front", first.endpoint(), "red");
    front.timeouts.keepalive = 7s;
    front.defer_accept = 3s;
    conf::Config config;
    config.listeners = {front};
    const auto listening = listeners.open(config);
    const auto& opened = listening.value();
    const auto option = [](const Fd& socket, int level, int name) {
        int value = 0;
        socklen_t size = sizeof value;
        BOOST_REQUIRE(::getsockopt(socket.get(), level, name, &value, &size) == 0);
        return value;
    };
    BOOST_TEST(opened.begin()->second.sockets.size() == worker_count);
    for (const Fd& socket : opened.begin()->second.sockets) {
        BOOST_TEST(option(socket, SOL_SOCKET, SO_KEEPALIVE) == 1);
        BOOST_TEST(option(socket, IPPROTO_TCP, TCP_KEEPIDLE) == 7);
        BOOST_TEST(option(socket, IPPROTO_TCP, TCP_DEFER_ACCEPT) == 3);
    }
}

// The kernel shares connections out by a hash of their addresses and ports.
BOOST_AUTO_TEST_CASE(the_connections_of_a_listener_spread_over_the_workers) {
    apply({listener("front", first.endpoint(), "red")});
    run_workers();
    constexpr std::uint64_t connections = 200;
    std::vector<Fd> clients;
    for (std::uint64_t i = 0; i < connections; ++i) {
        clients.push_back(test::connected_socket(first.endpoint()));
    }
    BOOST_TEST(test::eventually([&] { return accepted_by("front") == connections; }));
    for (const proxy::ListenerCounts& of_worker : *listeners.all().at("front").counts) {
        BOOST_TEST(of_worker.accepted.value() > connections / 4);
    }
}

BOOST_AUTO_TEST_CASE(a_port_is_free_until_somebody_listens_there) {
    BOOST_TEST(proxy::check_free(first.endpoint()).has_value());
    const Fd other = test::listening_socket();
    const auto free = proxy::check_free(test::local_endpoint(other));
    BOOST_TEST(free.error().text == "cannot listen on " + test::local_endpoint(other).to_string() +
                                        ": Address already in use");
}

BOOST_AUTO_TEST_CASE(a_port_in_use_refuses_by_the_name_of_the_listener) {
    const Fd other = test::listening_socket();
    const auto applied = try_to_apply({listener("front", test::local_endpoint(other), "red")});
    BOOST_TEST(applied.error().text.starts_with("listener front: cannot listen on "));
    BOOST_TEST(listeners.all().empty());
}

// Another process of the same user could share the port unnoticed.
BOOST_AUTO_TEST_CASE(a_port_that_others_would_share_is_in_use_too) {
    const auto theirs = proxy::open_listen_sockets(first.endpoint(), 1);
    BOOST_TEST(theirs.has_value());
    BOOST_TEST(try_to_apply({listener("front", first.endpoint(), "red")}).has_error());
}

BOOST_AUTO_TEST_CASE(one_refused_listener_leaves_none_open_and_those_before_as_they_were) {
    run_workers();
    apply({listener("old", first.endpoint(), "red")});
    const std::size_t descriptors = test::open_descriptors();
    const Fd other = test::listening_socket();
    const auto applied = try_to_apply({listener("new", second.endpoint(), "blue"),
                                       listener("bad", test::local_endpoint(other), "blue")});
    BOOST_TEST(applied.has_error());
    BOOST_TEST(test::open_descriptors() == descriptors + 1);
    BOOST_TEST(test::is_refused(second.endpoint()));
    BOOST_TEST(leads_to(first.endpoint(), red));
    BOOST_TEST(listeners.all().contains("old"));
    BOOST_TEST(listeners.all().size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_lives_is_counted_over_names_addresses_and_absences) {
    const auto quota_of = [&](const std::string& name) { return listeners.all().at(name).quota; };
    apply({listener("a", first.endpoint(), "red")});
    const auto quota = quota_of("a");
    const auto counts = listeners.all().at("a").counts;
    std::optional<proxy::Quota::Ticket> alive(quota->take());

    apply({listener("a", second.endpoint(), "blue")});  // another address
    BOOST_TEST(quota_of("a") == quota);
    apply({listener("b", second.endpoint(), "blue")});  // another name
    BOOST_TEST(quota_of("b") == quota);
    BOOST_TEST(listeners.all().at("b").counts == counts);
    // The free path now belongs to another process.
    apply({listener("a", first.endpoint(), "red"), listener("b", second.endpoint(), "blue")});
    BOOST_TEST(quota_of("a") != quota);
    BOOST_TEST(quota_of("b") == quota);

    apply({listener("a", first.endpoint(), "red")});  // away, and back
    apply({listener("a", first.endpoint(), "red"), listener("b", second.endpoint(), "red")});
    BOOST_TEST(quota_of("b") == quota);
    alive.reset();
    apply({listener("a", first.endpoint(), "red")});
    apply({listener("a", first.endpoint(), "red"), listener("b", second.endpoint(), "red")});
    BOOST_TEST(quota_of("b") != quota);  // no connection was left
}

BOOST_AUTO_TEST_CASE(listeners_that_swap_their_addresses_open_nothing_and_lose_nobody) {
    apply({listener("a", first.endpoint(), "red"), listener("b", second.endpoint(), "blue")});
    const std::size_t descriptors = test::open_descriptors();
    const Fd waiting = test::connected_socket(first.endpoint());
    apply({listener("a", second.endpoint(), "red"), listener("b", first.endpoint(), "blue")});
    BOOST_TEST(test::open_descriptors() == descriptors + 1);
    run_workers();
    // Who waited on the first address is served by what listens there now.
    const Fd accepted = test::accepted_socket(blue);
    test::send_all(waiting, "hello");
    BOOST_TEST(test::receive(accepted, 5) == "hello");
    BOOST_TEST(leads_to(second.endpoint(), red));
    BOOST_TEST(accepted_by("a") == 1u);
    BOOST_TEST(accepted_by("b") == 1u);
}

BOOST_AUTO_TEST_CASE(a_renamed_listener_keeps_its_queue_and_begins_new_counts) {
    apply({listener("old", first.endpoint(), "red")});
    const Fd waiting = test::connected_socket(first.endpoint());
    apply({listener("new", first.endpoint(), "red")});
    run_workers();
    const Fd server = test::accepted_socket(red);
    test::send_all(waiting, "hello");
    BOOST_TEST(test::receive(server, 5) == "hello");
    BOOST_TEST(accepted_by("new") == 1u);
}

BOOST_AUTO_TEST_CASE(a_listener_that_stays_keeps_its_counts) {
    run_workers();
    apply({listener("a", first.endpoint(), "red")});
    BOOST_TEST(leads_to(first.endpoint(), red));
    apply({listener("a", first.endpoint(), "blue")});
    // The workers take the new route when they come to it.
    std::uint64_t made = 1;
    BOOST_TEST(test::eventually([&] {
        ++made;
        return leads_to(first.endpoint(), blue);
    }));
    BOOST_TEST(accepted_by("a") == made);
}

BOOST_AUTO_TEST_CASE(a_connection_over_a_reload_keeps_no_ring_from_before) {
    run_workers();
    apply({listener("a", first.endpoint(), "red")});
    const Fd lasting = test::connected_socket(first.endpoint());
    const Fd server = test::accepted_socket(red);
    const std::weak_ptr<const ring::Snapshot> before = pools.find("red")->ring->snapshot();
    conf::Config changed;
    changed.pools = {pool("red", red), pool("blue", blue)};
    for (const std::uint32_t weight : {2U, 3U}) {  // the ring before the last is kept for its moves
        changed.pools.front().servers.front().weight = weight;
        pools.apply(changed);
    }
    apply({listener("a", first.endpoint(), "red")});
    // Each worker reads the newest ring with its next connection.
    BOOST_TEST(
        test::eventually([&] { return leads_to(first.endpoint(), red) && before.expired(); }));
    test::send_all(lasting, "hello");
    BOOST_TEST(test::receive(server, 5) == "hello");
}

BOOST_AUTO_TEST_CASE(a_removed_listener_refuses_and_may_come_back_at_once) {
    run_workers();
    apply({listener("a", first.endpoint(), "red")});
    const std::size_t descriptors = test::open_descriptors();
    BOOST_TEST(leads_to(first.endpoint(), red));
    for (int i = 0; i < 20; ++i) {
        apply({});
        apply({listener("a", first.endpoint(), "red")});
    }
    BOOST_TEST(test::eventually([&] { return test::open_descriptors() == descriptors; }));
    BOOST_TEST(leads_to(first.endpoint(), red));
    apply({});
    BOOST_TEST(test::eventually([&] { return test::is_refused(first.endpoint()); }));
}

BOOST_AUTO_TEST_CASE(two_addresses_of_one_port_are_taken_at_a_start_and_at_a_reload) {
    run_workers();
    const auto local = first.endpoint();
    const auto any = with_address(local, "0.0.0.0:1");
    const auto apply_both = [&] {
        apply({listener("any", any, "red"), listener("local", local, "blue")});
    };
    const std::size_t descriptors = test::open_descriptors();
    apply_both();
    BOOST_TEST(leads_to(local, blue));
    apply({listener("any", any, "red")});
    BOOST_TEST(
        test::eventually([&] { return test::open_descriptors() == descriptors + worker_count; }));
    BOOST_TEST(leads_to(local, red));
    apply_both();
    BOOST_TEST(leads_to(local, blue));
}

// What we have open ourselves may be overlapped; what overlaps it and belongs to others, even
// to another Ringway of the same user, may not.
BOOST_AUTO_TEST_CASE(what_others_listen_on_is_never_shared_beside_what_is_ours) {
    run_workers();
    const auto local = first.endpoint();
    const auto second_local = with_address(local, "127.0.0.2:1");
    const auto any = with_address(local, "0.0.0.0:1");
    apply({listener("local", local, "red")});
    const auto refusal = [&](const conf::Endpoint& also) {
        return try_to_apply({listener("local", local, "red"), listener("also", also, "blue")})
            .error()
            .text;
    };
    {
        // In a list of their own, as with another process.
        const auto theirs = proxy::open_listen_sockets(second_local, 1);
        BOOST_REQUIRE(theirs.has_value());
        BOOST_TEST(refusal(second_local) == "listener also: cannot listen on " +
                                                second_local.to_string() +
                                                ": Address already in use");
        BOOST_TEST(refusal(any) == "listener also: cannot listen on " + any.to_string() +
                                       ": another process listens on " + second_local.to_string());
        BOOST_TEST(listeners.all().size() == 1u);
    }
    BOOST_TEST(refusal(any) == "");
    BOOST_TEST(leads_to(local, red));
    BOOST_TEST(leads_to(second_local, blue));
    // Ours is the wildcard now; theirs is beside it.
    const auto theirs = proxy::open_listen_sockets(second_local, 1);
    BOOST_REQUIRE(theirs.has_value());
    BOOST_TEST(try_to_apply({listener("local", local, "red"), listener("also", any, "blue"),
                             listener("third", second_local, "red")})
                   .has_error());
}

BOOST_AUTO_TEST_CASE(a_refused_change_leaves_no_socket_file_behind) {
    const test::TempDir dir;
    const auto unix_bind = test::endpoint("unix:" + dir.path("front.sock"));
    const Fd other = test::listening_socket();
    const auto plain = listener("plain", unix_bind, "red");
    conf::Config config;
    config.listeners = {plain, listener("bad", test::local_endpoint(other), "blue")};
    BOOST_TEST(listeners.open(config).has_error());
    BOOST_TEST(!std::filesystem::exists(unix_bind.path));
    // Refused after all were open, for another reason.
    config.listeners.pop_back();
    BOOST_TEST(listeners.open(config).value().size() == 1u);
    BOOST_TEST(!std::filesystem::exists(unix_bind.path));
    apply({plain});
    BOOST_TEST(std::filesystem::exists(unix_bind.path));
    // It keeps listening if a later change is refused.
    config.listeners.push_back(listener("bad", test::local_endpoint(other), "blue"));
    BOOST_TEST(listeners.open(config).has_error());
    BOOST_TEST(std::filesystem::exists(unix_bind.path));
    apply({});
    BOOST_TEST(!std::filesystem::exists(unix_bind.path));
}

BOOST_AUTO_TEST_CASE(a_socket_file_that_others_put_in_place_of_ours_stays) {
    const test::TempDir dir;
    const auto unix_bind = test::endpoint("unix:" + dir.path("front.sock"));
    apply({listener("front", unix_bind, "red")});
    std::filesystem::remove(unix_bind.path);
    const Fd theirs = test::bound_socket(unix_bind);
    listeners.remove_socket_files();
    BOOST_TEST(std::filesystem::exists(unix_bind.path));
}

BOOST_AUTO_TEST_CASE(one_unix_socket_has_one_listener_whatever_its_path_is_called) {
    const test::TempDir dir;
    std::filesystem::create_symlink(dir.path(""), dir.path("link"));
    const auto direct = test::endpoint("unix:" + dir.path("front.sock"));
    const auto linked = test::endpoint("unix:" + dir.path("link/front.sock"));
    apply({listener("front", direct, "red")});
    const auto applied =
        try_to_apply({listener("front", direct, "red"), listener("again", linked, "blue")});
    BOOST_TEST(applied.error().text == "listener again: " + linked.to_string() +
                                           " is the file of " + direct.to_string() +
                                           ", which is open");
}

BOOST_AUTO_TEST_SUITE_END()
