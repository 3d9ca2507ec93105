#include "proxy/control/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include "proxy/data/worker.h"

namespace ringway::proxy {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds status_interval{1'000};
constexpr milliseconds stop_allowance{5'000};  // to end the last connections with resets

std::optional<std::uint64_t> number_in(const char* name) {
    const char* text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    const char* end = text + std::strlen(text);
    std::uint64_t number = 0;
    const auto [rest, error] = std::from_chars(text, end, number);
    if (error != std::errc() || rest != end || number == 0) return std::nullopt;
    return number;
}

// The bytes of sun_path for `name`; none for what is no unix socket's (unix(7)).
std::string address_of(const std::string& name) {
    const bool fits = name.size() > 1 && name.size() < sizeof(sockaddr_un::sun_path);
    if (name.empty()) return {};
    if (!fits || (name[0] != '/' && name[0] != '@')) {
        spdlog::warn("NOTIFY_SOCKET names no unix socket: the service manager is not notified");
        return {};
    }
    return name[0] == '@' ? '\0' + name.substr(1) : name;
}

}  // namespace

NotifySettings NotifySettings::from_environment() {
    NotifySettings settings;
    if (const char* socket = std::getenv("NOTIFY_SOCKET")) settings.socket = socket;
    const auto pid = number_in("WATCHDOG_PID");
    const bool is_ours = !pid || *pid == static_cast<std::uint64_t>(::getpid());
    if (const auto usec = number_in("WATCHDOG_USEC"); usec && is_ours) {
        settings.watchdog = microseconds(*usec);
    }
    return settings;
}

Notifier::Notifier(boost::asio::io_context& io, const Workers& workers,
                   std::function<std::string()> status, const NotifySettings& settings)
    : io_(io),
      workers_(workers),
      status_(std::move(status)),
      address_(address_of(settings.socket)),
      watchdog_(settings.watchdog),
      status_timer_(io),
      pulse_timer_(io),
      loop_watchdog_(workers.size()) {
    if (!address_.empty()) {
        socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    }
}

void Notifier::ready() {
    if (!socket_) return;
    told_status_ = status_();
    send(fmt::format("READY=1\nSTATUS={}", told_status_));
    if (std::exchange(is_ready_, true)) return;
    watch_status();
    if (watchdog_ > microseconds(0)) watch_loops();
}

void Notifier::reloading() {
    if (!socket_) return;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();  // CLOCK_MONOTONIC
    send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                     std::chrono::duration_cast<microseconds>(now).count()));
}

void Notifier::stopping(milliseconds limit) {
    if (!socket_) return;
    told_status_ = status_();
    send(fmt::format("STOPPING=1\nEXTEND_TIMEOUT_USEC={}\nSTATUS={}",
                     microseconds(limit + stop_allowance).count(), told_status_));
}

void Notifier::send(std::string message) {
    if (unsent_.size() == unsent_max) unsent_.pop_front();
    unsent_.push_back(std::move(message));
    flush();
}

// Never waits: what the manager's queue has no room for goes with the next second.
void Notifier::flush() {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address_.data(), address_.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    while (!unsent_.empty()) {
        const std::string& message = unsent_.front();
        const ssize_t sent = ::sendto(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL,
                                      reinterpret_cast<const sockaddr*>(&to), size);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) return;
        if (sent < 0 && !std::exchange(has_complained_, true)) {
            spdlog::warn("the service manager cannot be notified: {}", std::strerror(errno));
        }
        unsent_.pop_front();
    }
}

void Notifier::watch_status() {
    status_timer_.expires_after(status_interval);
    status_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        flush();
        if (auto status = status_(); unsent_.empty() && status != told_status_) {
            send("STATUS=" + status);
            told_status_ = std::move(status);
        }
        watch_status();
    });
}

// At half the time, as sd_watchdog_enabled(3) advises.
void Notifier::watch_loops() {
    const TimePoint now = Clock::now();
    if (loop_watchdog_.ask(now)) {
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            workers_[i]->ask([this, i] { boost::asio::post(io_, [this, i] { answered(i); }); });
        }
    } else if (!std::exchange(has_hung_, true)) {
        const auto waited =
            std::chrono::duration_cast<milliseconds>(loop_watchdog_.silent_for(now));
        spdlog::error("watchdog: no ping: no answer of worker {} for {} ms",
                      fmt::join(loop_watchdog_.silent(), ", "), waited.count());
    }
    pulse_timer_.expires_after(watchdog_ / 2);
    pulse_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) watch_loops();
    });
}

void Notifier::answered(std::size_t worker) {
    if (!loop_watchdog_.answer(worker)) return;
    if (unsent_.empty()) send("WATCHDOG=1");
    if (std::exchange(has_hung_, false)) spdlog::info("watchdog: every worker answers again");
}

}  // namespace ringway::proxy
