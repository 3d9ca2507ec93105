#include "tools/ringctl/client.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string_view>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ringway::ringctl {

namespace {

using Clock = std::chrono::steady_clock;

// Many times the size of an answer about 10,000 servers; a bound in case the socket is another
// program's.
constexpr std::size_t max_answer_bytes = 256u << 20;

class Exchange {
public:
    Exchange(const std::string& path, std::chrono::milliseconds timeout)
        : path_(path),
          deadline_(Clock::now() + timeout),
          fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
    ~Exchange() {
        if (fd_ >= 0) ::close(fd_);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    Result<void> connect() {
        if (fd_ < 0) return reason_of(errno);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path_.size() >= sizeof address.sun_path) {
            return Reason(fmt::format("{}: longer than the {} bytes of a socket's path", path_,
                                      sizeof address.sun_path - 1));
        }
        std::memcpy(address.sun_path, path_.data(), path_.size());
        // A Unix socket connects at once, unless its queue is full (EAGAIN).
        while (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            if (errno == EAGAIN) {
                if (Clock::now() >= deadline_) return reason_of(ETIMEDOUT);
                ::poll(nullptr, 0, 10);
            } else if (errno != EINTR) {
                return reason_of(errno);
            }
        }
        return {};
    }

    Result<void> send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent >= 0) {
                bytes.remove_prefix(static_cast<std::size_t>(sent));
            } else if (errno == EPIPE || errno == ECONNRESET) {
                return {};  // an answer may have been sent before the end
            } else if (auto waited = wait(POLLOUT); !waited) {
                return waited;
            }
        }
        return {};
    }

    Result<std::string> receive_line() {
        std::string line;
        char bytes[64 << 10];
        for (;;) {
            const ssize_t count = ::recv(fd_, bytes, sizeof bytes, 0);
            if (count == 0) return Reason(path_ + ": closed without an answer");
            if (count < 0) {
                if (auto waited = wait(POLLIN); !waited) return waited.error();
                continue;
            }
            const std::string_view received(bytes, static_cast<std::size_t>(count));
            const std::size_t end = received.find('\n');
            line += received.substr(0, end);
            if (end != std::string_view::npos) return line;
            if (line.size() > max_answer_bytes) return Reason(path_ + ": the answer never ends");
        }
    }

private:
    // The last call failed: waits for `event` if the error was temporary.
    Result<void> wait(short event) {
        if (errno == EINTR) return {};
        if (errno != EAGAIN) return reason_of(errno);
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
        if (left.count() <= 0) return reason_of(ETIMEDOUT);
        pollfd watched{fd_, event, 0};
        const auto longest = std::numeric_limits<int>::max();
        ::poll(&watched, 1, left.count() < longest ? static_cast<int>(left.count()) : longest);
        return {};
    }

    Reason reason_of(int error) const {
        std::string_view hint;
        if (error == ENOENT || error == ECONNREFUSED) {
            hint = " (is ringway running, with this admin socket?)";
        } else if (error == EACCES) {
            hint = " (only the proxy's own user and root may use it)";
        } else if (error == ETIMEDOUT) {
            return Reason(path_ + ": no answer in time");
        }
        return Reason(fmt::format("{}: {}{}", path_, std::strerror(error), hint));
    }

    const std::string& path_;
    const Clock::time_point deadline_;
    int fd_;
};

}  // namespace

Result<std::string> ask(const std::string& path, const std::string& line,
                        std::chrono::milliseconds timeout) {
    Exchange exchange(path, timeout);
    if (auto connected = exchange.connect(); !connected) return connected.error();
    if (auto sent = exchange.send(line + '\n'); !sent) return sent.error();
    return exchange.receive_line();
}

}  // namespace ringway::ringctl
