// ClientHellos. Beside the laws of one_key.h: records that are cut elsewhere give the same key.
#include <string>

#include "proxy/keys/byte_reader.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/one_key.h"

using namespace ringway;
using conf::KeyPart;

namespace {

constexpr std::size_t choices_bytes = 3;  // what one_key.h takes
constexpr char handshake = 22;

const std::vector<KeyPart> parts{{.from = KeyPart::From::sni}, {.from = KeyPart::From::alpn}};

// What the complete handshake records at the front hold, and how many bytes of `bytes` they are.
std::pair<std::string, std::size_t> message_of(std::string_view bytes) {
    std::string message;
    std::size_t taken = 0;
    for (proxy::ByteReader reader(bytes); !reader.empty();) {
        if (reader.number(1) != handshake || reader.number(2) >> 8 != 3) break;
        const auto fragment = reader.field(2);
        if (!reader.ok() || fragment.empty() || fragment.size() > std::size_t{1} << 14) break;
        message += fragment;
        taken = bytes.size() - reader.rest().size();
    }
    return {message, taken};
}

// The message in records of `size` bytes.
std::string in_records(std::string_view message, std::size_t size) {
    std::string out;
    for (; !message.empty(); message.remove_prefix(std::min(size, message.size()))) {
        out += std::string{handshake, 3, 1} + fuzz::field(message.substr(0, size), 2);
    }
    return out;
}

struct Hello {
    std::string begin;  // version and random
    std::string session;
    std::string ciphers;
    std::string compressions;
    fuzz::Typed extensions;
};

std::string write(const Hello& hello) {
    const std::string body = hello.begin + fuzz::field(hello.session, 1) +
                             fuzz::field(hello.ciphers, 2) + fuzz::field(hello.compressions, 1) +
                             fuzz::field(fuzz::write_typed(hello.extensions, 2), 2);
    return '\1' + fuzz::field(body, 3);
}

Hello read(std::string_view message) {
    proxy::ByteReader reader(message);
    reader.bytes(4);
    Hello hello;
    hello.begin = reader.bytes(34);
    hello.session = reader.field(1);
    hello.ciphers = reader.field(2);
    hello.compressions = reader.field(1);
    hello.extensions = fuzz::read_typed(reader.field(2), 2);
    if (hello.begin.empty()) hello = {"\3\3" + std::string(32, 'r'), "", "\x13\x01", {'\0'}, {}};
    return hello;
}

// The name or the protocols of an extension, with lengths that are true.
void mutate_names(Hello& hello, fuzz::Chance& chance) {
    for (auto& [type, value] : hello.extensions) {
        if (type == 0) {
            const auto name = value.size() > 5 ? value.substr(5) : std::string("a.example");
            value = fuzz::field('\0' + fuzz::field(chance.mutate(name), 2), 2);
        } else if (type == 16) {
            const auto names = value.size() > 2 ? value.substr(2) : std::string();
            value = fuzz::field(names + fuzz::field(chance.mutate("h2"), 1), 2);
        }
    }
}

void mutate(Hello& hello, fuzz::Chance& chance) {
    switch (chance.below(8)) {
        case 0:
            hello.session = chance.mutate(hello.session);
            break;
        case 1:
            hello.ciphers = chance.mutate(hello.ciphers);
            break;
        case 2:
            hello.compressions = chance.mutate(hello.compressions);
            break;
        case 3:
        case 4:
            mutate_names(hello, chance);
            break;
        default:
            fuzz::mutate_typed(hello.extensions, {0, 0, 16, 16, 10, 43, 51}, chance);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    fuzz::check(parts, data, size);
    if (size < choices_bytes) return 0;
    const std::string bytes(data + choices_bytes, data + size);
    const auto [message, taken] = message_of(bytes);
    const proxy::KeyRecipe recipe(conf::KeySettings{.parts = {parts[data[0] % parts.size()]}});
    const auto answer = fuzz::answer(recipe, bytes.substr(0, taken), {});
    const std::string other = in_records(message, 1 + data[1]);
    fuzz::require(fuzz::answer(recipe, other, {}) == answer, "records do not matter");
    return 0;
}

// A message whose lengths are true, but for a few, in records of any size.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    const auto remake = [](const std::string& text, fuzz::Chance& chance) {
        Hello hello = read(message_of(text).first);
        for (auto changes = 1 + chance.below(2); changes > 0; --changes) mutate(hello, chance);
        std::string message = write(hello);
        if (chance.one_in(8)) message = chance.mutate(message);
        const std::size_t record = chance.one_in(3) ? 1 + chance.below(64) : 1 << 14;
        return in_records(message, record);
    };
    return fuzz::mutate_behind(choices_bytes, data, size, size_max, seed, remake);
}
