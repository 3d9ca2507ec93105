// The values of keys that others write to etcd: servers, and the words of a fleet. What is accepted
// is read again as it is written; what is refused has a reason that is fit for a terminal.
#include <string>

#include "conf/text.h"
#include "proxy/control/etcd_server_text.h"
#include "proxy/control/fleet_view.h"
#include "tests/fuzz/mutation.h"

using namespace ringway;
using fuzz::require;

namespace {

void check_refusal(const Reason& reason) {
    require(!reason.text.empty() && !conf::has_control(reason.text), "a refusal has its reason");
}

template <class Parse>
void check(const std::string& text, Parse parse) {
    const auto result = parse(text);
    if (!result) return check_refusal(result.error());
    const auto again = parse(proxy::to_text(*result));
    require(again && *again == *result, "what is written is read again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    const std::string text = fuzz::text_of(data, size);
    const auto server = proxy::parse_etcd_server("a", text, {});
    if (server) {
        const std::string written = proxy::etcd_server_text(server->address, server->weight);
        const auto again = proxy::parse_etcd_server("a", written, {});
        require(again && again->address == server->address && again->weight == server->weight,
                "a server is read again");
    } else {
        check_refusal(server.error());
    }
    check(text, proxy::parse_replica_report);
    check(text, proxy::parse_checks_report);
    check(text, proxy::parse_fleet_word);
    const auto end = text.find('\n');
    proxy::FleetView view;
    proxy::FleetView::Change change;
    view.take(text.substr(0, end),
              end == std::string::npos ? std::nullopt : std::optional(text.substr(end + 1)),
              change);
    return 0;
}
