// Nameservers that fail, lie, are silent or not there; and a Resolver that is changed or ended
// while it asks.
#include <boost/test/unit_test.hpp>

#include "tests/proxy/names/resolver_rig.h"

using namespace ringway;
using namespace ringway::test;
using proxy::Answer;
using proxy::NoRecords;
using proxy::Question;

namespace {

const Question name = addresses_of("a.example");

}  // namespace

BOOST_FIXTURE_TEST_SUITE(resolver_failures, ResolverRig)

BOOST_AUTO_TEST_CASE(codes_of_failure_are_reasons) {
    const std::map<std::uint16_t, NoRecords> reasons{
        {1, NoRecords::server_failure}, {2, NoRecords::server_failure},
        {3, NoRecords::no_such_name},   {4, NoRecords::server_failure},
        {5, NoRecords::refused},        {9, NoRecords::server_failure}};
    for (const auto& [code, expected] : reasons) {
        serve([code = code](const DnsQuery& query) { return reply(query, {}, code); });
        BOOST_TEST((reason(name) == expected), "code " << code);
        BOOST_TEST((reason(services_of("a.example")) == expected), "code " << code);
    }
}

BOOST_AUTO_TEST_CASE(an_empty_answer_is_none_of_the_type) {
    serve([](const DnsQuery& query) { return reply(query, {}); });
    BOOST_TEST((reason(name) == NoRecords::none_of_type));
    BOOST_TEST((reason(services_of("a.example")) == NoRecords::none_of_type));
}

BOOST_AUTO_TEST_CASE(a_silent_nameserver_is_asked_some_times) {
    settings.timeout = conf::Duration(20);
    settings.attempts = 3;
    serve(silence);
    BOOST_TEST((reason(services_of("a.example")) == NoRecords::timed_out));
    BOOST_TEST(server->queries().size() == 3U);
    BOOST_TEST((reason(name) == NoRecords::timed_out));
}

BOOST_AUTO_TEST_CASE(a_nameserver_that_is_not_there_is_unreachable_until_it_comes_back) {
    serve(one_address);
    const std::uint16_t port = server->endpoint().port;
    server.reset();
    turn();
    BOOST_TEST((reason(name) == NoRecords::unreachable));
    BOOST_TEST((reason(services_of("a.example")) == NoRecords::unreachable));
    server = std::make_unique<DnsServer>(io, one_address, port);
    BOOST_TEST(text_of(ask(name)) == "ttl 60 10.0.0.1:0");
}

BOOST_AUTO_TEST_CASE(the_next_nameserver_is_asked_where_one_fails) {
    const DnsServer failing(io, [](const DnsQuery& query) { return reply(query, {}, 2); });
    const DnsServer refusing(io, [](const DnsQuery& query) { return reply(query, {}, 5); });
    const DnsServer good(io, one_address);
    settings.nameservers = {failing.endpoint(), refusing.endpoint(), good.endpoint()};
    resolver->set(settings);
    BOOST_TEST(text_of(ask(name)) == "ttl 60 10.0.0.1:0");
    settings.nameservers.pop_back();
    resolver->set(settings);
    BOOST_TEST((reason(name) == NoRecords::server_failure));
}

BOOST_AUTO_TEST_CASE(a_nameserver_without_edns_is_asked_without) {
    serve([](const DnsQuery& query) {
        return query.has_edns ? reply(query, {}, 1) : one_address(query);
    });
    BOOST_TEST(text_of(ask(name)) == "ttl 60 10.0.0.1:0");
    BOOST_TEST(text_of(ask(name)) == "ttl 60 10.0.0.1:0");
}

