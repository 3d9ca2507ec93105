// What a mirror does next, on a manual clock.
#include "proxy/etcd/mirror_plan.h"

#include <boost/test/unit_test.hpp>

using namespace ringway;
using namespace std::chrono_literals;
using proxy::EtcdError;
using proxy::EtcdHeader;
using proxy::EtcdResult;
using proxy::EtcdWatchMessage;
using proxy::MirrorPlan;
using State = proxy::MirrorState::Kind;

namespace {

using Kind = EtcdError::Kind;

const EtcdError broken{Kind::no_answer, "broken"};

EtcdWatchMessage event_of(std::int64_t revision) {
    EtcdWatchMessage message{.header = {1, revision + 10, 3}};
    message.events.push_back({false, {"a", "b", revision, 0}});
    return message;
}

struct Planned {
    explicit Planned(std::size_t endpoints = 3) : plan(endpoints, 1) {}

    // From an attempt until the watch is there.
    void come_in_sync(std::int64_t revision = 7) {
        const auto attempt = plan.begin(now);
        if (attempt.after == 0) plan.on_snapshot(now, {1, revision, 3});
        plan.on_watching(now);
    }
    EtcdResult<EtcdHeader> answer(std::uint64_t cluster, std::int64_t revision,
                                  std::uint64_t term) const {
        return EtcdHeader{cluster, revision, term};
    }

    MirrorPlan plan;
    proxy::TimePoint now{1h};
};

struct OneEndpoint : Planned {
    OneEndpoint() : Planned(1) {}
};

}  // namespace

BOOST_AUTO_TEST_SUITE(etcd_mirror_plan)

BOOST_FIXTURE_TEST_CASE(the_first_attempt_takes_a_snapshot, Planned) {
    BOOST_CHECK(plan.state().kind == State::connecting);
    const auto attempt = plan.begin(now);
    BOOST_CHECK(attempt.endpoint == 0);
    BOOST_CHECK(attempt.after == 0);
    plan.on_snapshot(now, {1, 7, 3});
    BOOST_CHECK(plan.state().kind == State::connecting);
    plan.on_watching(now + 1s);
    BOOST_CHECK(plan.state().kind == State::in_sync);
    BOOST_CHECK(plan.state().since == now + 1s);
    BOOST_CHECK(plan.state().revision == 7);
}

BOOST_FIXTURE_TEST_CASE(each_endpoint_is_tried_at_once_and_then_after_pauses, Planned) {
    std::vector<std::chrono::milliseconds> pauses;
    for (std::size_t i = 0; i < 12; ++i) {
        BOOST_CHECK(plan.begin(now).endpoint == i % 3);
        pauses.push_back(plan.on_failure(now, broken));
    }
    BOOST_CHECK(pauses[0] == 0ms);
    BOOST_CHECK(pauses[1] == 0ms);
    auto most = MirrorPlan::pause_min;
    for (std::size_t i = 2; i < pauses.size(); ++i) {
        BOOST_CHECK(pauses[i] >= most / 2);
        BOOST_CHECK(pauses[i] <= most);
        most = std::min(2 * most, MirrorPlan::pause_max);
    }
    BOOST_CHECK(plan.state().errors == 12);
    BOOST_CHECK(plan.state().reconnects == 11);
}

BOOST_FIXTURE_TEST_CASE(a_good_watch_makes_pauses_begin_anew, OneEndpoint) {
    for (int i = 0; i < 20; ++i) {
        plan.begin(now);
        plan.on_failure(now, broken);
    }
    // One that ends at once is none.
    come_in_sync();
    BOOST_CHECK(plan.on_failure(now + 1s, broken) >= MirrorPlan::pause_max / 2);
    come_in_sync();
    now += MirrorPlan::steady;
    BOOST_CHECK(plan.on_failure(now, broken) <= MirrorPlan::pause_min);
}

BOOST_FIXTURE_TEST_CASE(losses_have_a_beginning_and_the_last_reason, Planned) {
    come_in_sync();
    plan.on_failure(now + 1s, broken);
    plan.begin(now + 2s);
    plan.on_failure(now + 3s, {Kind::unavailable, "no leader"});
    BOOST_CHECK(plan.state().kind == State::lost);
    BOOST_CHECK(plan.state().since == now + 1s);
    BOOST_CHECK(plan.state().reason == "no leader");
    BOOST_CHECK(plan.state().last_contact == now);
}

BOOST_FIXTURE_TEST_CASE(the_watch_goes_on_after_the_last_event, Planned) {
    come_in_sync();
    plan.on_message(now, event_of(9));
    BOOST_CHECK(plan.state().revision == 9);
    // Whether all events up to its revision are here only a message without any says.
    plan.on_message(now, {.header = {1, 30, 3}, .created = true});
    BOOST_CHECK(plan.state().revision == 9);
    plan.on_message(now, {.header = {1, 20, 3}});
    BOOST_CHECK(plan.state().revision == 20);
    plan.on_failure(now, broken);
    const auto attempt = plan.begin(now);
    BOOST_CHECK(attempt.after == 20);
    BOOST_CHECK(attempt.endpoint == 1);
    BOOST_CHECK(plan.on_probe(now, answer(1, 25, 4)));
    BOOST_CHECK(plan.state().revision == 20);
}

BOOST_FIXTURE_TEST_CASE(another_history_needs_a_snapshot, Planned) {
    for (const auto& other : {answer(2, 7, 3), answer(1, 6, 3), answer(1, 7, 2),
                              EtcdResult<EtcdHeader>(EtcdError{Kind::compacted, "compacted"}),
                              EtcdResult<EtcdHeader>(EtcdError{Kind::future, "future"})}) {
        come_in_sync();
        plan.on_failure(now, broken);
        BOOST_CHECK(plan.begin(now).after == 7);
        BOOST_CHECK(!plan.on_probe(now, other));
        BOOST_CHECK(plan.state().revision == 0);
        plan.on_snapshot(now, {1, 7, 3});
        plan.on_failure(now, broken);
    }
    BOOST_CHECK(plan.state().compactions == 1);
    // A failure says nothing about the history.
    plan.begin(now);
    BOOST_CHECK(plan.on_probe(now, broken));
    BOOST_CHECK(plan.state().revision == 7);
}

BOOST_FIXTURE_TEST_CASE(a_compaction_in_the_watch_keeps_the_member, Planned) {
    come_in_sync();
    now += MirrorPlan::steady;
    BOOST_CHECK(plan.on_failure(now, {Kind::compacted, "compacted"}) == 0ms);
    const auto attempt = plan.begin(now);
    BOOST_CHECK(attempt.endpoint == 0);
    BOOST_CHECK(attempt.after == 0);
    BOOST_CHECK(plan.state().compactions == 1);
    // But not for ever without a pause.
    plan.on_failure(now, {Kind::compacted, "compacted"});
    plan.on_failure(now, {Kind::compacted, "compacted"});
    BOOST_CHECK(plan.on_failure(now, {Kind::compacted, "compacted"}) > 0ms);
}

BOOST_AUTO_TEST_SUITE_END()
