// The entries of TLS: what arrives, and what is refused.
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/conf/refused.h"

using namespace ringway::conf;
using namespace ringway::conf::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view site = "certificates: [{chain: /c, key: /k}]";

// The listener's line with a valid certificate and these entries, which begin in column 49.
std::string tls_with(std::string_view entries) {
    return "tls: {" + std::string(site) + ", " + std::string(entries) + "}";
}

ListenerTls tls_of(std::string_view line) {
    return config_of(sample({{}, line, {}, {}})).listeners[0].tls.value();
}

void check_refused(const std::string& entries, const std::string& error) {
    const auto line = tls_with(entries);
    check({listener(line, error)});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tls)

BOOST_AUTO_TEST_CASE(a_listener_of_tls_gets_the_defaults) {
    BOOST_TEST(!config_of(sample()).listeners[0].tls.has_value());
    const auto tls = tls_of("tls: {" + std::string(site) + "}");
    BOOST_TEST((tls == ListenerTls{.certificates = {{.chain = {"/c"}, .key = {"/k"}}}}));
    BOOST_TEST((tls.unknown_name == ListenerTls::UnknownName::first));
    BOOST_TEST((tls.min_version == TlsVersion::v1_2));
    BOOST_TEST((tls.ciphers + tls.ciphersuites + tls.groups) == "");
    BOOST_TEST(tls.alpn.empty());
    BOOST_TEST(!tls.client.has_value());
    BOOST_TEST(!tls.tickets.value().keys.has_value());
    BOOST_TEST((tls.tickets->rotate == 12h));
    BOOST_TEST(!tls.allows_truncation);
}

BOOST_AUTO_TEST_CASE(every_entry_of_tls_arrives) {
    const auto tls = tls_of(
        "tls: {certificates: [{chain: /a.pem, key: /a.key, ocsp: /a.ocsp}, {chain: /b, key: /k}], "
        "unknown_name: refuse, min_version: \"1.2\", ciphers: ECDHE+AESGCM, "
        "ciphersuites: TLS_AES_128_GCM_SHA256, groups: X25519, alpn: [mqtt, http/1.1], "
        "client: {ca: /ca, crl: /crl, verify: optional}, tickets: {keys: /t, rotate: 168h}, "
        "truncation: allow}");
    BOOST_TEST((tls == ListenerTls{.certificates = {{{"/a.pem"}, {"/a.key"}, FilePath{"/a.ocsp"}},
                                                    {{"/b"}, {"/k"}, {}}},
                                   .unknown_name = ListenerTls::UnknownName::refuse,
                                   .min_version = TlsVersion::v1_2,
                                   .ciphers = "ECDHE+AESGCM",
                                   .ciphersuites = "TLS_AES_128_GCM_SHA256",
                                   .groups = "X25519",
                                   .alpn = {"mqtt", "http/1.1"},
                                   .client = ListenerTls::Client{{"/ca"}, FilePath{"/crl"}, false},
                                   .tickets = ListenerTls::Tickets{FilePath{"/t"}, 168h},
                                   .allows_truncation = true}));
    BOOST_TEST(tls_of(tls_with("client: {ca: /ca}")).client->required);
    BOOST_TEST(tls_of(tls_with("client: {ca: /ca, verify: required}")).client->required);
    BOOST_TEST(!tls_of(tls_with("tickets: off")).tickets.has_value());
    BOOST_TEST((tls_of(tls_with("tickets: {}")).tickets == ListenerTls::Tickets{}));
    BOOST_TEST((tls_of(tls_with("tickets: {rotate: 1m}")).tickets->rotate == 1min));
    BOOST_TEST(!tls_of(tls_with("truncation: refuse")).allows_truncation);
}

