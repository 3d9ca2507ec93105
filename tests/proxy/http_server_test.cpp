// The HTTP endpoint among clients that behave and clients that do not.
#include "proxy/admin/http_server.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include "tests/support/sockets.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::HttpAnswer;
using proxy::HttpLimits;
using proxy::HttpServer;
using test::Fd;

namespace {

constexpr std::size_t large_bytes = 8 << 20;
constexpr std::size_t pieces = 100;

// Limits that tests can wait for.
constexpr HttpLimits small{.clients = 4,
                           .head_bytes = 2048,
                           .answers_bytes = 20 << 20,
                           .request = 300ms,
                           .idle = 300ms,
                           .answer = 300ms,
                           .grace = 50ms,
                           .linger = 300ms,
                           .linger_bytes = 1 << 16};

// An endpoint that answers a target with "got TARGET", on a thread of its own.
class Fixture {
public:
    explicit Fixture(HttpLimits limits = {})
        : server_(
              io_, [this](std::string_view target) { return answer(target); }, limits),
          thread_([this] { io_.run(); }) {
        std::atomic<bool> done = false;
        boost::asio::post(io_, [&] {
            opened_ = server_.open(address);
            done = true;
        });
        BOOST_REQUIRE(test::eventually([&] { return done.load(); }));
        BOOST_REQUIRE(opened_.has_value());
    }
    ~Fixture() {
        boost::asio::post(io_, [this] {
            server_.close();
            io_.stop();
        });
        thread_.join();
    }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

protected:
    Fd connect() const { return test::connected_socket(address); }

    // All that comes to `request` until the end.
    std::string ask(std::string_view request) const {
        const Fd client = connect();
        test::send_all(client, request);
        return test::receive_to_end(client).bytes;
    }
    // Whether a new client is answered.
    bool serves() const {
        return ask("GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").ends_with("got /x");
    }
    // Sends `request` and waits until it has been seen.
    Fd deaf(std::string_view request) const {
        const std::size_t before = asked;
        Fd client = connect();
        test::send_all(client, request);
        BOOST_REQUIRE(test::eventually([&] { return asked > before; }));
        return client;
    }

    const test::ReservedPort port;
    const conf::Endpoint address = port.endpoint();
    std::atomic<std::size_t> asked = 0;

private:
    HttpAnswer answer(std::string_view target) {
        ++asked;
        if (target == "/large")
            return {.type = "text/plain", .body = std::string(large_bytes, 'x')};
        if (target == "/pieces") {
            return {.more = [n = std::size_t{0}](std::string& body) mutable {
                body += std::to_string(n) + ",";
                return ++n < pieces;
            }};
        }
        return {.type = "text/plain", .body = "got " + std::string(target)};
    }

    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        io_.get_executor()};
    HttpServer server_;
    Result<void> opened_;
    std::thread thread_;
};

struct Impatient : Fixture {
    Impatient() : Fixture(small) {}
};

// Unread answers are kept, however slow the test is.
constexpr HttpLimits small_and_patient = [] {
    HttpLimits limits = small;
    limits.answer = 1h;
    return limits;
}();

struct Patient : Fixture {
    Patient() : Fixture(small_and_patient) {}
};

