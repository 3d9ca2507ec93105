// liburing's calls without a kernel's ring: what is handed in is carried out in order, by recv(2)
// and send(2) as the program defines them. For programs that define the system calls of the proxy
// under test. One ring at a time.
#pragma once

namespace ringway::test {

// What befalls one call that hands entries in.
struct RingMishap {
    int error = 0;        // an errno with which it fails, and nothing is carried out
    unsigned most = ~0U;  // entries that are carried out; the others wait for the next call
};

// Asked before each such call, where it is set.
inline RingMishap (*ring_mishap)() = nullptr;

}  // namespace ringway::test
