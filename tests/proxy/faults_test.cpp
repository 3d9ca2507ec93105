// Faults at every call: each kind of connection with each system call that its worker makes failing
// in each way that the call's manual page names, and with each allocation failing. Laws: no
// crash, no hang, no leak; what arrives is a prefix of what was sent, and no clean end follows lost
// bytes; the reason of the end fits what failed; others are served.
//
// RINGWAY_FAULTS=all tries every fault of every call; otherwise the first fault of each, and the
// others of a call where a seeded draw says so.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/base/access_log.h"
#include "proxy/base/fd.h"
#include "proxy/base/log.h"
#include "proxy/data/close_reason.h"
#include "proxy/data/quota.h"
#include "proxy/data/worker.h"
#include "tests/proxy/faults_allocations.h"
#include "tests/proxy/faults_calls.h"
#include "tests/proxy/faults_life.h"
#include "tests/proxy/faults_reasons.h"
#include "tests/proxy/faults_stage.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::CloseReason;
using proxy::Fd;
using test::faults::Life;
using test::faults::Outcome;
using test::faults::run;
namespace faults = test::faults;

namespace {

constexpr std::uint32_t seed = 20'261'129;
constexpr std::uint32_t one_in = 4;  // of the further faults

bool tries_all() {
    const char* const wanted = std::getenv("RINGWAY_FAULTS");
    return wanted != nullptr && std::string_view(wanted) == "all";
}

void report(const Outcome& outcome, const std::string& what) {
    for (const auto& law : outcome.broken) {
        BOOST_ERROR(what << ": not so: " << law << " (ended: " << to_string(outcome.end) << ")");
    }
}

// Each allocation of a life in turn; how many there were.
std::size_t fail_allocations(const Life& life, const char* how, const std::function<void()>& set) {
    const auto play = [&](std::size_t nth) {
        return run(life, [&] {
            set();
            faults::fail_allocation(nth);
        });
    };
    std::size_t allocations = 0;
    for (int i = 0; i < 3; ++i) allocations = std::max(allocations, play(0).allocations);
    std::size_t cases = 0;
    for (std::size_t nth = 1; nth <= allocations; ++nth) {
        Outcome outcome = play(nth);
        if (outcome.allocations < nth) continue;
        ++cases;
        // None: it was not even counted. The end's line in the log may be what is lost.
        const CloseReason ends[] = {CloseReason::none, CloseReason::local_error, life.end};
        outcome.require(std::ranges::count(ends, outcome.end) > 0, "the reason fits");
        outcome.require(life.resets || !outcome.blames_server, "the server is not blamed");
        report(outcome, life.name + (", allocation " + std::to_string(nth)) + how);
    }
    return cases;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(faults_at_every_call)

BOOST_AUTO_TEST_CASE(a_connection_survives_each_system_call_that_fails) {
    std::minstd_rand draw(seed);
    std::size_t cases = 0;
    std::size_t all_calls = 0;
    for (const Life& life : faults::lives()) {
        report(run(life, [] { faults::fail_call(0, 0); }), life.name);  // warms up
        std::size_t calls = 0;
        for (int i = 0; i < 3; ++i) {
            const Outcome whole = run(life, [] { faults::fail_call(0, 0); });
            report(whole, std::string(life.name) + " without a fault");
            BOOST_TEST((whole.end == life.end), life.name);
            calls = std::max(calls, whole.calls);
        }
        all_calls += calls;
        for (std::size_t nth = 1; nth <= calls; ++nth) {
            std::size_t faults_of_nth = 1;
            for (std::size_t fault = 0; fault < faults_of_nth; ++fault) {
                if (fault > 0 && !tries_all() && draw() % one_in != 0) continue;
                Outcome outcome = run(life, [&] { faults::fail_call(nth, fault); });
                faults_of_nth = std::max(faults_of_nth, outcome.faults_of_nth);
                if (!outcome.hit) continue;
                ++cases;
                const auto fit = faults::fits(*outcome.hit, life);
                outcome.require(fit.allows(outcome.end), "the reason fits");
                outcome.require(fit.may_blame_server || !outcome.blames_server,
                                "the server is not blamed");
                report(outcome,
                       life.name + (", call " + std::to_string(nth)) + ", " + outcome.hit->text());
            }
        }
    }
    BOOST_TEST_MESSAGE(all_calls << " calls, " << cases << " faults tried");
}

BOOST_AUTO_TEST_CASE(a_connection_survives_each_allocation_that_fails) {
    std::size_t cases = 0;
    for (const Life& life : faults::lives()) {
        cases += fail_allocations(life, "", [] {});
        cases += fail_allocations(life, ", with debug lines", [] {
            proxy::set_log_style({.level = conf::LogSettings::Level::debug,
                                  .format = conf::LogSettings::Format::json});
        });
    }
    BOOST_TEST_MESSAGE(cases << " allocations tried");
}

// The journal gets each line with the priority of its own mark.
BOOST_AUTO_TEST_CASE(a_log_line_without_memory_is_dropped_and_counted_and_no_other_is_spoilt) {
    for (const std::size_t nth : {1U, 2U}) {
        const Fd file(::memfd_create("log", MFD_CLOEXEC));
        {
            proxy::LogTarget target(Fd(::dup(file.get())), proxy::LogTarget::Kind::journal);
            proxy::LogWriter writer(std::move(target));
            std::thread([&] {
                faults::count_allocations_of_this_thread();
                faults::count_allocations(nth);
                writer.append(std::string_view("lost, and too long for a string without memory\n"),
                              false, proxy::Priority::error);
                faults::count_allocations(0);
                writer.append("kept\n", true);
            }).join();
            BOOST_TEST(writer.dropped() == 1U);
        }
        std::string text(100, '\0');
        const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        BOOST_TEST(text == "<6>kept\n");
    }
}

// What a worker does for a connection is caught there. Elsewhere it cannot go on, and says so.
BOOST_AUTO_TEST_CASE(a_worker_without_memory_for_itself_ends_the_process_with_a_message) {
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    Fd in(ends[1]);
    const Fd out(ends[0]);
    const pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit none{};
        ::setrlimit(RLIMIT_CORE, &none);
        std::signal(SIGABRT, SIG_DFL);
        ::alarm(20);
        ::dup2(in.get(), STDERR_FILENO);
        proxy::Quota total;
        proxy::Worker worker(0, total, 1);
        worker.run();
        worker.ask([] { throw std::bad_alloc(); });
        worker.join();
        ::_exit(0);
    }
    in.close();
    std::string text;
    std::array<char, 1024> buffer;
    for (;;) {
        const ssize_t got = ::read(out.get(), buffer.data(), buffer.size());
        if (got <= 0) break;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
    BOOST_TEST(text.find("std::bad_alloc") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
