// A configuration file from its path to its values. Blocks for as long as the disk
// takes; any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "conf/config.h"
#include "conf/result.h"
#include "proxy/tls/server.h"

namespace ringway::proxy {

// By the name of the listener that ends TLS with it.
using TlsServers = std::map<std::string, std::shared_ptr<const TlsServer>>;

struct ConfigFile {
    conf::Config config;
    std::string fingerprint;            // SHA-256 of the file's bytes, in hexadecimal
    TlsServers tls;                     // from the files that it names
    std::vector<std::string> warnings;  // about those, in the form of errors
};

// Reads it and the files of TLS that it names. Fails with every error, each as
// "file:line:column: path: message".
Result<ConfigFile, Reasons> load_config(const std::string& file);

}  // namespace ringway::proxy
