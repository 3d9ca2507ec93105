// The log at a syslog daemon, which the test plays, and its priorities for the journal.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <regex>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/test/unit_test.hpp>

#include "proxy/base/access_log.h"
#include "proxy/base/log.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

using namespace ringway;
using proxy::Fd;
using proxy::LogTarget;
using proxy::LogWriter;
using proxy::open_log_target;
using proxy::Priority;

namespace {

std::string loss_line(std::uint64_t lost) {
    return fmt::format("lost {}\n", lost);
}

struct Fixture {
    // A daemon's socket; an old one at its path is taken away, as they do.
    Fd daemon() const {
        ::unlink(path.c_str());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, path.size());
        Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const auto* any = reinterpret_cast<const sockaddr*>(&address);
        BOOST_REQUIRE(::bind(fd.get(), any, sizeof address) == 0);
        return fd;
    }
    LogTarget target() const { return open_log_target("syslog:" + path).value(); }
    // The next message; empty where none comes.
    static std::string next(const Fd& daemon) {
        if (!test::ready(daemon, POLLIN, test::patience)) return {};
        std::array<char, 64 << 10> bytes{};
        const auto got = ::recv(daemon.get(), bytes.data(), bytes.size(), 0);
        return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
    }
    // The text after the header, which is that of syslog(3); with the priority in front.
    static std::string text_of(const std::string& message) {
        static const std::regex form(
            "(<[0-9]+>)[A-Z][a-z]{2} [ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} ringway\\[([0-9]+)\\]: "
            "([^\n]*)");
        std::smatch parts;
        if (!std::regex_match(message, parts, form)) return "no message: " + message;
        BOOST_TEST(parts[2].str() == std::to_string(::getpid()));
        return parts[1].str() + parts[3].str();
    }

    const test::TempDir dir;
    const std::string path = dir.path("log.sock");
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(syslog_target, Fixture)

BOOST_AUTO_TEST_CASE(each_line_is_a_message_of_its_priority) {
    const Fd syslogd = daemon();
    LogWriter writer(target());
    writer.append("one\n", false);
    writer.append("two\n", true, Priority::error);
    writer.append("three\nfour\n", true, Priority::debug);
    for (const auto* expected : {"<30>one", "<27>two", "<31>three", "<31>four"}) {
        BOOST_TEST(text_of(next(syslogd)) == expected);
    }
    BOOST_TEST(writer.dropped() == 0u);
}

BOOST_AUTO_TEST_CASE(levels_and_access_lines_have_their_priorities) {
    const Fd syslogd = daemon();
    LogWriter writer(target());
    proxy::start_logging(writer, {.level = conf::LogSettings::Level::debug});
    spdlog::error("a");
    spdlog::warn("b");
    spdlog::info("c");
    spdlog::debug("d");
    const auto client = test::endpoint("192.0.2.1:4711");
    proxy::log_access({.listener = "front", .client = client, .end = "done"});
    proxy::log_debug({.worker = 0, .number = 1, .listener = "front", .client = client});
    for (const auto* begin : {"<27>", "<28>", "<30>", "<31>", "<30>", "<31>"}) {
        const std::string message = next(syslogd);
        BOOST_TEST(message.starts_with(begin), message);
    }
    proxy::stop_logging();
}

BOOST_AUTO_TEST_CASE(a_line_that_is_too_long_for_a_message_is_cut) {
    const Fd syslogd = daemon();
    LogWriter writer(target());
    writer.append(std::string(300'000, 'x') + "\n", true);
    writer.append("next\n", true);
    const std::string cut = next(syslogd);
    BOOST_TEST(cut.size() > 8'000u);
    BOOST_TEST(cut.size() <= 8'192u);
    BOOST_TEST(text_of(next(syslogd)) == "<30>next");
}

BOOST_AUTO_TEST_CASE(a_daemon_that_is_started_again_gets_the_lines_and_a_word_about_the_lost) {
    Fd first = daemon();
    LogWriter writer(target(), loss_line);
    writer.append("one\n", true);
    BOOST_TEST(text_of(next(first)) == "<30>one");
    first.close();
    ::unlink(path.c_str());
    writer.append("nobody hears it\n", true);
    BOOST_TEST(test::eventually([&] { return writer.dropped() == 1; }));
    const Fd second = daemon();
    BOOST_TEST(text_of(next(second)) == "<28>lost 1");
    writer.append("two\n", true);
    BOOST_TEST(text_of(next(second)) == "<30>two");
    BOOST_TEST(writer.dropped() == 1u);
}

// Lines in the daemon's queue are lost with the daemon and cannot be counted.
BOOST_AUTO_TEST_CASE(a_daemon_that_reads_nothing_costs_lines_and_holds_up_nobody) {
    const Fd syslogd = daemon();
    constexpr std::uint64_t appended = 50'000;
    std::uint64_t read = 0;
    LogWriter writer(target());
    for (std::uint64_t i = 0; i < appended; ++i) writer.append("a line of the log\n", true);
    BOOST_TEST(test::eventually([&] { return writer.dropped() > 0; }));
    // Then it reads: each line has come or is counted.
    BOOST_TEST(test::eventually([&] {
        while (test::ready(syslogd, POLLIN, std::chrono::milliseconds(0))) {
            next(syslogd);
            ++read;
        }
        return read + writer.dropped() == appended;
    }));
}

BOOST_AUTO_TEST_CASE(opened_again_it_finds_the_socket_that_is_there_now) {
    const Fd old = daemon();
    LogWriter writer(target());
    const Fd syslogd = daemon();  // while the old one lives
    writer.redirect(target());
    writer.append("here\n", true);
    BOOST_TEST(text_of(next(syslogd)) == "<30>here");
}

BOOST_AUTO_TEST_CASE(a_socket_that_is_not_there_is_named_with_the_reason) {
    const auto refused = open_log_target("syslog:" + path);
    BOOST_TEST(refused.error().text == "log.target syslog:" + path + ": No such file or directory");
}

BOOST_AUTO_TEST_CASE(lines_for_the_journal_begin_with_their_priority) {
    const std::string file = dir.path("stream");
    {
        Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        LogWriter writer(LogTarget(std::move(fd), LogTarget::Kind::journal), loss_line);
        writer.append("one\n", false);
        writer.append("two\nand more\n", true, Priority::warning);
    }
    Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 100> bytes{};
    const auto got = ::read(fd.get(), bytes.data(), bytes.size());
    BOOST_TEST(std::string(bytes.data(), static_cast<std::size_t>(got)) ==
               "<6>one\n<4>two\n<4>and more\n");
}

BOOST_AUTO_TEST_CASE(a_stream_is_the_journals_if_the_environment_says_so_of_it) {
    struct stat found {};
    BOOST_REQUIRE(::fstat(STDERR_FILENO, &found) == 0);
    const auto said = [&](const std::string& stream) {
        ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
        auto opened = open_log_target("stderr");
        ::unsetenv("JOURNAL_STREAM");
        return opened.value().kind() == LogTarget::Kind::journal;
    };
    BOOST_TEST(said(fmt::format("{}:{}", found.st_dev, found.st_ino)));
    BOOST_TEST(!said(fmt::format("{}:{}", found.st_dev, found.st_ino + 1)));
    BOOST_TEST(!said(fmt::format("{}:{}0", found.st_dev, found.st_ino)));
    BOOST_TEST(!said(""));
    BOOST_TEST(!proxy::is_journal(STDERR_FILENO));
}

BOOST_AUTO_TEST_SUITE_END()
