#include "proxy/control/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace ringway::proxy {

DescriptorBudget share_out(std::uint64_t limit) {
    const std::uint64_t for_pipes = limit / 8;
    const std::uint64_t kept_back = std::min<std::uint64_t>(limit / 8, 1024);
    return {.limit = limit,
            .connections = std::max<std::uint64_t>((limit - for_pipes - kept_back) / 2, 1),
            .pipes = for_pipes / 2,
            .http_clients = std::clamp<std::uint64_t>(kept_back / 4, 4, 64)};
}

DescriptorBudget claim_descriptors() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return share_out(limit.rlim_cur);
}

}  // namespace ringway::proxy
