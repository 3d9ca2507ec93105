#include "tools/loadgen/server.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace ringway::loadgen {

namespace {

constexpr int accepts_per_turn = 64;
constexpr std::size_t max_key_line_bytes = 512;

}  // namespace

Service::Service(const ServiceOptions& options, Fd listener, Events& events)
    : options_(options), listener_(std::move(listener)), events_(events) {
    listening_.service = this;
    events_.add(listener_, &listening_, EPOLLIN);
}

void Service::accept_waiting() {
    for (int i = 0; i < accepts_per_turn; ++i) {
        Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket) return;
        ++accepted_;
        Session& session = sessions_.emplace_front();
        session.service = this;
        session.socket = std::move(socket);
        session.place = sessions_.begin();
        session.awaits_key_line = options_.key_line;
        begin(session);
    }
}

void Service::on_event(Session& session, std::uint32_t events) {
    if (session.awaits_key_line && !take_key_line(session)) return;
    on_ready(session, events);
}

// Reads the line and not a byte more, so that modes do not see it. False while it is incomplete,
// and if the session has ended.
bool Service::take_key_line(Session& session) {
    std::array<char, max_key_line_bytes> head;
    const ssize_t seen = ::recv(session.socket.get(), head.data(), head.size(), MSG_PEEK);
    if (seen < 0 && errno == EAGAIN) return false;
    const auto end = seen > 0 ? head.begin() + seen : head.begin();
    const auto newline = std::find(head.begin(), end, '\n');
    if (newline == end) {
        const bool may_come = seen > 0 && end != head.end();
        if (!may_come) close_with_reset(session);
        return false;
    }
    const auto size = static_cast<std::size_t>(newline - head.begin()) + 1;
    ::recv(session.socket.get(), head.data(), size, 0);
    session.awaits_key_line = false;
    return true;
}

void Service::watch(Session& session, std::uint32_t events) {
    if (!events_.add(session.socket, &session, events)) close_with_reset(session);
}

void Service::rewatch(Session& session, std::uint32_t events) {
    events_.change(session.socket, &session, events);
}

void Service::close(Session& session) {
    sessions_.erase(session.place);
}

void Service::close_with_reset(Session& session) {
    session.socket.close_with_reset();
    close(session);
}

Server::Server(const std::vector<ServiceOptions>& services, bool shared)
    : options_(services), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!stop_) throw std::system_error(errno, std::generic_category(), "eventfd");
    events_.add(stop_, nullptr, EPOLLIN);
    for (ServiceOptions& options : options_) {
        Fd listener = listen_on(options.listen, shared);
        options.listen = local_address(listener);
        services_.push_back(make_service(options, std::move(listener), events_));
    }
}

void Server::run(TimePoint until) {
    constexpr std::chrono::milliseconds turn{1};
    const bool keeps_time = std::any_of(options_.begin(), options_.end(), [](const auto& options) {
        return options.mode == ServeMode::verify;
    });
    while (Clock::now() < until) {
        const Duration wait = keeps_time ? Duration(turn) : until - Clock::now();
        for (const epoll_event& event : events_.wait(wait)) {
            if (event.data.ptr == nullptr) return;
            auto& session = *static_cast<Session*>(event.data.ptr);
            if (session.socket) {
                session.service->on_event(session, event.events);
            } else {
                session.service->accept_waiting();
            }
        }
        if (!keeps_time) continue;
        for (const auto& service : services_) service->on_turn(Clock::now());
    }
}

void Server::stop() {
    ::eventfd_write(stop_.get(), 1);
}

}  // namespace ringway::loadgen
