// A file descriptor that is closed with its owner. Not thread-safe.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace ringway::proxy {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            close();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { close(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }

    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

    // Closes a TCP socket with a reset, so that its peer never mistakes a broken stream for a
    // complete one (socket(7), SO_LINGER with a zero timeout). Where the kernel refuses that, the
    // connection is dissolved, which resets it too (connect(2), AF_UNSPEC).
    void close_with_reset() {
        if (fd_ < 0) return;
        const linger now{.l_onoff = 1, .l_linger = 0};
        if (::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now) != 0) {
            const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
            ::connect(fd_, &nobody, sizeof nobody);
        }
        close();
    }

private:
    int fd_ = -1;
};

}  // namespace ringway::proxy
