// The serve modes.
#include <endian.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/loadgen/server.h"
#include "tools/loadgen/wire.h"

namespace ringway::loadgen {

namespace {

constexpr std::size_t chunk_bytes = 128 << 10;

bool is_over(ssize_t got) {
    return got == 0 || (got < 0 && errno != EAGAIN);
}

// What all modes that send a fixed text have in common.
class Sender : public Service {
public:
    Sender(const ServiceOptions& options, Fd listener, Events& events)
        : Service(options, std::move(listener), events), text_(chunk_bytes) {
        for (std::size_t i = 0; i < text_.size(); ++i) text_[i] = static_cast<char>(i % 251);
    }

protected:
    // Sends up to `limit` bytes in all; -1 with errno as send(2), else the bytes.
    ssize_t send_up_to(Session& session, std::uint64_t limit) {
        const std::uint64_t size = std::min<std::uint64_t>(limit - session.sent, text_.size());
        const ssize_t sent = ::send(session.socket.get(), text_.data(), size, MSG_NOSIGNAL);
        if (sent > 0) session.sent += static_cast<std::uint64_t>(sent);
        return sent;
    }

private:
    std::vector<char> text_;
};

// A message is returned when it is complete, so that a large one is one answer and not one a
// segment.
class Echo final : public Service {
public:
    using Service::Service;

private:
    static constexpr std::size_t piece_bytes = 64 << 10;

    void begin(Session& session) override {
        send_at_once(session.socket);
        session.buffer.resize(options().bytes > 0 ? options().bytes : piece_bytes);
        watch(session, EPOLLIN);
    }

    void on_ready(Session& session, std::uint32_t /*events*/) override {
        if (session.sent < session.received && is_whole(session)) return answer(session, true);
        const ssize_t got = ::recv(session.socket.get(), session.buffer.data() + session.received,
                                   session.buffer.size() - session.received, 0);
        if (is_over(got)) return close(session);
        if (got < 0) return;
        session.received += static_cast<std::uint64_t>(got);
        if (is_whole(session)) answer(session, false);
    }

    bool is_whole(const Session& session) const {
        return options().bytes == 0 || session.received == options().bytes;
    }

    // While an answer waits for room nothing is read: the buffer holds it.
    void answer(Session& session, bool was_waiting) {
        const ssize_t sent = ::send(session.socket.get(), session.buffer.data() + session.sent,
                                    session.received - session.sent, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return close(session);
        if (sent > 0) session.sent += static_cast<std::uint64_t>(sent);
        const bool waits = session.sent < session.received;
        if (!waits) session.sent = session.received = 0;
        if (waits != was_waiting) rewatch(session, waits ? EPOLLOUT : EPOLLIN);
    }
};

// Counts, and sends the count when the client has ended.
class Sink final : public Service {
public:
    using Service::Service;

private:
    void begin(Session& session) override { watch(session, EPOLLIN); }

    void on_ready(Session& session, std::uint32_t /*events*/) override {
        const ssize_t got = discard(session.socket);
        if (got > 0) session.received += static_cast<std::uint64_t>(got);
        if (!is_over(got)) return;
        const std::uint64_t count = htobe64(session.received);
        if (got == 0) ::send(session.socket.get(), &count, sizeof count, MSG_NOSIGNAL);
        close(session);
    }
};

class Source final : public Sender {
public:
    using Sender::Sender;

private:
    void begin(Session& session) override { watch(session, EPOLLIN | EPOLLOUT); }

    void on_ready(Session& session, std::uint32_t events) override {
        if ((events & EPOLLIN) && is_over(discard(session.socket))) return close(session);
        if (!(events & EPOLLOUT)) return;
        const std::uint64_t limit = options().bytes > 0 ? options().bytes : UINT64_MAX;
        const ssize_t sent = send_up_to(session, limit);
        if (sent < 0 && errno != EAGAIN) return close(session);
        if (session.sent < limit) return;
        ::shutdown(session.socket.get(), SHUT_WR);
        rewatch(session, EPOLLIN);
    }
};

// The request has often arrived with the connection: it is read before the connection is added to
// the epoll set, which usually saves that.
class Answer final : public Sender {
public:
    using Sender::Sender;

private:
    void begin(Session& session) override {
        if (options().key_line) return watch(session, EPOLLIN);
        if (!proceed(session)) return;
        const bool has_request = session.received >= options().request_bytes;
        watch(session, has_request ? EPOLLOUT : EPOLLIN);
    }

    void on_ready(Session& session, std::uint32_t /*events*/) override {
        const bool had_request = session.received >= options().request_bytes;
        if (!proceed(session)) return;
        const bool has_request = session.received >= options().request_bytes;
        if (has_request && !had_request) rewatch(session, EPOLLOUT);
    }

    // As much as is possible now; false when the session is over.
    bool proceed(Session& session) {
        while (session.received < options().request_bytes) {
            const ssize_t got = discard(session.socket);
            if (got < 0 && errno == EAGAIN) return true;
            if (got <= 0) {
                close(session);
                return false;
            }
            session.received += static_cast<std::uint64_t>(got);
        }
        while (session.sent < options().bytes) {
            const ssize_t sent = send_up_to(session, options().bytes);
            if (sent < 0 && errno == EAGAIN) return true;
            if (sent < 0) break;
        }
        close(session);
        return false;
    }
};

class Hold final : public Service {
public:
    using Service::Service;

private:
    void begin(Session& session) override { watch(session, EPOLLIN); }
    void on_ready(Session& session, std::uint32_t /*events*/) override {
        if (is_over(discard(session.socket))) close(session);
    }
};

}  // namespace

std::unique_ptr<Service> make_service(const ServiceOptions& options, Fd listener, Events& events) {
    switch (options.mode) {
        case ServeMode::echo:
            return std::make_unique<Echo>(options, std::move(listener), events);
        case ServeMode::sink:
            return std::make_unique<Sink>(options, std::move(listener), events);
        case ServeMode::source:
            return std::make_unique<Source>(options, std::move(listener), events);
        case ServeMode::answer:
            return std::make_unique<Answer>(options, std::move(listener), events);
        case ServeMode::idle:
            return std::make_unique<Hold>(options, std::move(listener), events);
        case ServeMode::verify:
            return make_verify(options, std::move(listener), events);
    }
    return nullptr;
}

}  // namespace ringway::loadgen
