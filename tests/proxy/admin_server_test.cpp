#include "proxy/admin/admin_server.h"

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include "tests/proxy/unix_client.h"
#include "tests/support/temp_dir.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::AdminServer;
using test::UnixClient;

namespace {

constexpr std::size_t max_line_bytes = 64 << 10;
constexpr std::size_t max_clients = 32;
constexpr std::size_t large_answer_bytes = 1 << 20;

// An admin server that answers a line with "got N: LINE", on a thread of its own.
class Fixture {
public:
    explicit Fixture(proxy::AdminServer::Timeouts timeouts = {})
        : server_(
              io_, [this](std::string line) { return answer(std::move(line)); }, timeouts),
          thread_([this] { io_.run(); }) {}
    ~Fixture() {
        boost::asio::post(io_, [this] {
            server_.close();
            io_.stop();
        });
        thread_.join();
    }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

private:
    template <class F>
    auto on_loop(F call) {
        std::optional<decltype(call())> result;
        std::atomic<bool> done = false;
        boost::asio::post(io_, [&] {
            result = call();
            done = true;
        });
        BOOST_REQUIRE(test::eventually([&] { return done.load(); }));
        return *result;
    }

protected:
    // The reason where it failed.
    std::string open(const std::string& where) {
        return on_loop([&] { return server_.open(where).error().text; });
    }
    std::string open() { return open(path); }
    void close() {
        on_loop([&] {
            server_.close();
            return true;
        });
    }

    static mode_t mode_of(const std::string& path) {
        struct stat found {};
        BOOST_REQUIRE(::lstat(path.c_str(), &found) == 0);
        return found.st_mode;
    }

    const test::TempDir dir;
    const std::string path = dir.path("admin.sock");
    std::atomic<std::size_t> answered = 0;

private:
    boost::asio::awaitable<std::string> answer(std::string line) {
        ++answered;
        if (line == "large") co_return std::string(large_answer_bytes, 'x');
        co_return "got " + std::to_string(line.size()) + ": " + line.substr(0, 100);
    }

    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        io_.get_executor()};
    AdminServer server_;
    std::thread thread_;
};

