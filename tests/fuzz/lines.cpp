#include "tests/fuzz/one_key.h"

using ringway::conf::KeyPart;
using From = KeyPart::From;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    static const std::vector<KeyPart> parts{
        {.from = From::first_line},
        {.from = From::field, .number = 2},
        {.from = From::field, .number = 3, .separator = "::"},
        {.from = From::bytes, .offset = 3, .length = 5},
        {.from = From::regex, .pattern = "id=([0-9a-f]+)(;|$)", .group = 1},
        {.from = From::regex, .length = 16, .pattern = "(?s)(a|b.)*c", .group = 1},
    };
    return ringway::fuzz::check(parts, data, size);
}
