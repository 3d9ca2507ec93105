#include "proxy/base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <spdlog/spdlog.h>
#include <boost/test/unit_test.hpp>

#include "proxy/base/access_log.h"
#include "proxy/text/escape.h"
#include "tests/proxy/captured_log.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_dir.h"

using namespace ringway;
using namespace std::chrono_literals;
using namespace std::string_literals;
using proxy::Fd;
using proxy::LogWriter;

namespace {

struct LogPipe {
    Fd reader;
    Fd writer;

    LogPipe() {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        reader = Fd(ends[0]);
        writer = Fd(ends[1]);
    }
    // For a LogWriter, which closes it.
    Fd copy() const { return Fd(::dup(writer.get())); }
    // What is in the pipe, or comes within `limit`; empty where nothing does.
    std::string read(std::chrono::milliseconds limit = test::patience) const {
        if (!test::ready(reader, POLLIN, limit)) return {};
        std::string text(1 << 20, '\0');
        const ssize_t got = ::read(reader.get(), text.data(), text.size());
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    }
    // All that comes until `size` bytes are there.
    std::string read_until(std::size_t size) const {
        std::string all;
        while (all.size() < size) {
            const std::string more = read();
            if (more.empty()) break;
            all += more;
        }
        return all;
    }
};

std::string line(std::size_t size, char fill) {
    return std::string(size - 1, fill) + "\n";
}

std::size_t lines_in(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(logging)

BOOST_AUTO_TEST_CASE(lines_are_written_in_order_urgent_or_not) {
    const LogPipe pipe;
    LogWriter writer(pipe.copy());
    writer.append("one\n", false);
    writer.append("two\n", true);
    BOOST_TEST(pipe.read_until(8) == "one\ntwo\n");
    writer.append("three\n", false);
    BOOST_TEST(pipe.read_until(6) == "three\n");
    BOOST_TEST(writer.dropped() == 0u);
}

BOOST_AUTO_TEST_CASE(what_waits_is_written_before_the_writer_goes) {
    const LogPipe pipe;
    { LogWriter(pipe.copy()).append("last words\n", false); }
    BOOST_TEST(pipe.read(0ms) == "last words\n");
}

// The pipe is full; everything that is appended counts or arrives, nothing waits.
BOOST_AUTO_TEST_CASE(a_blocked_pipe_costs_lines_that_are_counted_and_blocks_nobody) {
    const LogPipe pipe;
    constexpr std::size_t line_bytes = 1024;
    constexpr std::size_t appended = 20'000;  // 20 MiB: the pipe and the buffer take less
    std::uint64_t dropped = 0;
    {
        LogWriter writer(pipe.copy());
        for (std::size_t i = 0; i < appended; ++i) writer.append(line(line_bytes, 'x'), true);
        BOOST_TEST(test::eventually([&] { return writer.dropped() > appended / 2; }));
        dropped = writer.dropped();
    }
    // The writer has ended although the pipe is not read. Lines in the pipe are complete.
    std::string text;
    for (std::string more = pipe.read(0ms); !more.empty(); more = pipe.read(0ms)) text += more;
    BOOST_TEST(text.size() % line_bytes == 0u);
    BOOST_TEST(text.ends_with('\n'));
    BOOST_TEST(lines_in(text) + dropped <= appended);
}

BOOST_AUTO_TEST_CASE(every_line_is_written_or_counted) {
    const LogPipe pipe;
    LogWriter writer(pipe.copy());
    constexpr std::size_t line_bytes = 100;
    constexpr std::size_t appended = 3000;
    for (std::size_t i = 0; i < appended; ++i) writer.append(line(line_bytes, 'x'), true);
    // Nobody reads for long enough that the writer gives up on what is waiting.
    BOOST_TEST(test::eventually([&] { return writer.dropped() > 0; }));
    const std::string text = pipe.read_until((appended - writer.dropped()) * line_bytes);
    BOOST_TEST(lines_in(text) + writer.dropped() == appended);
    writer.append("it goes on\n", true);
    BOOST_TEST(pipe.read_until(11) == "it goes on\n");
}

// Into a file, which takes all: a pipe that is read too slowly may cost lines.
BOOST_AUTO_TEST_CASE(lines_of_many_threads_stay_whole) {
    const test::TempDir dir;
    const std::string path = dir.path("log");
    constexpr std::size_t each = 500;
    constexpr std::size_t line_bytes = 90;
    {
        LogWriter writer(proxy::open_log_target(path).value());
        std::vector<std::jthread> threads;
        for (const char name : {'a', 'b', 'c', 'd'}) {
            threads.emplace_back([&writer, name] {
                for (std::size_t i = 0; i < each; ++i) {
                    writer.append(line(line_bytes, name), i % 7 == 0);
                }
            });
        }
        threads.clear();
        BOOST_TEST(writer.dropped() == 0u);
    }
    std::ostringstream written;
    written << std::ifstream(path).rdbuf();
    const std::string text = written.str();
    BOOST_TEST(lines_in(text) == 4 * each);
    for (std::size_t at = 0; at + line_bytes <= text.size(); at += line_bytes) {
        BOOST_REQUIRE(text.substr(at, line_bytes) == line(line_bytes, text[at]));
    }
}

BOOST_AUTO_TEST_CASE(a_closed_reader_costs_lines_and_nothing_else) {
    LogPipe pipe;
    LogWriter writer(pipe.copy());
    pipe.reader.close();
    writer.append("lost\n", true);
    BOOST_TEST(test::eventually([&] { return writer.dropped() == 1; }));
}

BOOST_AUTO_TEST_CASE(bytes_of_clients_are_escaped) {
    BOOST_TEST(proxy::escaped("user-1 ~") == "user-1 ~");
    BOOST_TEST(proxy::escaped("\0\n\x1b[31m\x7f\x80\xff"s) == "\\x00\\x0a\\x1b[31m\\x7f\\x80\\xff");
    BOOST_TEST(proxy::escaped(R"(a"b\c)") == R"(a\x22b\x5cc)");
    BOOST_TEST(proxy::escaped("") == "");
}

BOOST_AUTO_TEST_CASE(an_access_line_says_it_all_and_cannot_be_forged) {
    const test::CapturedLog log;
    proxy::log_access({.listener = "front",
                       .client = test::endpoint("192.0.2.1:4711"),
                       .key = "x\" end=done\n",
                       .server = "a\nb",
                       .attempts = 2,
                       .bytes_up = 10,
                       .bytes_down = 20,
                       .open_ms = 1.25,
                       .total_ms = 99.96,
                       .end = "server_reset"});
    BOOST_TEST(log.has("\n"));
    const std::string text = log.text();
    BOOST_TEST(text.substr(text.find(' ')) ==
               " access listener=front client=192.0.2.1:4711 key=\"x\\x22 end=done\\x0a\" "
               "server=a\\x0ab attempts=2 up=10 down=20 open_ms=1.2 total_ms=100.0 "
               "end=server_reset\n");
    BOOST_TEST(text.find(' ') == std::string("2026-01-31T23:59:59.123Z").size());
}

BOOST_AUTO_TEST_CASE(messages_below_the_level_are_left_out) {
    const test::CapturedLog log(conf::LogSettings::Level::warn);
    spdlog::info("quiet");
    spdlog::warn("loud");
    BOOST_TEST(log.has(" warning loud\n"));
    BOOST_TEST(log.count("quiet") == 0u);
    proxy::set_log_style({.level = conf::LogSettings::Level::debug});
    spdlog::debug("chatty");
    BOOST_TEST(log.has(" debug chatty\n"));
}

BOOST_AUTO_TEST_SUITE_END()
