// What a service manager hears, played by a datagram socket; and the pulse that decides
// whether its watchdog gets a ping.
#include "proxy/control/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/data/quota.h"
#include "proxy/data/worker.h"
#include "tests/proxy/captured_log.h"
#include "tests/support/random.h"
#include "tests/support/temp_dir.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Fd;
using proxy::LoopWatchdog;
using proxy::Notifier;
using proxy::NotifySettings;
using proxy::TimePoint;

namespace {

// `name` as NOTIFY_SOCKET has it.
Fd manager_socket(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    BOOST_REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    return fd;
}

// The next message, now or soon; empty where none comes.
std::string heard(const Fd& manager, std::chrono::milliseconds limit = test::patience) {
    if (!test::ready(manager, POLLIN, limit)) return {};
    std::string text(4096, '\0');
    const ssize_t got = ::recv(manager.get(), text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}

// A control loop and two workers, with a manager that listens.
class Fixture {
protected:
    ~Fixture() {
        for (const auto& worker : workers) {
            worker->stop();
            worker->join();
        }
        work_.reset();
        boost::asio::post(io_, [this] { notifier_.reset(); });
        if (thread_.joinable()) thread_.join();
    }

    void start(std::chrono::microseconds watchdog = 0us) {
        for (std::size_t i = 0; i < 2; ++i) {
            workers.push_back(std::make_unique<proxy::Worker>(i, total_, 0));
            workers.back()->run();
        }
        notifier_ = std::make_unique<Notifier>(
            io_, workers, [this] { return status; }, NotifySettings{name, watchdog});
        thread_ = std::thread([this] { io_.run(); });
    }
    // On the control thread, and done when this returns.
    template <class F>
    void do_there(F what) {
        // Shared: whoever waits may go before set_value() has returned.
        const auto done = std::make_shared<std::promise<void>>();
        boost::asio::post(io_, [this, done, what] {
            what(*notifier_);
            done->set_value();
        });
        done->get_future().get();
    }

    const test::TempDir dir;
    const std::string name = dir.path("notify");
    const Fd manager = manager_socket(name);
    const test::CapturedLog log;
    std::string status = "fine";  // on the control thread once that runs
    Notifier::Workers workers;

private:
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        io_.get_executor()};
    proxy::Quota total_{1};
    std::unique_ptr<Notifier> notifier_;
    std::thread thread_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pulse)

BOOST_AUTO_TEST_CASE(all_is_well_when_the_last_loop_has_answered_and_once_a_round) {
    const TimePoint start{};
    LoopWatchdog pulse(3);
    BOOST_TEST(pulse.ask(start));
    BOOST_TEST(!pulse.answer(2));
    BOOST_TEST(!pulse.answer(0));
    BOOST_TEST(!pulse.answer(0));
    BOOST_TEST(pulse.answer(1));
    BOOST_TEST(!pulse.answer(1));
    BOOST_TEST(pulse.ask(start + 1s));
}

BOOST_AUTO_TEST_CASE(a_loop_that_hangs_is_named_and_not_asked_again) {
    const TimePoint start{};
    LoopWatchdog pulse(2);
    BOOST_TEST(pulse.ask(start));
    BOOST_TEST(!pulse.answer(0));
    for (int i = 1; i < 5; ++i) {
        const TimePoint now = start + i * 1s;
        BOOST_TEST(!pulse.ask(now));
        BOOST_TEST((pulse.silent() == std::vector<std::size_t>{1}));
        BOOST_TEST((pulse.silent_for(now) == i * 1s));
    }
    BOOST_TEST(pulse.answer(1));
    BOOST_TEST(pulse.silent().empty());
    BOOST_TEST(pulse.ask(start + 5s));
}

// Against a count of the answers that are missing.
BOOST_AUTO_TEST_CASE(random_answers_complete_a_round_exactly_once) {
    test::SeededRandom random;
    LoopWatchdog pulse(5);
    std::vector<bool> owes(5, false);
    const auto missing = [&] { return std::count(owes.begin(), owes.end(), true); };
    for (int i = 0; i < 10'000; ++i) {
        if (random.one_in(4)) {
            const bool expected = missing() == 0;
            BOOST_REQUIRE(pulse.ask(TimePoint{}) == expected);
            if (expected) owes.assign(5, true);
        } else {
            const std::size_t loop = random.below(5);
            const bool expected = owes[loop] && missing() == 1;
            BOOST_REQUIRE(pulse.answer(loop) == expected);
            owes[loop] = false;
        }
        BOOST_REQUIRE(pulse.silent().size() == static_cast<std::size_t>(missing()));
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(notify, Fixture)

BOOST_AUTO_TEST_CASE(start_reload_and_stop_are_told_in_order) {
    start();
    do_there([](Notifier& notifier) {
        notifier.ready();
        notifier.reloading();
        notifier.ready();
        notifier.stopping(2s);
    });
    BOOST_TEST(heard(manager) == "READY=1\nSTATUS=fine");
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::string reloading = heard(manager);
    const std::string begin = "RELOADING=1\nMONOTONIC_USEC=";
    BOOST_REQUIRE(reloading.starts_with(begin));
    const auto usec = std::stoll(reloading.substr(begin.size()));
    BOOST_TEST(usec <= now.tv_sec * 1'000'000 + now.tv_nsec / 1'000);
    BOOST_TEST(usec > (now.tv_sec - 60) * 1'000'000);
    BOOST_TEST(heard(manager) == "READY=1\nSTATUS=fine");
    BOOST_TEST(heard(manager) == "STOPPING=1\nEXTEND_TIMEOUT_USEC=7000000\nSTATUS=fine");
}

BOOST_AUTO_TEST_CASE(a_status_that_changes_is_told_again) {
    start();
    do_there([this](Notifier& notifier) {
        notifier.ready();
        status = "worse";
    });
    BOOST_TEST(heard(manager) == "READY=1\nSTATUS=fine");
    BOOST_TEST(heard(manager) == "STATUS=worse");
}

BOOST_AUTO_TEST_CASE(pings_come_while_every_worker_answers_and_only_then) {
    start(100ms);
    do_there([](Notifier& notifier) { notifier.ready(); });
    BOOST_TEST(heard(manager) == "READY=1\nSTATUS=fine");
    for (int i = 0; i < 3; ++i) BOOST_TEST(heard(manager) == "WATCHDOG=1");

    std::promise<void> release;
    workers[1]->ask([hung = release.get_future().share()] { hung.wait(); });
    // On a busy machine the other may have been late as well.
    BOOST_TEST(log.has("no ping: no answer of worker "));
    while (!heard(manager, 300ms).empty()) continue;  // six times the interval of pings
    const std::size_t told = log.count("no ping");
    BOOST_TEST(heard(manager, 300ms) == "");
    BOOST_TEST(log.count("no ping") <= told + 1);  // once, not with each interval
    release.set_value();
    BOOST_TEST(heard(manager) == "WATCHDOG=1");
    BOOST_TEST(log.has("every worker answers again"));
}

// The queue of a unix datagram socket holds few messages (unix(7), max_dgram_qlen).
BOOST_AUTO_TEST_CASE(a_manager_that_does_not_listen_holds_nothing_up_and_hears_the_last_word) {
    start();
    do_there([](Notifier& notifier) {
        for (int i = 0; i < 1000; ++i) notifier.ready();
        notifier.stopping(0s);
    });
    std::string last = heard(manager);
    while (!last.starts_with("STOPPING=1")) {
        BOOST_REQUIRE(last.starts_with("READY=1"));
        last = heard(manager);
    }
}

BOOST_AUTO_TEST_CASE(an_abstract_socket_is_told_too_and_a_bad_name_is_complained_of) {
    boost::asio::io_context io;
    const Notifier::Workers none;
    const auto tell = [&](const std::string& socket) {
        Notifier(io, none, [] { return "fine"; }, {socket}).ready();
    };
    const std::string abstract = "@ringway-test-" + std::to_string(::getpid());
    const Fd other = manager_socket(abstract);
    tell(abstract);
    BOOST_TEST(heard(other) == "READY=1\nSTATUS=fine");
    tell("");
    BOOST_TEST(log.text() == "");
    for (const std::string& bad :
         {std::string("vsock:2:1"), std::string("@"), "/" + std::string(200, 'a')}) {
        tell(bad);
    }
    BOOST_TEST(log.has("names no unix socket", 3));
    tell(dir.path("nobody"));
    BOOST_TEST(log.has("cannot be notified: No such file or directory"));
}

BOOST_AUTO_TEST_CASE(the_wishes_are_those_of_the_environment) {
    const auto set = [](const char* variable, const std::string& value) {
        ::setenv(variable, value.c_str(), 1);
    };
    set("NOTIFY_SOCKET", "/a/b");
    set("WATCHDOG_USEC", "30000000");
    BOOST_TEST(NotifySettings::from_environment().socket == "/a/b");
    BOOST_TEST((NotifySettings::from_environment().watchdog == 30s));
    set("WATCHDOG_PID", std::to_string(::getpid()));
    BOOST_TEST((NotifySettings::from_environment().watchdog == 30s));
    set("WATCHDOG_PID", "1");  // another process's
    BOOST_TEST((NotifySettings::from_environment().watchdog == 0s));
    ::unsetenv("WATCHDOG_PID");
    for (const char* nonsense : {"", "0", "x", "-1", "1s"}) {
        set("WATCHDOG_USEC", nonsense);
        BOOST_TEST((NotifySettings::from_environment().watchdog == 0s));
    }
    for (const char* variable : {"NOTIFY_SOCKET", "WATCHDOG_USEC"}) ::unsetenv(variable);
    BOOST_TEST(NotifySettings::from_environment().socket == "");
}

BOOST_AUTO_TEST_SUITE_END()
