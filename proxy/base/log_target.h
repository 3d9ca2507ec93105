// The target of the log, and its format there: plain lines, lines with a priority in front for the
// journal, or one datagram each for a syslog daemon. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "conf/result.h"
#include "proxy/base/fd.h"

namespace ringway::proxy {

// As syslog(3) numbers them.
enum class Priority : std::uint8_t { error = 3, warning = 4, info = 6, debug = 7 };

// The priority of a run of lines, with its length in bytes.
struct LogMark {
    std::uint32_t bytes;
    Priority priority;
};

class LogTarget {
public:
    enum class Kind : std::uint8_t { bytes, journal, syslog };

    LogTarget() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): a descriptor is the plain case of it.
    LogTarget(Fd fd, Kind kind = Kind::bytes);
    // Datagrams to the socket at `path`.
    static Result<LogTarget> syslog_at(std::string path);

    explicit operator bool() const { return kind_ == Kind::syslog || fd_; }
    Kind kind() const { return kind_; }
    int fd() const { return fd_.get(); }

    // `lines`, each ended by a newline, in this target's format. Not called for Kind::bytes.
    std::string format(std::string_view lines, std::span<const LogMark> marks) const;

    // The part of `text` that one write takes: whole lines, if one fits.
    std::string_view piece_of(std::string_view text) const;

    // The bytes of a piece that were written; 0 if none could be within the timeout.
    std::size_t put(std::string_view piece);

private:
    std::size_t write(std::string_view piece) const;
    std::size_t send(std::string_view line);

    Fd fd_;
    Kind kind_ = Kind::bytes;
    std::size_t piece_bytes_ = 0;
    std::string path_;  // of a syslog daemon's socket, for reconnects
};

// What `log.target` names: "stderr", "stdout", "syslog", "syslog:" with the path of its socket, or
// the path of a file, which is created if needed.
Result<LogTarget> open_log_target(const std::string& target);

// Whether `fd` is connected to the journal (systemd.exec(5), JOURNAL_STREAM).
bool is_journal(int fd);

// The prefix of a line to standard error: "<3>" if the journal reads it, else empty.
std::string stderr_prefix(Priority priority);

}  // namespace ringway::proxy
