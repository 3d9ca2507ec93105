// The answers of the HTTP endpoint. Control thread only.
#pragma once

#include <string_view>

#include "proxy/admin/http_server.h"

namespace ringway::proxy {

class Control;

// The answer to a request's target. `control` outlives the answer.
HttpAnswer answer_http(const Control& control, std::string_view target);

}  // namespace ringway::proxy
