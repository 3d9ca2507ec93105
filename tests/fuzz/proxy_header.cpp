// PROXY headers. The answer to some bytes is the same when more of them come; what was read is sent
// and read again the same; fields and checksum are those of a reader that knows nothing else.
#include "proxy/keys/proxy_header.h"

#include <array>
#include <string>
#include <string_view>

#include "proxy/keys/proxy_wire.h"
#include "tests/fuzz/fields.h"

using namespace ringway;
using fuzz::require;
using proxy::ProxyParseStatus;
using Version = conf::SendProxy::Version;

namespace {

constexpr std::size_t choices_bytes = 2;
constexpr std::size_t head_bytes = 16;
constexpr std::size_t checksum_type = 3;

// Bit by bit, as RFC 3720 defines it.
std::uint32_t checksum(std::string_view bytes) {
    std::uint32_t sum = ~std::uint32_t{0};
    for (const char c : bytes) {
        sum ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ ((sum & 1) != 0 ? 0x82F63B78U : 0U);
    }
    return ~sum;
}

// The bytes of the addresses of a header of version 2.
std::size_t address_bytes(std::size_t kind) {
    static constexpr std::array<std::size_t, 4> of_family{0, 12, 36, 216};
    const auto family = kind >> 4;
    return family < of_family.size() && (kind & 15) != 0 ? of_family[family] : 0;
}

void check_fields(const proxy::ProxyHeader& header, std::string_view bytes) {
    const auto fields = fuzz::read_typed(header.tlvs, 1);
    require(fuzz::write_typed(fields, 1) == header.tlvs, "all of it is fields");
    for (std::size_t type = 0; type < 256; ++type) {
        const auto known = std::ranges::find(fields, type, [](const auto& f) { return f.first; });
        const auto found = proxy::tlv_of(header.tlvs, static_cast<std::uint8_t>(type));
        require(found.has_value() == (known != fields.end()), "a field is found if it is there");
        require(!found || *found == known->second, "with its value");
        if (!found || type != checksum_type) continue;
        std::string whole(bytes.substr(0, header.bytes));
        const auto at = whole.size() - header.tlvs.size() +
                        static_cast<std::size_t>(found->data() - header.tlvs.data());
        whole.replace(at, 4, 4, '\0');
        require(fuzz::number(checksum(whole), 4) == *found, "the checksum is right");
    }
}

void check_sent_again(const proxy::ProxyHeader& header, std::string_view text) {
    const conf::ProxyProtocol any{.v1 = true, .v2 = true};
    for (const auto version : {Version::v1, Version::v2}) {
        const auto sent = proxy::proxy_header(version, {.source = *header.source,
                                                        .destination = *header.destination,
                                                        .is_datagram = header.is_datagram,
                                                        .authority = text,
                                                        .unique_id = text.substr(0, 128)});
        proxy::ProxyHeader again;
        require(proxy::read_proxy_header(sent, any, again) == ProxyParseStatus::found, "is read");
        const bool told =
            version == Version::v2 || (!header.is_datagram && !header.source->is_unix);
        require(again.source.has_value() == told, "with addresses where they can be told");
        require(again.bytes == sent.size(), "to its end");
        if (told) {
            require(again.source == header.source && again.destination == header.destination,
                    "the same addresses");
            require(again.is_datagram == header.is_datagram, "and protocol");
        }
        if (version == Version::v1 || text.empty()) continue;
        require(proxy::tlv_of(again.tlvs, 2) == text, "the same name");
        require(proxy::tlv_of(again.tlvs, 5) == text.substr(0, 128), "and id");
    }
}

// Addresses of two families: one header cannot tell all of them.
void check_mixed(const conf::Endpoint& source) {
    const conf::Endpoint v4{.address = {192, 0, 2, 1}, .port = 80};
    for (const auto version : {Version::v1, Version::v2}) {
        const auto sent = proxy::proxy_header(version, {.source = source, .destination = v4});
        proxy::ProxyHeader again;
        const conf::ProxyProtocol any{.v1 = true, .v2 = true};
        require(proxy::read_proxy_header(sent, any, again) == ProxyParseStatus::found, "is read");
        require(again.source.has_value() != source.is_unix, "but of a unix socket and another");
        if (again.source) require(again.source == source && again.destination == v4, "the same");
        const auto own = proxy::local_proxy_header(version);
        require(proxy::read_proxy_header(own, any, again) == ProxyParseStatus::found, "is read");
        require(!again.source && again.bytes == own.size(), "and names nobody");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    if (size < choices_bytes) return 0;
    const conf::ProxyProtocol accepted{.v1 = (data[0] & 1) == 0, .v2 = (data[0] & 2) == 0};
    const std::string bytes(data + choices_bytes, data + size);
    proxy::ProxyHeader header;
    const ProxyParseStatus whole = proxy::read_proxy_header(bytes, accepted, header);

    proxy::ProxyHeader unused;
    const std::string part = bytes.substr(0, bytes.size() * data[1] / 255);
    const ProxyParseStatus before = proxy::read_proxy_header(part, accepted, unused);
    require(before == ProxyParseStatus::more || before == whole, "a verdict is final");
    if (whole != ProxyParseStatus::more) {
        require(proxy::read_proxy_header(bytes + "\n", accepted, unused) == whole,
                "what follows does not matter");
    }
    if (whole != ProxyParseStatus::found) return 0;
    require(header.bytes > 0 && header.bytes <= bytes.size(), "it has a size");
    require(header.source.has_value() == header.destination.has_value(), "both or none");
    check_fields(header, bytes);
    if (!header.source) return 0;
    check_sent_again(header, std::string_view(bytes).substr(header.bytes));
    check_mixed(*header.source);
    return 0;
}

namespace {

// A header of version 1, of words that are likely or not.
std::string mutate_v1(std::string text, fuzz::Chance& chance) {
    static constexpr std::array<std::string_view, 20> words{"TCP4",
                                                            "TCP6",
                                                            "UNKNOWN",
                                                            "192.0.2.1",
                                                            "255.255.255.255",
                                                            "2001:db8::1",
                                                            "::",
                                                            "0",
                                                            "65535",
                                                            "65536",
                                                            "080",
                                                            "::ffff:1.2.3.4",
                                                            "\r\n",
                                                            "\n",
                                                            "\r",
                                                            " ",
                                                            "  ",
                                                            "PROXY ",
                                                            "192.0.2.01",
                                                            ""};
    if (!text.starts_with(proxy::proxy_v1_signature)) {
        text = "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n";
    }
    const auto begin = text.find(' ', chance.below(text.size()));
    if (begin == std::string::npos || chance.one_in(3)) return chance.mutate(text);
    const auto end = std::min(text.find_first_of(" \r", begin + 1), text.size());
    return text.replace(begin + 1, end - begin - 1, chance.any(words));
}

// A header of version 2 with true lengths, and a true checksum for the most part.
std::string mutate_v2(std::string_view bytes, fuzz::Chance& chance) {
    static constexpr std::array<std::size_t, 10> kinds{0,    0x11, 0x12, 0x21, 0x22,
                                                       0x31, 0x32, 0x10, 0x41, 0x13};
    proxy::ByteReader reader(bytes.substr(std::min(bytes.size(), std::size_t{12})));
    std::size_t command = reader.number(1);
    std::size_t kind = reader.number(1);
    proxy::ByteReader block(reader.field(2));
    if (command == 0) command = proxy::proxy_v2_proxy;
    if (chance.one_in(6)) kind = chance.any(kinds);
    if (chance.one_in(20)) command = 0x1f + chance.below(4);
    std::string addresses(block.bytes(address_bytes(kind)));
    auto fields = fuzz::read_typed(block.rest(), 1);
    if (chance.one_in(2)) addresses = chance.mutate(addresses);
    if (!chance.one_in(20)) addresses.resize(address_bytes(kind), '\0');
    if (chance.one_in(2)) fuzz::mutate_typed(fields, {1, 2, 3, 4, 5, 0x20, 0x30, 0xEA}, chance);
    for (auto& [type, value] : fields) {
        if (type == checksum_type && !chance.one_in(8)) value.assign(4, '\0');
        if (type == 0x20 && chance.one_in(2))
            value = std::string(5, '\1') + fuzz::write_typed({{0x21, "TLSv1.3"}}, 1);
    }
    const std::string rest = addresses + fuzz::write_typed(fields, 1);
    std::string out(proxy::proxy_v2_signature);
    out += fuzz::number(command, 1) + fuzz::number(kind, 1) + fuzz::field(rest, 2);
    const auto sum = proxy::tlv_of(std::string_view(out).substr(head_bytes + addresses.size()), 3);
    if (sum && sum->size() == 4 && !chance.one_in(8)) {
        const auto at = static_cast<std::size_t>(sum->data() - out.data());
        out.replace(at, 4, 4, '\0');
        out.replace(at, 4, fuzz::number(checksum(out), 4));
    }
    return out;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    fuzz::Chance chance(seed);
    if (size < choices_bytes || chance.one_in(6)) return LLVMFuzzerMutate(data, size, size_max);
    const std::string input = fuzz::text_of(data, size);
    std::string out = input.substr(0, choices_bytes);
    const std::string header = input.substr(choices_bytes);
    const bool is_v1 = header.starts_with(proxy::proxy_v1_signature);
    out += is_v1 != chance.one_in(10) ? mutate_v1(header, chance) : mutate_v2(header, chance);
    if (chance.one_in(3)) out += chance.mutate("GET /");
    if (chance.one_in(4)) out[chance.below(choices_bytes)] = static_cast<char>(chance.below(256));
    return fuzz::store(out, data, size_max);
}
