// The demo client against demo servers that run as programs of their own.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/test/unit_test.hpp>

#include "tools/ringdemo/ask.h"
#include "tools/ringdemo/moves.h"

using namespace ringway::ringdemo;
using boost::asio::ip::tcp;

namespace {

class DemoServer {
public:
    explicit DemoServer(const std::string& id) {
        int pipe[2];
        BOOST_REQUIRE(::pipe(pipe) == 0);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
        ::posix_spawn_file_actions_addclose(&actions, pipe[0]);
        std::string words[] = {RINGDEMO_PROGRAM, "serve", "--id", id, "--listen", "127.0.0.1:0"};
        char* argv[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(),
                        words[4].data(), words[5].data(), nullptr};
        BOOST_REQUIRE(::posix_spawn(&pid_, RINGDEMO_PROGRAM, &actions, nullptr, argv, environ) ==
                      0);
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(pipe[1]);
        std::string told;
        for (char byte = 0; byte != '\n' && ::read(pipe[0], &byte, 1) == 1;) told += byte;
        ::close(pipe[0]);
        const std::string expected = id + " listens on 127.0.0.1:";
        BOOST_REQUIRE_MESSAGE(told.starts_with(expected), "it said: " << told);
        port_ = static_cast<std::uint16_t>(std::stoul(told.substr(expected.size())));
    }

    ~DemoServer() {
        if (pid_ > 0) stop();
    }

    // Its exit status.
    int stop() {
        const pid_t pid = std::exchange(pid_, -1);
        ::kill(pid, SIGTERM);
        int status = -1;
        ::waitpid(pid, &status, 0);
        return status;
    }

    tcp::endpoint where() const { return {boost::asio::ip::address_v4::loopback(), port_}; }

private:
    pid_t pid_ = -1;
    std::uint16_t port_ = 0;
};

struct Fixture {
    ~Fixture() { std::remove(file.c_str()); }

    std::string file =
        (std::filesystem::temp_directory_path() / ("ringdemo-" + std::to_string(::getpid())))
            .string();
    std::ostringstream out;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(ringdemo_, Fixture)

BOOST_AUTO_TEST_CASE(every_key_is_answered_and_counted) {
    DemoServer server("server-1");
    BOOST_TEST(ask({.where = server.where(), .keys = 20, .save = file}, out).value());
    BOOST_TEST(out.str() == "SERVER    KEYS  SHARE\nserver-1    20  100 %\n");
    std::ostringstream saved;
    saved << std::ifstream(file).rdbuf();
    const Owners owners = from_text(saved.str()).value();
    BOOST_TEST(owners.size() == 20u);
    BOOST_TEST(owners.at("user-20") == "server-1");
    BOOST_TEST(server.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_server_answers_every_line_of_a_connection) {
    const DemoServer server("server-1");
    tcp::iostream stream(server.where());
    stream << "one\ntwo\n" << std::flush;
    std::string first, second;
    std::getline(stream, first);
    std::getline(stream, second);
    BOOST_TEST(first == "server-1");
    BOOST_TEST(second == "server-1");
}

BOOST_AUTO_TEST_CASE(moves_since_an_earlier_round_are_told) {
    const DemoServer server("server-2");
    std::ofstream(file) << "user-1 server-1\nuser-2 server-1\nuser-3 server-2\n";
    BOOST_TEST(ask({.where = server.where(), .keys = 3, .compare = file}, out).value());
    BOOST_TEST(out.str().find("2 of 3 keys moved\n  2 from server-1 to server-2\n") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(keys_without_an_answer_make_the_round_fail) {
    DemoServer server("server-1");
    const auto where = server.where();
    server.stop();
    BOOST_TEST(!ask({.where = where, .keys = 2}, out).value());
    BOOST_TEST(out.str().find("2 keys had no answer\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_server_that_is_silent_costs_no_more_than_the_timeout) {
    boost::asio::io_context io;
    const tcp::acceptor silent(io, {boost::asio::ip::address_v4::loopback(), 0});
    const auto fine =
        ask({.where = silent.local_endpoint(), .keys = 1, .timeout = std::chrono::milliseconds(20)},
            out);
    BOOST_TEST(!fine.value());
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_used_are_named) {
    const tcp::endpoint nowhere;
    const auto unread = ask({.where = nowhere, .keys = 0, .compare = "/nonexistent/x"}, out);
    BOOST_TEST(unread.error().text == "/nonexistent/x: cannot be read");
    const auto unwritten = ask({.where = nowhere, .keys = 0, .save = "/nonexistent/x"}, out);
    BOOST_TEST(unwritten.error().text == "/nonexistent/x: cannot be written");
}

BOOST_AUTO_TEST_SUITE_END()
