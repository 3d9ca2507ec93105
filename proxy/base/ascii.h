// ASCII letters, independent of the locale, for host and header names.
#pragma once

namespace ringway::proxy {

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace ringway::proxy
