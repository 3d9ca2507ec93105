// The entries of TLS. conf/section.h documents the calls.
#pragma once

#include <string_view>

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

// The absolute path of a file. Whether it is there and good.
bool read_file_path(Section& section, std::string_view name, FilePath& file);

// One of a listener's certificates. `chains` knows the files of those before it.
TlsCertificate read_certificate(const Value& value, Unique& chains);

}  // namespace ringway::conf
