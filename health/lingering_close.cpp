#include "health/lingering_close.h"

#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>

namespace ringway::health {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;
using boost::system::error_code;

// Handlers hold it weakly: after its end they do nothing.
struct LingeringCloses::LingeringClose {
    LingeringClose(LingeringCloses& owner, Socket of)
        : all(owner), socket(std::move(of)), timer(socket.get_executor()) {}

    LingeringCloses& all;
    Socket socket;
    asio::steady_timer timer;
    std::size_t read_bytes = 0;
};

void LingeringCloses::add(Socket socket, Way way, Clock::time_point until) {
    error_code ignored;
    if (way == Way::end_at_once) socket.shutdown(Socket::shutdown_send, ignored);
    // Without anything unread, closing is a FIN.
    if (all_.size() >= at_once_max) {
        socket.close(ignored);
        return;
    }
    socket.non_blocking(true, ignored);
    const auto one = std::make_shared<LingeringClose>(*this, std::move(socket));
    all_.insert(one);
    read_on(one);
    if (!one->socket.is_open()) return;
    one->timer.expires_at(until);
    one->timer.async_wait([weak = std::weak_ptr(one)](const error_code& error) {
        const auto self = weak.lock();
        if (self && !error) self->all.close(self);
    });
}

void LingeringCloses::clear() {
    all_.clear();
}

void LingeringCloses::read_on(const std::shared_ptr<LingeringClose>& one) {
    thread_local std::array<char, 4096> buffer;  // discarded
    for (;;) {
        error_code error;
        one->read_bytes += one->socket.read_some(asio::buffer(buffer), error);
        if (error == asio::error::would_block) return await(one);
        if (error) return close(one);
        if (one->read_bytes > bytes_max) {
            one->socket.set_option(asio::socket_base::linger(true, 0), error);
            return close(one);
        }
    }
}

void LingeringCloses::await(const std::shared_ptr<LingeringClose>& one) {
    one->socket.async_wait(Socket::wait_read, [weak = std::weak_ptr(one)](const error_code& error) {
        const auto self = weak.lock();
        if (!self || !self->socket.is_open()) return;
        if (error) return self->all.close(self);
        self->all.read_on(self);
    });
}

void LingeringCloses::close(const std::shared_ptr<LingeringClose>& one) {
    error_code ignored;
    one->timer.cancel();
    one->socket.close(ignored);
    all_.erase(one);
}

}  // namespace ringway::health
