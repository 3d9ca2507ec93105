// The system calls of the proxy under test, counted and refused at will. This
// executable defines them itself and hands them on. Any thread, but for
// before_splice, which is set only while no worker runs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace ringway::test::syscalls {

inline std::atomic<std::uint64_t> spliced_bytes{0};  // out of sockets, into pipes
inline std::atomic<std::uint64_t> pipes_made{0};
inline std::atomic<std::uint64_t> accepts{0};  // tried

// What the calls fail with, as errno; 0 lets them through.
inline std::atomic<int> pipe_error{0};
inline std::atomic<int> accept_error{0};
inline std::atomic<int> socket_error{0};
inline std::atomic<int> watch_error{0};  // epoll_ctl(2) adding a socket of a relay

inline std::atomic<int> ring_setup_error{0};
inline std::atomic<int> ring_error_once{0};  // of the next io_uring_enter(2)
inline std::atomic<std::uint64_t> ring_calls{0};

// Delays calls for events, as a busy machine does.
inline std::atomic<bool> events_held{false};

// Keeps a worker that accepts waiting, and nobody else.
inline std::atomic<bool> accepts_held{false};

// Called before each splice(2) with the descriptor that it reads from.
inline std::function<void(int)> before_splice;

// Sets it for a scope.
class HeldAccepts {
public:
    HeldAccepts() { accepts_held = true; }
    ~HeldAccepts() { accepts_held = false; }
    HeldAccepts(const HeldAccepts&) = delete;
    HeldAccepts& operator=(const HeldAccepts&) = delete;
};

// Sets `what` for a scope.
class Refusal {
public:
    Refusal(std::atomic<int>& what, int error) : what_(what) { what_ = error; }
    ~Refusal() { what_ = 0; }
    Refusal(const Refusal&) = delete;
    Refusal& operator=(const Refusal&) = delete;

private:
    std::atomic<int>& what_;
};

}  // namespace ringway::test::syscalls