struct Impatient : Fixture {
    Impatient() : Fixture({.line = 300ms, .answer = 300ms}) {}
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(admin_server, Fixture)

BOOST_AUTO_TEST_CASE(each_line_gets_a_line_in_order) {
    BOOST_TEST(open() == "");
    UnixClient client(path);
    BOOST_TEST(client.ask("status") == "got 6: status");
    client.send("one\ntwo\n\nthree\n");
    BOOST_TEST(client.line() == "got 3: one");
    BOOST_TEST(client.line() == "got 3: two");
    BOOST_TEST(client.line() == "got 0: ");
    BOOST_TEST(client.line() == "got 5: three");
}

BOOST_AUTO_TEST_CASE(a_line_may_come_in_pieces_and_end_with_the_stream) {
    BOOST_TEST(open() == "");
    UnixClient client(path);
    for (const char c : std::string("status\n")) client.send({&c, 1});
    BOOST_TEST(client.line() == "got 6: status");
    client.send("one\nlast");
    test::end_sending(client.socket());
    BOOST_TEST(client.line() == "got 3: one");
    BOOST_TEST(client.line() == "got 4: last");
    BOOST_TEST(client.is_closed());
    BOOST_TEST(answered == 3u);
    UnixClient nothing(path);
    test::end_sending(nothing.socket());
    BOOST_TEST(nothing.is_closed());
    UnixClient whole(path);
    whole.send("whole\n");
    test::end_sending(whole.socket());
    BOOST_TEST(whole.line() == "got 5: whole");
    BOOST_TEST(whole.is_closed());
    BOOST_TEST(answered == 4u);
}

BOOST_AUTO_TEST_CASE(a_line_of_64_KiB_is_taken_and_one_byte_more_is_refused) {
    BOOST_TEST(open() == "");
    UnixClient fits(path);
    BOOST_TEST(fits.ask(std::string(max_line_bytes - 1, 'x')).starts_with("got 65535: "));
    UnixClient longer(path);
    longer.send(std::string(max_line_bytes, 'x') + "\n");
    BOOST_TEST(longer.line() == R"({"ok":false,"error":"the line is longer than 64 KiB"})");
    BOOST_TEST(longer.is_closed());
    BOOST_TEST(answered == 1u);
}

BOOST_AUTO_TEST_CASE(a_flood_without_a_newline_is_answered_and_closed) {
    BOOST_TEST(open() == "");
    UnixClient client(path);
    const std::string flood(1 << 20, '\xff');
    ::send(client.socket().get(), flood.data(), flood.size(), MSG_NOSIGNAL);
    BOOST_TEST(client.line() == R"({"ok":false,"error":"the line is longer than 64 KiB"})");
    UnixClient other(path);
    BOOST_TEST(other.ask("status") == "got 6: status");
}

BOOST_AUTO_TEST_CASE(who_only_waits_gives_way_longest_first) {
    BOOST_TEST(open() == "");
    std::vector<std::unique_ptr<UnixClient>> clients;
    for (std::size_t i = 0; i < max_clients; ++i) {
        clients.push_back(std::make_unique<UnixClient>(path));
        BOOST_TEST(clients.back()->ask("x") == "got 1: x");
    }
    clients[2]->send("half a li");  // still waits
    BOOST_TEST(clients[0]->ask("y") == "got 1: y");
    for (std::size_t i = 0; i < max_clients / 2; ++i) {
        // It stays, so that the next one finds no place free either.
        clients.push_back(std::make_unique<UnixClient>(path));
        BOOST_TEST(clients.back()->ask("x") == "got 1: x");
        BOOST_TEST(clients[i + 1]->is_closed());
    }
    // Who asked last is served last of all.
    BOOST_TEST(clients[0]->ask("z") == "got 1: z");
}

struct Hurried : Fixture {
    Hurried() : Fixture({.answer = std::chrono::hours(1), .grace = std::chrono::hours(1)}) {}
};

BOOST_FIXTURE_TEST_CASE(a_client_that_reads_its_answer_keeps_its_slot_and_others_are_refused,
                        Hurried) {
    BOOST_TEST(open() == "");
    std::vector<std::unique_ptr<UnixClient>> clients;
    for (std::size_t i = 0; i < max_clients; ++i) {
        clients.push_back(std::make_unique<UnixClient>(path));
        clients.back()->send("large\n");
    }
    BOOST_TEST(test::eventually([&] { return answered == max_clients; }));
    UnixClient beyond(path);
    BOOST_TEST(beyond.line() == R"({"ok":false,"error":"too many admin clients"})");
    BOOST_TEST(beyond.is_closed());
    clients.pop_back();
    BOOST_TEST(test::eventually([&] { return UnixClient(path).ask("x") == "got 1: x"; }));
    BOOST_TEST(clients.front()->line().size() == large_answer_bytes);
}

struct Unhurried : Fixture {
    Unhurried() : Fixture({.answer = std::chrono::hours(1), .grace = 1ms}) {}
};

BOOST_FIXTURE_TEST_CASE(who_takes_no_answer_gives_way_in_the_end, Unhurried) {
    BOOST_TEST(open() == "");
    std::vector<std::unique_ptr<UnixClient>> clients;
    for (std::size_t i = 0; i < max_clients; ++i) {
        clients.push_back(std::make_unique<UnixClient>(path));
        clients.back()->send("large\n");
    }
    BOOST_TEST(test::eventually([&] { return UnixClient(path).ask("x") == "got 1: x"; }));
}

BOOST_AUTO_TEST_CASE(a_client_that_never_reads_is_bounded_and_delays_nobody) {
    BOOST_TEST(open() == "");
    const UnixClient deaf(path);
    test::set_blocking(deaf.socket(), false);
    const std::string command = "large\n";
    std::size_t sent = 0;
    // Until nothing more is taken: the answer that is being written holds the rest.
    while (test::ready(deaf.socket(), POLLOUT, 300ms) && sent < (64u << 20)) {
        const ssize_t taken =
            ::send(deaf.socket().get(), command.data(), command.size(), MSG_NOSIGNAL);
        if (taken > 0) sent += static_cast<std::size_t>(taken);
    }
    BOOST_TEST(sent < (16u << 20));
    BOOST_TEST(answered == 1u);
    UnixClient other(path);
    BOOST_TEST(other.ask("status") == "got 6: status");
}

// The limit is 10 s; a client that leaves its answer lying for longer is closed.
BOOST_FIXTURE_TEST_CASE(a_client_that_sends_no_whole_line_is_closed_in_the_end, Impatient) {
    open();
    UnixClient idle(path);
    BOOST_TEST(idle.ask("x") == "got 1: x");
    UnixClient half(path);
    half.send("half a li");
    for (UnixClient* client : {&idle, &half}) {
        BOOST_TEST(test::ready(client->socket(), POLLHUP | POLLRDHUP, 60s));
        BOOST_TEST(test::receive_to_end(client->socket()).bytes.empty());
    }
    BOOST_TEST(answered == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_client_that_never_reads_is_closed_in_the_end, Impatient) {
    BOOST_TEST(open() == "");
    UnixClient deaf(path);
    deaf.send("large\n");
    BOOST_TEST(test::ready(deaf.socket(), POLLHUP | POLLRDHUP, 60s));
    const auto left = test::receive_to_end(deaf.socket());
    BOOST_TEST(left.bytes.size() < large_answer_bytes);
}

BOOST_AUTO_TEST_CASE(the_socket_is_for_its_owner_alone_and_gone_when_closed) {
    const mode_t mask = ::umask(0);
    BOOST_TEST(open() == "");
    BOOST_TEST(::umask(mask) == 0u);
    BOOST_TEST(S_ISSOCK(mode_of(path)));
    BOOST_TEST((mode_of(path) & 0777) == 0600u);
    close();
    BOOST_TEST(!std::filesystem::exists(path));
    BOOST_TEST(open() == "");
    BOOST_TEST(UnixClient(path).ask("x") == "got 1: x");
}

BOOST_AUTO_TEST_CASE(a_socket_that_was_left_behind_is_replaced) {
    test::unix_listener(path, 8).close();
    BOOST_TEST(std::filesystem::exists(path));
    BOOST_TEST(open() == "");
    BOOST_TEST(UnixClient(path).ask("x") == "got 1: x");
}

BOOST_AUTO_TEST_CASE(a_socket_that_somebody_listens_on_is_left_alone) {
    const proxy::Fd owner = test::unix_listener(path, 8);
    BOOST_TEST(open() == "admin socket " + path + ": another process listens on it");
    BOOST_TEST(test::connect_unix(test::unix_socket(), path));
}

// The other process may hang; it is alive nevertheless.
BOOST_AUTO_TEST_CASE(a_socket_whose_owner_accepts_nobody_is_left_alone_and_holds_up_nobody) {
    const proxy::Fd owner = test::unix_listener(path, 0);
    std::vector<proxy::Fd> waiting;
    for (bool full = false; !full;) {
        proxy::Fd client = test::unix_socket();
        test::set_blocking(client, false);
        full = !test::connect_unix(client, path);
        waiting.push_back(std::move(client));
    }
    BOOST_TEST(open() == "admin socket " + path + ": another process listens on it");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_socket_is_left_alone) {
    dir.write("admin.sock", "precious");
    BOOST_TEST(open() == "admin socket " + path + ": the file exists and is not a socket");
    std::ifstream file(path);
    BOOST_TEST(std::string(std::istreambuf_iterator<char>(file), {}) == "precious");
    const std::string link = dir.path("link.sock");
    std::filesystem::create_symlink(dir.path("nowhere"), link);
    BOOST_TEST(open(link) == "admin socket " + link + ": the file exists and is not a socket");
}

BOOST_AUTO_TEST_CASE(a_path_that_cannot_be_is_refused) {
    BOOST_TEST(open(dir.path(std::string(120, 'x'))).ends_with("the path is too long"));
    const std::string nowhere = dir.path("nowhere/admin.sock");
    BOOST_TEST(open(nowhere) == "admin socket " + nowhere + ": No such file or directory");
    BOOST_TEST(open() == "");
}

BOOST_AUTO_TEST_SUITE_END()
