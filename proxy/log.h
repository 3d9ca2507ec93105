// Where lines of text go: a bounded buffer that a thread of its own writes out.
// Nothing that logs ever waits for a disk or a pipe: what does not fit is dropped
// and counted. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace ringway::proxy {

class LogWriter {
public:
    // Writes to `fd`, which stays open and the caller's.
    explicit LogWriter(int fd);
    // Writes what is left, unless the reader has stopped reading.
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    // `line` ends with a newline. It is written within 100 ms, at once if `urgent`.
    void append(std::string_view line, bool urgent);

    // Lines that were lost because nobody took them in time.
    std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t max_waiting_bytes = 4 << 20;

    void run();
    bool write(std::string_view text);

    const int fd_;
    const std::size_t piece_bytes_;  // written at once
    std::mutex mutex_;
    std::condition_variable wake_;
    std::string waiting_;    // guarded by mutex_
    bool urgent_ = false;    // guarded by mutex_
    bool stopping_ = false;  // guarded by mutex_
    std::atomic<std::uint64_t> dropped_{0};
    std::thread thread_;
};

}  // namespace ringway::proxy
