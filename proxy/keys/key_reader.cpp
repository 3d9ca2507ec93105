#include "proxy/keys/key_reader.h"

#include <optional>
#include <type_traits>
#include <utility>

#include "proxy/keys/proxy_header.h"
#include "proxy/net/address.h"

namespace ringway::proxy {

namespace {

using From = conf::KeyPart::From;

ParseStatus keep(const std::optional<conf::Endpoint>& endpoint, std::string& key) {
    if (!endpoint || (endpoint->is_unix && endpoint->path.empty())) return ParseStatus::missing;
    key = endpoint->to_string();
    return ParseStatus::found;
}

ParseStatus keep_text(const std::string& text, std::string& key) {
    key = text;
    return text.empty() ? ParseStatus::missing : ParseStatus::found;
}

ParseStatus client_field(conf::KeyPart::CertField field, const Origin& origin, std::string& key) {
    using CertField = conf::KeyPart::CertField;
    if (!origin.tls || !origin.tls->client) return ParseStatus::missing;
    const TlsFacts::Client& client = *origin.tls->client;
    switch (field) {
        case CertField::subject_cn:
            return keep_text(client.subject_cn, key);
        case CertField::san_uri:
            return keep_text(client.san_uri, key);
        case CertField::san_dns:
            return keep_text(client.san_dns, key);
        case CertField::san_email:
            return keep_text(client.san_email, key);
        case CertField::fingerprint:
            return keep_text(client.fingerprint, key);
    }
    return ParseStatus::missing;
}

ParseStatus keep_hello(const HelloFacts& hello, From from, std::string& key) {
    return keep_text(from == From::sni ? hello.server_name : std::string(hello.first_protocol()),
                     key);
}

void append_netstring(std::string& key, std::string_view part) {
    key += std::to_string(part.size());
    key += ':';
    key += part;
    key += ',';
}

}  // namespace

ParseStatus source_key(const conf::KeyPart& part, const conf::Endpoint& source, std::string& key) {
    if (source.is_unix) return ParseStatus::missing;
    key = masked_address(source, source.is_v6 ? part.prefix_v6 : part.prefix_v4);
    return ParseStatus::found;
}

ParseStatus KeyReader::read(std::string_view head, const Origin& origin) {
    const auto parts = recipe_->settings().parts.size();
    if (parts == 1 && status_ == ParseStatus::more) status_ = read_part(head, origin, key_);
    while (status_ == ParseStatus::more) {
        std::string value;
        const ParseStatus status = read_part(head, origin, value);
        if (status == ParseStatus::more) break;
        if (status == ParseStatus::found) {
            append_netstring(key_, value);
            parser_ = std::monostate();
            if (++part_ < parts) continue;
        } else {
            key_.clear();
        }
        status_ = status;
    }
    return status_;
}

ParseStatus KeyReader::read_part(std::string_view head, const Origin& origin, std::string& value) {
    const conf::KeyPart& part = recipe_->settings().parts[part_];
    switch (part.from) {
        case From::source_ip:
            return source_key(part, origin.source, value);
        case From::source:
            return keep(std::optional(origin.source), value);
        case From::destination:
            return keep(origin.destination, value);
        case From::proxy_tlv:
            return keep(tlv_of(origin.tlvs, part.type), value);
        case From::proxy_authority: {
            const auto type = static_cast<std::uint8_t>(ProxyTlv::authority);
            return keep(tlv_of(origin.tlvs, type), value);
        }
        case From::client_cert:
            return client_field(part.cert_field, origin, value);
        default:
            break;
    }
    if (origin.tls && part.reads_tls()) {
        return keep_text(part.from == From::sni ? origin.tls->server_name : origin.tls->alpn,
                         value);
    }
    if (origin.hello && part.reads_tls()) return keep_hello(*origin.hello, part.from, value);
    if (std::holds_alternative<std::monostate>(parser_)) parser_ = parser_of(part_);
    if (auto* hello = std::get_if<ClientHelloParser>(&parser_)) {
        const ParseStatus status = hello->read(head);
        if (status != ParseStatus::found) return status;
        server_name_ = hello->facts().server_name;
        return keep_hello(hello->facts(), part.from, value);
    }
    return std::visit(
        [&](auto& parser) {
            using Held = std::decay_t<decltype(parser)>;
            if constexpr (std::is_same_v<Held, std::monostate> ||
                          std::is_same_v<Held, ClientHelloParser>) {
                return ParseStatus::malformed;  // never: handled above
            } else {
                return parser.read(head, value);
            }
        },
        parser_);
}

KeyReader::Parser KeyReader::parser_of(std::size_t index) const {
    const conf::KeyPart& part = recipe_->settings().parts[index];
    const re2::RE2* const pattern = recipe_->pattern(index);
    switch (part.from) {
        case From::header:
        case From::target:
        case From::cookie:
            return HttpHeadParser(part);
        case From::sni:
        case From::alpn:
            return ClientHelloParser();
        case From::mqtt_client_id:
        case From::mqtt_username:
            return MqttConnectParser(part);
        case From::postgres_user:
        case From::postgres_database:
            return PostgresStartupParser(part);
        case From::rdp_cookie:
            return RdpRequestParser();
        default:
            if (part.length > 0) return BytesParser(part, pattern);
            return LineParser(part, pattern);
    }
}

}  // namespace ringway::proxy
