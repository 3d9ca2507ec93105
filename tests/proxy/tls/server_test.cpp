#include "proxy/tls/server.h"

#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/tls/facts.h"
#include "tests/proxy/tls/rig.h"

using namespace ringway;
using proxy::TlsFailure;
using test::Credentials;
using test::load_server;
using test::make_certificate;
using test::TlsClient;
using test::TlsServed;
using State = proxy::TlsSession::State;

namespace {

struct Fixture {
    test::TlsFiles files;
    conf::ListenerTls settings = files.settings();

    Fixture() { settings.certificates.clear(); }

    void add(const std::string& file, const test::CertificateWish& wish) {
        settings.certificates.push_back(files.write(file, make_certificate(wish)));
    }

    // The common name of the certificate that a client of this name is shown; empty if it is
    // refused.
    static std::string shown(const std::shared_ptr<const proxy::TlsServer>& server,
                             const char* name, const TlsClient::Setup& setup = {}) {
        TlsServed served(server);
        TlsClient client(setup, name);
        served.talk(client);
        if (served.session.state() != State::open) return {};
        return proxy::common_name(SSL_get0_peer_certificate(client.ssl()));
    }
    // "errors" and then "warnings" of loading the settings, without the files' folder.
    std::vector<std::string> findings() const {
        proxy::TlsFindings found;
        proxy::TlsServer::load(settings, "clients", "tls", found);
        std::vector<std::string> lines;
        const auto add = [&](const char* kind, const conf::Error& each) {
            std::string line = kind + each.to_string("f");
            const std::string folder = files.dir().path("");
            for (auto at = line.find(folder); at != std::string::npos; at = line.find(folder)) {
                line.erase(at, folder.size());
            }
            lines.push_back(line);
        };
        for (const conf::Error& each : found.errors) add("error ", each);
        for (const conf::Error& each : found.warnings) add("warning ", each);
        return lines;
    }
    bool has_finding(const std::string& text) const {
        const auto lines = findings();
        const bool found = std::ranges::any_of(
            lines, [&](const std::string& line) { return line.find(text) != std::string::npos; });
        if (!found) {
            for (const auto& line : lines) BOOST_TEST_MESSAGE(line);
        }
        return found;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tls_server, Fixture)

BOOST_AUTO_TEST_CASE(a_name_gets_its_certificate_exact_before_wildcard_before_the_first) {
    add("first", {.common_name = "first", .alternatives = {"DNS:first.example"}});
    add("wild", {.common_name = "wild", .alternatives = {"DNS:*.shard.example"}});
    add("exact", {.common_name = "exact", .alternatives = {"DNS:One.shard.example"}});
    add("named", {.common_name = "named.example"});
    const auto server = load_server(settings);
    BOOST_TEST(shown(server, "first.example") == "first");
    BOOST_TEST(shown(server, "two.shard.example") == "wild");
    BOOST_TEST(shown(server, "oNe.Shard.Example") == "exact");
    BOOST_TEST(shown(server, "one.shard.example.") == "exact");
    BOOST_TEST(shown(server, "named.example") == "named.example");
    BOOST_TEST(shown(server, "a.b.shard.example") == "first");
    BOOST_TEST(shown(server, "shard.example") == "first");
    BOOST_TEST(shown(server, "other") == "first");
    BOOST_TEST(shown(server, nullptr) == "first");
}

BOOST_AUTO_TEST_CASE(unknown_names_can_be_refused) {
    add("first", {.common_name = "first", .alternatives = {"DNS:first.example"}});
    settings.unknown_name = conf::ListenerTls::UnknownName::refuse;
    const auto server = load_server(settings);
    BOOST_TEST(shown(server, "first.example") == "first");
    for (const char* const name : {"other.example", static_cast<const char*>(nullptr)}) {
        TlsServed served(server);
        TlsClient client({}, name);
        served.talk(client);
        BOOST_TEST((served.session.failure() == TlsFailure::unknown_name));
        BOOST_TEST(served.session.has_sent_alert());
    }
}

BOOST_AUTO_TEST_CASE(certificates_of_two_kinds_for_one_name_serve_side_by_side) {
    add("rsa", {.common_name = "rsa", .alternatives = {"DNS:site.example"}, .is_rsa = true});
    add("ec", {.common_name = "ec", .alternatives = {"DNS:site.example"}});
    const auto server = load_server(settings);
    const auto with = [](const char* algorithms) {
        return [algorithms](SSL_CTX* context) { SSL_CTX_set1_sigalgs_list(context, algorithms); };
    };
    for (const char* const name : {"site.example", "other.example"}) {
        BOOST_TEST(shown(server, name, with("RSA-PSS+SHA256")) == "rsa");
        BOOST_TEST(shown(server, name, with("ECDSA+SHA256")) == "ec");
    }
}

BOOST_AUTO_TEST_CASE(a_client_is_known_by_its_certificate) {
    add("site", {});
    const Credentials root = make_certificate({.common_name = "root", .is_authority = true});
    const Credentials other = make_certificate({.common_name = "other", .is_authority = true});
    const Credentials ann =
        make_certificate({.common_name = "ann",
                          .alternatives = {"email:ann@example.org", "URI:spiffe://example/ann",
                                           "DNS:a.example", "DNS:b.example"}},
                         &root);
    const Credentials stranger = make_certificate({.common_name = "ann"}, &other);
    settings.client = conf::ListenerTls::Client{.ca = files.write("ca", root.certificate_pem())};
    const auto server = load_server(settings);
    const auto as = [](const Credentials& who) {
        return [&who](SSL_CTX* context) {
            SSL_CTX_use_certificate(context, who.certificate.get());
            SSL_CTX_use_PrivateKey(context, who.key.get());
        };
    };
    TlsServed served(server);
    TlsClient client(as(ann));
    served.talk(client);
    BOOST_REQUIRE((served.session.state() == State::open));
    const auto facts = proxy::facts_of(served.session.ssl());
    BOOST_REQUIRE(facts.client.has_value());
    BOOST_TEST(facts.client->subject_cn == "ann");
    BOOST_TEST(facts.client->san_email == "ann@example.org");
    BOOST_TEST(facts.client->san_uri == "spiffe://example/ann");
    BOOST_TEST(facts.client->san_dns == "a.example");
    BOOST_TEST(facts.client->fingerprint == proxy::fingerprint_of(ann.certificate.get()));
    BOOST_TEST(facts.client->fingerprint.size() == 64u);

    TlsServed nobody(server);
    TlsClient without;
    nobody.talk(without);
    BOOST_TEST((nobody.session.failure() == TlsFailure::no_certificate));

    TlsServed strange(server);
    TlsClient impostor(as(stranger));
    strange.talk(impostor);
    BOOST_TEST((strange.session.failure() == TlsFailure::bad_certificate));
    BOOST_TEST(strange.session.reason() == "unable to get local issuer certificate");

    settings.client->required = false;
    const auto optional = load_server(settings);
    TlsServed may(optional);
    TlsClient anonymous;
    may.talk(anonymous);
    BOOST_TEST((may.session.state() == State::open));
    BOOST_TEST(!proxy::facts_of(may.session.ssl()).client.has_value());
    TlsServed must(optional);
    TlsClient bad(as(stranger));
    must.talk(bad);
    BOOST_TEST((must.session.failure() == TlsFailure::bad_certificate));

    settings.client->crl =
        files.write("crl", test::make_revocations(root, {ann.certificate.get()}));
    TlsServed revoking(load_server(settings));
    TlsClient revoked(as(ann));
    revoking.talk(revoked);
    BOOST_TEST((revoking.session.failure() == TlsFailure::bad_certificate));
    BOOST_TEST(revoking.session.reason() == "certificate revoked");
}

BOOST_AUTO_TEST_CASE(the_protocol_is_the_first_of_the_listener_that_the_client_has) {
    add("site", {});
    settings.alpn = {"mqtt", "http/1.1"};
    TlsServed served(load_server(settings));
    TlsClient client(
        [](SSL_CTX* context) {
            const unsigned char offered[] = "\x08http/1.1\x04mqtt";
            SSL_CTX_set_alpn_protos(context, offered, sizeof offered - 1);
        },
        "Site.Example");
    served.talk(client);
    const auto facts = proxy::facts_of(served.session.ssl());
    BOOST_TEST(facts.alpn == "mqtt");
    BOOST_TEST(facts.server_name == "site.example");
    BOOST_TEST(facts.version == "TLSv1.3");
}

// The session of a first connection at one server is offered to another one.
// A client that uses a ticket once, as TLS 1.3 wants it, needs another one for the next time.
BOOST_AUTO_TEST_CASE(a_resumed_session_of_tls_1_3_gets_a_new_ticket) {
    add("site", {.alternatives = {"DNS:site.example"}});
    const auto server = load_server(settings);
    std::string last;
    SSL_SESSION* session = nullptr;
    for (int i = 0; i < 3; ++i) {
        TlsServed served(server);
        TlsClient client({}, "site.example");
        if (session != nullptr) SSL_set_session(client.ssl(), session);
        SSL_SESSION_free(session);
        served.talk(client);
        BOOST_TEST(proxy::facts_of(served.session.ssl()).resumed == (i > 0));
        BOOST_REQUIRE(served.session.seal("x", served.out));
        client.give(served.out);
        client.read();
        session = SSL_get1_session(client.ssl());
        const unsigned char* bytes = nullptr;
        std::size_t size = 0;
        SSL_SESSION_get0_ticket(session, &bytes, &size);
        const std::string ticket(reinterpret_cast<const char*>(bytes), size);
        BOOST_TEST(ticket != last);
        last = ticket;
        client.end();
    }
    SSL_SESSION_free(session);
}

BOOST_AUTO_TEST_CASE(sessions_are_resumed_by_who_has_the_secret) {
    add("site", {.alternatives = {"DNS:site.example"}});
    const auto secrets = files.write("tickets", std::string(64, 'a') + '\n');
    settings.tickets = conf::ListenerTls::Tickets{.keys = secrets};
    const auto resumes = [&](int version, const std::shared_ptr<const proxy::TlsServer>& first,
                             const std::shared_ptr<const proxy::TlsServer>& second) {
        const auto setup = [version](SSL_CTX* context) {
            SSL_CTX_set_max_proto_version(context, version);
        };
        TlsServed at_first(first);
        TlsClient client(setup, "site.example");
        at_first.talk(client);
        BOOST_REQUIRE(at_first.session.seal("x", at_first.out));
        client.give(at_first.out);
        client.read();
        SSL_SESSION* const session = SSL_get1_session(client.ssl());
        TlsServed at_second(second);
        TlsClient again(setup, "site.example");
        SSL_set_session(again.ssl(), session);
        SSL_SESSION_free(session);
        at_second.talk(again);
        BOOST_TEST((at_second.session.state() == State::open));
        return proxy::facts_of(at_second.session.ssl()).resumed;
    };
    const auto server = load_server(settings);
    const auto replica = load_server(settings);
    const auto other_listener = load_server(settings, "others");
    auto changed = settings;
    changed.tickets->keys = files.write("others", std::string(64, 'b') + '\n');
    const auto other_secret = load_server(changed);
    changed = settings;
    changed.tickets->keys = std::nullopt;
    const auto own_secret = load_server(changed);
    const auto after_reload = load_server(changed);
    changed.tickets.reset();
    const auto without = load_server(changed);
    changed = settings;
    const Credentials root = make_certificate({.common_name = "root", .is_authority = true});
    changed.client = conf::ListenerTls::Client{
        .ca = files.write("ca", root.certificate_pem()), .crl = std::nullopt, .required = false};
    const auto other_authority = load_server(changed);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        BOOST_TEST(resumes(version, server, server));
        BOOST_TEST(resumes(version, server, replica));
        BOOST_TEST(!resumes(version, server, other_listener));
        BOOST_TEST(!resumes(version, server, other_secret));
        BOOST_TEST(!resumes(version, server, other_authority));
        BOOST_TEST(resumes(version, own_secret, after_reload));
        BOOST_TEST(!resumes(version, server, own_secret));
        BOOST_TEST(!resumes(version, without, without));
    }
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_files_is_told_with_their_places) {
    const Credentials site = make_certificate({.common_name = "site"});
    const Credentials other = make_certificate({.common_name = "other"});
    settings.certificates = {files.write("site", site)};
    BOOST_TEST(findings().size() <= 1u);  // others may read what this test writes

    settings.certificates[0].key = files.write("other.key", other.key_pem());
    BOOST_TEST(
        has_finding("error f:5:1: tls.certificates[0].key: \"other.key\": does not belong to "
                    "the certificate in"));
    settings.certificates[0].key = files.write("empty.key", "");
    BOOST_TEST(has_finding("\"empty.key\": has no private key (-----BEGIN PRIVATE KEY-----)"));
    settings.certificates[0].key = {"/nowhere", {9, 9}};
    BOOST_TEST(has_finding(
        "error f:9:9: tls.certificates[0].key: \"/nowhere\": No such file or directory"));

    settings.certificates = {files.write("site", site)};
    settings.certificates[0].chain = files.write("text.pem", "hello");
    BOOST_TEST(has_finding("\"text.pem\": has no certificate in PEM format"));
    settings.certificates[0].chain = files.write(
        "cut.pem", site.certificate_pem().substr(0, 200) + "\n-----END CERTIFICATE-----");
    BOOST_TEST(has_finding("\"cut.pem\": certificate 1 is broken: "));
    settings.certificates = {files.write("mixed", site, other.certificate_pem())};
    BOOST_TEST(
        has_finding("\"mixed.pem\": certificate 2 (CN = other) has not issued the one before "
                    "it (CN = site)"));
}

BOOST_AUTO_TEST_CASE(what_is_odd_about_files_is_a_warning) {
    add("old", {.common_name = "old", .begins_days = -3, .ends_days = -1});
    add("early", {.common_name = "early", .begins_days = 1});
    const Credentials root = make_certificate({.common_name = "root", .is_authority = true});
    const Credentials middle =
        make_certificate({.common_name = "middle", .is_authority = true}, &root);
    const Credentials leaf = make_certificate({.common_name = "leaf"}, &middle);
    settings.certificates.push_back(files.write("lone", leaf));
    settings.certificates.push_back(files.write("whole",
                                                make_certificate({.common_name = "w"}, &middle),
                                                middle.certificate_pem() + root.certificate_pem()));
    BOOST_REQUIRE(::chmod(settings.certificates[0].key.path.c_str(), 0640) == 0);
    BOOST_REQUIRE(::chmod(settings.certificates[1].key.path.c_str(), 0644) == 0);
    BOOST_TEST(
        has_finding("warning f:3:1: tls.certificates[0].chain: \"old.pem\": CN = old has expired"));
    BOOST_TEST(has_finding("\"early.pem\": CN = early is not valid yet"));
    BOOST_TEST(has_finding("\"early.key\": everybody on this machine may read it"));
    BOOST_TEST(!has_finding("\"old.key\""));
    BOOST_TEST(
        has_finding("\"lone.pem\": the issuer of CN = leaf is neither in the file nor among "
                    "this machine's roots"));
    BOOST_TEST(!has_finding("\"whole.pem\""));
    BOOST_TEST(!has_finding("error"));
}

BOOST_AUTO_TEST_CASE(what_openssl_does_not_know_is_an_error_at_its_entry) {
    add("site", {});
    settings.ciphers = "NOTHING";
    settings.ciphers_position = {7, 5};
    settings.ciphersuites = "TLS_NOTHING";
    settings.groups = "P-999";
    settings.tickets = conf::ListenerTls::Tickets{.keys = files.write("tickets", "short\n")};
    BOOST_TEST(has_finding("\"tickets\": line 1: expected 64 hexadecimal digits"));
    settings.tickets.reset();
    BOOST_TEST(has_finding("error f:7:5: tls.ciphers: OpenSSL knows none of these ciphers"));
    BOOST_TEST(has_finding("tls.ciphersuites: OpenSSL does not know all of these cipher suites"));
    BOOST_TEST(has_finding("tls.groups: OpenSSL does not know all of these groups"));
}

BOOST_AUTO_TEST_SUITE_END()
