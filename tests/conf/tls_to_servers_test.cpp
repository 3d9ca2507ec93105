// The entries of TLS to servers: what arrives, and what is refused.
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/conf/refused.h"

using namespace ringway::conf;
using namespace ringway::conf::tests;

namespace {

using From = PoolTls::NameFrom;
using TlsFrom = HealthSettings::TlsFrom;

Pool pool_of(std::string_view line) {
    return config_of(sample({{}, {}, line, {}})).pools[0];
}

PoolTls tls_of(const std::string& entries) {
    return pool_of("tls: {" + entries + "}").tls.value();
}

// The entries begin in column 11.
void check_refused(const std::string& entries, const std::string& error) {
    const auto line = "tls: {" + entries + "}";
    check({pool(line, error)});
}

std::string place(Position position) {
    return std::to_string(position.line) + ':' + std::to_string(position.column);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tls_to_servers)

BOOST_AUTO_TEST_CASE(servers_get_bytes_in_clear_by_default) {
    const auto plain = pool_of("health: {}");
    BOOST_TEST(!plain.tls.has_value());
    BOOST_TEST((plain.health.value().tls_from == TlsFrom::pool));
    BOOST_TEST(!plain.health->tls.has_value());
}

BOOST_AUTO_TEST_CASE(tls_gets_the_defaults) {
    const auto tls = tls_of("");
    BOOST_TEST((tls == PoolTls{}));
    BOOST_TEST(tls.verifies);
    BOOST_TEST(!tls.ca.has_value());
    BOOST_TEST(!tls.crl.has_value());
    BOOST_TEST((tls.name_from == From::address));
    BOOST_TEST(!tls.certificate.has_value());
    BOOST_TEST((tls.min_version == TlsVersion::v1_2));
    BOOST_TEST(tls.alpn.empty());
    BOOST_TEST(tls.resumes);
    BOOST_TEST(!tls.allows_truncation);
}

BOOST_AUTO_TEST_CASE(every_entry_arrives) {
    const auto tls = tls_of(
        "ca: /ca, crl: /crl, verify: required, name: db.example, "
        "certificate: {chain: /c, key: /k}, min_version: \"1.3\", alpn: [a, b], "
        "session_reuse: false, truncation: allow");
    BOOST_TEST((tls == PoolTls{.ca = FilePath{"/ca"},
                               .crl = FilePath{"/crl"},
                               .name_from = From::text,
                               .name = "db.example",
                               .certificate = TlsClientCertificate{{"/c"}, {"/k"}},
                               .min_version = TlsVersion::v1_3,
                               .alpn = {"a", "b"},
                               .resumes = false,
                               .allows_truncation = true}));
    BOOST_TEST((tls_of("name: {from: sni}").name_from == From::sni));
    BOOST_TEST((tls_of("name: {from: id}").name_from == From::id));
    BOOST_TEST((tls_of("name: {from: address}") == PoolTls{}));
    BOOST_TEST((tls_of("verify: none") == PoolTls{.verifies = false}));
    // The name is asked for also where it is not verified.
    BOOST_TEST(tls_of("verify: none, name: a").name == "a");
    BOOST_TEST(tls_of("verify: none, certificate: {chain: /c, key: /k}").certificate.has_value());
}

BOOST_AUTO_TEST_CASE(what_is_read_elsewhere_has_its_place) {
    const auto tls = pool_of(
                         "tls:\n"
                         "      ca: /ca\n"
                         "      crl: /crl\n"
                         "      verify: required\n"
                         "      certificate: {chain: /c, key: /k}")
                         .tls.value();
    BOOST_TEST(place(tls.ca->position) == "11:11");
    BOOST_TEST(place(tls.crl->position) == "12:12");
    BOOST_TEST(place(tls.verify_position) == "13:15");
    BOOST_TEST(place(tls.certificate->chain.position) == "14:28");
    BOOST_TEST(place(tls.certificate->key.position) == "14:37");
    BOOST_TEST(place(tls_of("verify: none").verify_position) == "10:19");
    const auto checks = pool_of("health: {tls: {verify: none}}").health->tls.value();
    BOOST_TEST(place(checks.verify_position) == "10:28");
}

BOOST_AUTO_TEST_CASE(names_are_those_of_hosts) {
    const std::string longest = std::string(63, 'a') + '.' + std::string(189, 'b');
    for (const std::string name : {"a", "db-1.example", "DB_1.example", "1.2.3", "xn--bcher-kva"}) {
        BOOST_TEST(tls_of("name: " + name).name == name);
        BOOST_TEST((tls_of("name: " + name).name_from == From::text));
    }
    BOOST_TEST(tls_of("name: " + longest).name == longest);
    const std::string path = "10:17: pools.main.tls.name: ";
    const std::string rule = path + "expected 1 to 253 of the characters A-Z a-z 0-9 _ . -, found ";
    check_refused("name: " + longest + "b", rule + '"' + longest.substr(0, 64) + "...\"");
    check_refused("name: \"\"", rule + "\"\"");
    check_refused("name: \"*.example\"", rule + "\"*.example\"");
    check_refused("name: \"db.example:80\"", rule + "\"db.example:80\"");
    check_refused("name: bücher.example", rule + "\"bücher.example\"");
    for (const std::string name : {".example", "db.example.", "db..example", "."}) {
        check_refused("name: " + name,
                      path + "expected a name without empty labels, found \"" + name + '"');
    }
    check_refused("name: [a]", path + "expected a host name, or a map of from, found a list");
}

BOOST_AUTO_TEST_CASE(addresses_are_no_names) {
    const std::string error =
        "10:17: pools.main.tls.name: an IP address is no name: without name the address is "
        "verified";
    check_refused("name: 192.0.2.1", error);
    check_refused("name: \"2001:db8::1\"", error);
}

// A host of that name is less likely than a keyword in the wrong form.
BOOST_AUTO_TEST_CASE(keywords_are_no_names) {
    for (const std::string word : {"address", "id", "sni"}) {
        check_refused(
            "name: " + word,
            "10:17: pools.main.tls.name: expected a host name, did you mean {from: " + word + "}?");
    }
    const std::string name = "pools.main.tls.name";
    check_refused("name: {}", "10:17: " + name + ": the entry \"from\" is missing");
    check_refused("name: {from: text}",
                  "10:24: " + name + ".from: expected one of address, id, sni, found \"text\"");
    check_refused("name: {from: id, text: a}",
                  "10:28: " + name + ".text: unknown entry, known here: from");
}

BOOST_AUTO_TEST_CASE(what_tls_to_servers_cannot_be_is_refused) {
    const std::string tls = "pools.main.tls.";
    const std::string meaning = ": has a meaning only with verify: required";
    check_refused("verify: none, ca: /ca", "10:29: " + tls + "ca" + meaning);
    check_refused("crl: /crl, verify: none", "10:16: " + tls + "crl" + meaning);
    check_refused("verify: optional", "10:19: " + tls +
                                          "verify: expected one of required, none, found "
                                          "\"optional\"");
    check_refused("ca: ca.pem", "10:15: " + tls +
                                    "ca: expected the absolute path of a file, found "
                                    "\"ca.pem\"");
    check_refused("certificate: {key: /k}",
                  "10:24: " + tls + "certificate: the entry \"chain\" is missing");
    check_refused("certificate: {chain: /c}",
                  "10:24: " + tls + "certificate: the entry \"key\" is missing");
    check_refused("certificate: {chain: /c, key: /k, ocsp: /o}",
                  "10:45: " + tls + "certificate.ocsp: unknown entry, known here: chain, key");
    check_refused("min_version: 3",
                  "10:24: " + tls + "min_version: expected one of 1.2, 1.3, found \"3\"");
    check_refused("alpn: [a, a]",
                  "10:21: " + tls + "alpn[1]: the protocol given twice, at 10:18 and 10:21");
    check_refused("session_reuse: off",
                  "10:26: " + tls + "session_reuse: expected true or false, found \"off\"");
    check_refused("truncation: true",
                  "10:23: " + tls + "truncation: expected one of refuse, allow, found \"true\"");
    check({pool("tls: off", "10:10: pools.main.tls: expected a map, found \"off\"")});
}

BOOST_AUTO_TEST_CASE(checks_speak_tls_as_traffic_or_in_their_own_way) {
    const auto health = [](std::string_view line) { return pool_of(line).health.value(); };
    BOOST_TEST((health("tls: {}\n    health: {}").tls_from == TlsFrom::pool));
    for (const std::string_view line :
         {"tls: {}\n    health: {tls: off}", "health: {tls: off}\n    tls: {}"}) {
        BOOST_TEST((health(line).tls_from == TlsFrom::none));
        BOOST_TEST(!health(line).tls.has_value());
    }
    // With or without TLS for traffic.
    for (const std::string before : {"", "tls: {ca: /other}\n    "}) {
        const auto own = health(before +
                                "health: {tls: {ca: /ca, crl: /crl, name: {from: id}, "
                                "certificate: {chain: /c, key: /k}, min_version: 1.3, alpn: [a], "
                                "truncation: allow}}");
        BOOST_TEST((own.tls_from == TlsFrom::own));
        BOOST_TEST((own.tls.value() == PoolTls{.ca = FilePath{"/ca"},
                                               .crl = FilePath{"/crl"},
                                               .name_from = From::id,
                                               .certificate = TlsClientCertificate{{"/c"}, {"/k"}},
                                               .min_version = TlsVersion::v1_3,
                                               .alpn = {"a"},
                                               .resumes = false,
                                               .allows_truncation = true}));
    }
}

BOOST_AUTO_TEST_CASE(what_checks_cannot_be_is_refused) {
    const std::string tls = "pools.main.health.tls";
    check({
        pool("health: {tls: off}", "10:19: " + tls + ": has a meaning only where the pool has tls"),
        pool("health: {tls: on}",
             "10:19: " + tls + ": expected off, or a map as tls of the pool, found \"on\""),
        pool("health: {tls: [off]}",
             "10:19: " + tls + ": expected off, or a map as tls of the pool, found a list"),
        pool("health: {tls: {session_reuse: true}}",
             "10:35: " + tls +
                 ".session_reuse: checks resume no session: each makes a full handshake"),
        pool("health: {tls: {name: {from: sni}}}",
             "10:26: " + tls +
                 ".name: checks know no client's name: choose address or id, or write one out"),
        pool("health: {tls: {verify: none, crl: /crl}}",
             "10:39: " + tls + ".crl: has a meaning only with verify: required"),
    });
}

BOOST_AUTO_TEST_CASE(checks_know_no_name_that_clients_ask_for) {
    const std::string error =
        ": pools.main.tls.name: checks know no client's name: needs health: {tls: ...}";
    check({
        pool("tls: {name: {from: sni}}\n    health: {}", "10:17" + error),
        pool("health: {}\n    tls: {name: {from: sni}}", "11:17" + error),
    });
    const std::string sni = "tls: {name: {from: sni}}";
    BOOST_TEST((pool_of(sni).tls->name_from == From::sni));
    for (const std::string_view checks : {"{}", "off", "{name: {from: id}}"}) {
        const auto line = sni + "\n    health: {tls: " + std::string(checks) + "}";
        BOOST_TEST(errors_of(sample({{}, {}, line, {}})) == "");
    }
}

BOOST_AUTO_TEST_CASE(places_are_no_part_of_the_value_and_all_else_is) {
    const auto before = tls_of("ca: /a, verify: required");
    BOOST_TEST((before == tls_of("verify:   required, ca:   /a")));
    for (const std::string entries :
         {"ca: /b", "ca: /a, crl: /c", "verify: none", "ca: /a, name: a",
          "ca: /a, name: {from: id}", "ca: /a, certificate: {chain: /c, key: /k}",
          "ca: /a, min_version: 1.3", "ca: /a, alpn: [a]", "ca: /a, session_reuse: false",
          "ca: /a, truncation: allow"}) {
        BOOST_TEST((before != tls_of(entries)), entries);
    }
}

BOOST_AUTO_TEST_SUITE_END()
