#include "proxy/keys/mqtt_connect.h"

#include <cstddef>
#include <cstdint>

#include "conf/text.h"
#include "proxy/keys/byte_reader.h"

namespace ringway::proxy {

namespace {

constexpr std::uint32_t connect_packet = 0x10;  // the type, and flags that must be zero
constexpr int integer_bits_max = 28;            // of a variable byte integer, in four bytes

enum class Version : std::uint8_t { unknown, v3_1, v3_1_1, v5 };

// Brokers that connect as a bridge set the level's first bit, as Mosquitto does, beyond the
// specification; other brokers accept it.
constexpr std::uint32_t bridge_bit = 0x80;

Version version_of(std::string_view name, std::uint32_t level) {
    level &= ~bridge_bit;
    if (name == "MQIsdp" && level == 3) return Version::v3_1;
    if (name != "MQTT") return Version::unknown;
    return level == 4 ? Version::v3_1_1 : level == 5 ? Version::v5 : Version::unknown;
}

enum Flag : std::uint32_t {
    reserved = 0x01,
    has_will = 0x04,
    will_qos = 0x18,
    will_retain = 0x20,
    has_password = 0x40,
    has_username = 0x80,
};

// The rules of 3.1.1, 3.1.2, of which 5.0 has all but the last; 3.1 lets a server ignore what has
// no meaning.
bool are_sound(std::uint32_t flags, Version version) {
    if (version == Version::v3_1) return true;
    if ((flags & reserved) != 0 || (flags & will_qos) == will_qos) return false;
    if ((flags & has_will) == 0 && (flags & (will_qos | will_retain)) != 0) return false;
    const bool password_alone = (flags & (has_password | has_username)) == has_password;
    return version == Version::v5 || !password_alone;
}

// Seven bits of each byte, the lowest first (5.0, 1.5.5). False where the fourth is not the last.
bool read_integer(ByteReader& reader, std::uint32_t& value) {
    value = 0;
    for (int shift = 0; shift < integer_bits_max; shift += 7) {
        const std::uint32_t byte = reader.number(1);
        value |= (byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) return true;
    }
    return false;
}

bool skip_properties(ByteReader& reader, Version version) {
    std::uint32_t size = 0;
    if (version != Version::v5) return true;
    const bool sound = read_integer(reader, size);
    reader.bytes(size);
    return sound;
}

// Text is UTF-8 without U+0000 (3.1.1, 1.5.3).
bool is_text(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto character = conf::first_character(bytes);
        if (!character || character->code == 0) return false;
        bytes.remove_prefix(character->bytes);
    }
    return true;
}

ParseStatus keep_text(std::string_view text, std::string& key) {
    if (text.empty()) return ParseStatus::missing;
    if (!is_text(text)) return ParseStatus::malformed;
    key = text;
    return ParseStatus::found;
}

// From the payload of a packet on. `cut` is what it means that a field does not fit.
ParseStatus read_username(ByteReader& packet, std::uint32_t flags, Version version, ParseStatus cut,
                          std::string& key) {
    const auto client_id = packet.field(2);
    std::string_view will_topic;
    if ((flags & has_will) != 0) {
        if (!skip_properties(packet, version)) return ParseStatus::malformed;
        will_topic = packet.field(2);
        packet.field(2);  // the message
    }
    const auto username = packet.field(2);
    if (!packet.ok()) return cut;
    if (!is_text(client_id) || !is_text(will_topic)) return ParseStatus::malformed;
    return keep_text(username, key);
}

}  // namespace

// Each call begins anew and steps over lengths; text is looked at once, when all of it is there.
ParseStatus MqttConnectParser::read(std::string_view head, std::string& key) const {
    ByteReader reader(head);
    std::uint32_t size = 0;
    if (!head.empty() && reader.number(1) != connect_packet) return ParseStatus::malformed;
    if (!read_integer(reader, size)) return ParseStatus::malformed;
    if (!reader.ok()) return ParseStatus::more;
    const bool is_complete = reader.rest().size() >= size;
    const ParseStatus cut = is_complete ? ParseStatus::malformed : ParseStatus::more;
    ByteReader packet(reader.rest().substr(0, size));

    const auto name = packet.field(2);
    const std::uint32_t level = packet.number(1);
    if (!packet.ok()) return cut;
    const Version version = version_of(name, level);
    if (version == Version::unknown) return ParseStatus::malformed;
    const std::uint32_t flags = packet.number(1);
    if (!packet.ok()) return cut;
    if (!are_sound(flags, version)) return ParseStatus::malformed;
    packet.bytes(2);  // keep alive
    if (!skip_properties(packet, version)) return ParseStatus::malformed;
    if (part_->from == conf::KeyPart::From::mqtt_username) {
        if ((flags & has_username) == 0) return packet.ok() ? ParseStatus::missing : cut;
        return read_username(packet, flags, version, cut, key);
    }
    const auto client_id = packet.field(2);
    return packet.ok() ? keep_text(client_id, key) : cut;
}

}  // namespace ringway::proxy
