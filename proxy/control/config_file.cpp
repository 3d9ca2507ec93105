#include "proxy/control/config_file.h"

#include <utility>

#include <fmt/format.h>

#include "ring/hash.h"

namespace ringway::proxy {

std::variant<ConfigFile, std::vector<std::string>> load_config(const std::string& file) {
    const auto text = conf::read_file(file);
    if (const auto* error = std::get_if<conf::Error>(&text)) {
        return std::vector{error->to_string(file)};
    }
    const std::string& bytes = std::get<std::string>(text);
    auto parsed = conf::parse(bytes);
    if (const auto* errors = std::get_if<conf::Errors>(&parsed)) {
        std::vector<std::string> lines;
        for (const conf::Error& error : *errors) lines.push_back(error.to_string(file));
        return lines;
    }
    std::string fingerprint;
    for (const std::uint8_t byte : ring::sha256({bytes})) {
        fingerprint += fmt::format("{:02x}", byte);
    }
    return ConfigFile{std::move(std::get<conf::Config>(parsed)), std::move(fingerprint)};
}

}  // namespace ringway::proxy
