#include "proxy/tls/client.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "proxy/tls/session.h"
#include "tests/proxy/tls/rig.h"

using namespace ringway;
using proxy::TlsFailure;
using test::make_certificate;
using From = conf::PoolTls::NameFrom;
using State = proxy::TlsSession::State;

namespace {

conf::Endpoint endpoint(const char* text) {
    return *conf::Endpoint::parse(text);
}

// A server's certificate, and clients that trust its issuer.
struct Fixture {
    test::TlsFiles files;
    test::Credentials root = make_certificate({.common_name = "root", .is_authority = true});
    conf::PoolTls settings;
    proxy::TlsFindings findings;

    Fixture() { settings.ca = files.write("ca.pem", root.certificate_pem()); }

    std::shared_ptr<const proxy::TlsServer> server(std::vector<std::string> alternatives) const {
        static int number = 0;
        conf::ListenerTls listener;
        listener.certificates.push_back(files.write(
            "server-" + std::to_string(++number),
            make_certificate({.common_name = "server", .alternatives = std::move(alternatives)},
                             &root)));
        return test::load_server(listener);
    }
    std::shared_ptr<const proxy::TlsClient> load() {
        proxy::X509Store roots;
        return proxy::TlsClient::load(settings, "pools.db.tls", findings, roots);
    }

