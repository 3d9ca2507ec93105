// Where the lines of the log end, and how they are taken there: as they are, with a priority
// in front for the journal, or one datagram each for a syslog daemon. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "proxy/base/fd.h"

namespace ringway::proxy {

// As syslog(3) numbers them.
enum class Priority : std::uint8_t { error = 3, warning = 4, info = 6, debug = 7 };

// The priority of so many bytes of lines.
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
    static std::variant<LogTarget, std::string> syslog_at(std::string path);

    explicit operator bool() const { return kind_ == Kind::syslog || fd_; }
    Kind kind() const { return kind_; }
    int fd() const { return fd_.get(); }

    // `lines`, each ended by a newline, as this target takes them: as long as they are only
    // for Kind::bytes, of which nobody asks it.
    std::string dress(std::string_view lines, std::span<const LogMark> marks) const;

    // What of `text` is written at once: whole lines, if one fits.
    std::string_view piece_of(std::string_view text) const;

    // The bytes that were taken of a piece; 0 where none is within the time there is.
    std::size_t put(std::string_view piece);

private:
    std::size_t write(std::string_view piece) const;
    std::size_t send(std::string_view line);

    Fd fd_;
    Kind kind_ = Kind::bytes;
    std::size_t piece_bytes_ = 0;
    std::string path_;  // of a syslog daemon's socket, which is connected to again
};

// What `log.target` names: "stderr", "stdout", "syslog", "syslog:" with the path of its
// socket, or the path of a file, which is made where there is none. Why it cannot be had,
// otherwise.
std::variant<LogTarget, std::string> open_log_target(const std::string& target);

// Whether `fd` is what systemd.exec(5) has connected to the journal.
bool is_journal(int fd);

// What a line to standard error begins with: "<3>" where the journal reads it, else nothing.
std::string stderr_prefix(Priority priority);

}  // namespace ringway::proxy
