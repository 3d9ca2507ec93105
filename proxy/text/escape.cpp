#include "proxy/text/escape.h"

#include <iterator>

#include <fmt/format.h>

namespace ringway::proxy {

std::string escaped(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
            fmt::format_to(std::back_inserter(text), "\\x{:02x}", byte);
        } else {
            text.push_back(c);
        }
    }
    return text;
}

}  // namespace ringway::proxy
