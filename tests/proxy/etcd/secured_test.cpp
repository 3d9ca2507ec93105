// Members with users, and members with TLS and certificates of clients.
#include <filesystem>
#include <string>

#include "proxy/etcd/access.h"
#include "tests/proxy/etcd/members.h"
#include "tests/proxy/etcd/mirror_watch.h"
#include "tests/support/certificates.h"

using namespace ringway;
using namespace std::chrono_literals;
using test::etcdctl;
using test::EtcdMember;
using test::OneMember;
using test::WatchedMirror;
using Kind = proxy::EtcdError::Kind;

namespace {

// With a user who may use what begins with "/p/".
struct WithUsers : OneMember {
    WithUsers() {
        for (const char* const words :
             {"user add root:secret", "user grant-role root root", "role add part",
              "role grant-permission part --prefix=true readwrite /p/",
              "user add 'some\"one:pass\"word'", "user grant-role 'some\"one' part",
              "auth enable"}) {
            etcdctl(member, words);
        }
    }
    conf::EtcdSettings settings(const std::string& password) const {
        conf::EtcdSettings made = test::settings_of(member);
        made.user = {.name = "some\"one",
                     .password = {member.dir().write("password", password), {}}};
        return made;
    }
};

// An authority with certificates for members and their clients.
struct WithTls {
    WithTls() {
        dir.write("ca.pem", authority.certificate_pem());
        write("server", server);
        write("client", mine);
        member.start();
    }
    void write(const std::string& name, const test::Credentials& credentials) const {
        dir.write(name + ".pem", credentials.certificate_pem());
        dir.write(name + ".key", credentials.key_pem());
    }
    conf::EtcdSettings settings(bool with_certificate = true) const {
        conf::EtcdSettings made = test::settings_of(member);
        made.tls.emplace();
        made.tls->ca = conf::FilePath{dir.path("ca.pem"), {}};
        if (with_certificate) {
            made.tls->certificate = {.chain = {dir.path("client.pem"), {}},
                                     .key = {dir.path("client.key"), {}}};
        }
        return made;
    }
    static proxy::EtcdTools tools(const conf::EtcdSettings& settings) {
        proxy::TlsFindings findings;
        proxy::X509Store roots;
        proxy::EtcdTools made{.resolve = [](const std::string&, auto resolved) {
            resolved(std::vector<conf::Endpoint>{*conf::Endpoint::parse("127.0.0.1:1")});
        }};
        made.tls = proxy::load_etcd_tls(settings, "etcd.tls", findings, roots);
        for (const auto& each : findings.errors) BOOST_ERROR(each.to_string("file"));
        BOOST_REQUIRE(made.tls);
        return made;
    }

