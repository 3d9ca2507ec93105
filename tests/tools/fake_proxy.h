// The proxy's side of the admin socket, for tests of ringctl.
#pragma once

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

namespace ringway::test {

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "ringctl-XXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string file(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

// Takes one connection and one line. Answers with `answer`, or keeps the client
// waiting until it leaves where there is none.
class FakeProxy {
public:
    FakeProxy(const std::string& path, std::optional<std::string> answer)
        : listener_(::socket(AF_UNIX, SOCK_STREAM, 0)), answer_(std::move(answer)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        BOOST_REQUIRE(
            ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        BOOST_REQUIRE(::listen(listener_, 1) == 0);
        thread_ = std::thread([this] { serve_one(); });
    }
    ~FakeProxy() {
        if (thread_.joinable()) thread_.join();
        ::close(listener_);
    }

    std::string received() {
        thread_.join();
        return received_;
    }

private:
    void serve_one() {
        pollfd ready{listener_, POLLIN, 0};
        if (::poll(&ready, 1, 10'000) != 1) return;  // no request: the test reports it
        const int client = ::accept(listener_, nullptr, nullptr);
        char byte = 0;
        while (byte != '\n' && ::recv(client, &byte, 1, 0) == 1) received_ += byte;
        if (!answer_) {
            while (::recv(client, &byte, 1, 0) == 1) continue;
        } else {
            // In two parts, as a long answer may come.
            const std::size_t half = answer_->size() / 2;
            send_all(client, answer_->substr(0, half));
            send_all(client, answer_->substr(half));
        }
        ::close(client);
    }

    static void send_all(int client, const std::string& bytes) {
        for (std::size_t at = 0; at < bytes.size();) {
            const ssize_t sent = ::send(client, &bytes[at], bytes.size() - at, MSG_NOSIGNAL);
            if (sent < 0) return;
            at += static_cast<std::size_t>(sent);
        }
    }

    int listener_;
    std::optional<std::string> answer_;
    std::string received_;
    std::thread thread_;
};

}  // namespace ringway::test
