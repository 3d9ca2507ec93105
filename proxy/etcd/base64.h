// Base64 with padding (RFC 4648, section 4), as JSON has bytes of etcd. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringway::proxy {

std::string to_base64(std::string_view bytes);

// Nothing for what to_base64() does not write: other characters, white space, no padding, or bits
// that are lost.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace ringway::proxy
