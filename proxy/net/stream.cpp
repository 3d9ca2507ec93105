#include "proxy/net/stream.h"

#include <netinet/in.h>

namespace ringway::proxy {

namespace {

void set(const Stream& stream, int level, int option, int value) {
    ::setsockopt(stream.descriptor(), level, option, &value, sizeof value);
}

}  // namespace

Stream accept_stream(const Fd& listening, SocketAddress& client) {
    return Stream(
        Fd(::accept4(listening.get(), &client.any, &client.size, SOCK_NONBLOCK | SOCK_CLOEXEC)));
}

Stream stream_towards(const SocketAddress& address) {
    Stream stream(
        Fd(::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
    if (stream) keep_urgent_in_place(stream);
    return stream;
}

int begin_to_connect(const Stream& stream, const SocketAddress& address) {
    if (::connect(stream.descriptor(), &address.any, address.size) == 0) return 0;
    return errno == EINPROGRESS ? 0 : errno;
}

void keep_urgent_in_place(const Stream& stream) {
    set(stream, SOL_SOCKET, SO_OOBINLINE, 1);
}

void send_at_once(const Stream& stream) {
    set(stream, IPPROTO_TCP, TCP_NODELAY, 1);
}

void hold_acknowledgements(const Stream& stream) {
    set(stream, IPPROTO_TCP, TCP_QUICKACK, 0);
}

void acknowledge_at_once(const Stream& stream) {
    set(stream, IPPROTO_TCP, TCP_QUICKACK, 1);
}

std::optional<conf::Endpoint> local_address(const Stream& stream) {
    SocketAddress address;
    if (::getsockname(stream.descriptor(), &address.any, &address.size) != 0) return std::nullopt;
    return to_endpoint(address);
}

std::optional<tcp_info> kernel_info(const Stream& stream) {
    std::optional<tcp_info> info(std::in_place);
    socklen_t size = sizeof *info;
    if (::getsockopt(stream.descriptor(), IPPROTO_TCP, TCP_INFO, &*info, &size) != 0) info.reset();
    return info;
}

}  // namespace ringway::proxy
