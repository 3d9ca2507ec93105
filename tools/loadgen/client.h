// One thread's connections and what they do: the loop that all modes share. A mode derives from
// Client and defines how a connection begins, how an operation is done and how an event is handled;
// Client has the measured window, the two ways to begin operations, limits, failures and the end.
//
// Closed loop: each link begins its next operation when the last one ends. Open
// loop: operations are due at a fixed rate; one that finds no link free waits,
// and its latency counts from when it was due (see schedule.h).
//
// One thread, the one that calls run().
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/loadgen/options.h"
#include "tools/loadgen/result.h"
#include "tools/loadgen/schedule.h"
#include "tools/loadgen/sockets.h"
#include "tools/loadgen/tls.h"

namespace ringway::loadgen {

// A connection, or the place for one.
struct Link {
    enum class State : std::uint8_t { closed, connecting, handshake, open };

    Fd socket;
    Ssl tls;  // nullptr without
    unsigned index = 0;
    State state = State::closed;
    bool busy = false;       // an operation is under way
    TimePoint due{};         // when that was meant to begin
    TimePoint since{};       // when it did, or when dialling did: what --timeout counts from
    std::uint64_t sent = 0;  // bytes; what of, the mode says
    std::uint64_t received = 0;
    std::uint64_t number = 0;  // of the operation, from 1
};

// The share of one thread.
struct Share {
    unsigned thread = 0;
    unsigned links = 0;
    std::uint64_t operations = 0;  // 0: no limit
    double rate = 0;               // 0: closed loop
    CpuMeter* meter = nullptr;     // called at the window's begin and end; on one thread only
    std::function<void(const std::string&)> progress;  // a line for people, now
};

class Client {
public:
    Client(const RunOptions& options, Share share);
    virtual ~Client() = default;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // The whole run: warm-up, window, end. Throws std::system_error if the machine lacks a
    // resource.
    Result run();

protected:
    enum class Phase : std::uint8_t { warming, measuring, ending, over };
    static constexpr unsigned max_dialling = 128;

    // Activates a closed link: at the start, and a while after it failed.
    virtual void activate(Link& link) = 0;
    // Its connection is established.
    virtual void on_connected(Link& link) = 0;
    virtual void on_ready(Link& link, std::uint32_t events) = 0;
    // Begins the operation that `link` has been marked with.
    virtual void start(Link& /*link*/) {}
    virtual void on_turn() {}
    virtual bool is_warm() { return now_ >= warm_at_; }
    virtual void on_window_begin() {}
    // One more link may be activated: thousands at once would overflow an
    // ordinary listen queue.
    virtual bool may_activate() const { return dialling_ < max_dialling; }
    // The window is over: modes without an end of their own must end now.
    virtual void on_window_end() {}

    // Dials, and waits for the connection; on_connected or a failure follows.
    void connect(Link& link);
    // Only the first step: false if it failed, which is counted. The caller
    // watches the socket.
    bool begin_to_connect(Link& link);
    // The connection is established.
    void stands(Link& link);
    void watch(Link& link, std::uint32_t events);
    void rewatch(Link& link, std::uint32_t events);

    // The link can take an operation: it gets the next one, or waits for one.
    void offer(Link& link);
    void finish(Link& link);  // its operation has succeeded
    void set_busy(Link& link);
    void set_idle(Link& link);

    // Counts the failure, closes the link, and activates it again after a while.
    void fail(Link& link, Failure failure);
    // ... for the reason of a failed system call.
    void fail_by_errno(Link& link, int error);
    void close(Link& link);

    // As send(2) and recv(2), within TLS if there is any.
    static ssize_t send(const Link& link, const void* bytes, std::size_t size);
    static ssize_t receive(const Link& link, void* room, std::size_t size);
    // Ends its direction.
    static void end_sending(const Link& link);

    // The line that a connection begins with under --key-line, else empty.
    std::string key_line(const Link& link) const;

    bool measuring() const { return phase_ == Phase::measuring; }
    bool ending() const { return phase_ >= Phase::ending; }
    bool all_given() const { return share_.operations > 0 && given_ >= share_.operations; }
    std::vector<Link>& links() { return links_; }
    unsigned dialling() const { return dialling_; }  // links that are still connecting
    unsigned busy() const { return busy_; }
    TimePoint now() const { return now_; }
    const RunOptions& options() const { return options_; }
    const Share& share() const { return share_; }
    Result& result() { return result_; }
    // on_turn is called that often at least.
    void set_longest_wait(Duration wait) { longest_wait_ = wait; }
    TimePoint warm_at() const { return warm_at_; }  // when the warm-up is over

private:
    void turn_phase();
    void begin_window();
    void end_window();
    void end();
    void give(Link& link, TimePoint due);
    void give_what_is_due();
    void wake_rested();
    void sweep();
    Duration patience() const;
    void dispatch(Link& link, std::uint32_t events);
    void shake_hands(Link& link);

    struct Rest {
        TimePoint until;
        Link* link;
    };

    const RunOptions& options_;
    const Share share_;
    Result result_;
    Duration longest_wait_ = std::chrono::milliseconds(10);
    Events events_;
    std::optional<Tls> tls_;
    std::vector<Link> links_;
    std::deque<Link*> free_;  // open loop, and when no operation is left to begin
    std::deque<Rest> resting_;
    std::optional<Schedule> schedule_;
    Phase phase_ = Phase::warming;
    TimePoint now_{};
    TimePoint warm_at_{};
    TimePoint window_begin_{};
    TimePoint window_end_{};
    TimePoint give_up_at_{};
    TimePoint sweep_at_{};
    unsigned dialling_ = 0;
    unsigned busy_ = 0;
    std::uint64_t given_ = 0;
};

}  // namespace ringway::loadgen
