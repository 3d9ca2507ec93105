// A pool of kernel pipes for splice(2), for directions that move bulk; a pipe is returned as soon
// as it is empty. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/fd.h"

namespace ringway::proxy {

struct Pipe {
    Fd in;   // bytes go in here
    Fd out;  // and come out here
    explicit operator bool() const { return static_cast<bool>(in); }
};

class Pipes {
public:
    explicit Pipes(std::uint64_t most_at_once) : most_at_once_(most_at_once) {
        spare_.reserve(max_spare);
    }

    // An empty pipe, or none: beyond most_at_once, or if the kernel refuses (pipe(7) limits them
    // for users other than root).
    Pipe take();

    // Returns a pipe; it is reused if it is empty. Needs no memory.
    void give_back(Pipe pipe, bool empty) noexcept;

private:
    static constexpr std::size_t max_spare = 64;
    // Half of a megabyte halves the processor time of bulk against the default of
    // 64 KiB; more brings nothing (tools/compare --only bulk-up,bulk-down).
    static constexpr int pipe_bytes = 512 << 10;
    const std::uint64_t most_at_once_;
    std::uint64_t lent_ = 0;
    std::vector<Pipe> spare_;
    TimePoint refused_until_{};  // after a refusal the kernel is not tried again at once
};

}  // namespace ringway::proxy
