// A configuration file from its path to its values. Blocks for as long as the disk
// takes; any thread.
#pragma once

#include <string>
#include <vector>

#include "conf/config.h"
#include "conf/result.h"
#include "proxy/control/tls_files.h"

namespace ringway::proxy {

struct ConfigFile {
    conf::Config config;
    std::string fingerprint;            // SHA-256 of the file's bytes, in hexadecimal
    TlsFiles tls;                       // that it names
    std::vector<std::string> warnings;  // about those, in the form of errors
};

// Reads it and the files of TLS that it names. Fails with every error, each as
// "file:line:column: path: message".
Result<ConfigFile, Reasons> load_config(const std::string& file);

}  // namespace ringway::proxy
