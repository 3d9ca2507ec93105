#include "proxy/base/presentable.h"

#include <cstdint>
#include <iterator>

#include <fmt/format.h>

#include "conf/text.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

bool is_presentable(std::string_view text) {
    for (std::string_view rest = text; !rest.empty();) {
        const auto character = conf::first_character(rest);
        if (!character || conf::is_control(character->code)) return false;
        rest.remove_prefix(character->bytes);
    }
    return true;
}

std::string presentable(std::string_view text) {
    return is_presentable(text) ? std::string(text) : escaped(text);
}

std::string json_string(std::string_view bytes) {
    std::string text = "\"";
    while (!bytes.empty()) {
        const auto character = conf::first_character(bytes);
        const std::size_t size = character ? character->bytes : 1;
        if (!character) {
            text += "\xef\xbf\xbd";
        } else if (conf::is_control(character->code)) {
            fmt::format_to(std::back_inserter(text), "\\u{:04x}",
                           static_cast<std::uint32_t>(character->code));
        } else {
            if (character->code == '"' || character->code == '\\') text += '\\';
            text += bytes.substr(0, size);
        }
        bytes.remove_prefix(size);
    }
    return text += '"';
}

}  // namespace ringway::proxy
