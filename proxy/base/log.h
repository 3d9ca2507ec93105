// Asynchronous log output: a bounded buffer that a separate thread writes out. Logging never waits
// for a disk or a pipe: lines that do not fit are dropped and counted. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/base/log_target.h"

namespace ringway::proxy {

class LogWriter {
public:
    // The line that reports this number of lost lines.
    using LossLine = std::function<std::string(std::uint64_t lost)>;

    // Without a `loss_line` losses are counted and not reported.
    explicit LogWriter(LogTarget target, LossLine loss_line = {});
    // Writes the rest, unless the reader has stopped reading.
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    // `line` ends with a newline. It is written within 100 ms, at once if `urgent`.
    void append(std::string_view line, bool urgent, Priority priority = Priority::info);

    // Lines go to `target` from the next write on, buffered ones included.
    void redirect(LogTarget target);

    // Lines that were lost because the target was too slow, a disk full or memory short. Once lines
    // are written again, one line reports how many, at most one a second.
    std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t max_waiting_bytes = 4 << 20;

    bool keep(std::string_view line, Priority priority);
    void run();
    bool owes_report() const { return loss_line_ && reported_ != dropped(); }
    void write_batch(std::string_view lines, std::span<const LogMark> marks, bool last);
    std::string_view write(std::string_view text);

    const LossLine loss_line_;

    // Guarded by mutex_.
    std::mutex mutex_;
    std::condition_variable wake_;
    std::string waiting_;
    std::vector<LogMark> marks_;  // of each buffered line
    LogTarget next_target_;
    bool urgent_ = false;
    bool stopping_ = false;

    // Its own thread only.
    LogTarget target_;
    bool torn_ = false;           // the target ends in the middle of a line
    std::uint64_t reported_ = 0;  // of those dropped
    std::chrono::steady_clock::time_point reported_at_;

    // Any thread, relaxed.
    std::atomic<std::uint64_t> dropped_{0};

    std::thread thread_;
};

}  // namespace ringway::proxy
