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

// Who may send a PROXY header. A unix socket's file says who connects to it.
bool is_trusted(const conf::ProxyProtocol& proxy, const conf::Endpoint& peer) {
    return peer.is_unix || std::ranges::any_of(proxy.trusted, [&](const conf::Network& network) {
               return network.contains(peer);
           });
}

End end_of(ProxyVerdict verdict) {
    switch (verdict) {
        case ProxyVerdict::missing:
            return End::proxy_missing;
        case ProxyVerdict::malformed:
            return End::proxy_malformed;
        case ProxyVerdict::bad_checksum:
            return End::proxy_checksum;
        case ProxyVerdict::more:
        case ProxyVerdict::found:
            break;
    }
    return End::none;
}

End end_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::missing:
            return End::key_missing;
        case Verdict::malformed:
            return End::key_malformed;
        case Verdict::not_tls:
            return End::key_not_tls;
        case Verdict::more:
        case Verdict::found:
            break;
    }
    return End::none;
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

Intake::Intake(const KeyRecipe& recipe, const conf::ProxyProtocol* proxy, Origin origin)
    : recipe_(recipe),
      proxy_(proxy),
      origin_(std::move(origin)),
      reader_(recipe),
      left_bytes_(recipe.settings().max_bytes),
      patient_(true) {
    if (proxy_ == nullptr) {
        read_key({});
    } else if (!is_trusted(*proxy_, origin_.source)) {
        refusal_ = End::proxy_untrusted;
    }
}

void Intake::read(std::string& head) {
    if (proxy_ != nullptr) read_header(head);
    if (proxy_ == nullptr && wants_bytes()) read_key(head);
    give_up_if_late();
    if (wants_bytes() && head.size() >= left_bytes_) refusal_ = End::key_too_large;
}

// Half a key is none: it may be the beginning of any. Who said nothing wants nothing.
void Intake::end(const std::string& head) {
    if (!wants_bytes()) return;
    if (proxy_ != nullptr || head.empty()) {
        refusal_ = End::client_left;
    } else {
        place_without_key(End::key_missing);
    }
}

void Intake::end_patience() {
    patient_ = false;
    give_up_if_late();
}

// A PROXY header is demanded, and waited for, whatever on_missing says.
void Intake::give_up_if_late() {
    if (!patient_ && proxy_ == nullptr && wants_bytes()) place_without_key(End::key_silent);
}

void Intake::read_header(std::string& head) {
    ProxyHeader header;
    const ProxyVerdict verdict = read_proxy_header(head, *proxy_, header);
    refusal_ = end_of(verdict);
    if (verdict != ProxyVerdict::found) return;
    proxy_ = nullptr;
    head.erase(0, header.bytes);
    left_bytes_ -= header.bytes;
    if (header.source) origin_.source = std::move(*header.source);
    if (header.destination) origin_.destination = std::move(*header.destination);
    origin_.is_datagram = header.is_datagram;
    origin_.tlvs = std::move(header.tlvs);
}

void Intake::read_key(const std::string& head) {
    const Verdict verdict = reader_.read(head, origin_);
    if (verdict == Verdict::found) {
        key_ = reader_.key();
        placed_by_ = PlacedBy::key;
    } else if (verdict != Verdict::more) {
        place_without_key(end_of(verdict));
    }
}

// What no key was found in is no reason to wait: only then on_missing speaks, and where it
// says itself how long it waits. Limits of time and size end a connection whatever it says.
void Intake::place_without_key(End why) {
    using OnMissing = conf::KeySettings::OnMissing;
    const OnMissing on_missing = recipe_.settings().on_missing;
    missing_ = why;
    if (on_missing == OnMissing::random) {
        key_ = random_hex(random_key_bytes);
        placed_by_ = PlacedBy::random;
    } else if (on_missing == OnMissing::source_ip &&
               source_key({}, origin_.source, key_) == Verdict::found) {
        placed_by_ = PlacedBy::source_ip;
    } else {
        refusal_ = why;
    }
}

std::string Intake::authority() const {
    const auto told = tlv_of(origin_.tlvs, static_cast<std::uint8_t>(ProxyTlv::authority));
    return told ? std::string(*told) : reader_.server_name();
}

}  // namespace ringway::proxy
