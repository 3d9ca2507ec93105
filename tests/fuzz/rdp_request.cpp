// Connection requests of RDP. Beside the laws of one_key.h: what follows the cookie does not
// matter.
#include <string>

#include "tests/fuzz/fields.h"
#include "tests/fuzz/one_key.h"

using namespace ringway;
using conf::KeyPart;

namespace {

constexpr std::size_t choices_bytes = 3;  // what one_key.h takes
constexpr std::size_t header_bytes = 5;   // both lengths are in it
constexpr std::size_t cookie_at = 23;     // in the body, behind "Cookie: mstshash="
constexpr std::size_t body_bytes_max = 254;

const std::vector<KeyPart> parts{{.from = KeyPart::From::rdp_cookie}};

std::string write(const std::string& body) {
    return std::string("\3\0", 2) + fuzz::number(header_bytes + body.size(), 2) +
           static_cast<char>(body.size()) + body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    fuzz::check(parts, data, size);
    if (size < choices_bytes + header_bytes) return 0;
    const std::string body(data + choices_bytes + header_bytes, data + size);
    if (body.size() > body_bytes_max - 4) return 0;
    const proxy::KeyRecipe recipe(conf::KeySettings{.parts = parts});
    const auto answer = fuzz::answer(recipe, write(body), {});
    if (answer.status != proxy::ParseStatus::found) return 0;
    fuzz::require(body.substr(cookie_at).starts_with(answer.key + "\r\n"), "it is the cookie");
    fuzz::require(!answer.key.empty(), "it has bytes");
    fuzz::require(fuzz::answer(recipe, write(body + "more"), {}) == answer,
                  "what follows does not matter");
    return 0;
}

// A request whose lengths are true, but for a few.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    fuzz::Chance chance(seed);
    const std::size_t begin = choices_bytes + header_bytes;
    if (size < begin || chance.one_in(5)) return LLVMFuzzerMutate(data, size, size_max);
    const std::string bytes = fuzz::text_of(data, size);
    std::string body = chance.mutate(bytes.substr(begin));
    if (body.size() < 6 || chance.one_in(8)) body = std::string("\xe0\0\0\0\0\0", 6);
    if (chance.one_in(4)) body = body.substr(0, 6) + "Cookie: mstshash=" + body.substr(6);
    if (chance.one_in(4)) body += "\r\n";
    if (body.size() > body_bytes_max) body.resize(body_bytes_max);
    return fuzz::store(bytes.substr(0, choices_bytes) + write(body), data, size_max);
}
