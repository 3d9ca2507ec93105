// Checks that talk to their server, and what hurries a check.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include "health/checker.h"
#include "tests/health/loop.h"
#include "tests/health/server.h"

using namespace std::chrono_literals;
using namespace ringway;
using boost::asio::ip::tcp;
using boost::system::error_code;
using health::Checker;
using health::Clock;
using health::HealthChange;
using tests::Server;

namespace {

// A server on the test's own loop that sends the same bytes to every client.
class Talker {
public:
    Talker(boost::asio::io_context& io, std::string says, bool floods = false, bool ends = false)
        : says_(std::move(says)), floods_(floods), ends_(ends), acceptor_(io, any()) {
        accept();
    }

    conf::Endpoint address() const {
        conf::Endpoint endpoint;
        endpoint.address = {127, 0, 0, 1};
        endpoint.port = acceptor_.local_endpoint().port();
        return endpoint;
    }

    std::string heard;
    int ended = 0;   // connections that the other side has ended cleanly
    int broken = 0;  // connections that the other side has reset, seen in either direction

private:
    using Peer = std::shared_ptr<tcp::socket>;
    static tcp::endpoint any() { return {boost::asio::ip::address_v4::loopback(), 0}; }

    void accept() {
        acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
            if (error) return;
            const auto peer = std::make_shared<tcp::socket>(std::move(socket));
            hear(peer);
            say(peer);
            accept();
        });
    }
    void say(const Peer& peer) {
        boost::asio::async_write(*peer, boost::asio::buffer(says_),
                                 [this, peer](const error_code& error, std::size_t) {
                                     if (error) ++broken;
                                     error_code ignored;
                                     if (ends_) peer->shutdown(tcp::socket::shutdown_send, ignored);
                                     if (floods_ && !error) say(peer);
                                 });
    }
    void hear(const Peer& peer) {
        auto buffer = std::make_shared<std::vector<char>>(1'000);
        peer->async_read_some(boost::asio::buffer(*buffer),
                              [this, peer, buffer](const error_code& error, std::size_t bytes) {
                                  heard.append(buffer->data(), bytes);
                                  if (error == boost::asio::error::connection_reset) ++broken;
                                  if (error == boost::asio::error::eof) ++ended;
                                  if (!error) hear(peer);
                              });
    }

    const std::string says_;
    const bool floods_;
    const bool ends_;
    tcp::acceptor acceptor_;
};

