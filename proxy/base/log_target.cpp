#include "proxy/base/log_target.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>
#include <thread>

#include <fmt/format.h>

namespace ringway::proxy {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// For a pipe without a reader, or a syslog daemon that is down.
constexpr milliseconds write_timeout{100};
constexpr milliseconds reconnect_pause{10};
// The longest message that syslog daemons accept by default.
constexpr std::size_t datagram_bytes_max = 8192;

// A regular file never blocks; for all others, poll(2) guarantees that PIPE_BUF bytes can be
// written without blocking (pipe(7)).
std::size_t piece_bytes_of(const Fd& fd) {
    struct stat file {};
    const bool regular = ::fstat(fd.get(), &file) == 0 && S_ISREG(file.st_mode);
    return regular ? std::size_t{1} << 20 : PIPE_BUF;
}

// A socket connected to the one at `path`; empty with errno set if that failed.
Fd connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return {};
    }
    path.copy(address.sun_path, path.size());
    Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return {};
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        return fd;
    }
    const int error = errno;
    fd.close();
    errno = error;
    return {};
}

bool is_writable_soon(const Fd& fd) {
    for (;;) {
        pollfd ready{.fd = fd.get(), .events = POLLOUT, .revents = 0};
        const int count = ::poll(&ready, 1, static_cast<int>(write_timeout.count()));
        if (count < 0 && errno == EINTR) continue;
        return count > 0;
    }
}

// "Jan  2 03:04:05 ringway[17]: ", in local time (RFC 3164, section 4.1.2).
std::string syslog_header() {
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    return fmt::format(
        "{} {:2} {:02}:{:02}:{:02} ringway[{}]: ", months[static_cast<std::size_t>(local.tm_mon)],
        local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, ::getpid());
}

}  // namespace

LogTarget::LogTarget(Fd fd, Kind kind)
    : fd_(std::move(fd)), kind_(kind), piece_bytes_(piece_bytes_of(fd_)) {}

Result<LogTarget> LogTarget::syslog_at(std::string path) {
    Fd fd = connect_to(path);
    if (!fd) return Reason(std::strerror(errno));
    LogTarget target(std::move(fd), Kind::syslog);
    target.path_ = std::move(path);
    return target;
}

std::string LogTarget::format(std::string_view lines, std::span<const LogMark> marks) const {
    const std::string header = kind_ == Kind::syslog ? syslog_header() : "";
    const int facility = kind_ == Kind::syslog ? LOG_DAEMON : 0;
    std::string out;
    out.reserve(lines.size() + marks.size() * (header.size() + 4));
    for (const LogMark& mark : marks) {
        const int number = facility | static_cast<int>(mark.priority);
        std::string_view message = lines.substr(0, mark.bytes);
        lines.remove_prefix(message.size());
        while (!message.empty()) {
            std::string_view line = message.substr(0, message.find('\n'));
            message.remove_prefix(std::min(message.size(), line.size() + 1));
            if (kind_ == Kind::syslog) line = line.substr(0, datagram_bytes_max - 64);
            fmt::format_to(std::back_inserter(out), "<{}>{}{}\n", number, header, line);
        }
    }
    return out;
}

// Whole lines at a time, so that a reader never sees half of one; a line for each datagram.
std::string_view LogTarget::piece_of(std::string_view text) const {
    if (kind_ == Kind::syslog) return text.substr(0, text.find('\n') + 1);
    const auto piece = text.substr(0, piece_bytes_);
    const auto end = piece.rfind('\n');
    return end == std::string_view::npos ? piece : piece.substr(0, end + 1);
}

std::size_t LogTarget::put(std::string_view piece) {
    return kind_ == Kind::syslog ? send(piece) : write(piece);
}

std::size_t LogTarget::write(std::string_view piece) const {
    for (;;) {
        if (!is_writable_soon(fd_)) return 0;
        const ssize_t written = ::write(fd_.get(), piece.data(), piece.size());
        if (written < 0 && errno == EINTR) continue;
        return written > 0 ? static_cast<std::size_t>(written) : 0;
    }
}

// A restarted daemon has a new socket at the same path.
std::size_t LogTarget::send(std::string_view line) {
    const auto give_up_at = Clock::now() + write_timeout;
    for (;;) {
        if (!fd_) fd_ = connect_to(path_);
        if (fd_) {
            const auto sent =
                ::send(fd_.get(), line.data(), line.size() - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent >= 0) return line.size();
            if (errno == EINTR) continue;
            if (errno == EAGAIN) {  // its queue is full
                if (is_writable_soon(fd_) && Clock::now() < give_up_at) continue;
                return 0;
            }
            fd_.close();
        }
        if (Clock::now() >= give_up_at) return 0;
        std::this_thread::sleep_for(reconnect_pause);
    }
}

Result<LogTarget> open_log_target(const std::string& target) {
    const auto refused = [&](const std::string& why) {
        return Reason("log.target " + target + ": " + why);
    };
    if (target.starts_with("syslog")) {
        const auto colon = target.find(':');
        auto opened =
            LogTarget::syslog_at(colon == std::string::npos ? _PATH_LOG : target.substr(colon + 1));
        if (!opened) return refused(opened.error().text);
        return opened;
    }
    Fd fd;
    auto kind = LogTarget::Kind::bytes;
    if (target == "stderr" || target == "stdout") {
        const int standard = target == "stderr" ? STDERR_FILENO : STDOUT_FILENO;
        fd = Fd(::fcntl(standard, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
        if (is_journal(standard)) kind = LogTarget::Kind::journal;
    } else {
        // A FIFO without a reader would otherwise hold the open up (fifo(7)).
        const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
        fd = Fd(::open(target.c_str(), flags, 0640));
    }
    if (!fd) return refused(std::strerror(errno));
    return LogTarget(std::move(fd), kind);
}

bool is_journal(int fd) {
    const char* const stream = std::getenv("JOURNAL_STREAM");
    struct stat file {};
    if (stream == nullptr || ::fstat(fd, &file) != 0) return false;
    return stream == fmt::format("{}:{}", file.st_dev, file.st_ino);
}

std::string stderr_prefix(Priority priority) {
    return is_journal(STDERR_FILENO) ? fmt::format("<{}>", static_cast<int>(priority)) : "";
}

}  // namespace ringway::proxy
