// Who asks and changes control from outside: the admin socket and the HTTP endpoint. Control
// itself does not know of them. Control thread only.
#pragma once

#include <optional>
#include <string>

#include "proxy/admin/admin_server.h"
#include "proxy/admin/http_server.h"
#include "proxy/control/control.h"

namespace ringway::proxy {

class Admin {
public:
    // `control` outlives it, and has the loop that serves it.
    explicit Admin(Control& control);

    // Opens what the configuration asks for; both close with this object. The reason where
    // that fails.
    std::optional<std::string> open();

private:
    const conf::AdminSettings& settings_;
    AdminServer socket_;
    HttpServer http_;
};

// Restores what was kept, opens the doors and serves until a signal ends it. The reason where
// it could not begin.
std::optional<std::string> serve(Control& control);

}  // namespace ringway::proxy