// YAML has a number where the quotes are left out.
BOOST_AUTO_TEST_CASE(versions_need_no_quotes) {
    for (const std::string_view spelling : {"1.3", "\"1.3\"", "'1.3'"}) {
        const auto line = tls_with("min_version: " + std::string(spelling));
        BOOST_TEST((tls_of(line).min_version == TlsVersion::v1_3));
    }
    BOOST_TEST((tls_of(tls_with("min_version: 1.2")).min_version == TlsVersion::v1_2));
}

// Where what is wrong with a file, or with a list of OpenSSL's, is reported.
BOOST_AUTO_TEST_CASE(what_is_read_elsewhere_has_its_place) {
    const auto tls = tls_of(
        "tls:\n"
        "      certificates:\n"
        "        - {chain: /c, key: /k, ocsp: /o}\n"
        "      ciphers: A\n"
        "      ciphersuites: B\n"
        "      groups: C\n"
        "      client: {ca: /ca, crl: /crl}\n"
        "      tickets: {keys: /t}");
    const auto place = [](Position position) {
        return std::to_string(position.line) + ':' + std::to_string(position.column);
    };
    const auto& certificate = tls.certificates.at(0);
    BOOST_TEST(place(certificate.chain.position) == "9:19");
    BOOST_TEST(place(certificate.key.position) == "9:28");
    BOOST_TEST(place(certificate.ocsp->position) == "9:38");
    BOOST_TEST(place(tls.ciphers_position) == "10:16");
    BOOST_TEST(place(tls.ciphersuites_position) == "11:21");
    BOOST_TEST(place(tls.groups_position) == "12:15");
    BOOST_TEST(place(tls.client->ca.position) == "13:20");
    BOOST_TEST(place(tls.client->crl->position) == "13:30");
    BOOST_TEST(place(tls.tickets->keys->position) == "14:23");
}

BOOST_AUTO_TEST_CASE(places_are_no_part_of_the_value_and_all_else_is) {
    const auto before = tls_of(tls_with("ciphers: A, client: {ca: /a}"));
    BOOST_TEST((before == tls_of(tls_with("client:   {ca:   /a}, ciphers: A"))));
    for (const std::string_view entries :
         {"ciphers: B, client: {ca: /a}", "ciphers: A, client: {ca: /b}", "ciphers: A",
          "ciphers: A, client: {ca: /a, crl: /c}", "ciphers: A, client: {ca: /a, verify: optional}",
          "ciphers: A, client: {ca: /a}, unknown_name: refuse",
          "ciphers: A, client: {ca: /a}, ciphersuites: A",
          "ciphers: A, client: {ca: /a}, groups: A", "ciphers: A, client: {ca: /a}, alpn: [a]",
          "ciphers: A, client: {ca: /a}, tickets: off",
          "ciphers: A, client: {ca: /a}, tickets: {keys: /a}",
          "ciphers: A, client: {ca: /a}, tickets: {rotate: 1h}",
          "ciphers: A, client: {ca: /a}, truncation: allow"}) {
        BOOST_TEST((before != tls_of(tls_with(entries))), entries);
    }
    const auto plain = tls_of(tls_with("alpn: []"));
    BOOST_TEST((plain != tls_of(tls_with("min_version: 1.3"))));
    for (const std::string_view one :
         {"{chain: /d, key: /k}", "{chain: /c, key: /d}", "{chain: /c, key: /k, ocsp: /o}"}) {
        const auto line = "tls: {certificates: [" + std::string(one) + "]}";
        BOOST_TEST((plain != tls_of(line)), one);
    }
}

