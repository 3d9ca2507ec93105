#include "proxy/presentable.h"

#include "conf/text.h"
#include "proxy/access_log.h"

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

}  // namespace ringway::proxy
