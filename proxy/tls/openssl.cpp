#include "proxy/tls/openssl.h"

#include <openssl/err.h>

namespace ringway::proxy {

std::string take_openssl_error() {
    const unsigned long code = ERR_peek_last_error();
    const char* const reason = ERR_reason_error_string(code);
    std::string words = reason != nullptr ? reason : "error " + std::to_string(code);
    ERR_clear_error();
    return words;
}

}  // namespace ringway::proxy
