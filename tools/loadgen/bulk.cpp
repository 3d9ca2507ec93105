#include <endian.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "tools/loadgen/modes.h"
#include "tools/loadgen/wire.h"

namespace ringway::loadgen {

Bulk::Bulk(const RunOptions& options, Share share)
    : Client(options, std::move(share)),
      up_(options.mode == RunMode::bulk_up),
      data_(options.bytes) {
    for (std::size_t i = 0; i < data_.size(); ++i) data_[i] = static_cast<char>(i % 251);
}

void Bulk::on_connected(Link& link) {
    set_busy(link);
    link.sent = link.received = 0;
    if (const std::string line = key_line(link); !line.empty()) {
        if (send(link, line.data(), line.size()) < 0) {
            return fail_by_errno(link, errno);
        }
    }
    rewatch(link, up_ ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

// One write or read an event: the set is level-triggered, so every stream gets
// its turn.
void Bulk::on_ready(Link& link, std::uint32_t events) {
    link.since = now();  // a stream that moves is not late
    if ((events & EPOLLOUT) && !ending()) send_some(link);
    if (link.state != Link::State::open) return;
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    if (up_) {
        receive_count(link);
    } else {
        receive_some(link);
    }
}

void Bulk::send_some(Link& link) {
    const ssize_t sent = send(link, data_.data(), data_.size());
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return fail_by_errno(link, errno);
    link.sent += static_cast<std::uint64_t>(sent);
    if (measuring()) result().bytes_up += static_cast<std::uint64_t>(sent);
}

void Bulk::receive_some(Link& link) {
    const ssize_t got = link.tls ? receive(link, data_.data(), data_.size()) : discard(link.socket);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return fail_by_errno(link, errno);
    if (got == 0) return on_end(link);
    link.received += static_cast<std::uint64_t>(got);
    if (measuring()) result().bytes_down += static_cast<std::uint64_t>(got);
}

// The sink's count arrives in one piece: eight bytes on an idle stream.
void Bulk::receive_count(Link& link) {
    std::uint64_t count = 0;
    const ssize_t got = receive(link, &count, sizeof count);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return fail_by_errno(link, errno);
    if (got == 0) return on_end(link);
    link.received += static_cast<std::uint64_t>(got);
    if (got != sizeof count) return fail(link, Failure::wrong_bytes);
    if (be64toh(count) != link.sent) return fail(link, Failure::bytes_lost);
}

void Bulk::on_end(Link& link) {
    const bool whole = !up_ || link.received == sizeof(std::uint64_t);
    if (!ending() || !whole) return fail(link, Failure::early_end);
    set_idle(link);
    close(link);
}

void Bulk::on_window_end() {
    for (Link& link : links()) {
        if (link.state != Link::State::open) continue;
        end_sending(link);
        rewatch(link, EPOLLIN);
    }
}

}  // namespace ringway::loadgen
