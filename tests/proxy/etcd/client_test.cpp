// Calls to real members of etcd.
#include "proxy/etcd/client.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <boost/asio/detached.hpp>

#include "tests/proxy/etcd/members.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::EtcdClient;
using proxy::EtcdError;
using test::OneMember;

namespace {

using Kind = EtcdError::Kind;

std::map<std::string, std::string> values_of(const proxy::EtcdSnapshot& snapshot) {
    std::map<std::string, std::string> values;
    for (const auto& each : snapshot.keys) values[each.key] = each.value;
    return values;
}

// Names of tests as addresses: "a" is the loopback; others have none.
void resolve_test_name(const std::string& host, const proxy::EtcdTools::Resolved& resolved) {
    if (host != "a") return resolved(Reason("no such name"));
    resolved(std::vector<conf::Endpoint>{*conf::Endpoint::parse("127.0.0.9:1"),
                                         *conf::Endpoint::parse("127.0.0.1:1")});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(etcd_client)

BOOST_FIXTURE_TEST_CASE(keys_are_put_read_and_removed, OneMember) {
    const std::string odd("/p/\0\xff\n\"", 7);
    BOOST_REQUIRE(loop.get(client.put(odd, std::string("\0\x80", 2))));
    BOOST_REQUIRE(loop.get(client.put("/p/empty", "")));
    BOOST_REQUIRE(loop.get(client.put("/q", "another prefix")));
    const auto all = loop.get(client.range("/p/"));
    BOOST_REQUIRE(all);
    const std::map<std::string, std::string> expected{{odd, std::string("\0\x80", 2)},
                                                      {"/p/empty", ""}};
    BOOST_CHECK(values_of(*all) == expected);
    BOOST_CHECK(all->header.revision == 4);
    BOOST_REQUIRE(loop.get(client.remove(odd)));
    BOOST_REQUIRE(loop.get(client.remove("/p/none")));
    BOOST_CHECK(loop.get(client.range("/p/"))->keys.size() == 1);
}

BOOST_FIXTURE_TEST_CASE(a_range_of_several_pages_is_of_one_revision, OneMember) {
    for (int i = 0; i < 25; ++i) {
        BOOST_REQUIRE(loop.get(client.put("/p/" + std::to_string(100 + i), "before")));
    }
    // Each page is followed by changes, which the next must not see.
    EtcdClient paged(loop.io(), test::settings_of(member), {}, {.page_keys = 4});
    std::optional<proxy::EtcdSnapshot> read;
    boost::asio::co_spawn(loop.io(), paged.range("/p/"),
                          [&](std::exception_ptr, proxy::EtcdResult<proxy::EtcdSnapshot> result) {
                              read = std::move(*result);
                          });
    int changes = 0;
    while (!read) {
        BOOST_REQUIRE(loop.get(client.put("/p/" + std::to_string(124 - changes % 25), "after")));
        ++changes;
    }
    BOOST_REQUIRE(read->keys.size() == 25);
    const auto is_later = [&](const auto& each) {
        return each.mod_revision > read->header.revision;
    };
    BOOST_CHECK(std::ranges::none_of(read->keys, is_later));
}

BOOST_FIXTURE_TEST_CASE(leases_are_granted_kept_and_revoked, OneMember) {
    const auto lease = loop.get(client.grant(60s));
    BOOST_REQUIRE(lease);
    BOOST_CHECK(lease->ttl == 60s);
    BOOST_REQUIRE(loop.get(client.put("/p/leased", "x", lease->id)));
    BOOST_CHECK(loop.get(client.range("/p/"))->keys[0].lease == lease->id);
    const auto kept = loop.get(client.keep_alive(lease->id));
    BOOST_REQUIRE(kept);
    BOOST_CHECK(*kept == *lease);
    BOOST_REQUIRE(loop.get(client.revoke(lease->id)));
    BOOST_CHECK(loop.get(client.range("/p/"))->keys.empty());
    BOOST_REQUIRE(loop.get(client.revoke(lease->id)));
    BOOST_CHECK(loop.get(client.keep_alive(lease->id))->ttl == 0s);
    const auto refused = loop.get(client.put("/p/leased", "x", lease->id));
    BOOST_CHECK(refused.error().kind == Kind::lease_not_found);
}

BOOST_FIXTURE_TEST_CASE(a_restarted_member_is_connected_to_again, OneMember) {
    BOOST_REQUIRE(loop.get(client.put("/p/a", "1")));
    member.kill();
    const auto failed = loop.get(client.put("/p/a", "2"));
    BOOST_REQUIRE(!failed);
    BOOST_CHECK(failed.error().text.starts_with(member.endpoint() + ": "));
    member.start();
    loop.await(client);
    // Restarted while the connection was at rest: the call notices and does not fail.
    member.kill();
    member.start();
    EtcdClient other(loop.io(), test::settings_of(member), {});
    loop.await(other);
    BOOST_CHECK(loop.get(client.put("/p/a", "3")).has_value());
}

BOOST_FIXTURE_TEST_CASE(endpoints_are_tried_in_turn, OneMember) {
    const std::string dead = "127.0.0.1:" + std::to_string(test::free_port());
    const std::string port = member.endpoint().substr(member.endpoint().rfind(':'));
    conf::EtcdSettings settings{.endpoints = {dead, "b:1", "a" + port}};
    EtcdClient turns(loop.io(), settings, {.resolve = resolve_test_name});
    BOOST_CHECK(loop.get(turns.put("/p/a", "1")).has_value());
    member.kill();
    const auto failed = loop.get(turns.put("/p/a", "1"));
    BOOST_REQUIRE(!failed);
    const std::string& text = failed.error().text;
    BOOST_TEST_INFO(text);
    // Beginning with the one that last answered.
    BOOST_CHECK(text.starts_with("a" + port + ": "));
    BOOST_CHECK(text.find("; " + dead + ": cannot connect: Connection refused") != text.npos);
    BOOST_CHECK(text.find("; b:1: its name has no address: no such name") != text.npos);
}

BOOST_FIXTURE_TEST_CASE(calls_at_once_wait_for_each_other, OneMember) {
    int done = 0;
    for (int i = 0; i < 50; ++i) {
        boost::asio::co_spawn(loop.io(), client.put("/p/" + std::to_string(i), "x"),
                              [&](std::exception_ptr, const proxy::EtcdResult<void>& result) {
                                  if (result) ++done;
                              });
    }
    BOOST_CHECK(loop.until([&] { return done == 50; }));
    BOOST_CHECK(loop.get(client.range("/p/"))->keys.size() == 50);
}

BOOST_FIXTURE_TEST_CASE(calls_of_a_destroyed_client_fail_as_closed, OneMember) {
    std::vector<Kind> ends;
    const auto on_end = [&](std::exception_ptr, const proxy::EtcdResult<void>& result) {
        ends.push_back(result ? Kind::no_answer : result.error().kind);
    };
    // At every stage of a call.
    for (int turns = 0; turns < 12; ++turns) {
        ends.clear();
        auto other =
            std::make_unique<EtcdClient>(loop.io(), test::settings_of(member), proxy::EtcdTools{});
        boost::asio::co_spawn(loop.io(), other->put("/p/a", "1"), on_end);
        boost::asio::co_spawn(loop.io(), other->put("/p/b", "1"), on_end);
        for (int i = 0; i < turns; ++i) loop.io().run_one_for(10ms);
        other.reset();
        BOOST_REQUIRE(loop.until([&] { return ends.size() == 2; }));
        if (turns < 4) BOOST_CHECK(ends.back() == Kind::closed);
    }
}

BOOST_FIXTURE_TEST_CASE(a_loop_may_end_with_calls_in_progress, OneMember) {
    for (int turns = 0; turns < 12; ++turns) {
        boost::asio::io_context io;
        EtcdClient other(io, test::settings_of(member), {});
        for (int i = 0; i < 3; ++i) {
            boost::asio::co_spawn(io, other.put("/p/a", "1"), boost::asio::detached);
        }
        for (int i = 0; i < turns; ++i) io.run_one_for(10ms);
    }
    BOOST_CHECK(loop.get(client.put("/p/a", "1")).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
