#include "proxy/log.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>

namespace ringway::proxy {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds write_interval{100};
constexpr milliseconds patience{100};  // with a pipe that nobody reads

// A file takes whatever it is given; of anything else, what poll(2) calls writable
// is sure to take PIPE_BUF bytes without waiting (pipe(7)).
std::size_t piece_bytes_of(int fd) {
    struct stat file {};
    const bool regular = ::fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
    return regular ? std::size_t{1} << 20 : PIPE_BUF;
}

}  // namespace

LogWriter::LogWriter(int fd)
    : fd_(fd), piece_bytes_(piece_bytes_of(fd)), thread_([this] { run(); }) {}

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

void LogWriter::run() {
    std::string batch;
    std::unique_lock lock(mutex_);
    while (!stopping_ || !waiting_.empty()) {
        wake_.wait(lock, [this] { return !waiting_.empty() || stopping_; });
        wake_.wait_for(lock, write_interval, [this] { return urgent_ || stopping_; });
        batch.swap(waiting_);
        urgent_ = false;
        const bool last = stopping_;
        lock.unlock();
        const bool written = batch.empty() || write(batch);
        batch.clear();
        lock.lock();
        if (last && !written) return;
    }
}

// Whole lines at a time, so that a reader never sees half of one.
bool LogWriter::write(std::string_view text) {
    while (!text.empty()) {
        pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
        const int count = ::poll(&ready, 1, static_cast<int>(patience.count()));
        if (count < 0 && errno == EINTR) continue;
        auto size = std::min(text.size(), piece_bytes_);
        if (const auto end = text.substr(0, size).rfind('\n'); end != std::string_view::npos) {
            size = end + 1;
        }
        const ssize_t written = count > 0 ? ::write(fd_, text.data(), size) : -1;
        if (written > 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (count <= 0 || errno != EINTR) {
            const auto lost = std::count(text.begin(), text.end(), '\n');
            dropped_.fetch_add(static_cast<std::uint64_t>(lost), std::memory_order_relaxed);
            return false;
        }
    }
    return true;
}

}  // namespace ringway::proxy
