#include "proxy/net/listen_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "conf/overlap.h"
#include "proxy/net/address.h"
#include "proxy/net/unix_socket.h"

namespace ringway::proxy {

namespace {

// The kernel cuts it to net.core.somaxconn (listen(2)).
constexpr int backlog = 65'535;

// A bound socket; an empty one with errno set if that failed.
Fd bind_socket(const conf::Endpoint& endpoint, bool shared) {
    const SocketAddress address(endpoint);
    Fd fd(::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return {};
    const int on = 1;
    const int off = 0;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Independent of net.ipv6.bindv6only: conf/overlap.h relies on it.
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (shared) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    // Accepted sockets inherit this one.
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    if (::bind(fd.get(), &address.any, address.size) != 0) {
        const int reason = errno;
        fd.close();
        errno = reason;
    }
    return fd;
}

// With the reason in errno.
Reason refusal(const conf::Endpoint& address) {
    return Reason(
        fmt::format("cannot listen on {}: {}", address.to_string(), std::strerror(errno)));
}

// One socket for all workers, as no two can be bound to one path; each gets its own
// descriptor of it.
Result<ListenSockets> open_unix_sockets(const conf::Endpoint& address, std::size_t count,
                                        const Prepare& prepare) {
    if (const auto cleared = clear_socket_file(address.path); !cleared) {
        return Reason(
            fmt::format("cannot listen on {}: {}", address.to_string(), cleared.error().text));
    }
    ListenSockets opened;
    opened.sockets.push_back(bind_socket(address, false));
    if (!opened.sockets.front()) return refusal(address);
    opened.file = SocketFile(address.path);
    if (prepare) prepare(opened.sockets.front().get());
    if (::listen(opened.sockets.front().get(), backlog) != 0) return refusal(address);
    while (opened.sockets.size() < count) {
        opened.sockets.emplace_back(::fcntl(opened.sockets.front().get(), F_DUPFD_CLOEXEC, 0));
        if (!opened.sockets.back()) return refusal(address);
    }
    return opened;
}

// The digits of a 32-bit word as the kernel prints it, in memory order.
bool parse_word(std::string_view hex, std::uint8_t* bytes) {
    std::uint32_t word = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), word, 16);
    if (error != std::errc() || end != hex.data() + hex.size()) return false;
    std::memcpy(bytes, &word, sizeof word);
    return true;
}

// "0100007F:1F90"
std::optional<conf::Endpoint> parse_kernel_address(std::string_view text) {
    constexpr std::size_t word_digits = 8;
    const auto colon = text.find(':');
    if (colon != word_digits && colon != 4 * word_digits) return std::nullopt;
    conf::Endpoint endpoint{.is_v6 = colon > word_digits};
    for (std::size_t at = 0; at < colon; at += word_digits) {
        const auto word = text.substr(at, word_digits);
        if (!parse_word(word, endpoint.address.data() + at / 2)) return std::nullopt;
    }
    const auto port = text.substr(colon + 1);
    const char* const end = port.data() + port.size();
    const auto [rest, error] = std::from_chars(port.data(), end, endpoint.port, 16);
    if (error != std::errc() || rest != end) return std::nullopt;
    return endpoint;
}

// Fails if another process listens on `address` by one of the lists. Listening sockets come first
// (the kernel's proc_net_tcp.rst), so the rest is not read.
Result<void> check_list(const char* list, const conf::Endpoint& address,
                        const std::vector<ino_t>& ours) {
    std::ifstream file(list);
    std::string line;
    if (!std::getline(file, line)) {
        return Reason(
            fmt::format("cannot listen on {}: cannot find out whether another process does: {}: {}",
                        address.to_string(), list, std::strerror(errno)));
    }
    while (std::getline(file, line)) {
        const auto found = parse_listening_socket(line);
        if (!found) break;
        if (std::ranges::find(ours, found->inode) != ours.end()) continue;
        if (!conf::overlap(found->address, address)) continue;
        return Reason(fmt::format("cannot listen on {}: another process listens on {}",
                                  address.to_string(), found->address.to_string()));
    }
    return {};
}

}  // namespace

std::vector<ino_t> ListenSockets::inodes() const {
    std::vector<ino_t> all;
    for (const Fd& socket : sockets) {
        struct stat found {};
        if (::fstat(socket.get(), &found) == 0) all.push_back(found.st_ino);
    }
    return all;
}

Result<ListenSockets> open_listen_sockets(const conf::Endpoint& address, std::size_t count,
                                          const Prepare& prepare) {
    if (address.is_unix) return open_unix_sockets(address, count, prepare);
    ListenSockets opened;
    for (std::size_t i = 0; i < count; ++i) {
        Fd fd = bind_socket(address, true);
        if (!fd) return refusal(address);
        if (prepare) prepare(fd.get());
        if (::listen(fd.get(), backlog) != 0) return refusal(address);
        opened.sockets.push_back(std::move(fd));
    }
    return opened;
}

void set_deferred_accept(int socket, std::chrono::seconds wait) {
    const int number = static_cast<int>(wait.count());
    ::setsockopt(socket, IPPROTO_TCP, TCP_DEFER_ACCEPT, &number, sizeof number);
}

Result<void> check_free(const conf::Endpoint& address) {
    if (bind_socket(address, false)) return {};
    return refusal(address);
}

Result<void> check_free(const conf::Endpoint& address, const std::vector<ino_t>& ours) {
    if (auto v4 = check_list("/proc/self/net/tcp", address, ours); !v4) return v4;
    constexpr const char* list = "/proc/self/net/tcp6";
    if (::access(list, F_OK) != 0) return {};  // a kernel without IPv6
    return check_list(list, address, ours);
}

std::optional<ListeningSocket> parse_listening_socket(std::string_view line) {
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
    std::array<std::string_view, 10> words;
    for (auto& word : words) {
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        word = line.substr(0, line.find(' '));
        line.remove_prefix(word.size());
    }
    const auto address = parse_kernel_address(words[1]);
    if (!address || words[3] != "0A") return std::nullopt;  // TCP_LISTEN
    ino_t inode = 0;
    const std::string_view text = words[9];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), inode);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return ListeningSocket{*address, inode};
}

}  // namespace ringway::proxy
