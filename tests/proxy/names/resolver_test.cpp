// What the Resolver asks, and the answers that it makes of what nameservers have.
#include <cstdlib>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/names/resolver_rig.h"

using namespace ringway;
using namespace ringway::test;
using Family = conf::DnsSettings::Family;
using proxy::Answer;
using proxy::NoRecords;

namespace {

// A variable of the environment, while this lives.
class Variable {
public:
    Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
    ~Variable() { ::unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

private:
    const char* const name_;
};

std::vector<std::string> names_of(const DnsServer& server, std::uint16_t type) {
    std::vector<std::string> names;
    for (const auto& each : server.queries()) {
        if (each.type == type) names.push_back(each.name);
    }
    return names;
}

std::vector<std::string> both_families(const DnsQuery& query) {
    if (query.type == type_aaaa) return reply(query, {aaaa_record(query.name, 30, 1)});
    return reply(
        query, {a_record(query.name, 60, {10, 0, 0, 2}), a_record(query.name, 60, {10, 0, 0, 1})});
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(resolver, ResolverRig)

BOOST_AUTO_TEST_CASE(addresses_of_both_families_are_one_answer) {
    serve(both_families);
    BOOST_TEST(text_of(ask(addresses_of("a.example"))) ==
               "ttl 30 10.0.0.1:0 10.0.0.2:0 [2001:db8::1]:0");
    BOOST_TEST(server->queries().size() == 2U);
    BOOST_TEST(server->queries()[0].has_edns);
}

BOOST_AUTO_TEST_CASE(one_family_is_asked_for_alone) {
    settings.family = Family::v4;
    serve(both_families);
    BOOST_TEST(text_of(ask(addresses_of("a.example"))) == "ttl 60 10.0.0.1:0 10.0.0.2:0");
    BOOST_TEST(queries(type_aaaa) == 0U);
    settings.family = Family::v6;
    resolver->set(settings);
    BOOST_TEST(text_of(ask(addresses_of("a.example"))) == "ttl 30 [2001:db8::1]:0");
    BOOST_TEST(queries(type_a) == 1U);
}

BOOST_AUTO_TEST_CASE(aliases_are_followed) {
    serve([](const DnsQuery& query) {
        return reply(query, {cname_record(query.name, 50, "b.example"),
                             cname_record("b.example", 20, "c.example"),
                             query.type == type_a ? a_record("c.example", 60, {10, 0, 0, 1})
                                                  : aaaa_record("c.example", 60, 1)});
    });
    BOOST_TEST(text_of(ask(addresses_of("a.example"))) == "ttl 20 10.0.0.1:0 [2001:db8::1]:0");
}

BOOST_AUTO_TEST_CASE(aliases_in_a_circle_are_malformed) {
    serve([](const DnsQuery& query) {
        return reply(query, {cname_record(query.name, 50, "b.example"),
                             cname_record("b.example", 20, query.name)});
    });
    BOOST_TEST((reason(addresses_of("a.example")) == NoRecords::malformed));
}

BOOST_AUTO_TEST_CASE(one_family_may_fail) {
    serve([](const DnsQuery& query) {
        return query.type == type_a ? one_address(query) : reply(query, {}, 2);
    });
    BOOST_TEST(text_of(ask(addresses_of("a.example"))) == "ttl 60 10.0.0.1:0 lacks v6");
    settings.timeout = conf::Duration(20);
    serve([](const DnsQuery& query) {
        return query.type == type_a ? silence(query) : both_families(query);
    });
    BOOST_TEST(text_of(ask(addresses_of("a.example"))) == "ttl 30 [2001:db8::1]:0 lacks v4");
}

BOOST_AUTO_TEST_CASE(the_hosts_file_comes_before_dns) {
    serve(one_address);
    const Answer answer = ask(addresses_of("localhost"));
    BOOST_TEST_REQUIRE(answer.has_value());
    BOOST_TEST((answer->addresses.front() == address("127.0.0.1")));
    BOOST_TEST(answer->ttl.count() == 0);
    BOOST_TEST(server->queries().empty());
    // Not for services.
    BOOST_TEST((reason(services_of("localhost")) == NoRecords::none_of_type));
    BOOST_TEST(queries(type_srv) == 1U);
}

BOOST_AUTO_TEST_CASE(services_are_targets) {
    serve([](const DnsQuery& query) {
        return reply(
            query, {srv_record(query.name, 30,
                               {.priority = 1, .weight = 2, .port = 80, .target = "b.example"}),
                    srv_record(query.name, 20, {.weight = 3, .port = 81, .target = "a.example"})});
    });
    BOOST_TEST(text_of(ask(services_of("_a._tcp.example"))) ==
               "ttl 20 0/3/a.example:81 1/2/b.example:80");
    BOOST_TEST(server->queries().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_service_that_is_not_available_has_no_records) {
    serve([](const DnsQuery& query) { return reply(query, {srv_record(query.name, 30, {})}); });
    BOOST_TEST((reason(services_of("_a._tcp.example")) == NoRecords::none_of_type));
}

BOOST_AUTO_TEST_CASE(a_thousand_targets_come_over_tcp) {
    serve([](const DnsQuery& query) {
        std::vector<std::string> records;
        for (int i = 0; i < 1'000; ++i) {
            const std::string target = "t" + std::to_string(i) + ".example";
            records.push_back(srv_record(query.name, 30, {.port = 80, .target = target}));
        }
        return reply(query, records);
    });
    const Answer answer = ask(services_of("_a._tcp.example"));
    BOOST_TEST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->services.size() == 1'000U);
    BOOST_TEST_REQUIRE(server->queries().size() == 2U);
    BOOST_TEST(!server->queries()[0].over_tcp);
    BOOST_TEST(server->queries()[1].over_tcp);
}

BOOST_AUTO_TEST_CASE(the_search_list_is_tried_for_names_with_few_dots) {
    const Variable domains("LOCALDOMAIN", "one.test two.test");
    const Variable options("RES_OPTIONS", "ndots:2");
    serve([](const DnsQuery& query) {
        return query.name == "a.b.two.test" ? one_address(query) : reply(query, {}, 3);
    });
    using Names = std::vector<std::string>;
    BOOST_TEST(text_of(ask(addresses_of("a.b"))) == "ttl 60 10.0.0.1:0");
    BOOST_TEST((names_of(*server, type_a) == Names{"a.b.one.test", "a.b.two.test"}));
    BOOST_TEST((reason(services_of("_a._tcp.b")) == NoRecords::no_such_name));
    BOOST_TEST((names_of(*server, type_srv) ==
                Names{"_a._tcp.b", "_a._tcp.b.one.test", "_a._tcp.b.two.test"}));
    // Families are not mixed: the first name that has any addresses has all.
    BOOST_TEST((names_of(*server, type_aaaa) == Names{"a.b.one.test", "a.b.two.test"}));
}

BOOST_AUTO_TEST_CASE(a_failure_ends_the_search_list) {
    const Variable domains("LOCALDOMAIN", "one.test two.test");
    serve(
        [](const DnsQuery& query) { return reply(query, {}, query.name == "a.one.test" ? 2 : 3); });
    BOOST_TEST((reason(services_of("a")) == NoRecords::server_failure));
    for (const auto& each : server->queries()) BOOST_TEST(each.name == "a.one.test");
}

BOOST_AUTO_TEST_CASE(a_name_that_exists_somewhere_has_no_records) {
    const Variable domains("LOCALDOMAIN", "one.test two.test");
    serve(
        [](const DnsQuery& query) { return reply(query, {}, query.name == "a.one.test" ? 0 : 3); });
    BOOST_TEST((reason(addresses_of("a")) == NoRecords::none_of_type));
    BOOST_TEST(
        (names_of(*server, type_a) == std::vector<std::string>{"a.one.test", "a.two.test", "a"}));
}

BOOST_AUTO_TEST_CASE(many_questions_at_once_have_their_own_answers) {
    serve(one_address);
    std::map<std::string, std::string> answers;
    for (int i = 0; i < 64; ++i) {
        const std::string name = "n" + std::to_string(i) + ".example";
        resolver->ask(addresses_of(name),
                      [&answers, name](const Answer& answer) { answers[name] = text_of(answer); });
    }
    BOOST_TEST(answers.empty());
    run_until([&] { return answers.size() == 64; });
    for (const auto& [name, text] : answers) BOOST_TEST(text == "ttl 60 10.0.0.1:0", name);
}

BOOST_AUTO_TEST_SUITE_END()
