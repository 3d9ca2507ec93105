// The entries of TLS. conf/section.h documents the calls.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.h"
#include "conf/section.h"

namespace ringway::conf {

void read_listener_tls(Section& section, ListenerTls& tls);

// TLS to the servers of a pool. `checks_too`: their checks speak TLS by the same entries.
void read_pool_tls(Section& section, PoolTls& tls, bool checks_too);

// TLS of checks: `off`, or a map of its own.
void read_check_tls(const Value& value, HealthSettings& health, bool pool_has_tls);

// TLS to the members of an etcd cluster.
void read_etcd_tls(Section& section, PoolTls& tls);

// The name of a protocol for ALPN (RFC 7301), the first of its spelling in `names`.
constexpr std::size_t protocols_max = 64;
void read_protocol(const Value& value, Unique& names, std::vector<std::string>& protocols);

// The absolute path of a file. Whether it is there and good.
bool read_file_path(Section& section, std::string_view name, FilePath& file);

// One of a listener's certificates. `chains` knows the files of those before it.
TlsCertificate read_certificate(const Value& value, Unique& chains);

}  // namespace ringway::conf
