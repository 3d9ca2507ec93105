#include "proxy/control/config_file.h"

#include <utility>

#include <fmt/format.h>

#include "ring/hash.h"

namespace ringway::proxy {

Result<ConfigFile, Reasons> load_config(const std::string& file) {
    const auto text = conf::read_file(file);
    if (!text) return Reasons{{text.error().to_string(file)}};
    auto parsed = conf::parse(*text);
    if (!parsed) {
        Reasons reasons;
        for (const conf::Error& error : parsed.error()) {
            reasons.lines.push_back(error.to_string(file));
        }
        return reasons;
    }
    std::string fingerprint;
    for (const std::uint8_t byte : ring::sha256({*text})) {
        fingerprint += fmt::format("{:02x}", byte);
    }
    return ConfigFile{std::move(*parsed), std::move(fingerprint)};
}

}  // namespace ringway::proxy
