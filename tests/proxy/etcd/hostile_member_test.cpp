// Members that answer what etcd does not, end answers early, or are silent.
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "proxy/base/fd.h"
#include "tests/proxy/etcd/members.h"
#include "tests/proxy/etcd/mirror_watch.h"

using namespace ringway;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using Kind = proxy::EtcdError::Kind;
using test::TestLoop;
using test::WatchedMirror;

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

// Answers each request of a connection with the next of its texts, and after the last is silent.
class FakeMember {
public:
    explicit FakeMember(asio::io_context& io)
        : acceptor_(io, {asio::ip::address_v4::loopback(), 0}) {
        asio::co_spawn(io, accept(this), asio::detached);
    }
    conf::EtcdSettings settings() const {
        return {.endpoints = {"127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port())}};
    }

    std::vector<std::string> answers;  // to the requests of each connection
    bool closes = false;               // after the last
    std::vector<std::string> requests{};

private:
    static asio::awaitable<void> accept(FakeMember* self) {
        for (;;) {
            auto [error, socket] = co_await self->acceptor_.async_accept(use_tuple);
            if (error) co_return;
            asio::co_spawn(self->acceptor_.get_executor(), serve(self, std::move(socket)),
                           asio::detached);
        }
    }
    static asio::awaitable<void> serve(FakeMember* self, asio::ip::tcp::socket socket) {
        std::string read;
        for (std::size_t i = 0;; ++i) {
            auto buffer = asio::dynamic_buffer(read);
            auto [error, size] = co_await asio::async_read_until(socket, buffer, "}", use_tuple);
            if (error) co_return;
            self->requests.push_back(std::exchange(read, {}));
            if (i < self->answers.size()) {
                const std::string answer = self->answers[i];
                co_await asio::async_write(socket, asio::buffer(answer), use_tuple);
            }
            if (i + 1 >= self->answers.size() && self->closes) co_return;
        }
    }

    asio::ip::tcp::acceptor acceptor_;
};

std::string ok(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

const std::string page =
    R"({"header":{"cluster_id":"1","revision":"7","raft_term":"2"},"kvs":[{"key":"L3AvYQ==",)"
    R"("mod_revision":"3","value":"MQ=="}]})";
const std::string stream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(const std::string& text) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    return size + text + "\r\n";
}

std::string message(const std::string& rest) {
    return chunk(R"({"result":{"header":{"cluster_id":"1","revision":"7","raft_term":"2"})" + rest +
                 "}}\n");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(etcd_hostile_member)

BOOST_AUTO_TEST_CASE(answers_of_others_are_errors) {
    TestLoop loop;
    FakeMember member(loop.io());
    member.closes = true;
    const std::vector<std::string> hostile{
        "",
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\n404 page not found",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        ok(""),
        ok("[]"),
        ok("{}"),
        ok(R"({"error":"x","code":"y"})"),
        "\x16\x03\x01",
    };
    for (const std::string& each : hostile) {
        BOOST_TEST_CONTEXT(each.substr(0, 60)) {
            member.answers = {each};
            proxy::EtcdClient client(loop.io(), member.settings(), {});
            const auto range = loop.get(client.range("/p/"));
            BOOST_REQUIRE(!range);
            BOOST_CHECK(!range.error().text.empty());
            const auto put = loop.get(client.put("/p/a", "1"));
            BOOST_CHECK(!put);
            WatchedMirror watched(loop, member.settings());
            BOOST_REQUIRE(loop.until([&] { return watched.state().errors >= 2; }));
            BOOST_CHECK(watched.is_lost());
            BOOST_CHECK(watched.mirror->copy().empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_hostile_watch_leaves_the_copy_as_it_was) {
    TestLoop loop;
    FakeMember member(loop.io());
    const std::vector<std::string> hostile{
        stream + chunk("garbage\n"),
        stream + message(R"(,"events":[{"kv":{"key":"!"}}])"),
        // A key that was not asked for, "/q".
        stream + message(R"(,"events":[{"kv":{"key":"L3E=","mod_revision":"8"}}])"),
        stream + message(R"(,"canceled":true,"created":true,"cancel_reason":"\u001bno")"),
        stream + chunk(R"({"error":{"grpc_code":14,"message":"etcdserver: no leader"}})"
                       "\n"),
        stream + "0\r\n\r\n",
        ok("{}\n"),
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    };
    for (const std::string& each : hostile) {
        BOOST_TEST_CONTEXT(each) {
            member.answers = {ok(page), each};
            WatchedMirror watched(loop, member.settings());
            BOOST_REQUIRE(loop.until([&] { return watched.state().errors >= 2; }));
            BOOST_CHECK(watched.is_lost());
            BOOST_CHECK(!watched.state().reason.empty());
            BOOST_CHECK(watched.mirror->copy() == (WatchedMirror::Copy{{"a", "1"}}));
            BOOST_CHECK(watched.changes.size() == 1);
            BOOST_CHECK(watched.state().revision == 7);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_silent_member_is_left_at_the_end_of_the_attempt) {
    TestLoop loop;
    FakeMember silent(loop.io());
    proxy::EtcdClient client(loop.io(), silent.settings(), {}, {.attempt = 50ms});
    const auto range = loop.get(client.range("/p/"));
    BOOST_CHECK(range.error().kind == Kind::no_answer);
    BOOST_CHECK(range.error().text.find("no answer in time") != std::string::npos);
    // It has connected, and sends no head, or no message, of the watch.
    for (const std::string& begun : {std::string(), stream}) {
        silent.answers = {ok(page), begun};
        WatchedMirror watched(loop, silent.settings(), {}, {.attempt = 50ms});
        BOOST_CHECK(loop.until([&] { return watched.is_lost(); }));
    }
    // And one that goes silent later, when not even progress is told.
    silent.answers = {ok(page), stream + message(R"(,"created":true)")};
    WatchedMirror watched(loop, silent.settings(), {}, {.silence = 50ms});
    BOOST_REQUIRE(watched.comes_in_sync());
    BOOST_CHECK(loop.until([&] { return watched.is_lost(); }));
}

BOOST_AUTO_TEST_CASE(names_that_are_not_answered_are_left_at_the_end_of_the_attempt) {
    TestLoop loop;
    std::vector<proxy::EtcdTools::Resolved> asked;
    const proxy::EtcdTools tools{.resolve = [&](const std::string&, auto resolved) {
        asked.push_back(std::move(resolved));
    }};
    proxy::EtcdClient client(loop.io(), {.endpoints = {"name:1"}}, tools, {.attempt = 50ms});
    const auto range = loop.get(client.range("/p/"));
    BOOST_CHECK(range.error().text == "name:1: its name is not looked up in time");
    // An answer that comes too late finds nobody.
    BOOST_REQUIRE(asked.size() == 1);
    asked[0](std::vector<conf::Endpoint>{});
    loop.settle();
}

BOOST_AUTO_TEST_CASE(calls_ask_for_a_member_with_a_leader) {
    TestLoop loop;
    FakeMember member(loop.io());
    member.answers = {ok(page), stream + message(R"(,"created":true)")};
    WatchedMirror watched(loop, member.settings());
    BOOST_REQUIRE(watched.comes_in_sync());
    BOOST_REQUIRE(member.requests.size() == 2);
    for (const std::string& each : member.requests) {
        BOOST_CHECK(each.find("Grpc-Metadata-hasleader: true\r\n") != std::string::npos);
    }
    BOOST_CHECK(member.requests[1].starts_with("POST /v3/watch HTTP/1.1\r\n"));
}

BOOST_AUTO_TEST_CASE(a_peer_that_vanishes_is_noticed_by_the_kernel) {
    const proxy::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    proxy::set_liveness(socket.get());
    const auto option = [&](int level, int name) {
        int value = 0;
        socklen_t size = sizeof value;
        BOOST_REQUIRE(::getsockopt(socket.get(), level, name, &value, &size) == 0);
        return value;
    };
    BOOST_CHECK(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
    BOOST_CHECK(option(IPPROTO_TCP, TCP_KEEPIDLE) +
                    option(IPPROTO_TCP, TCP_KEEPINTVL) * option(IPPROTO_TCP, TCP_KEEPCNT) <=
                10);
    BOOST_CHECK(option(IPPROTO_TCP, TCP_USER_TIMEOUT) == 10'000);
}

BOOST_AUTO_TEST_SUITE_END()
