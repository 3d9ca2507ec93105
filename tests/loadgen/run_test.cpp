#include <algorithm>
#include <set>
#include <string>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "tests/loadgen/support.h"
#include "tools/loadgen/sockets.h"

using namespace ringway::loadgen;

namespace {

// Accepts `count` connections, closes each at once, and returns their sources.
std::set<std::string> accept_from(const Fd& listener, int count) {
    std::set<std::string> addresses;
    Events events;
    events.add(listener, nullptr, EPOLLIN);
    while (count > 0) {
        events.wait(std::chrono::seconds(10));
        Address peer;
        const Fd socket(::accept4(listener.get(), &peer.any, &peer.size, SOCK_CLOEXEC));
        if (!socket) continue;
        --count;
        const std::string text = peer.to_string();
        addresses.insert(text.substr(0, text.find(':')));
    }
    return addresses;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runs)

BOOST_AUTO_TEST_CASE(round_trips_of_any_size_come_back_whole) {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{64}, std::size_t{3'000'000}}) {
        for (const std::size_t piece : {bytes, std::size_t{0}}) {
            Served echo({.mode = ServeMode::echo, .bytes = piece});
            const Result result =
                run_load({"--connect", echo.address(), "--mode", "round-trip", "--operations", "40",
                          "--connections", "4", "--bytes", std::to_string(bytes)});
            BOOST_TEST(result.operations == 40u);
            BOOST_TEST(result.latency.count() == 40u);
            BOOST_TEST(result.bytes_down == 40 * bytes);
            BOOST_TEST(result.failures.to_line() == "none");
        }
    }
}

