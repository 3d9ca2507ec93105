#include "conf/config.h"

namespace ringway::conf {

std::string Error::to_string(std::string_view file) const {
    std::string out(file);
    if (position.line > 0) {
        out += ':' + std::to_string(position.line) + ':' + std::to_string(position.column);
    }
    out += ": ";
    if (!path.empty()) out += path + ": ";
    return out + message;
}

}  // namespace ringway::conf
