// A lock that one process has, for as long as it lives: an advisory one (flock(2)) on a file
// of its own, which stays when the process ends. What `kill -9` leaves locks nobody out. Any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "conf/result.h"
#include "proxy/base/fd.h"

namespace ringway::proxy {

class FileLock {
public:
    // Why there is no lock.
    struct Refusal {
        enum class Kind : std::uint8_t {
            unavailable,  // the file cannot be had at all
            held,         // by another process
        };
        Kind kind = Kind::unavailable;
        std::string reason;
    };

    // Makes the file at `path` where there is none, and writes the process's number into it.
    static Result<FileLock, Refusal> take(const std::string& path);

private:
    explicit FileLock(Fd file) : file_(std::move(file)) {}

    Fd file_;
};

}  // namespace ringway::proxy
