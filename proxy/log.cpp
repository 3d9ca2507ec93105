#include "proxy/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace ringway::proxy {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds write_interval{100};
constexpr milliseconds patience{100};  // with a pipe that nobody reads
constexpr seconds loss_interval{1};    // between two words about lost lines

// A file takes whatever it is given; of anything else, what poll(2) calls writable
// is sure to take PIPE_BUF bytes without waiting (pipe(7)).
std::size_t piece_bytes_of(const Fd& target) {
    struct stat file {};
    const bool regular = ::fstat(target.get(), &file) == 0 && S_ISREG(file.st_mode);
    return regular ? std::size_t{1} << 20 : PIPE_BUF;
}

}  // namespace

std::variant<Fd, std::string> open_log_target(const std::string& target) {
    Fd opened;
    if (target == "stderr" || target == "stdout") {
        const int fd = target == "stderr" ? STDERR_FILENO : STDOUT_FILENO;
        opened = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    } else {
        // A FIFO without a reader would otherwise hold the open up (fifo(7)).
        const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
        opened = Fd(::open(target.c_str(), flags, 0640));
    }
    if (!opened) return "log.target " + target + ": " + std::strerror(errno);
    return opened;
}

LogWriter::LogWriter(Fd target, LossLine loss_line)
    : loss_line_(std::move(loss_line)),
      target_(std::move(target)),
      piece_bytes_(piece_bytes_of(target_)),
      thread_([this] { run(); }) {}

LogWriter::~LogWriter() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void LogWriter::append(std::string_view line, bool urgent) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() + line.size() > max_waiting_bytes) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        wake = waiting_.empty() || (urgent && !urgent_);
        waiting_ += line;
        urgent_ = urgent_ || urgent;
    }
    if (wake) wake_.notify_one();
}

void LogWriter::redirect(Fd target) {
    {
        const std::lock_guard lock(mutex_);
        next_target_ = std::move(target);
    }
    wake_.notify_one();
}

void LogWriter::run() {
    std::string batch;
    const auto is_called = [this] { return stopping_ || next_target_; };
    std::unique_lock lock(mutex_);
    for (;;) {
        const auto has_work = [&] { return !waiting_.empty() || is_called(); };
        if (owes_word()) {
            wake_.wait_for(lock, loss_interval, has_work);
        } else {
            wake_.wait(lock, has_work);
        }
        wake_.wait_for(lock, write_interval, [&] { return urgent_ || is_called(); });
        batch.swap(waiting_);
        urgent_ = false;
        if (next_target_) {
            target_ = std::move(next_target_);
            piece_bytes_ = piece_bytes_of(target_);
            torn_ = false;
        }
        const bool last = stopping_;
        lock.unlock();
        write_batch(batch, last);
        batch.clear();
        if (last) return;
        lock.lock();
    }
}

void LogWriter::write_batch(std::string_view lines, bool last) {
    const std::string_view rest = write(lines);
    const auto lost = static_cast<std::uint64_t>(std::count(rest.begin(), rest.end(), '\n'));
    dropped_.fetch_add(lost, std::memory_order_relaxed);
    const auto now = Clock::now();
    const std::uint64_t dropped = this->dropped();
    if (lost > 0 || !loss_line_ || dropped == told_) return;
    if (!last && now - told_at_ < loss_interval) return;
    if (!write(loss_line_(dropped - told_)).empty()) return;
    told_ = dropped;
    told_at_ = now;
}

// Whole lines at a time, so that a reader never sees half of one; but a disk that
// becomes full may take half. What was not taken, which begins with such a line.
std::string_view LogWriter::write(std::string_view text) {
    if (torn_ && !text.empty()) {
        if (put("\n") == 0) return text;
        torn_ = false;
    }
    while (!text.empty()) {
        auto size = std::min(text.size(), piece_bytes_);
        if (const auto end = text.substr(0, size).rfind('\n'); end != std::string_view::npos) {
            size = end + 1;
        }
        const std::size_t taken = put(text.substr(0, size));
        if (taken == 0) break;
        torn_ = text[taken - 1] != '\n';
        text.remove_prefix(taken);
    }
    return text;
}

// The bytes that were taken of a piece; 0 where none is within the time there is.
std::size_t LogWriter::put(std::string_view piece) const {
    for (;;) {
        pollfd ready{.fd = target_.get(), .events = POLLOUT, .revents = 0};
        const int count = ::poll(&ready, 1, static_cast<int>(patience.count()));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return 0;
        const ssize_t written = ::write(target_.get(), piece.data(), piece.size());
        if (written < 0 && errno == EINTR) continue;
        return written > 0 ? static_cast<std::size_t>(written) : 0;
    }
}

}  // namespace ringway::proxy
