#include <algorithm>
#include <cerrno>

#include "tools/loadgen/modes.h"

namespace ringway::loadgen {

Connects::Connects(const RunOptions& options, Share share)
    : Client(options, std::move(share)),
      payload_(options.request_text.empty() ? std::string(options.request_bytes, 'q')
                                            : options.request_text),
      answer_(std::min<std::size_t>(options.bytes + 1, 64 << 10)) {}

// On loopback the connection is usually established when connect(2) returns, in spite of
// EINPROGRESS. So the request is sent at once, which saves an event.
void Connects::start(Link& link) {
    link.sent = link.received = 0;
    if (!options().tls_name.empty()) return connect(link);
    if (!begin_to_connect(link)) return;
    const bool has_request = !payload_.empty() || options().key_line;
    if (!has_request) return watch(link, EPOLLIN | EPOLLOUT);
    const std::uint32_t events = send_request(link);
    if (events != 0) watch(link, events);
}

std::string Connects::request_of(const Link& link) const {
    return key_line(link) + payload_;
}

std::uint32_t Connects::send_request(Link& link) {
    const std::string request = request_of(link);
    const ssize_t sent = send(link, request.data() + link.sent, request.size() - link.sent);
    if (sent < 0 && errno != EAGAIN) {
        fail_by_errno(link, errno);
        return 0;
    }
    if (sent > 0) {
        stands(link);
        link.sent += static_cast<std::uint64_t>(sent);
        if (measuring()) result().bytes_up += static_cast<std::uint64_t>(sent);
    }
    return link.sent < request.size() ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

void Connects::on_connected(Link& link) {
    if (options().bytes == 0) {  // a handshake is all
        close(link);
        return finish(link);
    }
    const std::uint32_t events = send_request(link);
    if (events != 0) rewatch(link, events);
}

void Connects::on_ready(Link& link, std::uint32_t events) {
    if (events & EPOLLOUT) {
        const std::uint32_t wanted = send_request(link);
        if (wanted == 0) return;
        rewatch(link, wanted);
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    for (;;) {
        const ssize_t got = receive(link, answer_.data(), answer_.size());
        if (got < 0 && errno == EAGAIN) return;
        if (got < 0) return fail_by_errno(link, errno);
        if (got == 0) break;
        link.received += static_cast<std::uint64_t>(got);
        if (measuring()) result().bytes_down += static_cast<std::uint64_t>(got);
    }
    if (link.received < options().bytes) return fail(link, Failure::early_end);
    if (link.received > options().bytes) return fail(link, Failure::wrong_bytes);
    close(link);
    finish(link);
}

}  // namespace ringway::loadgen
