// What is read from a client before a server is chosen: the PROXY header if its listener
// requires one, then what its route asks for, then the key, together within one limit of size. Pure
// but for `on_missing: random`; the result does not depend on how the bytes were split.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "conf/config.h"
#include "proxy/data/close_reason.h"
#include "proxy/keys/key_reader.h"
#include "proxy/keys/recipe.h"
#include "proxy/keys/route_table.h"

namespace ringway::proxy {

// What a connection is placed by.
enum class PlacedBy : std::uint8_t {
    nothing,  // so far
    key,
    source_ip,  // its bytes have no key: on_missing
    random,     // the same
};
const char* to_string(PlacedBy placed_by);

class Preread {
public:
    // `origin` is the accepted stream's; its destination is set if the routes need it.
    // `proxy` is null if no header is expected. Both it and `routes` must outlive this.
    // `behind_tls`: neither the route's names nor the key are read before end_tls().
    Preread(const RouteTable& routes, const conf::ProxyProtocol* proxy, Origin origin,
            bool behind_tls = false);

    // Until there is a key or a refusal.
    bool wants_bytes() const {
        return refusal_ == CloseReason::none && placed_by_ == PlacedBy::nothing;
    }
    // The longest `head` for read().
    std::size_t limit_bytes() const { return limit_bytes_ - header_bytes_; }
    // `head` is what was received, without a PROXY header that an earlier call has removed. A
    // complete PROXY header is removed from its front; the rest stays for the server.
    void read(std::string& head);
    // Whether what comes next is a handshake, and not for read().
    bool wants_tls() const { return wants_bytes() && proxy_ == nullptr && behind_tls_; }
    // The handshake is complete: the client's bytes in clear follow.
    void end_tls(TlsFacts facts);
    // The client has ended its direction. `head` as read() has left it.
    void end(const std::string& head);
    // The time of on_missing has passed: a key that is not there is missing, once the PROXY
    // header and the handshake are complete.
    void end_patience();
    // For how long from accept a key is waited for before on_missing counts; 0: to the end.
    conf::Duration patience() const;

    // Why there is no key; none if there is one.
    CloseReason refusal() const { return refusal_; }
    const std::string& key() const { return key_; }
    // Nothing while it is not known.
    std::optional<std::size_t> route() const { return route_; }
    PlacedBy placed_by() const { return placed_by_; }
    // Why it was not placed by its key.
    CloseReason missing() const { return missing_; }

    // By the PROXY header, once that has been read.
    const Origin& origin() const { return origin_; }
    // The host that the client asked for, by the PROXY header or its ClientHello; empty
    // if neither was read.
    std::string authority() const;

private:
    void read_header(std::string& head);
    void choose_route(const std::string& head);
    void choose(const HelloFacts* hello);
    void take_route(std::size_t route);
    void read_key(const std::string& head);
    void give_up_if_late();
    void place_without_key(CloseReason why);

    const RouteTable& routes_;
    const conf::ProxyProtocol* proxy_;  // null once its header has been read
    Origin origin_;
    std::optional<std::size_t> route_;
    ClientHelloParser hello_;          // where the route asks for what it shows
    std::optional<KeyReader> reader_;  // of the route's key
    std::size_t limit_bytes_;          // of a PROXY header, too
    std::size_t header_bytes_ = 0;
    bool behind_tls_;
    bool patient_;  // a key that is not there yet may still come
    std::string key_;
    PlacedBy placed_by_ = PlacedBy::nothing;
    CloseReason refusal_ = CloseReason::none;
    CloseReason missing_ = CloseReason::none;
};

}  // namespace ringway::proxy
