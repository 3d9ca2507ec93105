// Failures of checks by this machine's fault and by the server's, told apart as for dials.
#include "health/local_error.h"

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "health/checker.h"
#include "tests/health/loop.h"

using namespace ringway;
using health::LocalFault;

namespace {

// The errno of every socket(2) of this process; 0 for none.
int socket_error = 0;

}  // namespace

// Comes before the C library's.
extern "C" int socket(int domain, int type, int protocol) noexcept {
    if (socket_error != 0) {
        errno = socket_error;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_socket, domain, type, protocol));
}

namespace {

struct Fixture : tests::Loop {
    ~Fixture() { socket_error = 0; }

    void check(const std::string& address) {
        health::Target target{"pool/a", *conf::Endpoint::parse(address), {}};
        target.settings.interval = conf::Duration(20);
        checker.set_targets({target});
        run_until([&] { return view().checked || view().not_run > 0; });
    }
    health::View view() const { return *checker.view("pool/a"); }

    health::Checker checker{io, [](const health::HealthChange&) {}};
};

// A server on a unix socket who accepts nobody, and whose queue is full.
class FullQueue {
public:
    FullQueue() {
        address_.sun_family = AF_UNIX;
        path.copy(address_.sun_path, sizeof address_.sun_path - 1);
        const int server = add();
        BOOST_REQUIRE(::bind(server, as_any(), sizeof address_) == 0);
        BOOST_REQUIRE(::listen(server, 0) == 0);
        while (::connect(add(), as_any(), sizeof address_) == 0) {
        }
        BOOST_REQUIRE(errno == EAGAIN);
    }
    ~FullQueue() {
        for (const int each : sockets_) ::close(each);
        std::filesystem::remove(path);
    }
    FullQueue(const FullQueue&) = delete;
    FullQueue& operator=(const FullQueue&) = delete;

    const std::string path =
        std::filesystem::temp_directory_path() / ("ringway-" + std::to_string(::getpid()));

private:
    int add() {
        sockets_.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        BOOST_REQUIRE(sockets_.back() >= 0);
        return sockets_.back();
    }
    const sockaddr* as_any() const { return reinterpret_cast<const sockaddr*>(&address_); }

    sockaddr_un address_{};
    std::vector<int> sockets_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(local_error, Fixture)

BOOST_AUTO_TEST_CASE(what_fails_before_a_connect_says_nothing_of_the_server) {
    for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC}) {
        BOOST_CHECK(health::fault_before_connect(error) == LocalFault::no_resources);
        BOOST_CHECK(health::fault_of_connect(error, false) == LocalFault::no_resources);
    }
    for (const int error : {EAFNOSUPPORT, EACCES, EADDRNOTAVAIL})
        BOOST_CHECK(health::fault_before_connect(error) == LocalFault::no_address);
    BOOST_CHECK(health::fault_before_connect(EADDRINUSE) == LocalFault::no_port);
}

BOOST_AUTO_TEST_CASE(a_connect_fails_here_for_want_of_ports_and_else_by_the_server) {
    for (const int error : {EADDRNOTAVAIL, EADDRINUSE, EAGAIN})
        BOOST_CHECK(health::fault_of_connect(error, false) == LocalFault::no_port);
    for (const int error : {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH})
        BOOST_CHECK(health::fault_of_connect(error, false) == LocalFault::none);
    BOOST_CHECK(health::fault_of_connect(EAGAIN, true) == LocalFault::none);
}

BOOST_AUTO_TEST_CASE(a_check_without_a_socket_of_the_servers_family_is_none) {
    socket_error = EAFNOSUPPORT;
    check("[::1]:9");
    BOOST_TEST(view().up);
    BOOST_TEST(!view().checked);
    BOOST_CHECK(view().not_run_by == LocalFault::no_address);
    BOOST_TEST(view().not_run_why == "socket: Address family not supported by protocol");
}

BOOST_AUTO_TEST_CASE(a_check_of_a_unix_socket_whose_queue_is_full_fails) {
    const FullQueue server;
    check("unix:" + server.path);
    BOOST_TEST(view().checked);
    BOOST_TEST(!view().up);
    BOOST_TEST(view().last_result == "refused");
}

BOOST_AUTO_TEST_SUITE_END()
