#include "tests/fuzz/one_key.h"

using ringway::conf::KeyPart;
using From = KeyPart::From;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    static const std::vector<KeyPart> parts{
        {.from = From::header, .name = "X-User"},
        {.from = From::cookie, .name = "sid"},
        {.from = From::target},
    };
    return ringway::fuzz::check(parts, data, size);
}