std::string status_of(const std::string& answer) {
    return answer.substr(0, answer.find("\r\n"));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(http_server, Fixture)

BOOST_AUTO_TEST_CASE(a_get_is_answered_with_headers_that_forbid_what_is_not_needed) {
    const auto answer = ask("GET /a?b=c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    BOOST_TEST(status_of(answer) == "HTTP/1.1 200 OK");
    for (const auto* line :
         {"Content-Type: text/plain", "Content-Length: 10", "Cache-Control: no-store",
          "X-Content-Type-Options: nosniff", "Connection: close",
          "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
          "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
          "frame-ancestors 'none'"}) {
        BOOST_TEST(answer.find("\r\n" + std::string(line) + "\r\n") != std::string::npos, line);
    }
    BOOST_TEST(answer.ends_with("\r\n\r\ngot /a?b=c"));
}

BOOST_AUTO_TEST_CASE(a_head_has_the_length_and_no_body) {
    const auto answer = ask("HEAD /abc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    BOOST_TEST(status_of(answer) == "HTTP/1.1 200 OK");
    BOOST_TEST(answer.find("\r\nContent-Length: 8\r\n") != std::string::npos);
    BOOST_TEST(answer.ends_with("\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(an_answer_may_be_made_piece_by_piece) {
    const auto answer = ask("GET /pieces HTTP/1.0\r\n\r\n");
    BOOST_TEST(answer.starts_with("HTTP/1.0 200 OK\r\n"));
    BOOST_TEST(answer.find("\r\n\r\n0,1,2,3,") != std::string::npos);
    BOOST_TEST(answer.ends_with(",98,99,"));
}

BOOST_AUTO_TEST_CASE(requests_on_one_connection_are_answered_in_order_even_if_sent_at_once) {
    std::string requests;
    for (int i = 0; i < 200; ++i) {
        requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    }
    const auto answers =
        ask(requests + "GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    std::size_t at = 0;
    for (int i = 0; i < 200; ++i) {
        at = answers.find("\r\n\r\ngot /" + std::to_string(i) + "HTTP/1.1 200", at);
        BOOST_TEST_REQUIRE(at != std::string::npos, i);
    }
    BOOST_TEST(answers.ends_with("got /end"));
}

BOOST_AUTO_TEST_CASE(a_request_may_come_byte_by_byte) {
    const Fd client = connect();
    for (const char c : std::string("GET /slow HTTP/1.0\r\n\r\n")) test::send_all(client, {&c, 1});
    BOOST_TEST(test::receive_to_end(client).bytes.ends_with("got /slow"));
}

BOOST_AUTO_TEST_CASE(other_methods_and_bodies_are_refused) {
    const auto post = ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    BOOST_TEST(status_of(post) == "HTTP/1.1 405 Method Not Allowed");
    BOOST_TEST(post.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
    for (const auto* method : {"DELETE", "PUT", "OPTIONS", "TRACE", "BREW"}) {
        const auto answer = ask(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n");
        BOOST_TEST(status_of(answer) == "HTTP/1.1 405 Method Not Allowed", method);
    }
    for (const auto* length : {"Content-Length: 3", "Content-Length: 18446744073709551615",
                               "Transfer-Encoding: chunked"}) {
        const auto answer =
            ask("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(length) + "\r\n\r\nabc");
        BOOST_TEST(status_of(answer) == "HTTP/1.1 400 Bad Request", length);
    }
    BOOST_TEST(status_of(ask("GET / HTTP/1.1\r\n\r\n")) == "HTTP/1.1 400 Bad Request");
    BOOST_TEST(asked == 0u);
}

BOOST_AUTO_TEST_CASE(garbage_is_answered_and_closed) {
    for (const std::string& garbage :
         {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
          std::string("\r\n\r\n\r\nx\r\n"), std::string(300, '\0'), std::string("GET\r\n\r\n"),
          std::string("GET / HTTP/9.9\r\n\r\n"), std::string("GET / HTTP/1.1\r\nHo st: a\r\n\r\n"),
          std::string("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n")}) {
        const auto answer = ask(garbage);
        BOOST_TEST(status_of(answer) == "HTTP/1.1 400 Bad Request");
        BOOST_TEST(answer.ends_with(R"({"ok":false,"error":"not an HTTP request"})"));
    }
    BOOST_TEST(asked == 0u);
    BOOST_TEST(serves());
}

BOOST_AUTO_TEST_CASE(a_head_beyond_the_limit_is_refused_whatever_its_segments) {
    const std::string request =
        "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(HttpLimits{}.head_bytes, 'x') + "\r\n\r\n";
    for (std::size_t cut = 0; cut < request.size(); cut += 500) {
        const Fd client = connect();
        test::send_all(client, request.substr(0, cut));
        // The answer to another client: the loop has turned since.
        BOOST_TEST(serves());
        test::send_all(client, request.substr(cut));
        BOOST_TEST(status_of(test::receive_to_end(client).bytes) ==
                   "HTTP/1.1 431 Request Header Fields Too Large");
    }
}

BOOST_AUTO_TEST_CASE(a_head_of_1_MiB_is_refused_and_nothing_of_it_kept) {
    const auto in_header =
        ask("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n");
    BOOST_TEST(status_of(in_header) == "HTTP/1.1 431 Request Header Fields Too Large");
    const auto in_target =
        ask("GET /" + std::string(1 << 20, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n");
    BOOST_TEST(status_of(in_target) == "HTTP/1.1 431 Request Header Fields Too Large");
    std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 10'000; ++i) many += "X-" + std::to_string(i) + ": x\r\n";
    BOOST_TEST(status_of(ask(many + "\r\n")) == "HTTP/1.1 431 Request Header Fields Too Large");
    BOOST_TEST(serves());
}

BOOST_FIXTURE_TEST_CASE(who_takes_too_long_is_closed, Impatient) {
    const Fd silent = connect();
    const Fd half = connect();
    test::send_all(half, "GET / HTTP/1.1\r\nHost: a\r\n");
    const Fd idle = connect();
    test::send_all(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for (const Fd* client : {&silent, &half, &idle}) test::receive_to_end(*client);
    // Its kernel holds the FIN back behind the unread bytes: the proxy's descriptor shows the
    // close.
    const std::size_t descriptors = test::open_descriptors();
    const Fd never_reads = deaf("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    BOOST_TEST(test::eventually([&] { return test::open_descriptors() == descriptors + 1; }));
    BOOST_TEST(test::receive_to_end(never_reads).bytes.size() < large_bytes);
    BOOST_TEST(serves());
}

BOOST_FIXTURE_TEST_CASE(idle_clients_give_way_to_new_requests, Impatient) {
    for (int i = 0; i < 20; ++i) {
        std::vector<Fd> waiting;
        while (waiting.size() < small.clients) waiting.push_back(connect());
        BOOST_TEST(serves());
    }
}

// Whoever has no answer yet keeps its slot as long as others have theirs.
BOOST_AUTO_TEST_CASE(a_client_that_has_its_answer_is_closed_before_one_that_has_none) {
    struct Full : Fixture {
        Full() : Fixture({.clients = 4}) {}
        void run(std::string_view request, std::string_view expected) {
            const Fd fresh = connect();
            std::vector<Fd> answered;
            while (answered.size() < 10) {
                answered.push_back(connect());
                test::send_all(answered.back(), request);
                BOOST_TEST(test::receive(answered.back(), expected.size()) == expected);
            }
            test::send_all(fresh, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            BOOST_TEST(test::receive_to_end(fresh).bytes.ends_with("got /x"));
        }
    };
    Full().run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK");
    Full().run("garbage\r\n\r\n", "HTTP/1.1 400 Bad Request");
}

BOOST_FIXTURE_TEST_CASE(who_does_not_take_an_answer_gives_way_too_but_not_at_once, Patient) {
    std::vector<Fd> waiting;
    while (waiting.size() < 2) waiting.push_back(deaf("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
    // No more than two unread large answers are kept.
    const Fd third = connect();
    test::send_all(third, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    BOOST_TEST(test::receive(third, 32) == "HTTP/1.1 503 Service Unavailable");
    BOOST_TEST(test::eventually([&] { return serves(); }));
}

BOOST_AUTO_TEST_CASE(one_more_client_than_slots_is_refused_while_all_are_busy) {
    struct Busy : Fixture {
        Busy() : Fixture({.clients = 2, .grace = 1h}) {}
        void run() {
            const Fd first = deaf("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
            Fd second = deaf("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
            const Fd third = connect();
            const auto answer = test::receive_to_end(third).bytes;
            BOOST_TEST(status_of(answer) == "HTTP/1.1 503 Service Unavailable");
            const auto body = answer.substr(answer.find("\r\n\r\n") + 4);
            BOOST_TEST(answer.find("Content-Length: " + std::to_string(body.size()) + "\r\n") !=
                       std::string::npos);
            second.close();
            BOOST_TEST(test::eventually([&] { return serves(); }));
        }
    };
    Busy().run();
}

BOOST_AUTO_TEST_CASE(an_address_that_is_taken_is_named) {
    boost::asio::io_context io;
    HttpServer other(io, [](std::string_view) { return HttpAnswer{}; }, {});
    BOOST_TEST(other.open(address).error().text ==
               "http: cannot listen on " + address.to_string() + ": Address already in use");
}

BOOST_AUTO_TEST_SUITE_END()