    test::TempDir dir;
    const test::Credentials authority =
        test::make_certificate({.common_name = "ca", .is_authority = true});
    const test::Credentials server = test::make_certificate(
        {.common_name = "m1", .alternatives = {"IP:127.0.0.1", "DNS:etcd.example"}}, &authority);
    const test::Credentials mine = test::make_certificate({.common_name = "ringway"}, &authority);
    EtcdMember member{
        "m1",
        {"--cert-file=" + dir.path("server.pem"), "--key-file=" + dir.path("server.key"),
         "--client-cert-auth", "--trusted-ca-file=" + dir.path("ca.pem")},
        "https"};
    test::TestLoop loop;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(etcd_secured)

BOOST_FIXTURE_TEST_CASE(a_user_may_what_its_roles_allow, WithUsers) {
    proxy::EtcdClient user(loop.io(), settings("pass\"word\nsecond line\n"), {});
    BOOST_REQUIRE(loop.get(user.put("/p/a", "1")));
    BOOST_CHECK(loop.get(user.range("/p/"))->keys.size() == 1);
    const auto refused = loop.get(user.put("/q", "1"));
    BOOST_CHECK(refused.error().kind == Kind::refused);
    BOOST_CHECK(refused.error().text.find("permission denied") != std::string::npos);
    BOOST_CHECK(loop.get(client.put("/p/a", "1")).error().kind == Kind::token_refused);
    proxy::EtcdClient wrong(loop.io(), settings("guessed"), {});
    const auto error = loop.get(wrong.put("/p/a", "1")).error();
    BOOST_CHECK(error.text.find("cannot log in: ") != std::string::npos);
    proxy::EtcdClient none(loop.io(), settings(""), {});
    std::filesystem::remove(member.dir().path("password"));
    const auto unread = loop.get(none.put("/p/a", "1")).error();
    BOOST_CHECK(unread.text.find("the password cannot be read: ") != std::string::npos);
}

// A member that was restarted knows no token of before.
BOOST_FIXTURE_TEST_CASE(a_token_that_is_refused_is_replaced, WithUsers) {
    proxy::EtcdClient user(loop.io(), settings("pass\"word"), {});
    WatchedMirror watched(loop, settings("pass\"word"));
    BOOST_REQUIRE(watched.comes_in_sync());
    for (int i = 0; i < 2; ++i) {
        const std::string value = std::to_string(i);
        BOOST_REQUIRE(loop.until([&] { return loop.get(user.put("/p/a", value)).has_value(); }));
        BOOST_CHECK(watched.becomes({{"a", value}}));
        member.kill();
        BOOST_REQUIRE(loop.until([&] { return watched.is_lost(); }));
        member.start();
        BOOST_REQUIRE(watched.comes_in_sync());
    }
    BOOST_CHECK(watched.state().snapshots == 1);
}

BOOST_FIXTURE_TEST_CASE(a_mirror_without_permission_is_lost, WithUsers) {
    WatchedMirror watched(loop, settings("pass\"word"), {}, {}, "/q/");
    BOOST_REQUIRE(loop.until([&] { return watched.is_lost(); }));
    BOOST_CHECK(watched.state().reason.find("permission denied") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_user_is_not_needed_where_users_are_not_checked, OneMember) {
    conf::EtcdSettings settings = test::settings_of(member);
    settings.user = {.name = "someone", .password = {member.dir().write("password", "x"), {}}};
    proxy::EtcdClient user(loop.io(), settings, {});
    BOOST_CHECK(loop.get(user.put("/p/a", "1")).has_value());
    // And then they are.
    for (const char* const words :
         {"user add root:secret", "user grant-role root root", "user add someone:x",
          "user grant-role someone root", "auth enable"}) {
        etcdctl(member, words);
    }
    BOOST_CHECK(loop.get(user.put("/p/a", "2")).has_value());
}

BOOST_FIXTURE_TEST_CASE(members_are_spoken_to_in_tls, WithTls) {
    proxy::EtcdClient client(loop.io(), settings(), tools(settings()));
    loop.await(client);
    WatchedMirror watched(loop, settings(), tools(settings()));
    BOOST_REQUIRE(watched.comes_in_sync());
    BOOST_REQUIRE(loop.get(client.put("/p/a", std::string(200'000, 'x'))));
    BOOST_CHECK(watched.becomes({{"a", std::string(200'000, 'x')}}));
    member.kill();
    BOOST_REQUIRE(loop.until([&] { return watched.is_lost(); }));
    member.start();
    BOOST_CHECK(watched.comes_in_sync());
}

BOOST_FIXTURE_TEST_CASE(certificates_are_verified_on_both_sides, WithTls) {
    proxy::EtcdClient good(loop.io(), settings(), tools(settings()));
    loop.await(good);
    const auto failure_of = [&](const conf::EtcdSettings& wrong) {
        proxy::EtcdClient client(loop.io(), wrong, tools(wrong));
        const auto result = loop.get(client.range("/p/"));
        return result ? "no failure" : result.error().text;
    };
    // The name that the endpoint has is that of the certificate.
    const std::string port = member.endpoint().substr(member.endpoint().rfind(':'));
    conf::EtcdSettings named = settings();
    named.endpoints = {"etcd.example" + port};
    BOOST_CHECK(failure_of(named) == "no failure");
    named.endpoints = {"other.example" + port};
    BOOST_CHECK(failure_of(named).find("does not verify") != std::string::npos);
    named.tls->name_from = conf::PoolTls::NameFrom::text;
    named.tls->name = "etcd.example";
    BOOST_CHECK(failure_of(named) == "no failure");
    BOOST_CHECK(failure_of(settings(false)) != "no failure");
    conf::EtcdSettings distrustful = settings();
    dir.write("other.pem", test::make_certificate({.is_authority = true}).certificate_pem());
    distrustful.tls->ca = conf::FilePath{dir.path("other.pem"), {}};
    BOOST_CHECK(failure_of(distrustful).find("does not verify") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