BOOST_AUTO_TEST_CASE(certificates_are_needed_with_a_chain_and_a_key) {
    check({
        listener("tls: {}", R"(7:10: listeners[0].tls: the entry "certificates" is missing)"),
        listener("tls: {certificates: []}",
                 "7:25: listeners[0].tls.certificates: expected at least one certificate"),
        listener("tls: {certificates: /c}",
                 R"(7:25: listeners[0].tls.certificates: expected a list, found "/c")"),
        listener("tls: {certificates: [{key: /k}]}",
                 R"(7:26: listeners[0].tls.certificates[0]: the entry "chain" is missing)"),
        listener("tls: {certificates: [{chain: /c}]}",
                 R"(7:26: listeners[0].tls.certificates[0]: the entry "key" is missing)"),
        listener("tls: {certificates: [/c]}",
                 R"(7:26: listeners[0].tls.certificates[0]: expected a map, found "/c")"),
        listener("tls: {certificates: [{chain: /c, key: /k}, {chain: /d, key: /k}, "
                 "{chain: /./c, key: /l}]}",
                 R"(7:78: listeners[0].tls.certificates[2].chain: the chain "/c" given twice, at )"
                 "7:34 and 7:78"),
        listener("tls: true", R"(7:10: listeners[0].tls: expected a map, found "true")"),
    });
}

