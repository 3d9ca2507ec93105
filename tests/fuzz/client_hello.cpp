#include "tests/fuzz/one_key.h"

using ringway::conf::KeyPart;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    static const std::vector<KeyPart> parts{{.from = KeyPart::From::sni},
                                            {.from = KeyPart::From::alpn}};
    return ringway::fuzz::check(parts, data, size);
}
