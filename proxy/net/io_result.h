// The outcome of a read or a write.
#pragma once

#include <sys/types.h>

#include <cassert>
#include <cerrno>
#include <cstddef>

namespace ringway::proxy {

// The errno of a failure of TLS, which no call on a socket has.
inline constexpr int tls_failed = EBADMSG;

// Exactly one of moved, ended, would_block and failed holds.
class IoResult {
public:
    // Of a system call that returns a number of bytes, or -1 with errno.
    static IoResult of(ssize_t returned) { return IoResult(returned < 0 ? -errno : returned); }
    // Of a number of bytes, or a negative errno.
    static IoResult of_code(int code) { return IoResult(code); }

    bool moved() const { return value_ > 0; }
    bool ended() const { return value_ == 0; }  // of reads: the peer has ended its direction
    bool would_block() const { return value_ == -EAGAIN; }
    bool failed() const { return value_ < 0 && value_ != -EAGAIN; }

    // If it moved or ended.
    std::size_t bytes() const {
        assert(value_ >= 0);
        return static_cast<std::size_t>(value_);
    }
    // If it failed: the errno.
    int error() const {
        assert(failed());
        return static_cast<int>(-value_);
    }

private:
    explicit IoResult(ssize_t value) : value_(value) {}

    ssize_t value_;  // bytes, or a negative errno
};

}  // namespace ringway::proxy
