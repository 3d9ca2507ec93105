#include "proxy/keys/postgres_startup.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "proxy/keys/byte_reader.h"

namespace ringway::proxy {

namespace {

constexpr std::uint32_t header_bytes = 8;  // length and code
// Servers take no more (MAX_STARTUP_PACKET_LENGTH, which leaves out the length).
constexpr std::uint32_t message_bytes_max = 10'000 + 4;
constexpr std::uint32_t major_version = 3;  // in the upper half of the code
constexpr std::uint32_t cancel_code = 1234 << 16 | 5678;

// The text at the front of `bytes` up to a zero byte, which both are taken off.
std::optional<std::string_view> take_text(std::string_view& bytes) {
    const auto end = bytes.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    const auto text = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    return text;
}

}  // namespace

ParseStatus PostgresStartupParser::read(std::string_view head, std::string& key) const {
    ByteReader reader(head);
    const std::uint32_t size = reader.number(4);
    if (!reader.ok()) return ParseStatus::more;
    if (size < header_bytes || size > message_bytes_max) return ParseStatus::malformed;
    const std::uint32_t code = reader.number(4);
    if (!reader.ok()) return ParseStatus::more;
    if (code == cancel_code) return ParseStatus::missing;
    if (code >> 16 != major_version) return ParseStatus::malformed;
    const auto settings = reader.bytes(size - header_bytes);
    return reader.ok() ? find(settings, key) : ParseStatus::more;
}

// Names and values up to an empty name. Servers take the last of a name.
ParseStatus PostgresStartupParser::find(std::string_view settings, std::string& key) const {
    std::string_view user;
    std::string_view database;
    for (;;) {
        const auto name = take_text(settings);
        if (!name) return ParseStatus::malformed;
        if (name->empty()) break;
        const auto value = take_text(settings);
        if (!value) return ParseStatus::malformed;
        if (*name == "user") user = *value;
        if (*name == "database") database = *value;
    }
    if (!settings.empty()) return ParseStatus::malformed;
    if (user.empty()) return ParseStatus::missing;
    const bool by_database = part_->from == conf::KeyPart::From::postgres_database;
    key = by_database && !database.empty() ? database : user;
    return ParseStatus::found;
}

}  // namespace ringway::proxy
