#include "tests/simulation/data/files.h"

#include <chrono>

namespace ringway::simulation::data {

std::uint32_t TimerFile::ready() const {
    return due_ <= Kernel::current()->now() ? std::uint32_t{EPOLLIN} : 0;
}

void TimerFile::set(int flags, const itimerspec& spec) {
    const auto value = std::chrono::seconds(spec.it_value.tv_sec) +
                       std::chrono::nanoseconds(spec.it_value.tv_nsec);
    Kernel& kernel = *Kernel::current();
    due_ = (flags & TFD_TIMER_ABSTIME) != 0 ? TimePoint(value) : kernel.now() + value;
    if (value.count() == 0) due_ = TimePoint::max();
    const std::uint64_t setting = ++settings_;
    if (due_ == TimePoint::max()) return;
    kernel.after(std::max(due_ - kernel.now(), Duration(0)), [this, setting] {
        if (setting == settings_) Kernel::current()->wake(*this);
    });
}

void Pipe::push(const Link& source, std::uint64_t at, std::size_t size) {
    pieces.push_back({&source, at, size});
    bytes += size;
}

void Pipe::drop(std::size_t size) {
    Piece& first = pieces.front();
    first.at += size;
    first.bytes -= size;
    bytes -= size;
    if (first.bytes == 0) pieces.pop_front();
}

}  // namespace ringway::simulation::data
