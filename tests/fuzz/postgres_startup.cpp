// StartupMessages of PostgreSQL. Beside the laws of one_key.h: settings that are no names do not
// matter, wherever they are.
#include <string>
#include <utility>
#include <vector>

#include "proxy/keys/byte_reader.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/one_key.h"

using namespace ringway;
using namespace std::string_literals;
using conf::KeyPart;

namespace {

constexpr std::size_t choices_bytes = 3;  // what one_key.h takes
constexpr std::size_t header_bytes = 8;
constexpr std::size_t message_bytes_max = 10'004;

const std::vector<KeyPart> parts{{.from = KeyPart::From::postgres_user},
                                 {.from = KeyPart::From::postgres_database}};

using Settings = std::vector<std::pair<std::string, std::string>>;

std::string write(std::size_t code, const Settings& settings) {
    std::string body;
    for (const auto& [name, value] : settings) body += name + '\0' + value + '\0';
    body += '\0';
    return fuzz::number(header_bytes + body.size(), 4) + fuzz::number(code, 4) + body;
}

Settings read(std::string_view bytes) {
    Settings settings;
    std::vector<std::string> texts;
    for (auto rest = bytes.substr(std::min(bytes.size(), header_bytes)); !rest.empty();) {
        const auto end = std::min(rest.find('\0'), rest.size());
        texts.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    for (std::size_t at = 0; at + 1 < texts.size() && !texts[at].empty(); at += 2) {
        settings.emplace_back(texts[at], texts[at + 1]);
    }
    return settings;
}

void mutate(Settings& settings, fuzz::Chance& chance) {
    static const std::vector<std::string> names{"user", "database", "options", "x"};
    if (settings.empty() || chance.one_in(4)) {
        settings.emplace_back(chance.any(names), chance.mutate(""));
        return;
    }
    auto& [name, value] = chance.any(settings);
    switch (chance.below(4)) {
        case 0:
            name = chance.any(names);
            break;
        case 1:
            std::swap(settings.front(), settings.back());
            break;
        case 2:
            settings.pop_back();
            break;
        default:
            value = chance.mutate(value);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    fuzz::check(parts, data, size);
    if (size < choices_bytes) return 0;
    const std::string bytes(data + choices_bytes, data + size);
    const proxy::KeyRecipe recipe(conf::KeySettings{.parts = {parts[data[0] % parts.size()]}});
    proxy::ByteReader reader(bytes);
    const auto length = reader.number(4);
    const auto code = reader.number(4);
    const std::string more = "name\0user\0"s;
    if (!reader.ok() || length < header_bytes || code >> 16 != 3) return 0;
    if (length + more.size() > message_bytes_max) return 0;
    const auto answer = fuzz::answer(recipe, bytes, {});
    const auto longer = fuzz::number(length + more.size(), 4) + fuzz::number(code, 4) + more +
                        bytes.substr(header_bytes);
    fuzz::require(fuzz::answer(recipe, longer, {}) == answer, "other settings do not matter");
    return 0;
}

// A message whose length is true, but for a few.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    const auto remake = [](const std::string& text, fuzz::Chance& chance) {
        Settings settings = read(text);
        for (auto changes = 1 + chance.below(3); changes > 0; --changes) mutate(settings, chance);
        static const std::vector<std::size_t> codes{
            3 << 16, 3 << 16, 3 << 16 | 2, 1234 << 16 | 5678, 1234 << 16 | 5679, 2 << 16};
        const std::string message = write(chance.any(codes), settings);
        return chance.one_in(8) ? chance.mutate(message) : message;
    };
    return fuzz::mutate_behind(choices_bytes, data, size, size_max, seed, remake);
}
