// Members of etcd as processes of a test, on free ports of the loopback, and a loop to use them
// with. One thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include "conf/sources.h"
#include "proxy/etcd/client.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

namespace ringway::test {

using namespace std::chrono_literals;

// A port that nobody listens on now, and that the kernel gives to no connection.
std::uint16_t free_port();

// One member; killed with this object.
class EtcdMember {
public:
    // `more` are options besides; `scheme` is that of its clients.
    explicit EtcdMember(std::string name = "m1", std::vector<std::string> more = {},
                        std::string scheme = "http");
    ~EtcdMember();
    EtcdMember(const EtcdMember&) = delete;
    EtcdMember& operator=(const EtcdMember&) = delete;

    // The members of its cluster, as the option has it; by itself it is the only one.
    void join(const std::string& cluster) { cluster_ = cluster; }
    std::string in_cluster() const;

    void start();
    void kill();          // with SIGKILL; its data stay
    void forget() const;  // its data, while it does not run
    void signal(int number) const;

    std::string endpoint() const;  // "127.0.0.1:PORT"
    std::string url() const { return scheme_ + "://" + endpoint(); }
    const TempDir& dir() const { return dir_; }

private:
    std::string peer_url() const;

    TempDir dir_;
    const std::string name_;
    const std::vector<std::string> more_;
    const std::string scheme_;
    const std::uint16_t port_ = free_port();
    const std::uint16_t peer_port_ = free_port();
    std::string cluster_;
    pid_t pid_ = 0;
};

// Three members, started.
class EtcdCluster {
public:
    EtcdCluster();
    EtcdMember& operator[](std::size_t i) { return *members_[i]; }
    conf::EtcdSettings settings() const;

private:
    std::vector<std::unique_ptr<EtcdMember>> members_;
};

conf::EtcdSettings settings_of(const EtcdMember& member);

// Runs etcdctl against a member and requires that it succeeds; what it prints.
std::string etcdctl(const EtcdMember& member, const std::string& words);

// A loop on the thread of the test.
class TestLoop {
public:
    boost::asio::io_context& io() { return io_; }

    // Runs until `holds()`; false where it does not within `limit`.
    bool until(const std::function<bool()>& holds,
               std::chrono::steady_clock::duration limit = patience) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!holds()) {
            if (std::chrono::steady_clock::now() >= end) return false;
            io_.restart();
            io_.run_one_for(5ms);
        }
        return true;
    }
    // Runs what is ready, and what that makes ready.
    void settle() {
        io_.restart();
        io_.poll();
    }
    // The result of a call.
    template <class T>
    T get(boost::asio::awaitable<T> call) {
        auto result = std::make_shared<std::optional<T>>();
        boost::asio::co_spawn(io_, std::move(call), [result](std::exception_ptr error, T value) {
            BOOST_CHECK(!error);
            *result = std::move(value);
        });
        BOOST_REQUIRE(until([&] { return result->has_value(); }, 2 * patience));
        return std::move(**result);
    }
    // Until the member answers.
    void await(proxy::EtcdClient& client) {
        BOOST_REQUIRE(until([&] { return get(client.range("/")).has_value(); }, 2 * patience));
    }

private:
    boost::asio::io_context io_;
};

// A member that runs and answers, and a client of it.
struct OneMember {
    explicit OneMember(std::vector<std::string> more = {}) : member("m1", std::move(more)) {
        member.start();
        loop.await(client);
    }
    EtcdMember member;
    TestLoop loop;
    proxy::EtcdClient client{loop.io(), settings_of(member), {}, {.attempt = patience}};
};

}  // namespace ringway::test