BOOST_AUTO_TEST_CASE(connections_get_their_whole_answer) {
    for (const std::size_t request : {std::size_t{0}, std::size_t{100}}) {
        Served answer({.mode = ServeMode::answer, .bytes = 300'000, .request_bytes = request});
        const Result result = run_load({"--connect", answer.address(), "--mode", "connect",
                                        "--operations", "50", "--connections", "5", "--bytes",
                                        "300000", "--request", std::to_string(request)});
        BOOST_TEST(result.operations == 50u);
        BOOST_TEST(result.failures.to_line() == "none");
        answer.stop();
        BOOST_TEST(answer.accepted() == 50u);
    }
}

BOOST_AUTO_TEST_CASE(an_answer_of_another_size_is_a_failure) {
    Served answer({.mode = ServeMode::answer, .bytes = 64});
    const auto with_bytes = [&](const char* bytes) {
        return run_load({"--connect", answer.address(), "--mode", "connect", "--operations", "5",
                         "--bytes", bytes});
    };
    BOOST_TEST(with_bytes("65").failures.of(Failure::early_end) == 5u);
    BOOST_TEST(with_bytes("63").failures.of(Failure::wrong_bytes) == 5u);
    BOOST_TEST(with_bytes("64").failures.total() == 0u);
}

BOOST_AUTO_TEST_CASE(bytes_that_nobody_sent_are_a_failure) {
    Served source({.mode = ServeMode::source, .bytes = 1'000});
    const Result result = run_load({"--connect", source.address(), "--mode", "round-trip",
                                    "--operations", "4", "--connections", "4"});
    BOOST_TEST(result.operations == 0u);
    BOOST_TEST(result.failures.of(Failure::wrong_bytes) == 4u);
}

BOOST_AUTO_TEST_CASE(bulk_moves_bytes_and_ends_cleanly) {
    Served sink({.mode = ServeMode::sink});
    Served source({.mode = ServeMode::source});
    const auto bulk = [](const Served& served, const char* mode) {
        return run_load({"--connect", served.address(), "--mode", mode, "--connections", "4",
                         "--seconds", "0.2"});
    };
    const Result up = bulk(sink, "bulk-up");
    BOOST_TEST(up.failures.to_line() == "none");
    BOOST_TEST(up.bytes_up > 0u);
    const Result down = bulk(source, "bulk-down");
    BOOST_TEST(down.failures.to_line() == "none");
    BOOST_TEST(down.bytes_down > 0u);
}

BOOST_AUTO_TEST_CASE(an_upload_that_nobody_counts_is_a_failure) {
    Served hold({.mode = ServeMode::idle});
    const Result result = run_load({"--connect", hold.address(), "--mode", "bulk-up",
                                    "--connections", "3", "--seconds", "0.1"});
    BOOST_TEST(result.failures.of(Failure::early_end) == 3u);
}

BOOST_AUTO_TEST_CASE(idle_connections_stand_while_the_window_lasts) {
    Served echo({.mode = ServeMode::echo, .bytes = 64});
    const Result result = run_load({"--connect", echo.address(), "--mode", "idle", "--connections",
                                    "300", "--seconds", "0.1"});
    BOOST_TEST(result.operations == 300u);
    BOOST_TEST(result.failures.to_line() == "none");
}

BOOST_AUTO_TEST_CASE(idle_connections_that_end_by_themselves_are_failures) {
    Served answer({.mode = ServeMode::answer});
    const Result result =
        run_load({"--connect", answer.address(), "--mode", "idle", "--connections", "5", "--bytes",
                  "0", "--seconds", "0.1", "--timeout", "0.2"});
    BOOST_TEST(result.failures.of(Failure::early_end) >= 5u);
}

BOOST_AUTO_TEST_CASE(nobody_listening_is_a_refusal) {
    for (const char* mode : {"round-trip", "connect", "bulk-up"}) {
        const Result result = run_load({"--connect", "127.0.0.1:1", "--mode", mode, "--connections",
                                        "2", "--seconds", "0.05"});
        BOOST_TEST(result.operations == 0u);
        BOOST_TEST(result.failures.of(Failure::refused) >= 2u);
        BOOST_TEST(result.failures.of(Failure::refused) == result.failures.total());
    }
}

BOOST_AUTO_TEST_CASE(a_server_that_never_answers_is_a_timeout) {
    Served hold({.mode = ServeMode::idle});
    const Result result =
        run_load({"--connect", hold.address(), "--mode", "round-trip", "--operations", "3",
                  "--connections", "3", "--timeout", "0.05"});
    BOOST_TEST(result.failures.of(Failure::timeout) == 3u);
    BOOST_TEST(result.latency.count() == 0u);
}

// The one connection waits for an answer that does not come. A closed loop would
// see a single late operation; here all that were due have failed.
BOOST_AUTO_TEST_CASE(operations_that_were_due_and_never_begun_are_failures) {
    Served hold({.mode = ServeMode::idle});
    const Result result =
        run_load({"--connect", hold.address(), "--mode", "round-trip", "--connections", "1",
                  "--rate", "1000", "--seconds", "0.2", "--timeout", "0.5"});
    BOOST_TEST(result.operations == 0u);
    BOOST_TEST(result.failures.total() >= 200u);
}

BOOST_AUTO_TEST_CASE(an_open_loop_begins_as_many_operations_as_were_due) {
    Served echo({.mode = ServeMode::echo, .bytes = 64});
    const Result result = run_load({"--connect", echo.address(), "--mode", "round-trip",
                                    "--connections", "8", "--rate", "500", "--seconds", "0.4"});
    BOOST_TEST(result.failures.to_line() == "none");
    const double due = 500 * result.seconds;
    BOOST_TEST(static_cast<double>(result.operations) >= due - 2);
    BOOST_TEST(static_cast<double>(result.operations) <= due + 2);
}

BOOST_AUTO_TEST_CASE(an_open_loop_of_so_many_operations_ends_with_the_last_one) {
    Served echo({.mode = ServeMode::echo, .bytes = 64});
    const TimePoint begin = Clock::now();
    const Result result =
        run_load({"--connect", echo.address(), "--mode", "round-trip", "--connections", "2",
                  "--rate", "1000", "--operations", "50", "--timeout", "60"});
    BOOST_TEST((Clock::now() - begin < std::chrono::seconds(30)));
    BOOST_TEST(result.failures.to_line() == "none");
}

BOOST_AUTO_TEST_CASE(threads_share_the_work_and_the_ports) {
    Served echo({.mode = ServeMode::echo, .bytes = 64}, 2);
    const Result result =
        run_load({"--connect", echo.address(), "--mode", "round-trip", "--operations", "1001",
                  "--connections", "5", "--threads", "3"});
    BOOST_TEST(result.operations == 1'001u);
    BOOST_TEST(result.failures.to_line() == "none");
    echo.stop();
    BOOST_TEST(echo.accepted() == 5u);
}

BOOST_AUTO_TEST_CASE(a_key_line_comes_before_everything_else) {
    Served echo({.mode = ServeMode::echo, .bytes = 64, .key_line = true});
    const Result messages = run_load({"--connect", echo.address(), "--mode", "round-trip",
                                      "--operations", "50", "--connections", "5", "--key-line"});
    BOOST_TEST(messages.operations == 50u);
    BOOST_TEST(messages.failures.to_line() == "none");
    Served answer({.mode = ServeMode::answer, .bytes = 64, .request_bytes = 9, .key_line = true});
    const Result answers = run_load({"--connect", answer.address(), "--mode", "connect",
                                     "--operations", "50", "--request", "9", "--key-line"});
    BOOST_TEST(answers.operations == 50u);
    BOOST_TEST(answers.failures.to_line() == "none");
    Served sink({.mode = ServeMode::sink, .key_line = true});
    const Result bulk = run_load({"--connect", sink.address(), "--mode", "bulk-up", "--connections",
                                  "2", "--seconds", "0.1", "--key-line"});
    BOOST_TEST(bulk.failures.to_line() == "none");
}

BOOST_AUTO_TEST_CASE(connections_come_from_every_source_address) {
    const Fd listener = listen_on(parse_address("127.0.0.1:0"), false);
    std::set<std::string> seen;
    std::thread accepting([&] { seen = accept_from(listener, 12); });
    run_load({"--connect", local_address(listener).to_string(), "--mode", "connect", "--operations",
              "12", "--connections", "4", "--source", "127.0.0.2-127.0.0.4"});
    accepting.join();
    BOOST_TEST(seen == (std::set<std::string>{"127.0.0.2", "127.0.0.3", "127.0.0.4"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_was_left_out_of_the_window_is_not_counted) {
    Served echo({.mode = ServeMode::echo, .bytes = 64});
    const Result result = run_load({"--connect", echo.address(), "--mode", "round-trip", "--warmup",
                                    "0.1", "--seconds", "0.1"});
    BOOST_TEST(result.operations > 0u);
    BOOST_TEST(result.latency.count() == result.operations);
    const std::uint64_t under_way_at_the_begin = 64;
    BOOST_TEST(result.bytes_down / 64 <= result.operations + under_way_at_the_begin);
    echo.stop();
}

BOOST_AUTO_TEST_SUITE_END()
