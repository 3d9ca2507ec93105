// Notifies the service manager (sd_notify(3)): that the proxy is ready, reloads or stops, its
// status, and, for its watchdog, that all its loops turn. Does nothing unless the environment
// asks for it. Control thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/base/fd.h"
#include "proxy/control/loop_watchdog.h"

namespace ringway::proxy {

class Worker;

// What the service manager asks for.
struct NotifySettings {
    std::string socket;  // a path, or "@" and an abstract name; empty for nothing at all
    std::chrono::microseconds watchdog{0};  // the longest time without a ping; 0 for no pings

    // By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
    static NotifySettings from_environment();
};

class Notifier {
public:
    using Workers = std::vector<std::unique_ptr<Worker>>;

    // `workers` outlive this; `status` says in a line how the proxy is doing.
    Notifier(boost::asio::io_context& io, const Workers& workers,
             std::function<std::string()> status, const NotifySettings& settings);

    // It serves: for the first time, or after a reload, taken or refused.
    void ready();
    void reloading();
    // It stops, which may take so long.
    void stopping(std::chrono::milliseconds limit);

private:
    static constexpr std::size_t unsent_max = 16;

    void send(std::string message);
    void flush();
    void watch_status();
    void watch_loops();
    void answered(std::size_t worker);

    boost::asio::io_context& io_;
    const Workers& workers_;
    const std::function<std::string()> status_;
    const std::string address_;  // of the socket, as the kernel wants it; empty for none
    const std::chrono::microseconds watchdog_;
    Fd socket_;
    boost::asio::steady_timer status_timer_;
    boost::asio::steady_timer pulse_timer_;
    LoopWatchdog loop_watchdog_;
    std::deque<std::string> unsent_;  // while the manager's queue is full
    std::string told_status_;
    bool is_ready_ = false;
    bool has_complained_ = false;  // of a socket that takes nothing
    bool has_hung_ = false;        // and that was logged
};

}  // namespace ringway::proxy
