#include "conf/parse_proxy.h"

namespace ringway::conf {

void read_proxy_protocol(Section& section, ProxyProtocol& proxy, bool on_unix_socket) {
    bool accepts_any = false;
    section.list("accept", [&](const Value& value) {
        accepts_any = true;
        const auto version = value.keyword({"v1", "v2"});
        if (version) (*version == 0 ? proxy.v1 : proxy.v2) = true;
    });
    bool trusts_any = false;
    section.list("trusted", [&](const Value& value) {
        trusts_any = true;
        if (const auto network = value.network()) proxy.trusted.push_back(*network);
    });
    section.need({"accept"});
    if (section.has("accept") && !accepts_any) section.error("accept", "expected v1, v2 or both");
    if (on_unix_socket) {
        if (section.has("trusted")) {
            section.error("trusted",
                          "has a meaning only for TCP: the mode of the socket's file decides who "
                          "may connect");
        }
    } else {
        if (!section.has("trusted"))
            section.error("expected the networks that may connect: trusted");
        if (section.has("trusted") && !trusts_any) {
            section.error("trusted", "expected at least one network");
        }
    }
}

void read_send_proxy(Section& section, SendProxy& send) {
    using Version = SendProxy::Version;
    section.choice<Version>("send", send.version, {{"v1", Version::v1}, {"v2", Version::v2}});
    section.boolean("authority", send.authority);
    section.boolean("unique_id", send.unique_id);
    section.boolean("tls", send.tls);
    section.need({"send"});
    for (const auto* name : {"authority", "unique_id", "tls"}) {
        if (section.has(name) && send.version == Version::v1) {
            section.error(name, "has a meaning only for send: v2");
        }
    }
}

}  // namespace ringway::conf
