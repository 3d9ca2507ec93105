// Letters of ASCII, whatever the locale: names of hosts and of headers are compared so.
#pragma once

namespace ringway::proxy {

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace ringway::proxy
