// The targets of the log: files that are reopened, full disks, and the line about lost lines.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <variant>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

#include "proxy/base/log.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

using namespace ringway;
using proxy::Fd;
using proxy::LogWriter;
using proxy::open_log_target;

namespace {

std::string loss_line(std::uint64_t lost) {
    return fmt::format("lost {}\n", lost);
}

std::string text_of(const std::string& path) {
    std::ostringstream all;
    all << std::ifstream(path).rdbuf();
    return all.str();
}

proxy::LogTarget opened(const std::string& path) {
    return open_log_target(path).value();
}

std::string refusal(const std::string& path) {
    const auto target = open_log_target(path);
    BOOST_REQUIRE(target.has_error());
    return target.error().text;
}

// The limit on file sizes of this process, while this object exists.
class FileLimit {
public:
    explicit FileLimit(rlim_t bytes) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    }
    ~FileLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    FileLimit(const FileLimit&) = delete;
    FileLimit& operator=(const FileLimit&) = delete;

private:
    void (*handler_)(int) = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before_{};
};

struct Fixture {
    bool has(std::string_view text) const {
        return test::eventually([&] { return text_of(path) == text; });
    }

    const test::TempDir dir;
    const std::string path = dir.path("log");
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(log_target, Fixture)

BOOST_AUTO_TEST_CASE(a_file_is_made_for_its_owner_and_group_and_is_added_to) {
    const mode_t before = ::umask(0);
    { LogWriter(opened(path)).append("one\n", false); }
    ::umask(before);
    struct stat found {};
    BOOST_REQUIRE(::stat(path.c_str(), &found) == 0);
    BOOST_TEST((found.st_mode & 0777) == 0640u);
    { LogWriter(opened(path)).append("two\n", false); }
    BOOST_TEST(text_of(path) == "one\ntwo\n");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_opened_is_named_with_the_reason) {
    BOOST_TEST(refusal(dir.path("no/log")) ==
               "log.target " + dir.path("no/log") + ": No such file or directory");
    BOOST_TEST(refusal(dir.path("")).ends_with(": Is a directory"));
    BOOST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    BOOST_TEST(refusal(path).ends_with(": No such device or address"));  // without blocking
}

BOOST_AUTO_TEST_CASE(streams_are_copied_and_stay_open) {
    for (const auto& [name, fd] : {std::pair("stderr", STDERR_FILENO), {"stdout", STDOUT_FILENO}}) {
        struct stat copy {
        }, original{};
        {
            const auto target = opened(name);
            BOOST_REQUIRE(::fstat(target.fd(), &copy) == 0);
        }
        BOOST_REQUIRE(::fstat(fd, &original) == 0);
        BOOST_TEST(copy.st_ino == original.st_ino);
    }
}

BOOST_AUTO_TEST_CASE(a_new_target_gets_every_line_from_then_on) {
    LogWriter writer(opened(path));
    writer.append("one\n", true);
    BOOST_TEST(has("one\n"));
    const std::string old = dir.path("log.1");
    BOOST_REQUIRE(::rename(path.c_str(), old.c_str()) == 0);
    writer.append("two\n", true);
    BOOST_TEST(test::eventually([&] { return text_of(old) == "one\ntwo\n"; }));
    writer.redirect(opened(path));
    writer.append("three\n", false);
    BOOST_TEST(has("three\n"));
    BOOST_TEST(text_of(old) == "one\ntwo\n");
    BOOST_TEST(writer.dropped() == 0u);
}

BOOST_AUTO_TEST_CASE(a_full_disk_costs_lines_and_a_word_about_them_once_it_is_not) {
    LogWriter writer(opened("/dev/full"), loss_line);
    for (std::uint64_t i = 1; i <= 3; ++i) {
        writer.append("lost for good\n", true);
        BOOST_REQUIRE(test::eventually([&] { return writer.dropped() == i; }));
    }
    // The report of lost lines needs no further line.
    writer.redirect(opened(path));
    BOOST_TEST(has("lost 3\n"));
    writer.append("on it goes\n", true);
    BOOST_TEST(has("lost 3\non it goes\n"));
    BOOST_TEST(writer.dropped() == 3u);
}

BOOST_AUTO_TEST_CASE(a_line_that_a_full_disk_took_half_of_does_not_spoil_the_next) {
    LogWriter writer(opened(path), loss_line);
    const std::string line = std::string(299, 'x') + "\n";
    {
        const FileLimit limit(1000);
        for (int i = 0; i < 5; ++i) writer.append(line, false);
        BOOST_TEST(test::eventually([&] { return writer.dropped() == 2; }));
    }
    writer.append("next\n", true);
    const std::string whole = line + line + line;
    const std::string begin = whole + line.substr(0, 100) + "\n";
    BOOST_TEST(test::eventually([&] {
        const std::string text = text_of(path);
        return text == begin + "next\nlost 2\n" || text == begin + "lost 2\nnext\n";
    }));
}

BOOST_AUTO_TEST_CASE(losses_are_told_of_once_a_second_at_most_and_add_up) {
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const Fd reader(ends[0]);
    test::set_blocking(reader, false);
    std::string text;
    std::uint64_t appended = 0;
    const auto begin = std::chrono::steady_clock::now();
    {
        LogWriter writer(Fd(ends[1]), loss_line);
        // More than the pipe and the patience of the writer take, over and over.
        const std::string lines = std::string(99, 'x') + "\n";
        for (int round = 0; round < 4; ++round) {
            const std::uint64_t before = writer.dropped();
            const auto is_losing = [&] {
                for (int i = 0; i < 100; ++i, ++appended) writer.append(lines, true);
                return writer.dropped() > before;
            };
            BOOST_REQUIRE(test::eventually(is_losing));
            std::array<char, 1 << 16> bytes{};
            for (ssize_t got = 1; got > 0;) {
                got = ::read(reader.get(), bytes.data(), bytes.size());
                if (got > 0) text.append(bytes.data(), static_cast<std::size_t>(got));
            }
        }
        const auto told = [&] {
            std::array<char, 1 << 16> bytes{};
            const ssize_t got = ::read(reader.get(), bytes.data(), bytes.size());
            if (got > 0) text.append(bytes.data(), static_cast<std::size_t>(got));
            std::uint64_t sum = 0;
            std::istringstream words(text);
            for (std::string line; std::getline(words, line);) {
                if (line.starts_with("lost ")) sum += std::stoull(line.substr(5));
            }
            const auto written =
                static_cast<std::uint64_t>(std::count(text.begin(), text.end(), 'x') / 99);
            return sum == writer.dropped() && written + sum == appended;
        };
        BOOST_TEST(test::eventually(told));
    }
    std::int64_t words = 0;
    for (auto at = text.find("lost "); at != std::string::npos; at = text.find("lost ", at + 1)) {
        ++words;
    }
    const auto passed = std::chrono::steady_clock::now() - begin;
    BOOST_TEST(words <= 1 + std::chrono::ceil<std::chrono::seconds>(passed).count());
}

BOOST_AUTO_TEST_SUITE_END()
