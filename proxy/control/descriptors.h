// How the descriptors of the process are shared out (getrlimit(2), RLIMIT_NOFILE).
#pragma once

#include <cstdint>

namespace ringway::proxy {

struct DescriptorBudget {
    std::uint64_t limit;        // of the process
    std::uint64_t connections;  // at most at once, two descriptors each
    std::uint64_t pipes;        // at most at once over all workers, two descriptors each
    // The rest is kept back: for listening sockets, checks, the admin socket, the log, and
    std::uint64_t http_clients;  // at most at once
};

// Pure: an eighth of `limit` for pipes, an eighth (at most 1,024) kept back.
DescriptorBudget share_out(std::uint64_t limit);

// Raises the soft limit of descriptors to the hard one, and shares it out.
DescriptorBudget claim_descriptors();

}  // namespace ringway::proxy
