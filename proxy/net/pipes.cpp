#include "proxy/net/pipes.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace ringway::proxy {

Pipe Pipes::take() {
    if (lent_ >= most_at_once_) return {};
    if (!spare_.empty()) {
        Pipe pipe = std::move(spare_.back());
        spare_.pop_back();
        ++lent_;
        return pipe;
    }
    const TimePoint now = Clock::now();
    if (now < refused_until_) return {};
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        refused_until_ = now + std::chrono::seconds(1);
        return {};
    }
    // A larger pipe moves more bytes a splice. If the user's limit of pipe pages is reached this
    // fails, and the default size stays.
    ::fcntl(fds[1], F_SETPIPE_SZ, pipe_bytes);
    ++lent_;
    return {.in = Fd(fds[1]), .out = Fd(fds[0])};
}

void Pipes::give_back(Pipe pipe, bool empty) noexcept {
    if (!pipe) return;
    --lent_;
    if (empty && spare_.size() < max_spare) spare_.push_back(std::move(pipe));
}

}  // namespace ringway::proxy
