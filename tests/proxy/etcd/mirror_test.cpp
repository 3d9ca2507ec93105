// A mirror of one real member.
#include "proxy/etcd/mirror.h"

#include <string>
#include <vector>

#include "tests/proxy/etcd/members.h"
#include "tests/proxy/etcd/mirror_watch.h"

using namespace ringway;
using namespace std::chrono_literals;
using test::etcdctl;
using test::OneMember;
using test::WatchedMirror;
using Copy = proxy::EtcdMirror::Copy;
using Kind = proxy::MirrorState::Kind;

BOOST_AUTO_TEST_SUITE(etcd_mirror)

BOOST_FIXTURE_TEST_CASE(a_mirror_takes_a_snapshot_and_follows_changes, OneMember) {
    BOOST_REQUIRE(loop.get(client.put("/p/a", "1")));
    BOOST_REQUIRE(loop.get(client.put("/p/b", "2")));
    BOOST_REQUIRE(loop.get(client.put("/other", "3")));
    WatchedMirror watched(loop, test::settings_of(member), {},
                          {.attempt = test::patience, .page_keys = 1});
    BOOST_CHECK(watched.state().kind == Kind::connecting);
    BOOST_REQUIRE(watched.comes_in_sync());
    BOOST_CHECK(watched.mirror->copy() == (Copy{{"a", "1"}, {"b", "2"}}));
    BOOST_CHECK(watched.changes == (std::vector<std::vector<std::string>>{{"a", "b"}}));
    BOOST_CHECK(watched.states == std::vector{Kind::in_sync});
    BOOST_CHECK(watched.state().endpoint == member.endpoint());

    BOOST_REQUIRE(loop.get(client.put("/p/a", "4")));
    BOOST_REQUIRE(loop.get(client.put("/other", "5")));
    BOOST_REQUIRE(loop.get(client.remove("/p/b")));
    BOOST_REQUIRE(loop.get(client.put("/p/", "of the prefix itself")));
    BOOST_REQUIRE(watched.becomes({{"a", "4"}, {"", "of the prefix itself"}}));
    BOOST_CHECK(watched.state().events == 3);
    BOOST_CHECK(watched.state().snapshots == 1);
    BOOST_CHECK(watched.state().errors == 0);
}

BOOST_FIXTURE_TEST_CASE(changes_of_one_transaction_are_told_at_once, OneMember) {
    BOOST_REQUIRE(loop.get(client.put("/p/c", "old")));
    WatchedMirror watched(loop, test::settings_of(member));
    BOOST_REQUIRE(watched.comes_in_sync());
    watched.changes.clear();
    const std::string words = member.dir().write("txn", "\nput /p/b 1\nput /p/a 1\ndel /p/c\n\n\n");
    etcdctl(member, "txn < " + words);
    BOOST_REQUIRE(watched.becomes({{"a", "1"}, {"b", "1"}}));
    BOOST_CHECK(watched.changes == (std::vector<std::vector<std::string>>{{"a", "b", "c"}}));
}

BOOST_FIXTURE_TEST_CASE(a_value_put_again_is_no_change, OneMember) {
    BOOST_REQUIRE(loop.get(client.put("/p/a", "1")));
    WatchedMirror watched(loop, test::settings_of(member));
    BOOST_REQUIRE(watched.comes_in_sync());
    watched.changes.clear();
    BOOST_REQUIRE(loop.get(client.put("/p/a", "1")));
    BOOST_REQUIRE(loop.until([&] { return watched.state().events == 1; }));
    BOOST_CHECK(watched.changes.empty());
}

// So that a watch which goes on after long rest finds its revision still kept.
BOOST_AUTO_TEST_CASE(progress_moves_the_revision_without_events) {
    OneMember one({"--experimental-watch-progress-notify-interval=200ms"});
    WatchedMirror watched(one.loop, test::settings_of(one.member));
    BOOST_REQUIRE(watched.comes_in_sync());
    BOOST_REQUIRE(one.loop.get(one.client.put("/other", "1")));
    BOOST_CHECK(one.loop.until([&] { return watched.state().revision == 2; }));
    BOOST_CHECK(watched.state().events == 0);
}

BOOST_FIXTURE_TEST_CASE(a_restart_without_changes_tells_none, OneMember) {
    BOOST_REQUIRE(loop.get(client.put("/p/a", "1")));
    WatchedMirror watched(loop, test::settings_of(member));
    BOOST_REQUIRE(watched.comes_in_sync());
    watched.changes.clear();
    member.kill();
    BOOST_REQUIRE(loop.until([&] { return watched.is_lost(); }));
    BOOST_CHECK(watched.mirror->copy() == (Copy{{"a", "1"}}));
    BOOST_CHECK(!watched.state().reason.empty());
    member.start();
    BOOST_REQUIRE(watched.comes_in_sync());
    BOOST_CHECK(watched.changes.empty());
    BOOST_CHECK(watched.state().snapshots == 1);
    BOOST_CHECK(watched.state().reconnects >= 1);
    BOOST_REQUIRE(loop.get(client.put("/p/b", "2")));
    BOOST_CHECK(watched.becomes({{"a", "1"}, {"b", "2"}}));
}

