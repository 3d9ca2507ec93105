// Keys of several parts, from addresses, fields of a PROXY header and bytes. The key of a composite
// is the netstrings of its parts' keys; the first part that has none decides what it is instead.
#include <array>
#include <string>
#include <utility>

#include "proxy/keys/proxy_header.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/one_key.h"

using namespace ringway;
using conf::KeyPart;
using From = KeyPart::From;
using CertField = KeyPart::CertField;
using proxy::ParseStatus;

namespace {

constexpr std::size_t choices_bytes = 4;  // the recipe, two cuts, the origin

using Parts = std::vector<KeyPart>;

const std::vector<Parts> recipes{
    {{.from = From::source_ip, .prefix_v4 = 24, .prefix_v6 = 48}, {.from = From::first_line}},
    {{.from = From::source}, {.from = From::destination}},
    {{.from = From::header, .name = "host"}, {.from = From::target}, {.from = From::source_ip}},
    {{.from = From::proxy_tlv, .type = 5}, {.from = From::bytes, .length = 3}},
    {{.from = From::proxy_authority}, {.from = From::field, .number = 2}},
    {{.from = From::sni}, {.from = From::alpn}, {.from = From::proxy_tlv, .type = 2}},
    {{.from = From::bytes, .length = 2}, {.from = From::bytes, .offset = 2, .length = 2}},
    {{.from = From::regex, .pattern = "^(\\w+) (\\d*)", .group = 2}, {.from = From::first_line}},
    {{.from = From::mqtt_client_id}, {.from = From::source_ip}, {.from = From::mqtt_username}},
    {{.from = From::postgres_user}, {.from = From::postgres_database}},
    {{.from = From::bytes, .length = 2}, {.from = From::rdp_cookie}},
    {{.from = From::client_cert, .cert_field = CertField::subject_cn},
     {.from = From::client_cert, .cert_field = CertField::fingerprint}},
    {{.from = From::client_cert, .cert_field = CertField::san_uri},
     {.from = From::client_cert, .cert_field = CertField::san_dns},
     {.from = From::client_cert, .cert_field = CertField::san_email}},
};

proxy::Origin origin_of(std::uint8_t byte) {
    static const std::array<conf::Endpoint, 5> endpoints{
        *conf::Endpoint::parse("192.0.2.77:4711"), *conf::Endpoint::parse("[2001:db8::7]:80"),
        *conf::Endpoint::parse("unix:/run/a.sock"), conf::Endpoint{.is_unix = true},
        conf::Endpoint{.is_unix = true, .path = std::string("\0abstract", 9)}};
    proxy::Origin origin{.source = endpoints[byte % endpoints.size()]};
    if (byte % 3 != 0) origin.destination = endpoints[byte / 8 % endpoints.size()];
    if (byte % 4 != 0) origin.tlvs = fuzz::write_typed({{2, "a.example"}, {5, "id"}}, 1);
    if (byte % 7 > 3) origin.tls = proxy::TlsFacts{.server_name = "a.example", .alpn = "mqtt"};
    if (byte % 7 > 4) {
        origin.tls->client = proxy::TlsFacts::Client{.subject_cn = "ann",
                                                     .san_uri = "spiffe://a/ann",
                                                     .san_dns = "ann.example",
                                                     .san_email = byte % 2 == 0 ? "" : "ann@a",
                                                     .fingerprint = "00ff"};
    }
    return origin;
}

// What the parts say, one by one.
fuzz::Answer joined(const Parts& parts, std::string_view bytes, const proxy::Origin& origin) {
    std::string key;
    for (const KeyPart& part : parts) {
        const proxy::KeyRecipe recipe(conf::KeySettings{.parts = {part}});
        const auto one = fuzz::answer(recipe, bytes, {}, origin);
        if (one.status != ParseStatus::found) return {one.status, ""};
        key += std::to_string(one.key.size()) + ':' + one.key + ',';
    }
    return {ParseStatus::found, key};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    if (size < choices_bytes) return 0;
    const Parts& parts = recipes[data[0] % recipes.size()];
    const proxy::KeyRecipe recipe(conf::KeySettings{.parts = parts});
    const auto origin = origin_of(data[3]);
    const std::string bytes(data + choices_bytes, data + size);
    const auto wanted = joined(parts, bytes, origin);
    fuzz::require(fuzz::answer(recipe, bytes, {}, origin) == wanted, "a composite is its parts");
    const std::size_t first = bytes.size() * data[1] / 255;
    const std::size_t second = bytes.size() * data[2] / 255;
    const std::vector<std::size_t> cuts{std::min(first, second), std::max(first, second)};
    fuzz::require(fuzz::answer(recipe, bytes, cuts, origin) == wanted, "segments do not matter");

    std::string key;
    const auto status = proxy::source_key(parts.front(), origin.source, key);
    const bool has_address = !origin.source.is_unix;
    fuzz::require((status == ParseStatus::found) == has_address, "an address is a key");
    fuzz::require(key.empty() != has_address, "with bytes");
    return 0;
}