conf::HealthSettings quick() {
    return {.interval = conf::Duration(20), .timeout = conf::Duration(5'000), .rise = 2, .fall = 3};
}

conf::HealthSettings expects(std::string bytes, bool anywhere = false) {
    auto settings = quick();
    settings.expect = std::move(bytes);
    settings.expect_anywhere = anywhere;
    return settings;
}

struct Fixture : tests::Loop {
    // The result of the first check of the server.
    std::string first_reason(const Talker& server, const conf::HealthSettings& settings) {
        checker.set_targets({{"pool/a", server.address(), settings}});
        run_until([&] { return !changes.empty(); });
        return changes[0].reason;
    }

    health::View view() const { return *checker.view("pool/a"); }

    std::vector<HealthChange> changes;
    Checker checker{io, [this](const HealthChange& change) { changes.push_back(change); }};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(exchange, Fixture)

BOOST_AUTO_TEST_CASE(a_server_that_answers_as_expected_is_up) {
    Talker server(io, "+PONG\r\n");
    auto settings = expects("+PONG");
    settings.send = "PING\r\n";
    checker.set_targets({{"pool/a", server.address(), settings}});
    run_until([&] { return view().successes >= 3; });
    BOOST_TEST(view().last_result == "ok");
    BOOST_TEST(server.heard.starts_with("PING\r\nPING\r\n"));
    run_until([&] { return server.ended >= 3; });
    BOOST_TEST(server.broken == 0);
    BOOST_TEST(changes.empty());
}

BOOST_AUTO_TEST_CASE(a_preface_goes_before_what_a_check_says) {
    Talker server(io, "+PONG\r\n");
    auto settings = expects("+PONG");
    settings.send = "PING\r\n";
    checker.set_targets({{"pool/a", server.address(), settings, "PROXY UNKNOWN\r\n"}});
    run_until([&] { return view().successes >= 2; });
    BOOST_TEST(server.heard.starts_with("PROXY UNKNOWN\r\nPING\r\n"));
}

BOOST_AUTO_TEST_CASE(a_preface_that_comes_later_goes_before_the_next_check) {
    Talker server(io, "+PONG\r\n");
    auto settings = expects("+PONG");
    settings.send = "PING\r\n";
    checker.set_targets({{"pool/a", server.address(), settings}});
    run_until([&] { return view().successes >= 2; });
    BOOST_TEST(server.heard.find("PROXY") == std::string::npos);
    checker.set_targets({{"pool/a", server.address(), settings, "PROXY UNKNOWN\r\n"}});
    run_until([&] { return server.heard.find("PROXY UNKNOWN\r\nPING\r\n") != std::string::npos; });
    BOOST_TEST(changes.empty());
}

BOOST_AUTO_TEST_CASE(another_answer_takes_a_server_down) {
    const Talker server(io, "-LOADING\r\n");
    BOOST_TEST(first_reason(server, expects("+PONG")) ==
               R"(answer: mismatch, found "-LOAD", first check)");
    BOOST_TEST(view().last_result == "mismatch");
}

BOOST_AUTO_TEST_CASE(an_end_instead_of_an_answer_takes_a_server_down) {
    const Talker server(io, "+PO", false, true);
    BOOST_TEST(first_reason(server, expects("+PONG")) ==
               "the server ended the connection before its answer, first check");
    BOOST_TEST(view().last_result == "ended");
}

BOOST_AUTO_TEST_CASE(a_server_that_accepts_and_says_nothing_times_out) {
    Server server;  // its kernel answers; no program does
    server.listen();
    auto settings = expects("+PONG");
    settings.timeout = conf::Duration(30);
    checker.set_targets({{"pool/a", server.address(), settings}});
    run_until([&] { return !changes.empty(); });
    BOOST_TEST(changes[0].reason == "answer: nothing in 30 ms, first check");
    BOOST_TEST(view().last_result == "timeout");
}

// tests/faults.md 16
BOOST_AUTO_TEST_CASE(a_server_that_floods_is_cut_off_and_nothing_is_kept) {
    Talker server(io, std::string(4'000, 'x'), true);
    BOOST_TEST(first_reason(server, expects("y", true)).starts_with("answer: mismatch"));
    run_until([&] { return server.broken > 0; });
}

BOOST_AUTO_TEST_CASE(a_status_decides) {
    const Talker well(io, "HTTP/1.1 204 No Content\r\n\r\n");
    const Talker ill(io, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
    auto settings = quick();
    settings.http.emplace();
    checker.set_targets(
        {{"pool/a", well.address(), settings}, {"pool/b", ill.address(), settings}});
    run_until([&] { return !changes.empty() && view().checked; });
    BOOST_TEST(changes[0].key == "pool/b");
    BOOST_TEST(changes[0].reason == "answer: status 503, first check");
    BOOST_TEST(view().up);
    BOOST_TEST(well.heard.starts_with("GET / HTTP/1.1\r\nHost: 127.0.0.1:"));
}

// Servers log a reset as an error; many do so where a client leaves before the body.
BOOST_AUTO_TEST_CASE(an_answer_is_read_to_its_end_before_the_connection_ends) {
    const std::string body(100'000, 'x');  // more than is read for the verdict
    const Talker well(io, "HTTP/1.1 200 OK\r\n\r\n" + body, false, true);
    const Talker ill(io, "HTTP/1.1 503 No\r\n\r\n" + body, false, true);
    const Talker slow(io, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + body, false,
                      true);
    auto settings = quick();
    settings.http.emplace();
    checker.set_targets({{"pool/a", well.address(), settings},
                         {"pool/b", ill.address(), settings},
                         {"pool/c", slow.address(), settings}});
    run_until([&] { return well.ended >= 5 && ill.ended >= 5 && slow.ended >= 5; });
    BOOST_TEST(well.broken + ill.broken + slow.broken == 0);
    BOOST_TEST(view().last_result == "ok");
    BOOST_TEST(checker.view("pool/b")->last_result == "status 503");
    BOOST_TEST(checker.view("pool/c")->last_result == "ok");
}

// tests/faults.md 16
BOOST_AUTO_TEST_CASE(an_answer_without_end_is_cut_off) {
    const Talker server(io, "HTTP/1.1 200 OK\r\n\r\n" + std::string(60'000, 'x'), true);
    auto settings = quick();
    settings.http.emplace();
    checker.set_targets({{"pool/a", server.address(), settings}});
    run_until([&] { return server.broken > 0; });
    BOOST_TEST(view().last_result == "ok");
}

// It was asked to close; the verdict does not wait for it, and the check's time bounds it.
BOOST_AUTO_TEST_CASE(a_server_that_keeps_the_connection_open_is_left_cleanly) {
    const Talker server(io, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    auto settings = quick();
    settings.timeout = conf::Duration(200);
    settings.http.emplace();
    checker.set_targets({{"pool/a", server.address(), settings}});
    run_until([&] { return server.ended >= 3; });
    BOOST_TEST(server.broken == 0);
    BOOST_TEST(changes.empty());
}

// The handshake's last segment is held back only where something follows at once: a server
// that speaks first would see the check 200 ms later.
BOOST_AUTO_TEST_CASE(a_check_that_only_listens_does_not_wait) {
    const Talker server(io, "220 ready\r\n");
    checker.set_targets({{"pool/a", server.address(), expects("220")}});
    run_until([&] { return view().checked && view().last_took < 100ms; });
    BOOST_TEST(view().last_result == "ok");
}

BOOST_AUTO_TEST_CASE(a_server_that_is_down_is_asked_more_often) {
    Server server;
    auto settings = quick();
    settings.interval = conf::Duration(3'600'000);
    settings.fast_interval = conf::Duration(20);
    checker.set_targets({{"pool/a", server.address(), settings}});
    run_until([&] { return changes.size() == 1; });
    server.listen();
    run_until([&] { return changes.size() == 2; });
    BOOST_TEST(changes[1].up);
    // One failure is enough to ask again soon.
    checker.take_down("pool/a");
    run_until([&] { return changes.size() == 3; });
    BOOST_TEST(changes[2].reason == "connect: ok, 2 in a row");
}

BOOST_AUTO_TEST_CASE(what_else_takes_a_server_down_ends_with_its_checks) {
    Server server;
    server.listen();
    checker.set_targets({{"pool/a", server.address(), quick()}});
    BOOST_TEST(!checker.take_down("pool/b"));
    run_until([&] { return view().successes >= 5; });
    BOOST_TEST(checker.take_down("pool/a"));
    BOOST_TEST(!checker.take_down("pool/a"));
    BOOST_TEST(!view().up);
    BOOST_TEST(view().successes == 0u);
    BOOST_TEST(changes.empty());
    run_until([&] { return !changes.empty(); });
    BOOST_TEST(changes[0].up);
    BOOST_TEST(changes[0].reason == "connect: ok, 2 in a row");
}

BOOST_AUTO_TEST_SUITE_END()