BOOST_AUTO_TEST_CASE(files_have_absolute_paths) {
    const std::string path = "7:34: listeners[0].tls.certificates[0].chain: expected ";
    const auto with = [&](const std::string& chain, const std::string& error) {
        const auto line = "tls: {certificates: [{chain: " + chain + ", key: /k}]}";
        check({listener(line, path + error)});
    };
    with("site.pem", R"(the absolute path of a file, found "site.pem")");
    with("/etc/ringway/", R"(the absolute path of a file, found "/etc/ringway/")");
    with("\"\"", R"(the absolute path of a file, found "")");
    with("[/c]", "the absolute path of a file, found a list");
    with(R"("/a\nb")", "text without control characters");
    with('/' + std::string(4'095, 'x'), "1 to 4095 bytes, found 4096");
    const auto longest =
        "tls: {certificates: [{chain: /" + std::string(4'094, 'x') + ", key: /k}]}";
    BOOST_TEST(errors_of(sample({{}, longest, {}, {}})) == "");
    check_refused("client: {ca: ca}",
                  R"(7:62: listeners[0].tls.client.ca: expected the absolute path of a file, )"
                  R"(found "ca")");
    check_refused("client: {ca: /ca, crl: crl}",
                  R"(7:72: listeners[0].tls.client.crl: expected the absolute path of a file, )"
                  R"(found "crl")");
    check_refused("tickets: {keys: t}",
                  R"(7:65: listeners[0].tls.tickets.keys: expected the absolute path of a file, )"
                  R"(found "t")");
}

BOOST_AUTO_TEST_CASE(what_tls_cannot_be_is_refused) {
    const std::string tls = "listeners[0].tls.";
    check_refused("unknown_name: last",
                  "7:63: " + tls + "unknown_name: expected one of first, refuse, found \"last\"");
    check_refused("min_version: 3",
                  "7:62: " + tls + "min_version: expected one of 1.2, 1.3, found \"3\"");
    check_refused("min_version: 1.3, ciphers: A",
                  "7:76: " + tls + R"(ciphers: has a meaning only for min_version: "1.2")");
    check_refused("ciphers: \"\"", "7:58: " + tls + "ciphers: expected 1 to 4096 bytes, found 0");
    check_refused("ciphersuites: \"a\\tb\"",
                  "7:63: " + tls + "ciphersuites: expected text without control characters");
    check_refused("groups: [A]", "7:57: " + tls + "groups: expected text, found a list");
    check_refused("client: {}", "7:57: " + tls + "client: the entry \"ca\" is missing");
    check_refused(
        "client: {ca: /a, verify: none}",
        "7:74: " + tls + "client.verify: expected one of required, optional, found \"none\"");
    check_refused("truncation: ignore",
                  "7:61: " + tls + "truncation: expected one of refuse, allow, found \"ignore\"");
    check_refused(
        "tickets: on",
        "7:58: " + tls + "tickets: expected off, or a map of keys and rotate, found \"on\"");
    check_refused(
        "tickets: [off]",
        "7:58: " + tls + "tickets: expected off, or a map of keys and rotate, found a list");
    for (const std::string rotate : {"59s", "169h", "7d", "12"}) {
        check_refused("tickets: {rotate: " + rotate + "}",
                      "7:67: " + tls + "tickets.rotate: expected a duration from 1m to 168h, as " +
                          "10m or 12h, found \"" + rotate + '"');
    }
}

BOOST_AUTO_TEST_CASE(protocols_differ_and_fit_their_length) {
    const std::string alpn = "listeners[0].tls.alpn";
    const std::string longest(255, 'x');
    BOOST_TEST(tls_of(tls_with("alpn: [" + longest + "]")).alpn.at(0) == longest);
    check_refused("alpn: [" + longest + "x]",
                  "7:56: " + alpn + "[0]: expected 1 to 255 bytes, found 256");
    check_refused("alpn: [\"\"]", "7:56: " + alpn + "[0]: expected 1 to 255 bytes, found 0");
    check_refused("alpn: [{}]",
                  "7:56: " + alpn + "[0]: expected the name of a protocol, found a map");
    check_refused("alpn: [a, b, a]",
                  "7:62: " + alpn + "[2]: the protocol given twice, at 7:56 and 7:62");
    check_refused("alpn: a", "7:55: " + alpn + ": expected a list, found \"a\"");
    std::string many = "p0";
    for (int i = 1; i < 65; ++i) many += ", p" + std::to_string(i);
    check_refused("alpn: [" + many + "]",
                  "7:55: " + alpn + ": expected at most 64 protocols, found 65");
}

BOOST_AUTO_TEST_CASE(keys_come_from_certificates) {
    using Field = KeyPart::CertField;
    const auto part = [](const std::string& field) {
        const auto line =
            tls_with("client: {ca: /a}") + "\n    key: {from: client_cert, field: " + field + "}";
        return config_of(sample({{}, line, {}, {}})).listeners[0].routes.at(0).key.parts.at(0);
    };
    const std::vector<std::pair<std::string, Field>> fields{{"subject_cn", Field::subject_cn},
                                                            {"san_uri", Field::san_uri},
                                                            {"san_dns", Field::san_dns},
                                                            {"san_email", Field::san_email},
                                                            {"fingerprint", Field::fingerprint}};
    for (const auto& [word, field] : fields) {
        BOOST_TEST(
            (part(word) == KeyPart{.from = KeyPart::From::client_cert, .cert_field = field}));
        BOOST_TEST(to_string(field) == word);
    }
    BOOST_TEST(!part("san_uri").reads_bytes());
    BOOST_TEST(!part("san_uri").reads_tls());
    BOOST_TEST(!part("san_uri").reads_proxy_header());
}

BOOST_AUTO_TEST_CASE(a_key_from_certificates_needs_them) {
    const std::string needed =
        "listeners[0].key: is in clients' certificates, which this listener does not ask for: "
        "needs tls: {client: ...}";
    const auto without_field = tls_with("client: {ca: /a}") + "\n    key: client_cert";
    const auto without_client =
        tls_with("alpn: []") + "\n    key: {from: client_cert, field: san_dns}";
    check({
        listener("key: {from: client_cert, field: san_uri}", "7:10: " + needed),
        listener("key: {parts: [source_ip, {from: client_cert, field: fingerprint}]}",
                 "7:10: " + needed),
        listener(without_client, "8:10: " + needed),
        listener(without_field,
                 "8:10: listeners[0].key: a key from client_cert needs a field: {from: "
                 "client_cert, field: ...}"),
        listener("key: {from: sni, field: san_uri}",
                 "7:29: listeners[0].key.field: has a meaning only for from: client_cert"),
    });
    check_refused("client: {ca: /a}}\n    key: {from: client_cert, field: name",
                  "8:37: listeners[0].key.field: expected one of subject_cn, san_uri, san_dns, "
                  "san_email, fingerprint, found \"name\"");
    check_refused("client: {ca: /a}}\n    key: {from: client_cert",
                  "8:10: listeners[0].key: the entry \"field\" is missing");
}

// Decrypted bytes are read for a key as others are; names that the handshake tells are not.
BOOST_AUTO_TEST_CASE(a_listener_of_tls_reads_what_it_decrypts) {
    const auto with = [](const std::string& entries) {
        const auto line = tls_with("client: {ca: /a}") + "\n    " + entries;
        return errors_of(sample({{}, line, {}, {}}));
    };
    BOOST_TEST(with("key: {parts: [sni, first_line], max_bytes: 1KiB}") == "");
    BOOST_TEST(with("key: {parts: [alpn, {from: header, name: a}]}") == "");
    BOOST_TEST(with("key: {from: first_line, on_missing: {policy: random, after: 1s}}") == "");
    BOOST_TEST(with("key: {from: sni, on_missing: random}") == "");
    BOOST_TEST(with("key: {from: client_cert, field: san_uri, on_missing: source_ip}") == "");
    const std::string never = " has a meaning only where bytes of the client are read\n";
    BOOST_TEST(with("key: {from: sni, max_bytes: 1KiB}") ==
               "8:33: listeners[0].key.max_bytes:" + never);
    BOOST_TEST(with("key: {from: client_cert, field: san_uri, max_bytes: 1KiB}") ==
               "8:57: listeners[0].key.max_bytes:" + never);
    BOOST_TEST(with("key: {from: sni, on_missing: {policy: random, after: 1s}}") ==
               "8:34: listeners[0].key.on_missing: after" + never);
    BOOST_TEST(with("key: {from: client_cert, field: san_uri, on_missing: {policy: random, "
                    "after: 1s}}") == "8:58: listeners[0].key.on_missing: after" + never);
    // Its clients speak first, whatever the key is.
    BOOST_TEST(with("key: source_ip\n    defer_accept: 1s") == "");
    BOOST_TEST(with("proxy_protocol: {accept: [v2], trusted: [10.0.0.1]}\n"
                    "    key: {from: sni, max_bytes: 1KiB}") == "");
}

BOOST_AUTO_TEST_CASE(a_unix_socket_can_terminate_tls) {
    BOOST_TEST(errors_of("version: 1\nlisteners:\n  - name: a\n    bind: \"unix:/run/a\"\n"
                         "    pool: p\n    key: sni\n    tls: {" +
                         std::string(site) + "}\npools: {p: {}}\n") == "");
}

BOOST_AUTO_TEST_CASE(servers_learn_of_tls_by_headers_of_version_2) {
    const auto send = [](std::string_view line) {
        return config_of(sample({{}, {}, line, {}})).pools[0].send_proxy;
    };
    BOOST_TEST((send("proxy_protocol: {send: v2, tls: true}") ==
                SendProxy{.version = SendProxy::Version::v2, .tls = true}));
    BOOST_TEST(!send("proxy_protocol: {send: v2}").tls);
    check({pool("proxy_protocol: {send: v1, tls: false}",
                "10:37: pools.main.proxy_protocol.tls: has a meaning only for send: v2")});
}

// Each is good, or counts as an error, while the listener around it is not complete.
BOOST_AUTO_TEST_CASE(as_many_certificates_as_a_large_site_has_are_read) {
    const std::string path = "/etc/ringway/tls/" + std::string(80, 'x');
    const auto of = [&](int count) {
        std::string line = "tls:\n      certificates:\n";
        for (int i = 0; i < count; ++i) {
            const auto name = path + std::to_string(i);
            line += "        - {chain: " + name + ".pem, key: " + name + ".key}\n";
        }
        return sample({{}, line, {}, {}});
    };
    BOOST_TEST(errors_of(of(10'000)) == "");
    BOOST_TEST(errors_of(of(10'001)) ==
               "9:9: listeners[0].tls.certificates: expected at most 10000 certificates, found "
               "10001\n");
}

BOOST_AUTO_TEST_SUITE_END()
