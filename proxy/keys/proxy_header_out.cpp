// The header as Ringway sends it.
#include <algorithm>
#include <array>
#include <string>

#include "proxy/keys/proxy_header.h"
#include "proxy/keys/proxy_wire.h"
#include "proxy/net/address.h"

namespace ringway::proxy {

namespace {

using conf::Endpoint;
using Version = conf::SendProxy::Version;

constexpr std::string_view v1_unknown = "PROXY UNKNOWN\r\n";

void put_number(std::string& out, std::size_t value) {
    out.push_back(static_cast<char>(value >> 8));
    out.push_back(static_cast<char>(value));
}

void put_tlv(std::string& out, ProxyTlv type, std::string_view value) {
    if (value.empty()) return;
    out.push_back(static_cast<char>(type));
    put_number(out, value.size());
    out += value;
}

// Types within the field of TLS, and bits of its first byte (section 2.2.6).
enum TlsTlv : std::uint8_t { tls_version = 0x21, tls_cn = 0x22, tls_cipher = 0x23 };
enum TlsClient : std::uint8_t { client_tls = 1, client_cert_now = 2, client_cert_in_session = 4 };

void put_tls(std::string& out, const TlsFacts& tls) {
    unsigned client = client_tls;
    if (tls.client) {
        client |= client_cert_in_session;
        if (!tls.resumed) client |= client_cert_now;
    }
    std::string value(1, static_cast<char>(client));
    // Four bytes of a verdict: zero for a certificate that verifies. There are no others here.
    value += tls.client ? std::string(4, '\0') : std::string("\0\0\0\1", 4);
    const auto put = [&value](TlsTlv type, std::string_view text) {
        put_tlv(value, static_cast<ProxyTlv>(type), text);
    };
    put(tls_version, tls.version);
    if (tls.client) put(tls_cn, tls.client->subject_cn);
    put(tls_cipher, tls.cipher);
    put_tlv(out, ProxyTlv::ssl, value);
}

void put_address(std::string& out, const Endpoint& endpoint) {
    const std::size_t size = endpoint.is_v6 ? 16 : 4;
    for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(endpoint.address[i]));
}

void put_path(std::string& out, const Endpoint& endpoint) {
    auto path = endpoint.path;
    path.resize(proxy_unix_path_bytes, '\0');
    out += path;
}

std::string v1(const Endpoint& source, const Endpoint& destination) {
    if (source.is_unix || destination.is_unix) return std::string(v1_unknown);
    std::string out = source.is_v6 ? "PROXY TCP6 " : "PROXY TCP4 ";
    for (const Endpoint* endpoint : {&source, &destination}) {
        out += masked_address(*endpoint, endpoint->is_v6 ? 128 : 32);
        out += ' ';
    }
    out += std::to_string(source.port) + ' ';
    return out += std::to_string(destination.port) + "\r\n";
}

std::string v2(std::uint32_t command, ProxyFamily family, ProxyTransport transport,
               std::string_view block) {
    std::string out(proxy_v2_signature);
    out.push_back(static_cast<char>(command));
    out.push_back(
        static_cast<char>(static_cast<unsigned>(family) << 4 | static_cast<unsigned>(transport)));
    put_number(out, block.size());
    return out += block;
}

}  // namespace

std::string proxy_header(Version version, const ProxyFields& fields) {
    Endpoint source = fields.source;
    Endpoint destination = fields.destination;
    // One family for both: IPv4 addresses on an IPv6 socket are mapped again.
    if (source.is_v6 != destination.is_v6 && !source.is_unix && !destination.is_unix) {
        source = mapped(source);
        destination = mapped(destination);
    }
    if (version == Version::v1) {
        return fields.is_datagram ? std::string(v1_unknown) : v1(source, destination);
    }
    std::string block;
    auto family = ProxyFamily::unspec;
    if (source.is_unix && destination.is_unix) {
        family = ProxyFamily::unix_socket;
        put_path(block, source);
        put_path(block, destination);
    } else if (!source.is_unix && !destination.is_unix) {
        family = source.is_v6 ? ProxyFamily::v6 : ProxyFamily::v4;
        put_address(block, source);
        put_address(block, destination);
        put_number(block, source.port);
        put_number(block, destination.port);
    }
    put_tlv(block, ProxyTlv::authority, fields.authority);
    put_tlv(block, ProxyTlv::unique_id, fields.unique_id);
    if (fields.tls != nullptr) {
        put_tlv(block, ProxyTlv::alpn, fields.tls->alpn);
        put_tls(block, *fields.tls);
    }
    const auto transport = family == ProxyFamily::unspec ? ProxyTransport::unspec
                           : fields.is_datagram          ? ProxyTransport::datagram
                                                         : ProxyTransport::stream;
    return v2(proxy_v2_proxy, family, transport, block);
}

std::string local_proxy_header(Version version) {
    if (version == Version::v1) return std::string(v1_unknown);
    return v2(proxy_v2_local, ProxyFamily::unspec, ProxyTransport::unspec, {});
}

}  // namespace ringway::proxy
