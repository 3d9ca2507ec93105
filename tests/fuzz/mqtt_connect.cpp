// CONNECT packets of MQTT. Beside the laws of one_key.h: a length in four bytes is the same length.
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "proxy/keys/byte_reader.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/one_key.h"

using namespace ringway;
using conf::KeyPart;

namespace {

constexpr std::size_t choices_bytes = 3;  // what one_key.h takes
constexpr unsigned will_flag = 0x04;

const std::vector<KeyPart> parts{{.from = KeyPart::From::mqtt_client_id},
                                 {.from = KeyPart::From::mqtt_username}};

std::string integer(std::size_t value, std::size_t bytes_least = 1) {
    std::string out;
    do {
        const bool goes_on = value >= 128 || out.size() + 1 < bytes_least;
        out += static_cast<char>(value % 128 | (goes_on ? 128 : 0));
        value /= 128;
    } while (value > 0 || out.size() < bytes_least);
    return out;
}

// What is behind the type and the length, if that is sound.
std::optional<std::string> body_of(std::string_view bytes) {
    for (std::size_t size = 0, at = 1; at < std::min<std::size_t>(bytes.size(), 5); ++at) {
        const auto byte = static_cast<unsigned char>(bytes[at]);
        size |= std::size_t{byte & 0x7fu} << (7 * (at - 1));
        if (byte < 128) {
            if (bytes.size() - at - 1 < size) return std::nullopt;
            return std::string(bytes.substr(at + 1, size));
        }
    }
    return std::nullopt;
}

struct Connect {
    std::string name = "MQTT";
    std::uint32_t level = 4;
    std::uint32_t flags = 0;
    std::vector<std::string> properties{"", ""};  // and those of the will
    std::vector<std::string> fields{"id", "topic", "message", "user", "password"};
};

std::string write(const Connect& connect) {
    const auto properties = [&](std::size_t which) {
        const std::string& each = connect.properties[which];
        return (connect.level & 0x7f) == 5 ? integer(each.size()) + each : "";
    };
    std::string body = fuzz::field(connect.name, 2) + static_cast<char>(connect.level) +
                       static_cast<char>(connect.flags) + "kk" + properties(0);
    body += fuzz::field(connect.fields[0], 2);
    if ((connect.flags & will_flag) != 0) {
        body +=
            properties(1) + fuzz::field(connect.fields[1], 2) + fuzz::field(connect.fields[2], 2);
    }
    if ((connect.flags & 0x80) != 0) body += fuzz::field(connect.fields[3], 2);
    if ((connect.flags & 0x40) != 0) body += fuzz::field(connect.fields[4], 2);
    return '\x10' + integer(body.size()) + body;
}

// The packet, whose texts are kept where it has some.
Connect read(std::string_view bytes) {
    Connect connect;
    const auto body = body_of(bytes);
    if (!body) return connect;
    proxy::ByteReader reader(*body);
    const auto name = reader.field(2);
    const auto level = reader.number(1);
    const auto flags = reader.number(1);
    reader.bytes(level == 5 ? 3 : 2);  // without properties
    const auto id = reader.field(2);
    if (!reader.ok()) return connect;
    connect.name = name;
    connect.level = level;
    connect.flags = flags;
    connect.fields[0] = id;
    return connect;
}

void mutate(Connect& connect, fuzz::Chance& chance) {
    static const std::vector<std::pair<std::string, std::uint32_t>> versions{
        {"MQIsdp", 3}, {"MQTT", 4}, {"MQTT", 5}, {"MQTT", 5}, {"MQTT", 0x84}, {"MQTT", 6}};
    static const std::vector<std::uint32_t> flags{0,    2,    0x80, 0xc0, 0x84, 0xac,
                                                  0xc6, 0x40, 0x01, 0x08, 0x98, 0x1c};
    switch (chance.below(6)) {
        case 0:
            std::tie(connect.name, connect.level) = chance.any(versions);
            break;
        case 1:
            connect.flags = chance.any(flags);
            break;
        case 2: {
            std::string& each = chance.any(connect.properties);
            each = chance.one_in(4) ? std::string(chance.below(300), 'p') : chance.mutate(each);
            break;
        }
        case 3:
            connect.name = chance.mutate(connect.name);
            break;
        default: {
            std::string& each = chance.any(connect.fields);
            each = chance.mutate(each);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    fuzz::check(parts, data, size);
    if (size < choices_bytes) return 0;
    const std::string bytes(data + choices_bytes, data + size);
    const auto body = body_of(bytes);
    if (!body || bytes[0] != '\x10') return 0;
    const proxy::KeyRecipe recipe(conf::KeySettings{.parts = {parts[data[0] % parts.size()]}});
    const auto answer = fuzz::answer(recipe, '\x10' + integer(body->size()) + *body, {});
    fuzz::require(fuzz::answer(recipe, bytes, {}) == answer, "one packet alone");
    fuzz::require(fuzz::answer(recipe, '\x10' + integer(body->size(), 4) + *body, {}) == answer,
                  "the bytes of a length do not matter");
    return 0;
}

// A packet whose lengths are true, but for a few.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    const auto remake = [](const std::string& text, fuzz::Chance& chance) {
        Connect connect = read(text);
        for (auto changes = 1 + chance.below(4); changes > 0; --changes) mutate(connect, chance);
        const std::string packet = write(connect);
        return chance.one_in(8) ? chance.mutate(packet) : packet;
    };
    return fuzz::mutate_behind(choices_bytes, data, size, size_max, seed, remake);
}
