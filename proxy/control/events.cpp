#include "proxy/control/events.h"

#include "proxy/base/presentable.h"

namespace ringway::proxy {

std::string_view to_string(Event::Kind kind) {
    switch (kind) {
        case Event::Kind::server_up:
            return "server_up";
        case Event::Kind::server_down:
            return "server_down";
        case Event::Kind::registered:
            return "registered";
        case Event::Kind::unregistered:
            return "unregistered";
        case Event::Kind::forgotten:
            return "forgotten";
        case Event::Kind::admin_state:
            return "override";
        case Event::Kind::panic:
            return "panic";
        case Event::Kind::panic_over:
            return "panic_over";
        case Event::Kind::reload:
            return "reload";
        case Event::Kind::reload_refused:
            return "reload_refused";
        case Event::Kind::draining:
            return "draining";
        case Event::Kind::local_fault:
            return "local_fault";
        case Event::Kind::local_fault_over:
            return "local_fault_over";
        case Event::Kind::names_fail:
            return "names_fail";
        case Event::Kind::names_recover:
            return "names_recover";
        case Event::Kind::moved:
            return "moved";
        case Event::Kind::membership:
            return "membership";
        case Event::Kind::fleet:
            return "fleet";
    }
    return "unknown";
}

void Events::add(Event::Kind kind, std::string_view pool, std::string_view server,
                 std::string_view text) {
    if (events_.size() == kept) events_.pop_front();
    events_.push_back({.id = ++last_id_,
                       .time = std::chrono::system_clock::now(),
                       .kind = kind,
                       .pool = std::string(pool),
                       .server = std::string(server),
                       .text = presentable(text)});
}

}  // namespace ringway::proxy
