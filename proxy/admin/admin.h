// The interfaces to control: the admin socket and the HTTP endpoint. Control does not depend on
// them. Control thread only.
#pragma once

#include "conf/result.h"
#include "proxy/admin/admin_server.h"
#include "proxy/admin/http_server.h"
#include "proxy/control/control.h"

namespace ringway::proxy {

class Admin {
public:
    // `control` outlives it, and owns the loop that runs it.
    explicit Admin(Control& control);

    // Opens the sockets that the configuration names; both close with this object.
    Result<void> open();

private:
    const conf::AdminSettings& settings_;
    AdminServer socket_;
    HttpServer http_;
};

// Restores the overrides, opens the sockets and serves until a signal ends it. Fails if it could
// not start.
Result<void> serve(Control& control);

}  // namespace ringway::proxy
