// Kernel pipes for splice(2), lent to the directions that move bulk and taken
// back as soon as they run dry. One thread.
#pragma once

#include <cstddef>
#include <vector>

#include "proxy/clock.h"
#include "proxy/fd.h"

namespace ringway::proxy {

struct Pipe {
    Fd in;   // bytes go in here
    Fd out;  // and come out here
    explicit operator bool() const { return static_cast<bool>(in); }
};

class Pipes {
public:
    // An empty pipe, or none where the kernel gives no more: pipe(7) limits them
    // for users other than root.
    Pipe take();

    // Only an empty pipe may come back; close the others.
    void give_back(Pipe pipe);

private:
    static constexpr std::size_t max_spare = 64;
    std::vector<Pipe> spare_;
    TimePoint refused_until_{};  // a kernel that gave none is not asked again at once
};

}  // namespace ringway::proxy
