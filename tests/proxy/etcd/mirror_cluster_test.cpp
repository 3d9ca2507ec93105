// A mirror and calls among three members, of which some die.
#include <map>
#include <string>

#include "proxy/etcd/leased_keys.h"
#include "tests/proxy/etcd/members.h"
#include "tests/proxy/etcd/mirror_watch.h"

using namespace ringway;
using namespace std::chrono_literals;
using test::EtcdMember;
using test::WatchedMirror;
using Copy = proxy::EtcdMirror::Copy;

namespace {

struct Three {
    Three() { loop.await(client); }

    // By its endpoint.
    EtcdMember& member_of(const std::string& endpoint) {
        for (std::size_t i = 0; i < 3; ++i) {
            if (cluster[i].endpoint() == endpoint) return cluster[i];
        }
        BOOST_FAIL("no member " << endpoint);
        return cluster[0];
    }
    // Until a call succeeds, which a member that has just lost its leader may refuse.
    bool puts(const std::string& key, const std::string& value) {
        return loop.until([&] { return loop.get(client.put(key, value)).has_value(); },
                          2 * test::patience);
    }

    test::EtcdCluster cluster;
    test::TestLoop loop;
    proxy::EtcdClient client{loop.io(), cluster.settings(), {}};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(etcd_cluster)

BOOST_FIXTURE_TEST_CASE(a_mirror_goes_on_with_another_member, Three) {
    WatchedMirror watched(loop, cluster.settings(), {}, {});
    BOOST_REQUIRE(watched.comes_in_sync());
    Copy expected;
    for (int i = 0; i < 3; ++i) {
        EtcdMember& used = member_of(watched.state().endpoint);
        used.kill();
        BOOST_REQUIRE(puts("/p/" + std::to_string(i), "x"));
        expected[std::to_string(i)] = "x";
        BOOST_CHECK(watched.becomes(expected));
        BOOST_REQUIRE(watched.comes_in_sync());
        BOOST_CHECK(watched.state().endpoint != used.endpoint());
        used.start();
        const auto answers = [&] {
            proxy::EtcdClient one(loop.io(), test::settings_of(used), {});
            return loop.get(one.range("/p/")).has_value();
        };
        BOOST_REQUIRE(loop.until(answers, 2 * test::patience));
    }
    BOOST_CHECK(watched.state().snapshots == 1);
}

// The member that is left has no leader: it must not be believed in.
BOOST_FIXTURE_TEST_CASE(without_quorum_the_mirror_is_lost_and_keeps_its_copy, Three) {
    BOOST_REQUIRE(puts("/p/a", "1"));
    WatchedMirror watched(loop, cluster.settings(), {}, {});
    BOOST_REQUIRE(watched.comes_in_sync());
    const std::string used = watched.state().endpoint;
    for (std::size_t i = 0; i < 3; ++i) {
        if (cluster[i].endpoint() != used) cluster[i].kill();
    }
    BOOST_REQUIRE(loop.until([&] { return watched.is_lost(); }, 2 * test::patience));
    BOOST_CHECK(watched.mirror->copy() == (Copy{{"a", "1"}}));
    const auto refused = loop.get(client.range("/p/"));
    BOOST_CHECK(!refused);
    // Lost it stays, whatever is tried.
    const auto errors = watched.state().errors;
    BOOST_REQUIRE(loop.until([&] { return watched.state().errors >= errors + 6; }));
    BOOST_CHECK(watched.is_lost());
    watched.changes.clear();
    for (std::size_t i = 0; i < 3; ++i) {
        if (cluster[i].endpoint() != used) cluster[i].start();
    }
    BOOST_REQUIRE(watched.comes_in_sync());
    BOOST_CHECK(watched.changes.empty());
    BOOST_REQUIRE(puts("/p/b", "2"));
    BOOST_CHECK(watched.becomes({{"a", "1"}, {"b", "2"}}));
}

BOOST_FIXTURE_TEST_CASE(a_member_that_hangs_costs_a_call_one_attempt, Three) {
    proxy::EtcdClient patient(loop.io(), cluster.settings(), {}, {.attempt = 500ms});
    BOOST_REQUIRE(loop.until([&] { return loop.get(patient.put("/p/a", "1")).has_value(); }));
    cluster[0].signal(SIGSTOP);
    BOOST_CHECK(loop.until([&] { return loop.get(patient.put("/p/b", "1")).has_value(); }));
    cluster[0].signal(SIGCONT);
}

BOOST_FIXTURE_TEST_CASE(leased_keys_outlive_members, Three) {
    proxy::LeasedKeys keys(loop.io(), client, 6s);
    keys.set("/p/a", "1");
    BOOST_REQUIRE(loop.until([&] { return keys.state().puts == 1; }, 2 * test::patience));
    for (std::size_t i = 0; i < 3; ++i) {
        cluster[i].kill();
        keys.set("/p/a", std::to_string(i));
        const auto is_put = [&] {
            return keys.state().pending == 0 && keys.state().kind == proxy::LeaseState::Kind::held;
        };
        BOOST_REQUIRE(loop.until(is_put, 2 * test::patience));
        cluster[i].start();
        const auto answers = [&] {
            proxy::EtcdClient one(loop.io(), test::settings_of(cluster[i]), {});
            return loop.get(one.range("/p/")).has_value();
        };
        BOOST_REQUIRE(loop.until(answers, 2 * test::patience));
    }
    const auto all = loop.get(client.range("/p/"));
    BOOST_REQUIRE(all);
    BOOST_REQUIRE(all->keys.size() == 1);
    BOOST_CHECK(all->keys[0].value == "2");
}

BOOST_AUTO_TEST_SUITE_END()
