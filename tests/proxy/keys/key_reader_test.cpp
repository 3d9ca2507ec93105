// Keys that are read from more than one place, or from no bytes at all.
#include "proxy/keys/key_reader.h"

#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/keys/answers.h"

using namespace ringway;
using namespace std::string_literals;
using test::Answer;
using test::found;
using test::From;
using test::in_segments;
using test::KeyPart;
using test::ParseStatus;
using test::refused;
using test::settings_of;
using test::whole;

namespace {

Answer source_key(std::string_view address, int prefix_v4 = 32, int prefix_v6 = 128) {
    const KeyPart part{.prefix_v4 = prefix_v4, .prefix_v6 = prefix_v6};
    return whole(settings_of({part}), "", {.source = *conf::Endpoint::parse(address)});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(key_reader)

BOOST_AUTO_TEST_CASE(a_source_address_is_the_key_at_once_without_its_port) {
    BOOST_TEST(source_key("192.0.2.55:4711") == found("192.0.2.55"));
    BOOST_TEST(source_key("[2001:db8::1:2]:4711") == found("2001:db8::1:2"));
}

BOOST_AUTO_TEST_CASE(a_prefix_keeps_its_leading_bits) {
    BOOST_TEST(source_key("192.0.2.255:1", 24) == found("192.0.2.0"));
    BOOST_TEST(source_key("192.0.2.255:1", 28) == found("192.0.2.240"));
    BOOST_TEST(source_key("192.0.2.255:1", 1) == found("128.0.0.0"));
    BOOST_TEST(source_key("[2001:db8:aaaa:bbbb:cccc::1]:1", 32, 64) ==
               found("2001:db8:aaaa:bbbb::"));
    BOOST_TEST(source_key("[2001:db8:ffff::1]:1", 32, 36) == found("2001:db8:f000::"));
    BOOST_TEST(source_key("[2001:db8::1]:1", 8) == found("2001:db8::1"));
}

BOOST_AUTO_TEST_CASE(both_addresses_are_keys_with_their_ports) {
    BOOST_TEST(whole({.from = From::source}, "") == found("192.0.2.55:4711"));
    BOOST_TEST(whole({.from = From::destination}, "") == found("198.51.100.1:443"));
    const proxy::Origin v6{.source = *conf::Endpoint::parse("[2001:db8::7]:1")};
    BOOST_TEST(whole(settings_of({{.from = From::source}}), "", v6) == found("[2001:db8::7]:1"));
    BOOST_TEST(whole(settings_of({{.from = From::destination}}), "", v6) ==
               refused(ParseStatus::missing));
}

BOOST_AUTO_TEST_CASE(a_unix_client_has_a_key_only_if_it_has_a_name) {
    const proxy::Origin nameless{.source = {.is_unix = true}};
    const proxy::Origin named{.source = {.is_unix = true, .path = "/run/client"}};
    for (const From from : {From::source_ip, From::source}) {
        BOOST_TEST(whole(settings_of({{.from = from}}), "", nameless) ==
                   refused(ParseStatus::missing));
    }
    BOOST_TEST(whole(settings_of({{}}), "", named) == refused(ParseStatus::missing));
    BOOST_TEST(whole(settings_of({{.from = From::source}}), "", named) ==
               found("unix:/run/client"));
}

BOOST_AUTO_TEST_CASE(fields_of_a_proxy_header_are_keys) {
    auto from = test::origin();
    from.tlvs =
        "\xe0\x00\x03"
        "one\x02\x00\x0b"
        "example.org\xe0\x00\x03"
        "two"s;
    const KeyPart custom{.from = From::proxy_tlv, .type = 0xe0};
    const KeyPart absent{.from = From::proxy_tlv, .type = 0xe1};
    const KeyPart authority{.from = From::proxy_authority};
    BOOST_TEST(whole(settings_of({custom}), "", from) == found("one"));
    BOOST_TEST(whole(settings_of({authority}), "", from) == found("example.org"));
    BOOST_TEST(whole(settings_of({absent}), "", from) == refused(ParseStatus::missing));
    BOOST_TEST(whole(custom, "") == refused(ParseStatus::missing));
    BOOST_TEST(whole(authority, "") == refused(ParseStatus::missing));
}

BOOST_AUTO_TEST_CASE(a_composite_is_the_netstrings_of_its_parts_in_order) {
    const KeyPart header{.from = From::header, .name = "X-User"};
    const KeyPart target{.from = From::target};
    const std::string head = "GET /a HTTP/1.1\r\nX-User: ann\r\n\r\n";
    const auto both = settings_of({{}, header});
    BOOST_TEST(whole(both, head) == found("10:192.0.2.55,3:ann,"));
    BOOST_TEST(whole(settings_of({header, target}), head) == found("3:ann,2:/a,"));
    BOOST_TEST(whole(settings_of({target, header}), head) == found("2:/a,3:ann,"));
    for (std::size_t first = 0; first <= head.size(); ++first) {
        for (std::size_t second = first; second <= head.size(); ++second) {
            const auto answer =
                in_segments(settings_of({header, target, {}}), head, {first, second});
            BOOST_TEST(answer == found("3:ann,2:/a,10:192.0.2.55,"),
                       "cut at " << first << " and " << second);
        }
    }
}

BOOST_AUTO_TEST_CASE(no_two_lists_of_parts_give_one_composite) {
    const auto two = settings_of({{.from = From::field, .number = 1, .separator = "|"},
                                  {.from = From::field, .number = 2, .separator = "|"}});
    BOOST_TEST(whole(two, "a,1:b|c\n") == found("5:a,1:b,1:c,"));
    BOOST_TEST(whole(two, "a|b,1:c\n") == found("1:a,5:b,1:c,"));
    BOOST_TEST(whole(two, "|\n") == found("0:,0:,"));
}

BOOST_AUTO_TEST_CASE(a_composite_without_one_of_its_parts_has_no_key) {
    const KeyPart header{.from = From::header, .name = "X-User"};
    const KeyPart other{.from = From::header, .name = "X-Other"};
    const std::string head = "GET /a HTTP/1.1\r\nX-User: ann\r\n\r\n";
    BOOST_TEST(whole(settings_of({header, other}), head) == refused(ParseStatus::missing));
    BOOST_TEST(whole(settings_of({other, header}), head) == refused(ParseStatus::missing));
    BOOST_TEST(whole(settings_of({header, {.from = From::sni}}), head) ==
               refused(ParseStatus::not_tls));
    BOOST_TEST((whole(settings_of({{}, header}), head.substr(0, 20)).status == ParseStatus::more));
}

BOOST_AUTO_TEST_CASE(a_client_certificate_has_a_key_in_each_of_its_fields) {
    using Field = KeyPart::CertField;
    proxy::Origin origin{.source = *conf::Endpoint::parse("192.0.2.55:1")};
    const auto key = [&](Field field) {
        return whole(settings_of({{.from = From::client_cert, .cert_field = field}}), "", origin);
    };
    BOOST_TEST(key(Field::subject_cn) == refused(ParseStatus::missing));
    origin.tls.emplace();
    BOOST_TEST(key(Field::subject_cn) == refused(ParseStatus::missing));
    origin.tls->client = {.subject_cn = "ann",
                          .san_uri = "spiffe://x",
                          .san_dns = "a.example",
                          .san_email = "",
                          .fingerprint = "0f"};
    BOOST_TEST(key(Field::subject_cn) == found("ann"));
    BOOST_TEST(key(Field::san_uri) == found("spiffe://x"));
    BOOST_TEST(key(Field::san_dns) == found("a.example"));
    BOOST_TEST(key(Field::san_email) == refused(ParseStatus::missing));
    BOOST_TEST(key(Field::fingerprint) == found("0f"));
}

BOOST_AUTO_TEST_SUITE_END()
