// A lock that one process has, for as long as it lives: an advisory one (flock(2)) on a file
// of its own, which stays when the process ends. What `kill -9` leaves locks nobody out. Any
// thread.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "proxy/base/fd.h"

namespace ringway::proxy {

class FileLock {
public:
    // Why there is no lock.
    struct Refusal {
        std::string reason;
        bool is_held = false;  // by another process; else the file cannot be had at all
    };

    // Makes the file at `path` where there is none, and writes the process's number into it.
    static std::variant<FileLock, Refusal> take(const std::string& path);

private:
    explicit FileLock(Fd file) : file_(std::move(file)) {}

    Fd file_;
};

}  // namespace ringway::proxy
