#include "proxy/admin/admin.h"

#include <utility>

#include "proxy/admin/commands.h"
#include "proxy/admin/http_answers.h"

namespace ringway::proxy {

Admin::Admin(Control& control)
    : settings_(control.config().admin),
      socket_(control.io(),
              [&control](std::string line) { return run_command(control, std::move(line)); }, {}),
      http_(control.io(),
            [&control = std::as_const(control)](std::string_view target) {
                return answer_http(control, target);
            },
            {.clients = control.http_clients()}) {}

Result<void> Admin::open() {
    if (!settings_.socket.empty()) {
        if (auto opened = socket_.open(settings_.socket); !opened) return opened;
    }
    return settings_.http ? http_.open(*settings_.http) : Result<void>();
}

Result<void> serve(Control& control) {
    if (auto restored = control.restore(); !restored) return restored;
    Admin admin(control);
    if (auto opened = admin.open(); !opened) return opened;
    return control.run();
}

}  // namespace ringway::proxy
