// Builds ClientHellos and records, valid or not. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringway::test {

// `value` as a big-endian number of `size` bytes.
inline std::string number(std::size_t size, std::size_t value) {
    std::string out;
    for (std::size_t i = size; i > 0; --i) out += static_cast<char>(value >> (8 * (i - 1)));
    return out;
}

// `bytes` behind their length, which is a number of `length_size` bytes.
inline std::string field(std::size_t length_size, const std::string& bytes) {
    return number(length_size, bytes.size()) + bytes;
}

inline std::string extension(std::size_t type, const std::string& body) {
    return number(2, type) + field(2, body);
}

inline std::string server_name(const std::string& name, int type = 0) {
    return extension(0, field(2, static_cast<char>(type) + field(2, name)));
}

inline std::string protocols(const std::vector<std::string>& names) {
    std::string list;
    for (const auto& name : names) list += field(1, name);
    return extension(16, field(2, list));
}

// The body of a ClientHello with these extensions, up to where they begin.
inline std::string hello_body() {
    return "\x03\x03" + std::string(32, 'r') + field(1, std::string(32, 's')) +
           field(2, "\x13\x01\x13\x02") + field(1, std::string(1, '\0'));
}

inline std::string handshake(const std::string& body, int type = 1) {
    return static_cast<char>(type) + field(3, body);
}

inline std::string hello(const std::string& extensions) {
    return handshake(hello_body() + field(2, extensions));
}

inline std::string record(const std::string& fragment, int type = 22, int major = 3) {
    return std::string{static_cast<char>(type), static_cast<char>(major), '\x01'} +
           field(2, fragment);
}

// `message` in records of `size` bytes.
inline std::string in_records(std::string_view message, std::size_t size) {
    std::string out;
    for (; !message.empty(); message.remove_prefix(std::min(size, message.size()))) {
        out += record(std::string(message.substr(0, size)));
    }
    return out;
}

}  // namespace ringway::test
