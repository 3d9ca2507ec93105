// Which call is next for keys under a lease, on a manual clock against an etcd of a few lines.
#include "proxy/etcd/lease_plan.h"

#include <map>
#include <random>
#include <string>

#include <boost/test/unit_test.hpp>

using namespace ringway;
using namespace std::chrono_literals;
using proxy::EtcdError;
using proxy::EtcdLease;
using proxy::LeasePlan;
using proxy::LeaseState;
using Kind = LeasePlan::Call::Kind;

namespace {

const EtcdError broken{EtcdError::Kind::no_answer, "broken"};
const EtcdError not_found{EtcdError::Kind::lease_not_found, "lease not found"};

struct Planned {
    LeasePlan plan{30s, 1};
    proxy::TimePoint now{1h};

    void grant(std::int64_t id = 5) {
        BOOST_REQUIRE(plan.next(now)->kind == Kind::grant);
        plan.on_granted(now, now, {id, 30s});
    }
    LeasePlan::Call expect(Kind kind) {
        const auto call = plan.next(now);
        BOOST_REQUIRE(call);
        BOOST_REQUIRE(call->kind == kind);
        return *call;
    }
    void put() { plan.on_put(expect(Kind::put)); }
};

// What etcd has, with calls that may be made without an answer.
struct Model {
    std::int64_t lease = 0;
    std::int64_t last = 0;
    std::map<std::string, std::string> keys;

    void end_lease() {
        lease = 0;
        keys.clear();
    }
    bool apply(const LeasePlan::Call& call) {
        if (call.kind == Kind::grant) {
            // What was granted before without an answer has no keys.
            lease = ++last;
            return true;
        }
        if (call.kind == Kind::remove) return keys.erase(call.key), true;
        if (call.lease != lease) return false;
        if (call.kind == Kind::put) keys[call.key] = call.value;
        if (call.kind == Kind::revoke) end_lease();
        return true;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(etcd_lease_plan)

BOOST_FIXTURE_TEST_CASE(nothing_is_done_without_keys, Planned) {
    BOOST_CHECK(!plan.next(now));
    BOOST_CHECK(plan.due() == proxy::TimePoint::max());
    plan.set("a", "1");
    plan.erase("a");
    BOOST_CHECK(!plan.next(now));
    plan.stop();
    BOOST_CHECK(plan.is_done());
}

BOOST_FIXTURE_TEST_CASE(a_lease_is_kept_alive_every_third_of_its_ttl, Planned) {
    plan.set("a", "1");
    BOOST_CHECK(plan.state(now).kind == LeaseState::Kind::lost);
    grant();
    BOOST_CHECK(plan.state(now).kind == LeaseState::Kind::held);
    BOOST_CHECK(plan.state(now).pending == 1);
    put();
    BOOST_CHECK(plan.state(now).pending == 0);
    BOOST_CHECK(!plan.next(now));
    BOOST_CHECK(plan.due() == now + 10s);
    now += 10s;
    // Before what else there is to do.
    plan.set("a", "2");
    expect(Kind::keep_alive);
    plan.on_kept(now + 1s, now, {5, 30s});
    put();
    BOOST_CHECK(plan.due() == now + 10s);
}

BOOST_FIXTURE_TEST_CASE(a_lease_that_is_not_kept_alive_expires, Planned) {
    plan.set("a", "1");
    grant();
    put();
    const auto begun = now;
    now += 10s;
    while (now < begun + 29s) {
        plan.on_failure(now, expect(Kind::keep_alive), broken);
        BOOST_CHECK(plan.state(now).kind == LeaseState::Kind::held);
        BOOST_CHECK(plan.due() > now);
        now = plan.due();
    }
    now = begun + 40s;
    BOOST_CHECK(plan.state(now).kind == LeaseState::Kind::lost);
    BOOST_CHECK(plan.state(now).since == begun + 30s);
    BOOST_CHECK(plan.state(now).reason == "broken");
    expect(Kind::keep_alive);
    plan.on_kept(now, now, EtcdLease{});
    BOOST_CHECK(plan.state(now).losses == 1);
    now = plan.due();
    grant(6);
    put();
    BOOST_CHECK(plan.state(now).kind == LeaseState::Kind::held);
}

BOOST_FIXTURE_TEST_CASE(a_put_without_an_answer_may_have_happened, Planned) {
    plan.set("a", "1");
    plan.set("b", "1");
    grant();
    plan.on_failure(now, expect(Kind::put), broken);
    plan.erase("a");
    now = plan.due();
    BOOST_CHECK(expect(Kind::remove).key == "a");
}

BOOST_FIXTURE_TEST_CASE(a_lease_that_is_not_found_is_granted_anew, Planned) {
    plan.set("a", "1");
    plan.set("b", "1");
    grant();
    put();
    plan.on_failure(now, expect(Kind::put), not_found);
    BOOST_CHECK(plan.state(now).losses == 1);
    BOOST_CHECK(plan.state(now).pending == 2);
    BOOST_CHECK(plan.due() > now);
    now = plan.due();
    grant(6);
    put();
    put();
    BOOST_CHECK(plan.state(now).pending == 0);
}

BOOST_FIXTURE_TEST_CASE(stop_revokes_once, Planned) {
    plan.set("a", "1");
    grant();
    plan.stop();
    plan.on_failure(now, expect(Kind::revoke), broken);
    BOOST_CHECK(plan.is_done());
    BOOST_CHECK(!plan.next(now));
}

// Random histories: in the end etcd has what is wanted, and between calls no loop is without pause.
BOOST_AUTO_TEST_CASE(whatever_fails_in_the_end_all_keys_are_there) {
    for (unsigned seed = 1; seed <= 300; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            std::mt19937 random(seed);
            LeasePlan plan(30s, seed);
            proxy::TimePoint now{1h};
            Model etcd;
            std::map<std::string, std::string> wanted;
            const auto one_in = [&](unsigned n) { return random() % n == 0; };
            for (int step = 0; step < 400; ++step) {
                const bool calm = step >= 300;
                const std::string key(1, static_cast<char>('a' + random() % 5));
                if (!calm && one_in(3)) {
                    wanted[key] = std::to_string(step);
                    plan.set(key, wanted[key]);
                } else if (!calm && one_in(4)) {
                    wanted.erase(key);
                    plan.erase(key);
                }
                if (!calm && one_in(20)) etcd.end_lease();
                const auto call = plan.next(now);
                if (!call) {
                    const auto due = plan.due();
                    BOOST_REQUIRE(due > now);
                    if (due != proxy::TimePoint::max() && (calm || one_in(2))) now = due;
                    continue;
                }
                const bool is_lost = !calm && one_in(4);  // the request
                const bool done = !is_lost && etcd.apply(*call);
                if (is_lost || (!calm && one_in(4))) {
                    plan.on_failure(now, *call, broken);
                } else if (call->kind == Kind::grant) {
                    plan.on_granted(now, now, {etcd.lease, 30s});
                } else if (call->kind == Kind::keep_alive) {
                    plan.on_kept(now, now, done ? EtcdLease{call->lease, 30s} : EtcdLease{});
                } else if (call->kind == Kind::revoke) {
                    plan.on_revoked();
                } else if (!done) {
                    plan.on_failure(now, *call, not_found);
                } else if (call->kind == Kind::put) {
                    plan.on_put(*call);
                } else {
                    plan.on_removed(*call);
                }
            }
            BOOST_CHECK(etcd.keys == wanted);
            BOOST_CHECK(plan.state(now).pending == 0);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
