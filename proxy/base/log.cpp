#include "proxy/base/log.h"

#include <algorithm>
#include <new>
#include <utility>

namespace ringway::proxy {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds write_interval{100};
constexpr seconds loss_interval{1};  // between two lines about lost lines

}  // namespace

LogWriter::LogWriter(LogTarget target, LossLine loss_line)
    : loss_line_(std::move(loss_line)), target_(std::move(target)), thread_([this] { run(); }) {}

LogWriter::~LogWriter() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void LogWriter::append(std::string_view line, bool urgent, Priority priority) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        wake = waiting_.empty() || (urgent && !urgent_);
        const bool fits = waiting_.size() + line.size() <= max_waiting_bytes;
        if (!fits || !keep(line, priority)) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        urgent_ = urgent_ || urgent;
    }
    if (wake) wake_.notify_one();
}

// Each line has a mark, whichever of the two finds no memory.
bool LogWriter::keep(std::string_view line, Priority priority) {
    const std::size_t marks_before = marks_.size();
    try {
        marks_.push_back({static_cast<std::uint32_t>(line.size()), priority});
        waiting_ += line;
        return true;
    } catch (const std::bad_alloc&) {
        marks_.resize(marks_before);
        return false;
    }
}

void LogWriter::redirect(LogTarget target) {
    {
        const std::lock_guard lock(mutex_);
        next_target_ = std::move(target);
    }
    wake_.notify_one();
}

void LogWriter::run() {
    std::string batch;
    std::vector<LogMark> marks;
    const auto is_called = [this] { return stopping_ || bool(next_target_); };
    std::unique_lock lock(mutex_);
    for (;;) {
        const auto has_work = [&] { return !waiting_.empty() || is_called(); };
        if (owes_report()) {
            wake_.wait_for(lock, loss_interval, has_work);
        } else {
            wake_.wait(lock, has_work);
        }
        wake_.wait_for(lock, write_interval, [&] { return urgent_ || is_called(); });
        batch.swap(waiting_);
        marks.swap(marks_);
        urgent_ = false;
        if (next_target_) {
            target_ = std::exchange(next_target_, {});
            torn_ = false;
        }
        const bool last = stopping_;
        lock.unlock();
        write_batch(batch, marks, last);
        batch.clear();
        marks.clear();
        if (last) return;
        lock.lock();
    }
}

void LogWriter::write_batch(std::string_view lines, std::span<const LogMark> marks, bool last) {
    const bool is_formatted = target_.kind() != LogTarget::Kind::bytes;
    const std::string formatted = is_formatted ? target_.format(lines, marks) : "";
    const std::string_view rest = write(is_formatted ? formatted : lines);
    const auto lost = static_cast<std::uint64_t>(std::count(rest.begin(), rest.end(), '\n'));
    dropped_.fetch_add(lost, std::memory_order_relaxed);
    const auto now = Clock::now();
    const std::uint64_t dropped = this->dropped();
    if (lost > 0 || !loss_line_ || dropped == reported_) return;
    if (!last && now - reported_at_ < loss_interval) return;
    std::string line = loss_line_(dropped - reported_);
    const LogMark mark{static_cast<std::uint32_t>(line.size()), Priority::warning};
    if (is_formatted) line = target_.format(line, {&mark, 1});
    if (!write(line).empty()) return;
    reported_ = dropped;
    reported_at_ = now;
}

// The part that was not written; it begins with a partial line if the disk filled up in the middle
// of one.
std::string_view LogWriter::write(std::string_view text) {
    if (torn_ && !text.empty()) {
        if (target_.put("\n") == 0) return text;
        torn_ = false;
    }
    while (!text.empty()) {
        const std::size_t taken = target_.put(target_.piece_of(text));
        if (taken == 0) break;
        torn_ = text[taken - 1] != '\n';
        text.remove_prefix(taken);
    }
    return text;
}

}  // namespace ringway::proxy
