// Moments as JSON has them.
#pragma once

#include <chrono>
#include <ctime>
#include <string>

namespace ringway::proxy {

// "2026-01-31T23:59:59Z" (RFC 3339).
inline std::string rfc3339(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::string text(32, '\0');
    text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc));
    return text;
}

}  // namespace ringway::proxy
