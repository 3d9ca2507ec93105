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

std::optional<std::string> Admin::open() {
    if (!settings_.socket.empty()) {
        if (auto reason = socket_.open(settings_.socket)) return reason;
    }
    return settings_.http ? http_.open(*settings_.http) : std::nullopt;
}

std::optional<std::string> serve(Control& control) {
    if (auto reason = control.restore()) return reason;
    Admin admin(control);
    if (auto reason = admin.open()) return reason;
    return control.run();
}

}  // namespace ringway::proxy