// The mirror's connection alone breaks: what it misses meanwhile arrives by the watch.
BOOST_FIXTURE_TEST_CASE(what_was_missed_arrives_without_a_snapshot, OneMember) {
    WatchedMirror watched(loop, test::settings_of(member));
    BOOST_REQUIRE(watched.comes_in_sync());
    member.kill();
    BOOST_REQUIRE(loop.until([&] { return watched.is_lost(); }));
    member.start();
    // Without turns of the loop the mirror does not see these.
    etcdctl(member, "put /p/a 1");
    etcdctl(member, "del /p/a");
    etcdctl(member, "put /p/b 2");
    BOOST_REQUIRE(watched.becomes({{"b", "2"}}));
    BOOST_REQUIRE(watched.comes_in_sync());
    BOOST_CHECK(watched.state().snapshots == 1);
    BOOST_CHECK(watched.state().events == 3);
}

BOOST_FIXTURE_TEST_CASE(after_a_compaction_a_snapshot_is_taken, OneMember) {
    BOOST_REQUIRE(loop.get(client.put("/p/gone", "1")));
    BOOST_REQUIRE(loop.get(client.put("/p/same", "1")));
    WatchedMirror watched(loop, test::settings_of(member));
    BOOST_REQUIRE(watched.comes_in_sync());
    watched.changes.clear();
    watched.states.clear();
    member.kill();
    BOOST_REQUIRE(loop.until([&] { return watched.is_lost(); }));
    member.start();
    etcdctl(member, "del /p/gone");
    etcdctl(member, "put /p/new 1");
    etcdctl(member, "put /p/new 2");
    etcdctl(member, "compact 6");
    BOOST_REQUIRE(watched.becomes({{"new", "2"}, {"same", "1"}}));
    BOOST_REQUIRE(watched.comes_in_sync());
    BOOST_CHECK(watched.changes == (std::vector<std::vector<std::string>>{{"gone", "new"}}));
    BOOST_CHECK(watched.state().snapshots == 2);
    BOOST_CHECK(watched.state().compactions == 1);
    BOOST_CHECK(watched.states.back() == Kind::in_sync);
}

// Revisions begin anew: a watch from the old one would wait for ever.
BOOST_FIXTURE_TEST_CASE(a_store_made_anew_is_noticed, OneMember) {
    for (int i = 0; i < 10; ++i) BOOST_REQUIRE(loop.get(client.put("/p/a", std::to_string(i))));
    WatchedMirror watched(loop, test::settings_of(member));
    BOOST_REQUIRE(watched.comes_in_sync());
    member.kill();
    BOOST_REQUIRE(loop.until([&] { return watched.is_lost(); }));
    member.forget();
    member.start();
    etcdctl(member, "put /p/b 1");
    BOOST_REQUIRE(watched.becomes({{"b", "1"}}));
    BOOST_REQUIRE(watched.comes_in_sync());
    etcdctl(member, "put /p/c 1");
    BOOST_CHECK(watched.becomes({{"b", "1"}, {"c", "1"}}));
}

BOOST_FIXTURE_TEST_CASE(a_mirror_may_be_destroyed_by_what_it_tells, OneMember) {
    BOOST_REQUIRE(loop.get(client.put("/p/a", "1")));
    for (const bool by_change : {true, false}) {
        std::unique_ptr<proxy::EtcdMirror> mirror;
        int told = 0;
        const auto end = [&](const auto&) {
            ++told;
            mirror.reset();
        };
        proxy::EtcdMirror::Events events;
        if (by_change) {
            events.on_change = end;
        } else {
            events.on_state = end;
        }
        mirror = std::make_unique<proxy::EtcdMirror>(client.access(), "/p/", events);
        BOOST_REQUIRE(loop.until([&] { return told > 0; }));
        loop.settle();
        BOOST_CHECK(told == 1);
    }
}

BOOST_FIXTURE_TEST_CASE(a_mirror_may_be_destroyed_at_any_time, OneMember) {
    for (int turns = 0; turns < 20; ++turns) {
        auto mirror = std::make_unique<proxy::EtcdMirror>(client.access(), "/p/",
                                                          proxy::EtcdMirror::Events{});
        for (int i = 0; i < turns; ++i) loop.io().run_one_for(10ms);
        mirror.reset();
        loop.settle();
    }
    BOOST_CHECK(loop.get(client.put("/p/a", "1")).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
