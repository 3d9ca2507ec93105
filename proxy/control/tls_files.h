// What listeners and pools have from the files of TLS that a configuration names.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "proxy/tls/client.h"
#include "proxy/tls/server.h"

namespace ringway::proxy {

// What the servers of a pool are spoken to in TLS with; nullptr: in clear.
struct PoolTlsClients {
    std::shared_ptr<const TlsClient> traffic;
    std::shared_ptr<const TlsClient> checks;
};

// By the name of the listener that ends TLS with it.
using TlsServers = std::map<std::string, std::shared_ptr<const TlsServer>>;

// Of etcd clusters, by the pool whose servers they name; of the fleet under the empty name.
using EtcdTlsClients = std::map<std::string, std::shared_ptr<const TlsClient>, std::less<>>;

// What a configuration's files of TLS hold.
struct TlsFiles {
    TlsServers listeners;
    EtcdTlsClients etcd;
    std::map<std::string, PoolTlsClients> pools;  // those that speak it
};

}  // namespace ringway::proxy
