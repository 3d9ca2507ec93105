#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "tools/loadgen/modes.h"

namespace ringway::loadgen {

RoundTrips::RoundTrips(const RunOptions& options, Share share)
    : Client(options, std::move(share)), message_(options.bytes), answer_(options.bytes) {
    for (std::size_t i = 0; i < message_.size(); ++i) message_[i] = static_cast<char>(i % 251);
}

void RoundTrips::on_connected(Link& link) {
    if (!begin_with_key(link)) return;
    rewatch(link, EPOLLIN);
    offer(link);
}

bool RoundTrips::begin_with_key(Link& link) {
    send_at_once(link.socket);
    const std::string line = key_line(link);
    if (line.empty()) return true;
    if (send(link, line.data(), line.size()) > 0) return true;
    fail_by_errno(link, errno);
    return false;
}

void RoundTrips::stamp(const Link& link) {
    const std::array<std::uint64_t, 2> mark = {link.number, link.index + (share().thread << 24)};
    std::memcpy(message_.data(), mark.data(), std::min(message_.size(), sizeof mark));
}

void RoundTrips::start(Link& link) {
    link.sent = link.received = 0;
    stamp(link);
    send_message(link);
}

void RoundTrips::send_message(Link& link) {
    const ssize_t sent = send(link, message_.data() + link.sent, message_.size() - link.sent);
    if (sent < 0 && errno != EAGAIN) return fail_by_errno(link, errno);
    const bool was_partly_sent = link.sent > 0;
    if (sent > 0) link.sent += static_cast<std::uint64_t>(sent);
    if (measuring() && sent > 0) result().bytes_up += static_cast<std::uint64_t>(sent);
    if (link.sent < message_.size()) {
        rewatch(link, EPOLLIN | EPOLLOUT);
    } else if (was_partly_sent) {
        rewatch(link, EPOLLIN);
    }
}

void RoundTrips::on_ready(Link& link, std::uint32_t events) {
    if ((events & EPOLLOUT) && link.busy && link.sent < message_.size()) {
        stamp(link);
        send_message(link);
        if (link.state != Link::State::open) return;
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    while (receive_some(link) && link.tls) continue;
}

// False where there is nothing more now. What TLS has in hand, no event will tell.
bool RoundTrips::receive_some(Link& link) {
    // Without an operation no byte is expected: this detects one, or the end.
    const std::size_t room = link.busy ? message_.size() - link.received : 1;
    const ssize_t got = receive(link, answer_.data(), room);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) {
        if (got < 0) fail_by_errno(link, errno);
        if (got == 0) fail(link, Failure::early_end);
        return false;
    }
    const auto size = static_cast<std::size_t>(got);
    if (measuring()) result().bytes_down += size;
    stamp(link);
    if (!link.busy || std::memcmp(answer_.data(), message_.data() + link.received, size) != 0) {
        fail(link, Failure::wrong_bytes);
        return false;
    }
    link.received += size;
    if (link.received == message_.size()) on_answer(link);
    return link.state == Link::State::open;
}

void Idle::on_connected(Link& link) {
    if (options().bytes > 0) return RoundTrips::on_connected(link);
    if (begin_with_key(link)) rewatch(link, EPOLLIN);
}

// Held from now on: not offered for another operation.
void Idle::on_answer(Link& link) {
    set_idle(link);
}

unsigned Idle::held() {
    const auto stands = [this](const Link& link) {
        const bool has_talked = link.number > 0 || options().bytes == 0;
        return link.state == Link::State::open && !link.busy && has_talked;
    };
    return static_cast<unsigned>(std::count_if(links().begin(), links().end(), stands));
}

// Connections that are never established must not keep the run from ending.
bool Idle::is_warm() {
    return held() == share().links || now() > warm_at() + options().timeout;
}

void Idle::on_window_begin() {
    const unsigned standing = held();
    result().operations = standing;
    result().failures.add(Failure::unfinished, share().links - standing);
    share().progress(fmt::format("holding {} connections", standing));
}

}  // namespace ringway::loadgen
