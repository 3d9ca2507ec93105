// What the program logs while this lives, kept in memory. One at a time, made and
// destroyed while no worker runs.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "proxy/base/access_log.h"
#include "proxy/base/log.h"
#include "tests/support/sockets.h"
#include "tests/support/wait.h"

namespace ringway::test {

class CapturedLog {
public:
    explicit CapturedLog(conf::LogSettings::Level level = conf::LogSettings::Level::info) {
        proxy::start_logging(writer_, {.level = level});
    }
    ~CapturedLog() { proxy::stop_logging(); }
    CapturedLog(const CapturedLog&) = delete;
    CapturedLog& operator=(const CapturedLog&) = delete;

    std::string text() const {
        struct stat found {};
        BOOST_REQUIRE(::fstat(file_.get(), &found) == 0);
        std::string all(static_cast<std::size_t>(found.st_size), '\0');
        const ssize_t got = ::pread(file_.get(), all.data(), all.size(), 0);
        BOOST_REQUIRE(got == found.st_size);
        return all;
    }

    std::size_t count(std::string_view piece) const {
        const std::string all = text();
        std::size_t found = 0;
        for (auto at = all.find(piece); at != std::string::npos; at = all.find(piece, at + 1)) {
            ++found;
        }
        return found;
    }

    // Whether `piece` is logged, now or soon.
    bool has(std::string_view piece, std::size_t times = 1) const {
        return eventually([&] { return count(piece) >= times; });
    }

    proxy::LogWriter& writer() const { return writer_; }

private:
    const Fd file_{::memfd_create("log", MFD_CLOEXEC)};
    mutable proxy::LogWriter writer_{Fd(::dup(file_.get()))};
};

}  // namespace ringway::test
