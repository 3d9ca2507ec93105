// Names that are kept up to date, with a nameserver of the test.
#include "proxy/names/names.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

#include "tests/proxy/names/dns_server.h"
#include "tests/proxy/names/resolver_rig.h"

using namespace ringway;
using namespace ringway::test;
using proxy::Names;
using proxy::Question;

namespace {

boost::asio::awaitable<void> wait(Names& names, proxy::Clock::duration limit, bool& is_over) {
    co_await names.settled(limit);
    is_over = true;
}

struct NamesRig : Loop {
    void settle(proxy::Clock::duration limit = 1h) {
        bool is_over = false;
        co_spawn(io, wait(*names, limit, is_over), boost::asio::detached);
        run_until([&] { return is_over; });
    }
    std::string first_of(const Question& question) const {
        const auto* known = names->book().find(question);
        const auto picked = known == nullptr ? std::nullopt : pick(*known, std::nullopt);
        return picked ? picked->to_string() : "none";
    }

    int last_byte = 1;  // of the address that is served
    bool is_silent = false;
    DnsServer server{io, [this](const DnsQuery& query) {
                         if (is_silent) return silence(query);
                         if (query.name.starts_with("none")) return reply(query, {}, 3);
                         return reply(query, {a_record(query.name, 1, {10, 0, 0, last_byte})});
                     }};
    conf::DnsSettings settings{.nameservers = {server.endpoint()},
                               .timeout = conf::Duration(60'000),
                               .min_ttl = conf::Duration(20),
                               .max_ttl = conf::Duration(20),
                               .keep_for = conf::Duration(30),
                               .family = conf::DnsSettings::Family::v4};
    std::vector<std::vector<Question>> changes;
    std::unique_ptr<Names> names = std::make_unique<Names>(
        io, [this](const std::vector<Question>& changed) { changes.push_back(changed); });
};

const Question a = addresses_of("a.example");
const Question none = addresses_of("none.example");

}  // namespace

BOOST_FIXTURE_TEST_SUITE(names, NamesRig)

BOOST_AUTO_TEST_CASE(what_is_wanted_is_asked_and_settles) {
    names->set(settings);
    names->want({a, none});
    BOOST_TEST(changes.empty());
    settle();
    run_until([&] { return !changes.empty(); });
    BOOST_TEST((changes.front() == std::vector{a}));
    BOOST_TEST(first_of(a) == "10.0.0.1:0");
    BOOST_TEST(first_of(none) == "none");
    BOOST_TEST(names->book().find(none)->failure->text == "no such name (NXDOMAIN)");
    settle(0s);  // at once: all have settled
}

BOOST_AUTO_TEST_CASE(names_are_asked_again_and_changes_reported) {
    names->set(settings);
    names->want({a});
    settle();
    run_until([&] { return server.queries().size() >= 4; });
    BOOST_TEST(changes.size() == 1U);
    last_byte = 2;
    run_until([&] { return first_of(a) == "10.0.0.2:0"; });
    // The old address expires, and that is a change of its own.
    run_until([&] { return changes.size() >= 3 && names->book().find(a)->addresses.size() == 1; });
    BOOST_TEST(first_of(a) == "10.0.0.2:0");
}

BOOST_AUTO_TEST_CASE(changes_of_one_turn_are_reported_at_once) {
    settings.max_ttl = settings.min_ttl = 1h;
    names->set(settings);
    // Two questions that the hosts file answers at once.
    names->want({addresses_of("localhost"), addresses_of("LOCALHOST")});
    BOOST_TEST(changes.empty());
    run_until([&] { return !changes.empty(); });
    turn();
    BOOST_TEST(changes.size() == 1U);
    BOOST_TEST(changes.front().size() == 2U);
}

BOOST_AUTO_TEST_CASE(more_than_may_be_asked_at_once_settle_too) {
    settings.max_ttl = settings.min_ttl = 1h;
    names->set(settings);
    std::set<Question> many;
    for (int i = 0; i < 300; ++i) many.insert(addresses_of("n" + std::to_string(i) + ".example"));
    names->want(many);
    settle();
    BOOST_TEST(names->book().unsettled() == 0U);
    BOOST_TEST(names->book().counts().with_records == 300U);
    BOOST_TEST(server.queries().size() == 300U);
    run_until([&] {
        std::size_t reported = 0;
        for (const auto& each : changes) reported += each.size();
        return reported == 300;
    });
}

BOOST_AUTO_TEST_CASE(waiting_has_a_limit) {
    is_silent = true;
    names->set(settings);
    names->want({a});
    settle(10ms);
    BOOST_TEST(names->book().unsettled() == 1U);
}

BOOST_AUTO_TEST_CASE(waiting_ends_when_nothing_is_wanted_any_more_or_with_the_end) {
    is_silent = true;
    names->set(settings);
    names->want({a});
    bool is_over = false;
    co_spawn(io, wait(*names, 1h, is_over), boost::asio::detached);
    turn();
    BOOST_TEST(!is_over);
    names->want({});
    run_until([&] { return is_over; });
    names->want({a});
    is_over = false;
    co_spawn(io, wait(*names, 1h, is_over), boost::asio::detached);
    turn();
    names.reset();
    run_until([&] { return is_over; });
    BOOST_TEST(changes.empty());
}

BOOST_AUTO_TEST_CASE(other_nameservers_are_asked_at_once) {
    settings.max_ttl = settings.min_ttl = 1h;
    names->set(settings);
    names->want({a});
    settle();
    const DnsServer other(io, [](const DnsQuery& query) {
        return reply(query, {a_record(query.name, 1, {10, 0, 0, 9})});
    });
    settings.nameservers = {other.endpoint()};
    names->set(settings);
    run_until([&] { return first_of(a) == "10.0.0.9:0"; });
}

BOOST_AUTO_TEST_CASE(nothing_is_asked_or_reported_after_stop) {
    names->set(settings);
    names->want({a});
    settle();
    names->stop();
    const std::size_t asked = server.queries().size();
    names->want({a, none});
    names->set(settings);
    turn();
    BOOST_TEST(server.queries().size() == asked);
    BOOST_TEST(changes.size() <= 1U);
    BOOST_TEST(first_of(a) == "10.0.0.1:0");
}

BOOST_AUTO_TEST_SUITE_END()
