// Keys under a lease of one real member.
#include "proxy/etcd/leased_keys.h"

#include <memory>
#include <string>

#include <boost/asio/use_awaitable.hpp>

#include "tests/proxy/etcd/members.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::LeasedKeys;
using proxy::LeaseState;
using test::OneMember;

namespace {

struct Leased : OneMember {
    bool has_all() const {
        const LeaseState state = keys->state();
        return state.kind == LeaseState::Kind::held && state.pending == 0;
    }
    bool gets_all() {
        return loop.until([&] { return has_all(); }, 2 * test::patience);
    }
    std::string value(const std::string& key) {
        const auto all = loop.get(client.range(key));
        BOOST_REQUIRE(all);
        return all->keys.empty() ? "none" : all->keys[0].value;
    }
    static boost::asio::awaitable<bool> stop(LeasedKeys* which, std::chrono::milliseconds limit) {
        co_await which->stop(limit);
        co_return true;
    }

    std::unique_ptr<LeasedKeys> keys = std::make_unique<LeasedKeys>(loop.io(), client, 6s);
};

}  // namespace

BOOST_AUTO_TEST_SUITE(etcd_leased_keys)

BOOST_FIXTURE_TEST_CASE(keys_are_put_changed_and_erased, Leased) {
    BOOST_CHECK(keys->state().kind == LeaseState::Kind::idle);
    keys->set("/p/a", "1");
    keys->set("/p/b", "1");
    BOOST_CHECK(keys->state().kind == LeaseState::Kind::lost);
    BOOST_REQUIRE(gets_all());
    BOOST_CHECK(value("/p/a") == "1");
    BOOST_CHECK(loop.get(client.range("/p/a"))->keys[0].lease == keys->state().lease);
    const auto puts = keys->state().puts;
    keys->set("/p/a", "2");
    keys->set("/p/a", "3");
    keys->set("/p/b", "1");
    keys->erase("/p/none");
    BOOST_REQUIRE(gets_all());
    BOOST_CHECK(value("/p/a") == "3");
    BOOST_CHECK(keys->state().puts == puts + 1);
    keys->erase("/p/a");
    BOOST_REQUIRE(gets_all());
    BOOST_CHECK(value("/p/a") == "none");
    BOOST_CHECK(value("/p/b") == "1");
    // Without keys there is no lease either.
    keys->erase("/p/b");
    BOOST_REQUIRE(loop.until([&] { return keys->state().lease == 0; }));
    BOOST_CHECK(keys->state().kind == LeaseState::Kind::idle);
    BOOST_CHECK(value("/p/b") == "none");
}

BOOST_FIXTURE_TEST_CASE(the_lease_outlives_its_ttl, Leased) {
    keys = std::make_unique<LeasedKeys>(loop.io(), client, 2s);
    keys->set("/p/a", "1");
    BOOST_REQUIRE(gets_all());
    const auto end = std::chrono::steady_clock::now() + 5s;
    BOOST_REQUIRE(loop.until([&] { return std::chrono::steady_clock::now() > end; }));
    BOOST_CHECK(value("/p/a") == "1");
    // A machine that stands still for so long may have lost one.
    BOOST_CHECK(keys->state().grants == keys->state().losses + 1);
}

BOOST_FIXTURE_TEST_CASE(a_revoked_lease_is_granted_anew_with_all_keys, Leased) {
    keys->set("/p/a", "1");
    keys->set("/p/b", "2");
    BOOST_REQUIRE(gets_all());
    const auto lease = keys->state().lease;
    BOOST_REQUIRE(loop.get(client.revoke(lease)));
    BOOST_REQUIRE(loop.until([&] { return keys->state().losses >= 1; }));
    BOOST_REQUIRE(gets_all());
    BOOST_CHECK(keys->state().lease != lease);
    BOOST_CHECK(value("/p/a") == "1");
    BOOST_CHECK(value("/p/b") == "2");
}

BOOST_FIXTURE_TEST_CASE(a_store_made_anew_gets_all_keys, Leased) {
    keys->set("/p/a", "1");
    BOOST_REQUIRE(gets_all());
    member.kill();
    BOOST_REQUIRE(loop.until([&] { return keys->state().kind == LeaseState::Kind::lost; }));
    BOOST_CHECK(!keys->state().reason.empty());
    member.forget();
    member.start();
    BOOST_REQUIRE(gets_all());
    BOOST_CHECK(value("/p/a") == "1");
    BOOST_CHECK(keys->state().losses >= 1);
}

BOOST_FIXTURE_TEST_CASE(stop_removes_the_keys_at_once, Leased) {
    keys->set("/p/a", "1");
    BOOST_REQUIRE(gets_all());
    BOOST_CHECK(loop.get(stop(keys.get(), 20s)));
    BOOST_CHECK(value("/p/a") == "none");
    BOOST_CHECK(keys->state().lease == 0);
    // Also with a call in progress, and with nothing to do.
    keys = std::make_unique<LeasedKeys>(loop.io(), client, 60s);
    keys->set("/p/b", "1");
    loop.io().poll_one();
    BOOST_CHECK(loop.get(stop(keys.get(), 20s)));
    BOOST_CHECK(value("/p/b") == "none");
    keys = std::make_unique<LeasedKeys>(loop.io(), client, 60s);
    BOOST_CHECK(loop.get(stop(keys.get(), 20s)));
}

BOOST_FIXTURE_TEST_CASE(stop_does_not_wait_longer_than_its_limit, Leased) {
    keys->set("/p/a", "1");
    BOOST_REQUIRE(gets_all());
    member.signal(SIGSTOP);
    BOOST_CHECK(loop.get(stop(keys.get(), 50ms)));
    member.signal(SIGCONT);
}

BOOST_FIXTURE_TEST_CASE(keys_that_are_destroyed_leave_the_rest_to_the_lease, Leased) {
    for (int turns = 0; turns < 20; ++turns) {
        keys->set("/p/a", std::to_string(turns));
        for (int i = 0; i < turns; ++i) loop.io().run_one_for(10ms);
        keys = std::make_unique<LeasedKeys>(loop.io(), client, 1s);
        loop.settle();
    }
    BOOST_CHECK(loop.until([&] { return value("/p/a") == "none"; }));
}

BOOST_AUTO_TEST_SUITE_END()