    // The client's side after a handshake; nullptr if it could not begin.
    static std::unique_ptr<proxy::TlsSession> connect(
        const std::shared_ptr<const proxy::TlsClient>& client,
        const std::shared_ptr<const proxy::TlsServer>& server, const proxy::TlsClient::Peer& peer,
        proxy::KeptTlsSession* kept = nullptr) {
        proxy::Ssl ssl = client->connect(peer, kept);
        if (!ssl) return nullptr;
        auto ours = std::make_unique<proxy::TlsSession>(std::move(ssl));
        test::TlsServed theirs(server);
        std::string out;
        std::string in;
        for (int i = 0; i < 4; ++i) {
            std::string_view received = in;
            if (ours->state() == State::handshake) ours->shake_hands(received, out);
            if (ours->state() == State::open) {
                std::string room(received.size() + proxy::max_record_bytes, '\0');
                ours->open(received, room, out);
            }
            theirs.give(std::exchange(out, {}));
            in = std::exchange(theirs.out, {});
        }
        return ours;
    }
    // "ok", why the server is not trusted, or "refused" if it was not even asked.
    std::string verdict(const std::shared_ptr<const proxy::TlsServer>& server,
                        const proxy::TlsClient::Peer& peer) {
        const auto session = connect(load(), server, peer);
        if (session == nullptr) return "refused";
        return session->is_complete() ? "ok" : session->reason();
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tls_client, Fixture)

BOOST_AUTO_TEST_CASE(the_address_that_is_dialled_is_verified) {
    const auto both = server({"IP:192.0.2.1", "IP:2001:db8::1"});
    const auto v4 = endpoint("192.0.2.1:6379");
    const auto v6 = endpoint("[2001:db8::1]:6379");
    const auto other = endpoint("192.0.2.2:6379");
    const auto socket = endpoint("unix:/run/db.sock");
    BOOST_TEST(verdict(both, {"a", v4}) == "ok");
    BOOST_TEST(verdict(both, {"a", v6}) == "ok");
    BOOST_TEST(verdict(both, {"a", other}) == "IP address mismatch");
    BOOST_TEST(verdict(both, {"a", socket}) == "ok");
    // A name that spells an address is none.
    BOOST_TEST(verdict(server({"DNS:192.0.2.1"}), {"a", v4}) == "IP address mismatch");
}

BOOST_AUTO_TEST_CASE(a_name_is_verified_wherever_it_comes_from) {
    const auto db = server({"DNS:db.example", "DNS:*.shard.example"});
    const auto address = endpoint("192.0.2.1:6379");
    settings.name_from = From::text;
    settings.name = "db.example";
    BOOST_TEST(verdict(db, {"a", address}) == "ok");
    settings.name = "other.example";
    BOOST_TEST(verdict(db, {"a", address}) == "hostname mismatch");
    settings.name_from = From::id;
    BOOST_TEST(verdict(db, {"db.example", address}) == "ok");
    BOOST_TEST(verdict(db, {"one.shard.example", address}) == "ok");
    BOOST_TEST(verdict(db, {"two.one.shard.example", address}) == "hostname mismatch");
    BOOST_TEST(verdict(db, {"a", address}) == "hostname mismatch");
    settings.name_from = From::sni;
    BOOST_TEST(verdict(db, {"a", address, "db.example"}) == "ok");
    BOOST_TEST(verdict(db, {"a", address, "x.example"}) == "hostname mismatch");
    BOOST_TEST(verdict(db, {"a", address, ""}) == "IP address mismatch");
}

BOOST_AUTO_TEST_CASE(a_name_that_is_none_of_a_host_is_refused_before_a_byte_is_sent) {
    const auto db = server({"DNS:db.example"});
    const auto address = endpoint("192.0.2.1:6379");
    settings.name_from = From::id;
    using namespace std::string_view_literals;
    BOOST_TEST(verdict(db, {".example", address}) == "refused");
    BOOST_TEST(verdict(db, {"db.example\0.x"sv, address}) == "refused");
    BOOST_TEST(verdict(db, {std::string(256, 'a'), address}) == "refused");
    // An id that is an address is verified as one.
    BOOST_TEST(verdict(server({"IP:192.0.2.9"}), {"192.0.2.9", address}) == "ok");
}

BOOST_AUTO_TEST_CASE(an_authority_that_is_not_named_is_not_trusted) {
    const auto address = endpoint("192.0.2.1:6379");
    const auto stranger = make_certificate({.common_name = "other", .is_authority = true});
    settings.ca = files.write("other.pem", stranger.certificate_pem());
    const auto db = server({"IP:192.0.2.1"});
    BOOST_TEST(verdict(db, {"a", address}) == "unable to get local issuer certificate");
    settings.verifies = false;
    BOOST_TEST(verdict(db, {"a", address}) == "ok");
    BOOST_REQUIRE(!findings.warnings.empty());
    BOOST_TEST(findings.warnings.back().path == "pools.db.tls.verify");
}

BOOST_AUTO_TEST_CASE(a_revoked_certificate_is_refused) {
    const auto address = endpoint("192.0.2.1:6379");
    const auto made =
        make_certificate({.common_name = "a", .alternatives = {"IP:192.0.2.1"}}, &root);
    conf::ListenerTls listener;
    listener.certificates.push_back(files.write("a", made));
    const auto db = test::load_server(listener);
    settings.crl = files.write("none.crl", test::make_revocations(root, {}));
    BOOST_TEST(verdict(db, {"a", address}) == "ok");
    settings.crl = files.write("a.crl", test::make_revocations(root, {made.certificate.get()}));
    BOOST_TEST(verdict(db, {"a", address}) == "certificate revoked");
}

BOOST_AUTO_TEST_CASE(a_session_is_resumed_for_the_name_and_by_the_client_that_verified_it) {
    const auto db = server({"DNS:db.example", "DNS:other.example"});
    const auto address = endpoint("192.0.2.1:6379");
    settings.name_from = From::sni;
    const auto client = load();
    proxy::KeptTlsSession kept;
    const auto is_resumed = [&](const auto& by, const char* name) {
        const auto session = connect(by, db, {"a", address, name}, &kept);
        BOOST_REQUIRE(session->is_complete());
        return SSL_session_reused(session->ssl()) == 1;
    };
    BOOST_TEST(!is_resumed(client, "db.example"));
    BOOST_TEST(is_resumed(client, "db.example"));
    BOOST_TEST(is_resumed(client, "db.example"));
    BOOST_TEST(!is_resumed(client, "other.example"));
    BOOST_TEST(!is_resumed(client, "db.example"));
    BOOST_TEST(is_resumed(client, "db.example"));
    BOOST_TEST(!is_resumed(load(), "db.example"));  // as after a reload
    settings.resumes = false;
    BOOST_TEST(!is_resumed(load(), "db.example"));
}

BOOST_AUTO_TEST_CASE(files_that_do_not_do_are_errors_with_their_places) {
    settings.ca = conf::FilePath{files.dir().path("missing.pem"), {7, 1}};
    const auto own = make_certificate({.common_name = "own"});
    const auto other = make_certificate({.common_name = "other"});
    settings.certificate = {files.write("own.pem", own.certificate_pem()),
                            files.write("other.key", other.key_pem())};
    BOOST_TEST(!load());
    BOOST_REQUIRE(findings.errors.size() == 2);
    BOOST_TEST(findings.errors[0].path == "pools.db.tls.certificate.key");
    BOOST_TEST(findings.errors[1].path == "pools.db.tls.ca");
    BOOST_TEST(findings.errors[1].position.line == 7);
}

BOOST_AUTO_TEST_CASE(authorities_and_lists_that_refuse_everybody_are_warned_of) {
    const auto warns = [this](const std::string& words) {
        findings = {};
        BOOST_TEST(load());
        return std::ranges::any_of(findings.warnings, [&](const conf::Error& each) {
            return each.message.find(words) != std::string::npos;
        });
    };
    settings.crl = files.write("of-root.crl", test::make_revocations(root, {}));
    BOOST_TEST(warns("") == false);
    const auto middle = make_certificate({.common_name = "middle", .is_authority = true}, &root);
    settings.ca = files.write("middle.pem", middle.certificate_pem());
    BOOST_TEST(warns("the issuer of CN = middle is not in the file"));
    BOOST_TEST(warns("has no list of CN = middle"));
    const auto old = make_certificate(
        {.common_name = "old", .is_authority = true, .begins_days = -9, .ends_days = -1});
    settings.ca = files.write("old.pem", old.certificate_pem());
    BOOST_TEST(warns("CN = old has expired"));
}

BOOST_AUTO_TEST_CASE(pools_share_the_roots_of_the_machine) {
    settings.ca.reset();
    proxy::X509Store roots;
    const auto load_one = [&] {
        return proxy::TlsClient::load(settings, "pools.db.tls", findings, roots);
    };
    const auto first = load_one();
    BOOST_REQUIRE(roots);
    const X509_STORE* const read = roots.get();
    const auto second = load_one();
    BOOST_TEST(roots.get() == read);
    BOOST_TEST(verdict(server({"IP:192.0.2.1"}), {"a", endpoint("192.0.2.1:1")}) ==
               "unable to get local issuer certificate");
}

BOOST_AUTO_TEST_CASE(a_session_is_resumed_for_an_hour_or_until_the_certificate_expires) {
    const auto db = server({"IP:192.0.2.1"});
    const auto address = endpoint("192.0.2.1:6379");
    const auto client = load();
    proxy::KeptTlsSession kept;
    const auto is_resumed = [&] {
        return SSL_session_reused(connect(client, db, {"a", address}, &kept)->ssl()) == 1;
    };
    const std::time_t now = std::time(nullptr);
    BOOST_TEST(!is_resumed());
    BOOST_TEST(kept.until >= now + proxy::TlsClient::resumed_for_s);
    BOOST_TEST(kept.until <= std::time(nullptr) + proxy::TlsClient::resumed_for_s);
    kept.until = now + 60;
    BOOST_TEST(is_resumed());
    BOOST_TEST(kept.until == now + 60);  // the newer session is no younger
    kept.until = now;
    BOOST_TEST(!is_resumed());
    BOOST_TEST(kept.until > now + 60);
}

BOOST_AUTO_TEST_SUITE_END()
