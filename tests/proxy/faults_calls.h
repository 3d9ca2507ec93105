// The system calls that a worker makes for connections, counted, and one of them made to fail. This
// executable defines the functions itself and hands the calls on. Test thread, but for
// watch_this_thread().
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace ringway::test::faults {

// What a call is made on.
enum class Role : std::uint8_t { other, listener, client, server, pipe };

// A failure that the manual page of a call names. EINTR only where a call on a non-blocking
// descriptor can return it (signal(7)).
struct Fault {
    int error = 0;  // 0 for a short count: one byte
};

// The call that failed.
struct Hit {
    std::string call;  // its name, such as "recv"
    Role role = Role::other;
    Fault fault;
    bool is(const char* name) const { return call == name; }
    std::string text() const;
};

// The calls of the calling thread are counted from now on, and its allocations.
void watch_this_thread();

// Starts a count. The `nth` call, from 1, fails with the fault of this index in the list of its
// name, if that has so many; 0 lets all pass.
void fail_call(std::size_t nth, std::size_t fault);
// The same for allocations (operator new throws std::bad_alloc).
void fail_allocation(std::size_t nth);
void fail_nothing();

// Since the count started.
std::size_t calls();
std::size_t splices();
std::optional<Hit> hit();  // of fail_call()
// How many faults the call has that was the nth.
std::size_t faults_of_nth();

}  // namespace ringway::test::faults
