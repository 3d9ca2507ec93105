#include "proxy/names/channel.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <ares.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "proxy/base/clock.h"

namespace ringway::proxy {

namespace asio = boost::asio;
using boost::system::error_code;
using Family = conf::DnsSettings::Family;

namespace {

constexpr int class_internet = 1;
constexpr int udp_bytes_max = 1232;  // fits an IPv6 packet of the least MTU: no fragments
constexpr std::size_t name_bytes_max = 253;

struct Query {
    Channel::OnReply on_reply;
};

void on_answer(void* arg, int status, int /*timeouts*/, unsigned char* message, int size) {
    const std::unique_ptr<Query> query(static_cast<Query*>(arg));
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) return;
    std::string_view bytes;
    if (message != nullptr && size > 0) {
        bytes = {reinterpret_cast<const char*>(message), static_cast<std::size_t>(size)};
    }
    query->on_reply(status, bytes);
}

using Addresses = std::vector<conf::Endpoint>;

void add(Addresses& all, const sockaddr& address) {
    conf::Endpoint endpoint;
    if (address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        std::memcpy(endpoint.address.data(), &v4.sin_addr, 4);
    } else if (address.sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        endpoint.is_v6 = true;
        std::memcpy(endpoint.address.data(), &v6.sin6_addr, 16);
    } else {
        return;
    }
    all.push_back(endpoint);
}

void on_hosts(void* arg, int status, int /*timeouts*/, ares_addrinfo* found) {
    if (status == ARES_SUCCESS && found != nullptr) {
        for (auto* node = found->nodes; node != nullptr; node = node->ai_next) {
            add(*static_cast<Addresses*>(arg), *node->ai_addr);
        }
    }
    ares_freeaddrinfo(found);
}

// Those of a signed int, for c-ares.
template <class Number>
int to_int(Number value) {
    constexpr Number most = 1 << 30;
    return static_cast<int>(std::clamp(value, Number{1}, most));
}

std::string csv_of(const std::vector<conf::Endpoint>& nameservers) {
    std::string csv;
    for (const conf::Endpoint& each : nameservers)
        csv += (csv.empty() ? "" : ",") + each.to_string();
    return csv;
}

}  // namespace

struct Channel::Socket {
    explicit Socket(asio::io_context& io) : descriptor(io) {}

    asio::posix::stream_descriptor descriptor;
    // What c-ares waits for, and what is waited for now; first reads, then writes.
    std::array<bool, 2> wanted{};
    std::array<bool, 2> awaited{};
};

Channel::Channel(asio::io_context& io, const conf::DnsSettings& settings, Errors errors)
    : io_(io), alarm_(io) {
    open(settings, errors);
    if (channel_ != nullptr) read_search_list();
}

Channel::~Channel() {
    alive_.reset();
    alarm_.cancel();
    if (channel_ != nullptr) ares_destroy(channel_);  // releases the sockets, by on_socket_state()
}

void Channel::open(const conf::DnsSettings& settings, Errors errors) {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    if (library != ARES_SUCCESS) return;
    ares_options options{};
    options.flags = ARES_FLAG_EDNS | (errors == Errors::take ? ARES_FLAG_NOCHECKRESP : 0);
    options.ednspsz = udp_bytes_max;
    options.timeout = to_int(settings.timeout.count());
    options.tries = to_int(settings.attempts);
    char lookups[] = "f";  // ares_getaddrinfo() is for the hosts file alone
    options.lookups = lookups;
    options.sock_state_cb_data = this;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
        static_cast<Channel*>(self)->on_socket_state(fd, readable != 0, writable != 0);
    };
    const int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                     ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
    if (ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
        channel_ = nullptr;
        return;
    }
    if (settings.nameservers.empty()) return;
    const std::string nameservers = csv_of(settings.nameservers);
    if (ares_set_servers_ports_csv(channel_, nameservers.c_str()) != ARES_SUCCESS) {
        ares_destroy(std::exchange(channel_, nullptr));
    }
}

void Channel::read_search_list() {
    ares_options options{};
    int mask = 0;
    if (ares_save_options(channel_, &options, &mask) == ARES_SUCCESS) {
        dots_min_ = static_cast<std::size_t>(std::max(options.ndots, 0));
        for (int i = 0; i < options.ndomains; ++i) search_.emplace_back(options.domains[i]);
    }
    ares_destroy_options(&options);
}