BOOST_AUTO_TEST_CASE(answers_to_other_questions_are_ignored) {
    serve([](const DnsQuery& query) {
        DnsQuery other = query;
        other.id = static_cast<std::uint16_t>(query.id + 1);
        const auto forged = a_record(query.name, 60, {6, 6, 6, 6});
        std::vector<std::string> all = reply(other, {forged});
        other = query;
        other.name = "b.example";
        all.push_back(reply(other, {forged}).front());
        other = query;
        other.type = type_srv;
        all.push_back(reply(other, {forged}).front());
        all.emplace_back("\x01");
        all.emplace_back(500, 'x');
        all.emplace_back();
        all.push_back(one_address(query).front());
        return all;
    });
    BOOST_TEST(text_of(ask(name)) == "ttl 60 10.0.0.1:0");
}

BOOST_AUTO_TEST_CASE(garbage_behind_the_question_is_malformed) {
    serve([](const DnsQuery& query) {
        std::string message = reply(query, {std::string(40, '\xFF')}).front();
        return std::vector{message};
    });
    BOOST_TEST((reason(name) == NoRecords::malformed));
    BOOST_TEST((reason(services_of("a.example")) == NoRecords::malformed));
}

BOOST_AUTO_TEST_CASE(truncated_answers_without_tcp_have_a_reason) {
    settings.timeout = conf::Duration(20);
    serve([](const DnsQuery& query) {
        if (query.over_tcp) return silence(query);
        return std::vector{dns_answer({.id = query.id, .truncated = true}, query.name, query.type)};
    });
    BOOST_TEST((reason(services_of("a.example")) == NoRecords::timed_out));
}

BOOST_AUTO_TEST_CASE(questions_under_way_are_asked_again_with_other_settings) {
    serve(silence);
    std::vector<std::string> answers;
    const auto note = [&](const Answer& answer) { answers.push_back(text_of(answer)); };
    resolver->ask(name, note);
    resolver->ask(services_of("a.example"), note);
    run_until([&] { return server->queries().size() == 3; });
    const auto silent = std::move(server);
    serve([](const DnsQuery& query) {
        if (query.type == type_srv)
            return reply(query, {srv_record(query.name, 9, {.port = 80, .target = "b"})});
        return one_address(query);
    });
    BOOST_TEST(answers.empty());
    run_until([&] { return answers.size() == 2; });
    turn();
    std::ranges::sort(answers);
    BOOST_TEST((answers == std::vector<std::string>{"ttl 60 10.0.0.1:0", "ttl 9 0/0/b:80"}));
}

BOOST_AUTO_TEST_CASE(an_answer_on_its_way_is_not_asked_for_again) {
    serve(one_address);
    int answers = 0;
    resolver->ask(addresses_of("localhost"), [&](const Answer&) { ++answers; });
    resolver->set(settings);
    run_until([&] { return answers > 0; });
    turn();
    BOOST_TEST(answers == 1);
}

BOOST_AUTO_TEST_CASE(nothing_is_called_back_after_the_end) {
    serve(silence);
    bool was_called = false;
    const auto note = [&](const Answer&) { was_called = true; };
    resolver->ask(name, note);
    run_until([&] { return server->queries().size() == 2; });
    resolver->ask(addresses_of("localhost"), note);  // its answer is on its way
    resolver->stop();
    resolver->ask(name, note);
    resolver->set(settings);
    resolver.reset();
    turn();
    BOOST_TEST(!was_called);
}

BOOST_AUTO_TEST_CASE(a_callback_may_end_the_resolver) {
    serve([](const DnsQuery& query) {
        return query.name == "b.example" ? silence(query) : one_address(query);
    });
    resolver->ask(addresses_of("b.example"), [](const Answer&) { BOOST_ERROR("called"); });
    resolver->ask(name, [&](const Answer&) { resolver.reset(); });
    run_until([&] { return !resolver; });
    turn();
}

BOOST_AUTO_TEST_CASE(a_callback_may_ask_and_change_settings) {
    serve(one_address);
    int answers = 0;
    resolver->ask(name, [&](const Answer&) {
        ++answers;
        resolver->set(settings);
        resolver->ask(name, [&](const Answer& answer) {
            BOOST_TEST(text_of(answer) == "ttl 60 10.0.0.1:0");
            ++answers;
        });
    });
    run_until([&] { return answers == 2; });
}

BOOST_AUTO_TEST_SUITE_END()
