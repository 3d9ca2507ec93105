// The PROXY protocol's header: what is taken, what is refused, what is sent.
#include "proxy/keys/proxy_header.h"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/keys/crc32c.h"
#include "tests/proxy/keys/tls_bytes.h"
#include "tests/support/random.h"

using namespace ringway;
using namespace std::string_literals;
using conf::Endpoint;
using proxy::ProxyHeader;
using proxy::ProxyParseStatus;
using test::field;
using test::number;
using Version = conf::SendProxy::Version;

namespace {

const conf::ProxyProtocol any{.v1 = true, .v2 = true};
const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;

Endpoint endpoint(std::string_view text) {
    return *Endpoint::parse(text);
}

// "source destination", "none", or the status's number.
std::string answer(const std::string& bytes, const conf::ProxyProtocol& accepted = any) {
    ProxyHeader header;
    const ProxyParseStatus status = proxy::read_proxy_header(bytes, accepted, header);
    switch (status) {
        case ProxyParseStatus::more:
            return "more";
        case ProxyParseStatus::missing:
            return "missing";
        case ProxyParseStatus::malformed:
            return "malformed";
        case ProxyParseStatus::bad_checksum:
            return "bad checksum";
        case ProxyParseStatus::found:
            break;
    }
    if (!header.source) return "none";
    return header.source->to_string() + ' ' + header.destination->to_string();
}

// The answer to a complete header, which no byte less and no byte more changes.
std::string however_cut(const std::string& bytes) {
    const std::string whole = answer(bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const std::string part = answer(bytes.substr(0, size));
        BOOST_TEST((part == "more" || part == whole), part << " at " << size);
    }
    BOOST_TEST(answer(bytes + "GET /") == whole);
    return whole;
}

std::string v1(const std::string& line) {
    return "PROXY " + line + "\r\n";
}

std::string v2(int command, int family, const std::string& block) {
    return signature + static_cast<char>(command) + static_cast<char>(family) + field(2, block);
}

std::string tlv(int type, const std::string& value) {
    return static_cast<char>(type) + field(2, value);
}

const std::string block4 = "\xc0\x00\x02\x07\xc6\x33\x64\x01"s + number(2, 4711) + number(2, 443);
const std::string block6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x07\x20\x01\x0d\xb8"s +
                           std::string(11, '\0') + "\x01"s + number(2, 4711) + number(2, 443);
const std::string both4 = "192.0.2.7:4711 198.51.100.1:443";
const std::string both6 = "[2001:db8::7]:4711 [2001:db8::1]:443";

// `tlvs` behind block4, with a checksum that is right for all of the header.
std::string with_checksum(const std::string& tlvs) {
    const std::string zeros = v2(0x21, 0x11, block4 + tlvs + tlv(3, std::string(4, '\0')));
    const std::string sum = number(4, proxy::crc32c(zeros));
    return zeros.substr(0, zeros.size() - 4) + sum;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(proxy_header)

BOOST_AUTO_TEST_CASE(version_1_names_both_addresses) {
    BOOST_TEST(however_cut(v1("TCP4 192.0.2.7 198.51.100.1 4711 443")) == both4);
    BOOST_TEST(however_cut(v1("TCP6 2001:db8::7 2001:DB8:0::1 4711 443")) == both6);
    BOOST_TEST(answer(v1("TCP4 0.0.0.0 255.255.255.255 0 65535")) ==
               "0.0.0.0:0 255.255.255.255:65535");
    BOOST_TEST(answer(v1("TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 4711 443")) == both4);
    BOOST_TEST(however_cut(v1("UNKNOWN")) == "none");
    BOOST_TEST(however_cut(v1("UNKNOWN what \xff ever")) == "none");
}

BOOST_AUTO_TEST_CASE(version_1_has_107_bytes_at_most) {
    const auto unknown = [](std::size_t bytes) {
        return v1("UNKNOWN " + std::string(bytes - 16, 'x'));
    };
    BOOST_TEST(unknown(107).size() == 107u);
    BOOST_TEST(however_cut(unknown(107)) == "none");
    BOOST_TEST(however_cut(unknown(108)) == "malformed");
    BOOST_TEST(answer("PROXY " + std::string(200, 'x')) == "malformed");
}

BOOST_AUTO_TEST_CASE(version_1_has_one_spelling) {
    for (const std::string line : {
             "TCP4 192.0.2.7 198.51.100.1 4711 65536",
             "TCP4 192.0.2.7 198.51.100.1 04711 443",
             "TCP4 192.0.2.7 198.51.100.1 +1 443",
             "TCP4 192.0.2.7 198.51.100.1 4711",
             "TCP4 192.0.2.7 198.51.100.1 4711 ",
             "TCP4 192.0.2.7 198.51.100.1 4711 443 ",
             "TCP4 192.0.2.07 198.51.100.1 4711 443",
             "TCP4 192.0.2 198.51.100.1 4711 443",
             "TCP4 192.0.2.256 198.51.100.1 4711 443",
             "TCP4  192.0.2.7 198.51.100.1 4711 443",
             "TCP4 2001:db8::7 2001:db8::1 4711 443",
             "TCP6 192.0.2.7 198.51.100.1 4711 443",
             "TCP6 2001:db8::7 [2001:db8::1] 1 443",
             "TCP4 192.0.2.7 2001:db8::1 4711 443",
             "TCP5 192.0.2.7 198.51.100.1 4711 443",
             "tcp4 192.0.2.7 198.51.100.1 4711 443",
             "TCP4 192.0.2.7 198.51.100.1 4711 -1",
             " TCP4 192.0.2.7 198.51.100.1 4711 443",
             "TCP6 ::1%lo ::1 4711 443",
             "UNKNOWNX",
             "",
             "TCP4",
         }) {
        BOOST_TEST(however_cut(v1(line)) == "malformed", line);
    }
    BOOST_TEST(answer(v1("TCP4 192.0.2.7\0 198.51.100.1 4711 443"s)) == "malformed");
    BOOST_TEST(answer("PROXY UNKNOWN\n") == "malformed");
    BOOST_TEST(answer("PROXY UNKNOWN\rX") == "malformed");
    BOOST_TEST(answer("PROXY UNKNOWN\r") == "more");
}

BOOST_AUTO_TEST_CASE(version_2_names_both_addresses) {
    BOOST_TEST(however_cut(v2(0x21, 0x11, block4)) == both4);
    BOOST_TEST(however_cut(v2(0x21, 0x21, block6)) == both6);
    BOOST_TEST(answer(v2(0x21, 0x12, block4)) == both4);
    BOOST_TEST(answer(v2(0x21, 0x22, block6)) == both6);
    const auto path = [](std::string text) {
        text.resize(108, '\0');
        return text;
    };
    BOOST_TEST(answer(v2(0x21, 0x31, path("/run/a") + path("/run/b"))) ==
               "unix:/run/a unix:/run/b");
    BOOST_TEST(answer(v2(0x21, 0x32, path("") + std::string(108, 'x'))) ==
               "unix: unix:" + std::string(108, 'x'));
    const auto mapped = std::string(10, '\0') + "\xff\xff"s;
    BOOST_TEST(answer(v2(0x21, 0x21,
                         mapped + block4.substr(0, 4) + mapped + block4.substr(4, 4) +
                             block4.substr(8))) == both4);
}

BOOST_AUTO_TEST_CASE(local_is_taken_whatever_stands_in_it) {
    BOOST_TEST(however_cut(v2(0x20, 0x00, "")) == "none");
    BOOST_TEST(answer(v2(0x20, 0x11, block4)) == "none");
    BOOST_TEST(answer(v2(0x20, 0xff, "anything")) == "none");
}

// Section 2.2: the receiver should ignore the address information.
BOOST_AUTO_TEST_CASE(an_unspecified_family_or_protocol_is_taken_whatever_stands_in_it) {
    for (const int family : {0x00, 0x01, 0x02, 0x10, 0x20, 0x30}) {
        for (const std::string& block :
             {""s, block4, block6, "x"s, "\x03"s, std::string(216, '\xff'), tlv(3, "123"),
              tlv(5, std::string(129, 'u')), block4 + tlv(2, "a")}) {
            BOOST_TEST(however_cut(v2(0x21, family, block)) == "none", family);
        }
        ProxyHeader header;
        const auto fields = tlv(2, "example.org") + tlv(5, "id");
        proxy::read_proxy_header(v2(0x21, family, fields), any, header);
        BOOST_TEST(header.tlvs == fields);
        proxy::read_proxy_header(v2(0x21, family, fields + "x"), any, header);
        BOOST_TEST(header.tlvs == "");
        BOOST_TEST(header.bytes == 16 + fields.size() + 1);
        BOOST_TEST(answer(v2(0x21, family, fields + tlv(3, "1234"))) == "bad checksum");
    }
}

BOOST_AUTO_TEST_CASE(abstract_names_of_unix_sockets_are_names) {
    const auto filled = [](std::string text) {
        text.resize(108, '\0');
        return text;
    };
    const auto names = [&](const std::string& source, const std::string& destination) {
        ProxyHeader header;
        const auto bytes = v2(0x21, 0x31, filled(source) + filled(destination));
        BOOST_TEST((proxy::read_proxy_header(bytes, any, header) == ProxyParseStatus::found));
        BOOST_TEST(header.source->path == source);
        BOOST_TEST(header.destination->path == destination);
        // And they are sent on as they came.
        BOOST_TEST(proxy::proxy_header(Version::v2, {.source = *header.source,
                                                     .destination = *header.destination}) == bytes);
    };
    names("\0name"s, "/run/b");
    names("\0inner\0nul"s, "\0"s + std::string(107, 'x'));
    names("", "");
}

BOOST_AUTO_TEST_CASE(datagrams_are_sent_as_datagrams) {
    for (const auto& [family, block] : {std::pair(0x12, block4), std::pair(0x22, block6),
                                        std::pair(0x32, std::string(216, 'x'))}) {
        ProxyHeader header;
        const auto bytes = v2(0x21, family, block);
        BOOST_TEST((proxy::read_proxy_header(bytes, any, header) == ProxyParseStatus::found));
        BOOST_TEST(header.is_datagram);
        const proxy::ProxyFields fields{.source = *header.source,
                                        .destination = *header.destination,
                                        .is_datagram = header.is_datagram};
        BOOST_TEST(proxy::proxy_header(Version::v2, fields) == bytes);
        // Version 1 has TCP alone (section 2.1).
        BOOST_TEST(proxy::proxy_header(Version::v1, fields) == "PROXY UNKNOWN\r\n");
    }
}

BOOST_AUTO_TEST_CASE(version_2_breaks_by_version_command_family_or_length) {
    for (const int command : {0x11, 0x31, 0x22, 0x2f, 0x01, 0x00, 0xff}) {
        BOOST_TEST(however_cut(v2(command, 0x11, block4)) == "malformed", command);
    }
    for (const int family : {0x03, 0x0f, 0x13, 0x23, 0x33, 0x40, 0x41, 0xf0, 0xff}) {
        BOOST_TEST(however_cut(v2(0x21, family, block4)) == "malformed", family);
    }
    for (std::size_t size = 0; size < block4.size(); ++size) {
        BOOST_TEST(answer(v2(0x21, 0x11, block4.substr(0, size))) == "malformed", size);
    }
    for (std::size_t size = 0; size < block6.size(); ++size) {
        BOOST_TEST(answer(v2(0x21, 0x21, block6.substr(0, size))) == "malformed", size);
    }
    BOOST_TEST(answer(v2(0x21, 0x31, std::string(215, 'x'))) == "malformed");
}

BOOST_AUTO_TEST_CASE(version_2_may_be_as_long_as_its_length_says) {
    const std::string longest = block4 + tlv(4, std::string(65'535 - 12 - 3, 'n'));
    BOOST_TEST(answer(v2(0x21, 0x11, longest)) == both4);
    BOOST_TEST(answer(v2(0x21, 0x11, longest).substr(0, 65'550)) == "more");
}

BOOST_AUTO_TEST_CASE(fields_fill_the_block_exactly_and_are_found_by_their_type) {
    const std::string tlvs = tlv(1, "h2") + tlv(4, "") + tlv(2, "example.org") + tlv(2, "second") +
                             tlv(5, std::string(128, 'u')) + tlv(0x30, "ns");
    ProxyHeader header;
    const auto bytes = v2(0x21, 0x11, block4 + tlvs);
    BOOST_TEST((proxy::read_proxy_header(bytes + "GET", any, header) == ProxyParseStatus::found));
    BOOST_TEST(header.bytes == bytes.size());
    BOOST_TEST(header.tlvs == tlvs);
    BOOST_TEST(proxy::tlv_of(header.tlvs, 2).value() == "example.org");
    BOOST_TEST(proxy::tlv_of(header.tlvs, 4).value() == "");
    BOOST_TEST(!proxy::tlv_of(header.tlvs, 0xee));
    for (std::size_t size = 1; size < tlv(2, "example.org").size(); ++size) {
        const auto cut = v2(0x21, 0x11, block4 + tlv(2, "example.org").substr(0, size));
        BOOST_TEST(answer(cut) == "malformed", "a field cut at " << size);
    }
}

BOOST_AUTO_TEST_CASE(fields_of_known_types_have_their_form) {
    const auto with = [](const std::string& tlvs) { return answer(v2(0x21, 0x11, block4 + tlvs)); };
    BOOST_TEST(with(tlv(5, std::string(129, 'u'))) == "malformed");
    BOOST_TEST(with(tlv(3, "123")) == "malformed");
    BOOST_TEST(with(tlv(0x20, "\x01\0\0\0\0"s + tlv(0x21, "TLSv1.3") + tlv(0x22, "cn"))) == both4);
    BOOST_TEST(with(tlv(0x20, "\x01\0\0\0"s)) == "malformed");
    BOOST_TEST(with(tlv(0x20, "\x01\0\0\0\0\x21\0\x09xx"s)) == "malformed");
}

BOOST_AUTO_TEST_CASE(a_checksum_covers_every_byte_of_the_header) {
    BOOST_TEST(proxy::crc32c("123456789") == 0xe3069283u);  // RFC 3720 and others
    const std::string bytes = with_checksum(tlv(2, "example.org"));
    BOOST_TEST(however_cut(bytes) == both4);
    const std::size_t type_of_checksum = bytes.size() - 7;
    for (std::size_t at = 16; at < bytes.size(); ++at) {
        if (at == type_of_checksum) continue;  // there would be none
        for (const char flip : {'\x01', '\x80'}) {
            auto damaged = bytes;
            damaged[at] = static_cast<char>(damaged[at] ^ flip);
            const auto found = answer(damaged);
            BOOST_TEST((found == "bad checksum" || found == "malformed"), found << " at " << at);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_header_of_an_accepted_version_is_missing) {
    const conf::ProxyProtocol only_v1{.v1 = true};
    const conf::ProxyProtocol only_v2{.v2 = true};
    for (const std::string& bytes : {"GET / HTTP/1.1\r\n"s, "PROXZ "s, "proxy TCP4"s,
                                     "\r\n\r\n\0\r\nQUIT\r"s, "\x16\x03\x01"s}) {
        BOOST_TEST(answer(bytes) == "missing");
    }
    BOOST_TEST(answer(v1("UNKNOWN"), only_v2) == "missing");
    BOOST_TEST(answer(v2(0x20, 0, ""), only_v1) == "missing");
    BOOST_TEST(answer("P", only_v2) == "missing");
    BOOST_TEST(answer("P", only_v1) == "more");
    BOOST_TEST(answer("\r\n", only_v1) == "missing");
    BOOST_TEST(answer("\r\n", only_v2) == "more");
    BOOST_TEST(answer("") == "more");
}

BOOST_AUTO_TEST_CASE(what_is_sent_is_read_back) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"192.0.2.7:4711", "198.51.100.1:443"},
        {"[2001:db8::7]:4711", "[2001:db8::1]:443"},
    };
    for (const auto& [source, destination] : cases) {
        const auto from = endpoint(source);
        const auto to = endpoint(destination);
        for (const Version version : {Version::v1, Version::v2}) {
            const auto sent = proxy::proxy_header(version, {.source = from, .destination = to});
            BOOST_TEST(answer(sent) == source + ' ' + destination);
        }
    }
    const auto v4 = endpoint("192.0.2.7:4711");
    const auto v6 = endpoint("[2001:db8::1]:443");
    const proxy::ProxyFields mixed{.source = v4, .destination = v6};
    BOOST_TEST(proxy::proxy_header(Version::v1, mixed) ==
               "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 4711 443\r\n");
    BOOST_TEST(answer(proxy::proxy_header(Version::v2, mixed)) ==
               "192.0.2.7:4711 [2001:db8::1]:443");
}

BOOST_AUTO_TEST_CASE(unix_sockets_are_sent_by_their_paths_where_the_version_can) {
    const Endpoint nameless{.is_unix = true};
    const auto path = endpoint("unix:/run/front");
    const auto v4 = endpoint("192.0.2.7:4711");
    const proxy::ProxyFields both{.source = nameless, .destination = path};
    BOOST_TEST(proxy::proxy_header(Version::v1, both) == "PROXY UNKNOWN\r\n");
    BOOST_TEST(answer(proxy::proxy_header(Version::v2, both)) == "unix: unix:/run/front");
    const proxy::ProxyFields mixed{.source = v4, .destination = path};
    BOOST_TEST(proxy::proxy_header(Version::v1, mixed) == "PROXY UNKNOWN\r\n");
    BOOST_TEST(answer(proxy::proxy_header(Version::v2, mixed)) == "none");
}

BOOST_AUTO_TEST_CASE(fields_are_sent_and_read_back) {
    const auto from = endpoint("192.0.2.7:4711");
    const auto sent = proxy::proxy_header(
        Version::v2,
        {.source = from, .destination = from, .authority = "example.org", .unique_id = "id\xff"});
    ProxyHeader header;
    BOOST_TEST((proxy::read_proxy_header(sent, any, header) == ProxyParseStatus::found));
    BOOST_TEST(proxy::tlv_of(header.tlvs, 2).value() == "example.org");
    BOOST_TEST(proxy::tlv_of(header.tlvs, 5).value() == "id\xff");
}

BOOST_AUTO_TEST_CASE(headers_of_the_proxy_itself_have_no_address) {
    BOOST_TEST(proxy::local_proxy_header(Version::v1) == "PROXY UNKNOWN\r\n");
    BOOST_TEST(proxy::local_proxy_header(Version::v2) == v2(0x20, 0, ""));
}

BOOST_AUTO_TEST_CASE(random_damage_gives_one_answer_however_the_bytes_are_cut) {
    test::SeededRandom random;
    const std::vector<std::string> sound{v1("TCP4 192.0.2.7 198.51.100.1 4711 443"), v1("UNKNOWN"),
                                         v2(0x21, 0x11, block4 + tlv(2, "a") + tlv(5, "b")),
                                         v2(0x21, 0x21, block6), with_checksum(tlv(4, "xx"))};
    for (int round = 0; round < 5'000; ++round) {
        std::string bytes = sound[random.below(sound.size())] + "payload\r\n";
        for (std::size_t left = random.below(3); left > 0; --left) {
            bytes[random.below(bytes.size())] = static_cast<char>(random());
        }
        const std::string whole = answer(bytes);
        const std::string part = answer(bytes.substr(0, random.below(bytes.size())));
        BOOST_REQUIRE_MESSAGE(part == "more" || part == whole, part << " before " << whole);
    }
}

// Section 2.2.6 of the specification.
BOOST_AUTO_TEST_CASE(tls_that_was_ended_is_a_field_with_fields) {
    proxy::TlsFacts facts{.version = "TLSv1.3", .cipher = "C", .alpn = "mqtt"};
    const auto fields_of = [&] {
        const std::string bytes =
            proxy::proxy_header(Version::v2, {.source = endpoint("192.0.2.1:1"),
                                              .destination = endpoint("192.0.2.2:2"),
                                              .tls = &facts});
        ProxyHeader header;
        BOOST_TEST((proxy::read_proxy_header(bytes, any, header) == ProxyParseStatus::found));
        return header.tlvs;
    };
    const std::string alpn = "\x01" + field(2, "mqtt");
    const std::string version = "\x21" + field(2, "TLSv1.3");
    const std::string cipher = "\x23" + field(2, "C");
    BOOST_TEST(fields_of() == alpn + "\x20" + field(2, "\x01\0\0\0\x01"s + version + cipher));
    facts.client.emplace().subject_cn = "ann";
    const std::string name = "\x22" + field(2, "ann");
    BOOST_TEST(fields_of() == alpn + "\x20" + field(2, "\x07\0\0\0\0"s + version + name + cipher));
    facts.resumed = true;
    BOOST_TEST(fields_of() == alpn + "\x20" + field(2, "\x05\0\0\0\0"s + version + name + cipher));
}

BOOST_AUTO_TEST_SUITE_END()