std::vector<std::string> Channel::candidates(const std::string& name) const {
    std::vector<std::string> all;
    for (const std::string& listed : search_) {
        std::string_view domain = listed;
        if (domain.ends_with('.')) domain.remove_suffix(1);
        if (domain.empty()) continue;  // the root: the name itself
        std::string longer = name + '.';
        longer += domain;
        if (longer.size() <= name_bytes_max) all.push_back(std::move(longer));
    }
    const auto dots = static_cast<std::size_t>(std::ranges::count(name, '.'));
    all.insert(dots >= dots_min_ ? all.begin() : all.end(), name);
    return all;
}

std::vector<conf::Endpoint> Channel::in_hosts_file(const std::string& name, Family family) {
    Addresses found;
    if (channel_ == nullptr) return found;
    ares_addrinfo_hints hints{};
    hints.ai_flags = ARES_AI_NOSORT;
    hints.ai_family = AF_UNSPEC;
    if (family != Family::both) hints.ai_family = family == Family::v4 ? AF_INET : AF_INET6;
    ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, on_hosts, &found);
    sort_addresses(found);
    return found;
}

void Channel::query(const std::string& name, RecordType type, OnReply on_reply) {
    if (channel_ == nullptr) {
        on_reply(ARES_ENOMEM, {});
        return;
    }
    auto query = std::make_unique<Query>(Query{std::move(on_reply)});
    ares_query(channel_, name.c_str(), class_internet, static_cast<int>(type), on_answer,
               query.release());
    set_alarm();
}

void Channel::on_socket_state(int fd, bool readable, bool writable) {
    auto found = sockets_.find(fd);
    if (!readable && !writable) {
        if (found == sockets_.end()) return;
        found->second->descriptor.release();  // c-ares is about to close it
        sockets_.erase(found);
        return;
    }
    if (found == sockets_.end()) {
        auto socket = std::make_shared<Socket>(io_);
        error_code error;
        socket->descriptor.assign(fd, error);
        if (error) return;  // its queries time out
        found = sockets_.emplace(fd, std::move(socket)).first;
    }
    found->second->wanted = {readable, writable};
    watch(fd, found->second);
}

void Channel::watch(int fd, const std::shared_ptr<Socket>& socket) {
    for (const bool to_write : {false, true}) {
        if (socket->wanted[to_write] && !socket->awaited[to_write]) wait(fd, socket, to_write);
    }
}

void Channel::wait(int fd, const std::shared_ptr<Socket>& socket, bool to_write) {
    using Descriptor = asio::posix::descriptor_base;
    socket->awaited[to_write] = true;
    socket->descriptor.async_wait(
        to_write ? Descriptor::wait_write : Descriptor::wait_read,
        [this, alive = std::weak_ptr(alive_), fd, socket, to_write](const error_code& error) {
            socket->awaited[to_write] = false;
            if (!error && !alive.expired()) on_ready(fd, socket, to_write);
        });
}

void Channel::on_ready(int fd, const std::shared_ptr<Socket>& socket, bool to_write) {
    const auto is_open = [&] {
        const auto found = sockets_.find(fd);
        return found != sockets_.end() && found->second == socket;
    };
    if (!is_open()) return;  // closed since, and perhaps another has its number
    if (socket->wanted[to_write]) {
        ares_process_fd(channel_, to_write ? ARES_SOCKET_BAD : fd, to_write ? fd : ARES_SOCKET_BAD);
    }
    if (is_open()) watch(fd, socket);
    set_alarm();
}

// For the next timeout of a query.
void Channel::set_alarm() {
    timeval room{};
    const timeval* const left = ares_timeout(channel_, nullptr, &room);
    if (left == nullptr) {
        alarm_.cancel();
        return;
    }
    alarm_.expires_after(std::chrono::seconds(left->tv_sec) +
                         std::chrono::microseconds(left->tv_usec));
    alarm_.async_wait([this, alive = std::weak_ptr(alive_)](const error_code& error) {
        if (error || alive.expired()) return;
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        set_alarm();
    });
}

}  // namespace ringway::proxy
