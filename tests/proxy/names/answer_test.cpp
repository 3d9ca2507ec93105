// Messages of nameservers, as they are and as they should not be.
#include "proxy/names/answer.h"

#include <boost/test/unit_test.hpp>

#include "tests/proxy/names/rig.h"
#include "tests/support/dns_message.h"

using namespace ringway;
using namespace ringway::test;
using proxy::Answer;
using proxy::NoRecords;
using proxy::parse_answer;
using proxy::RecordType;

namespace {

constexpr const char* name = "a.example";

Answer srv(const std::vector<std::string>& records) {
    return parse_answer(dns_answer({}, name, type_srv, records), RecordType::srv);
}

Answer a(const std::vector<std::string>& records) {
    return parse_answer(dns_answer({}, name, type_a, records), RecordType::a);
}

Answer aaaa(const std::vector<std::string>& records) {
    return parse_answer(dns_answer({}, name, type_aaaa, records), RecordType::aaaa);
}

NoRecords reason(const Answer& answer) {
    BOOST_REQUIRE_MESSAGE(!answer, "it has records: " << text_of(answer));
    return answer.error().reason;
}

Answer failed(NoRecords reason) {
    return proxy::lookup_failure(reason);
}

// A message with this answer section, which says of itself that it has `count` records.
std::string raw(std::string_view answers, std::uint32_t count = 1) {
    return dns_number(0, 2) + dns_number(0x8180, 2) + dns_number(1, 2) + dns_number(count, 2) +
           dns_number(0, 4) + dns_name(name) + dns_number(type_srv, 2) + dns_number(1, 2) +
           std::string(answers);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(answer)

BOOST_AUTO_TEST_CASE(addresses_are_sorted_and_each_once_with_the_least_ttl) {
    const auto read = a({a_record(name, 60, {10, 0, 0, 2}), a_record(name, 30, {10, 0, 0, 1}),
                         a_record(name, 90, {10, 0, 0, 2})});
    BOOST_TEST(text_of(read) == "ttl 30 10.0.0.1:0 10.0.0.2:0");
    BOOST_TEST(text_of(aaaa({aaaa_record(name, 5, 7)})) == "ttl 5 [2001:db8::7]:0");
}

BOOST_AUTO_TEST_CASE(services_are_sorted_and_each_once) {
    const auto read =
        srv({srv_record(name, 9, {.priority = 1, .weight = 5, .port = 80, .target = "B.Example"}),
             srv_record(name, 9, {.weight = 3, .port = 90, .target = "a.example"}),
             srv_record(name, 9, {.weight = 3, .port = 90, .target = "a.example"})});
    BOOST_TEST(text_of(read) == "ttl 9 0/3/a.example:90 1/5/b.example:80");
}

BOOST_AUTO_TEST_CASE(services_that_cannot_be_used_are_left_out) {
    const auto read = srv({srv_record(name, 9, {.port = 80, .target = ""}),
                           srv_record(name, 9, {.port = 80, .target = "bad name.example"}),
                           srv_record(name, 9, {.port = 80, .target = "10.0.0.1"}),
                           srv_record(name, 9, {.port = 0, .target = "c.example"}),
                           srv_record(name, 9, {.port = 80, .target = "b.example"})});
    BOOST_TEST(text_of(read) == "ttl 9 0/0/b.example:80");
    const auto none = srv({srv_record(name, 9, {.port = 80, .target = ""})});
    BOOST_TEST((reason(none) == NoRecords::none_of_type));
    BOOST_TEST(none.error().text == "the service is not available: no SRV record has a target");
}

BOOST_AUTO_TEST_CASE(a_dot_within_a_label_makes_no_name) {
    const std::string target = std::string("\x03") + "a.b" + dns_name("example");
    const auto read =
        srv({dns_record(name, type_srv, 9, dns_number(0, 4) + dns_number(80, 2) + target)});
    BOOST_TEST((reason(read) == NoRecords::none_of_type));
}

BOOST_AUTO_TEST_CASE(aliases_are_followed_in_any_order) {
    const auto read =
        a({a_record("c.example", 60, {10, 0, 0, 1}), cname_record("B.example", 20, "c.example"),
           cname_record("A.EXAMPLE", 40, "b.EXAMPLE"), a_record("d.example", 1, {10, 0, 0, 9})});
    BOOST_TEST(text_of(read) == "ttl 20 10.0.0.1:0");
    BOOST_TEST((reason(a({cname_record(name, 20, "b.example")})) == NoRecords::none_of_type));
}

BOOST_AUTO_TEST_CASE(aliases_in_a_circle_are_malformed) {
    BOOST_TEST((reason(a({cname_record(name, 20, name)})) == NoRecords::malformed));
    const auto read = a({cname_record(name, 20, "b.example"), cname_record("b.example", 20, name)});
    BOOST_TEST(read.error().text == "malformed answer: its aliases (CNAME) go in a circle");
    // A circle beside the way is of no interest.
    BOOST_TEST(a({a_record(name, 1, {10, 0, 0, 1}), cname_record("b.example", 2, "b.example")})
                   .has_value());
}

BOOST_AUTO_TEST_CASE(records_of_other_types_and_classes_do_not_count) {
    BOOST_TEST((reason(a({aaaa_record(name, 5, 1)})) == NoRecords::none_of_type));
    BOOST_TEST((reason(a({})) == NoRecords::none_of_type));
    std::string chaos = a_record(name, 5, {10, 0, 0, 1});
    chaos[dns_name(name).size() + 3] = 3;
    BOOST_TEST((reason(a({chaos})) == NoRecords::none_of_type));
}

BOOST_AUTO_TEST_CASE(a_ttl_with_its_highest_bit_is_zero) {
    BOOST_TEST(text_of(a({a_record(name, 0x80000001, {10, 0, 0, 1})})) == "ttl 0 10.0.0.1:0");
    BOOST_TEST(text_of(a({a_record(name, 0x7fffffff, {10, 0, 0, 1})})) ==
               "ttl 2147483647 10.0.0.1:0");
}

BOOST_AUTO_TEST_CASE(response_codes_are_reasons) {
    const std::map<std::uint16_t, NoRecords> reasons{
        {1, NoRecords::server_failure}, {2, NoRecords::server_failure},
        {3, NoRecords::no_such_name},   {4, NoRecords::server_failure},
        {5, NoRecords::refused},        {9, NoRecords::server_failure}};
    for (const auto& [code, expected] : reasons) {
        const auto read = parse_answer(dns_answer({.code = code}, name, type_a), RecordType::a);
        BOOST_TEST((reason(read) == expected), "code " << code);
    }
}

BOOST_AUTO_TEST_CASE(compressed_names_are_read) {
    const std::string pointer = "\xC0\x0C";  // to the question's name
    const std::string read =
        raw(pointer + dns_number(type_srv, 2) + dns_number(1, 2) + dns_number(7, 4) +
            dns_number(10, 2) + dns_number(0, 4) + dns_number(80, 2) +
            "\x01"
            "b" +
            pointer);
    BOOST_TEST(text_of(parse_answer(read, RecordType::srv)) == "ttl 7 0/0/b.a.example:80");
}

BOOST_AUTO_TEST_CASE(pointers_that_lead_nowhere_are_malformed) {
    const std::string rest =
        dns_number(type_srv, 2) + dns_number(1, 2) + dns_number(7, 4) + dns_number(0, 2);
    // To itself, ahead, beyond the end, and to labels that end in it.
    for (const std::string& owner :
         {std::string("\xC0\x1B"), std::string("\xC0\x1D"), std::string("\xFF\xFF"),
          std::string("\x01"
                      "b\xC0\x1B")}) {
        BOOST_TEST(
            (reason(parse_answer(raw(owner + rest), RecordType::srv)) == NoRecords::malformed));
    }
}

BOOST_AUTO_TEST_CASE(a_message_that_is_cut_anywhere_is_malformed) {
    const std::string whole =
        dns_answer({}, name, type_srv,
                   {cname_record(name, 5, "b.example"),
                    srv_record("b.example", 9, {.port = 80, .target = "c.example"})});
    BOOST_TEST(parse_answer(whole, RecordType::srv).has_value());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const std::string cut = whole.substr(0, size);
        BOOST_TEST((reason(parse_answer(cut, RecordType::srv)) == NoRecords::malformed),
                   "at " << size);
    }
}

BOOST_AUTO_TEST_CASE(records_of_a_wrong_size_are_malformed) {
    BOOST_TEST((reason(a({a_record(name, 5, {10, 0, 0})})) == NoRecords::malformed));
    BOOST_TEST((reason(aaaa({dns_record(name, type_aaaa, 5, "1234")})) == NoRecords::malformed));
    std::string long_one = srv_record(name, 5, {.port = 80, .target = "b.example"});
    long_one[dns_name(name).size() + 9] += 1;
    BOOST_TEST((reason(srv({long_one + '\0'})) == NoRecords::malformed));
}

BOOST_AUTO_TEST_CASE(both_families_make_one_answer) {
    const Answer v4 = a({a_record(name, 60, {10, 0, 0, 1})});
    const Answer v6 = aaaa({aaaa_record(name, 30, 1)});
    BOOST_TEST(text_of(combined(v4, v6)) == "ttl 30 10.0.0.1:0 [2001:db8::1]:0");
    BOOST_TEST(text_of(combined(v4, failed(NoRecords::none_of_type))) == "ttl 60 10.0.0.1:0");
    BOOST_TEST(text_of(combined(v4, failed(NoRecords::timed_out))) == "ttl 60 10.0.0.1:0 lacks v6");
    BOOST_TEST(text_of(combined(failed(NoRecords::no_such_name), v6)) == "ttl 30 [2001:db8::1]:0");
    BOOST_TEST(text_of(combined(failed(NoRecords::refused), v6)) ==
               "ttl 30 [2001:db8::1]:0 lacks v4");
}

BOOST_AUTO_TEST_CASE(of_two_failures_the_graver_is_the_reason) {
    const auto both = [](NoRecords v4, NoRecords v6) {
        return reason(combined(failed(v4), failed(v6)));
    };
    using enum NoRecords;
    BOOST_TEST((both(no_such_name, no_such_name) == no_such_name));
    BOOST_TEST((both(no_such_name, none_of_type) == none_of_type));
    BOOST_TEST((both(none_of_type, no_such_name) == none_of_type));
    BOOST_TEST((both(none_of_type, timed_out) == timed_out));
    BOOST_TEST((both(malformed, timed_out) == malformed));
}

BOOST_AUTO_TEST_SUITE_END()
