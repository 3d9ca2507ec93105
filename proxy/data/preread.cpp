#include "proxy/data/preread.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "proxy/base/random.h"
#include "proxy/keys/proxy_header.h"

namespace ringway::proxy {

namespace {

// Enough that no two clients share one by chance.
constexpr std::size_t random_key_bytes = 8;

// Of a client that does not begin with a ClientHello.
const HelloFacts shows_nothing;

// Whether `peer` may send a PROXY header. Access to a unix socket is up to its file.
bool is_trusted(const conf::ProxyProtocol& proxy, const conf::Endpoint& peer) {
    return peer.is_unix || std::ranges::any_of(proxy.trusted, [&](const conf::Network& network) {
               return network.contains(peer);
           });
}

CloseReason end_of(ProxyParseStatus status) {
    switch (status) {
        case ProxyParseStatus::missing:
            return CloseReason::proxy_missing;
        case ProxyParseStatus::malformed:
            return CloseReason::proxy_malformed;
        case ProxyParseStatus::bad_checksum:
            return CloseReason::proxy_checksum;
        case ProxyParseStatus::more:
        case ProxyParseStatus::found:
            break;
    }
    return CloseReason::none;
}

CloseReason end_of(ParseStatus status) {
    switch (status) {
        case ParseStatus::missing:
            return CloseReason::key_missing;
        case ParseStatus::malformed:
            return CloseReason::key_malformed;
        case ParseStatus::not_tls:
            return CloseReason::key_not_tls;
        case ParseStatus::more:
        case ParseStatus::found:
            break;
    }
    return CloseReason::none;
}

}  // namespace

const char* to_string(PlacedBy placed_by) {
    switch (placed_by) {
        case PlacedBy::nothing:
            return "nothing";
        case PlacedBy::key:
            return "key";
        case PlacedBy::source_ip:
            return "source_ip";
        case PlacedBy::random:
            return "random";
    }
    return "unknown";
}

Preread::Preread(const RouteTable& routes, const conf::ProxyProtocol* proxy, Origin origin,
                 bool behind_tls)
    : routes_(routes),
      proxy_(proxy),
      origin_(std::move(origin)),
      limit_bytes_(routes.max_bytes()),
      behind_tls_(behind_tls),
      patient_(true) {
    if (routes_.has_one_way()) take_route(0);
    if (proxy_ == nullptr) {
        if (!behind_tls_) read_key({});
    } else if (!is_trusted(*proxy_, origin_.source)) {
        refusal_ = CloseReason::proxy_untrusted;
    }
}

void Preread::read(std::string& head) {
    if (proxy_ != nullptr) read_header(head);
    if (proxy_ == nullptr && behind_tls_) return;  // what is left is the handshake's
    if (proxy_ == nullptr && wants_bytes()) read_key(head);
    give_up_if_late();
    if (wants_bytes() && head.size() >= limit_bytes()) refusal_ = CloseReason::key_too_large;
}

void Preread::end_tls(TlsFacts facts) {
    behind_tls_ = false;
    origin_.tls = std::move(facts);
    read_key({});
    give_up_if_late();
}

// A part of a key is no key: it may be the beginning of several. A client that has sent nothing
// has left.
void Preread::end(const std::string& head) {
    if (!wants_bytes()) return;
    if (proxy_ != nullptr || behind_tls_ || head.empty()) {
        refusal_ = CloseReason::client_left;
        return;
    }
    // What it has sent is no ClientHello.
    if (!route_) {
        choose(&shows_nothing);
        if (wants_bytes()) read_key(head);
    }
    if (wants_bytes()) place_without_key(CloseReason::key_missing);
}

conf::Duration Preread::patience() const {
    return route_ && patient_ ? routes_.key(*route_).settings().silent_after : conf::Duration{0};
}

void Preread::end_patience() {
    patient_ = false;
    give_up_if_late();
}

// A required PROXY header, a handshake and a route are waited for, whatever on_missing is.
void Preread::give_up_if_late() {
    const bool is_clear = proxy_ == nullptr && !behind_tls_ && route_;
    if (!patient_ && is_clear && wants_bytes()) place_without_key(CloseReason::key_silent);
}

void Preread::read_header(std::string& head) {
    ProxyHeader header;
    const ProxyParseStatus status = read_proxy_header(head, *proxy_, header);
    refusal_ = end_of(status);
    if (status != ProxyParseStatus::found) return;
    proxy_ = nullptr;
    head.erase(0, header.bytes);
    header_bytes_ = header.bytes;
    if (header.source) origin_.source = std::move(*header.source);
    if (header.destination) origin_.destination = std::move(*header.destination);
    origin_.is_datagram = header.is_datagram;
    origin_.tlvs = std::move(header.tlvs);
}

// By what is known so far, and by the ClientHello in `head` if a route asks for that. What is none
// shows nothing.
void Preread::choose_route(const std::string& head) {
    if (origin_.tls) {
        const auto agreed = HelloFacts::of_agreed(origin_.tls->server_name, origin_.tls->alpn);
        return choose(&agreed);
    }
    choose(origin_.hello ? &*origin_.hello : nullptr);
    if (route_ || refusal_ != CloseReason::none) return;
    const ParseStatus status = hello_.read(head);
    if (status == ParseStatus::more) return;
    if (status == ParseStatus::found) origin_.hello = hello_.facts();
    choose(origin_.hello ? &*origin_.hello : &shows_nothing);
}

void Preread::choose(const HelloFacts* hello) {
    const auto choice = routes_.choose(
        {.source = origin_.source, .destination = origin_.destination, .hello = hello});
    if (choice.verdict == RouteTable::Verdict::found) take_route(choice.route);
    if (choice.verdict == RouteTable::Verdict::none) refusal_ = CloseReason::no_route;
}

void Preread::take_route(std::size_t route) {
    route_ = route;
    const KeyRecipe& key = routes_.key(route);
    reader_.emplace(key);
    // A PROXY header of the greatest length is no reason to refuse a key that has come with it.
    limit_bytes_ = std::max(key.settings().max_bytes, header_bytes_);
}

void Preread::read_key(const std::string& head) {
    if (!route_) choose_route(head);
    if (!route_) return;
    const ParseStatus status = reader_->read(head, origin_);
    if (status == ParseStatus::found) {
        key_ = reader_->key();
        placed_by_ = PlacedBy::key;
    } else if (status != ParseStatus::more) {
        place_without_key(end_of(status));
    }
}

// on_missing applies to bytes without a key, and after its own time. Limits of time and size end
// a connection, whatever on_missing is.
void Preread::place_without_key(CloseReason why) {
    using OnMissing = conf::KeySettings::OnMissing;
    const OnMissing on_missing = routes_.key(*route_).settings().on_missing;
    missing_ = why;
    if (on_missing == OnMissing::random) {
        key_ = random_hex(random_key_bytes);
        placed_by_ = PlacedBy::random;
    } else if (on_missing == OnMissing::source_ip &&
               source_key({}, origin_.source, key_) == ParseStatus::found) {
        placed_by_ = PlacedBy::source_ip;
    } else {
        refusal_ = why;
    }
}

std::string Preread::authority() const {
    const auto received = tlv_of(origin_.tlvs, static_cast<std::uint8_t>(ProxyTlv::authority));
    if (received) return std::string(*received);
    if (origin_.tls) return origin_.tls->server_name;
    if (origin_.hello) return origin_.hello->server_name;
    return reader_ ? reader_->server_name() : std::string();
}

}  // namespace ringway::proxy
