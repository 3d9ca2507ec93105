// The servers that the targets of SRV records (RFC 2782) are. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "conf/sources.h"
#include "proxy/names/question.h"

namespace ringway::proxy {

struct ServiceServer {
    std::string id;
    conf::HostPort at;
    std::uint32_t weight = 1;
    bool operator==(const ServiceServer&) const = default;
};

struct ServiceServers {
    std::vector<ServiceServer> servers;  // by id, each once
    std::vector<std::string> warnings;   // what is not as the records say, a line each
    bool operator==(const ServiceServers&) const = default;
};

// Only the targets of the lowest priority are servers. The id is the target, or the target and its
// port; a target that is on several ports has, under its own id, the lowest of them. The weight is
// that of the record by the unit of the settings: rounded up, at most conf::weight_max. A weight of
// 0 stays 0, unless all are 0: then all count alike.
ServiceServers servers_of_services(std::span<const Service> services,
                                   const conf::SrvServers& settings);

}  // namespace ringway::proxy
