#include "proxy/keys/client_hello.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "proxy/base/ascii.h"
#include "proxy/keys/byte_reader.h"

namespace ringway::proxy {

namespace {

// RFC 8446, 5.1 and 4: numbers of record and handshake types, sizes.
constexpr std::uint32_t handshake_record = 22;
constexpr std::uint32_t client_hello_message = 1;
constexpr std::uint32_t major_version = 3;
constexpr std::size_t record_header_bytes = 5;
constexpr std::size_t message_header_bytes = 4;
constexpr std::uint32_t record_bytes_max = 1 << 14;
// RFC 6066, 3 and RFC 7301, 3.1.
constexpr std::uint32_t server_name_extension = 0;
constexpr std::uint32_t protocols_extension = 16;
constexpr std::uint32_t host_name_type = 0;
constexpr std::size_t host_name_bytes_max = 255;

}  // namespace

HelloFacts HelloFacts::of_agreed(std::string server_name, std::string_view protocol) {
    HelloFacts facts{.server_name = std::move(server_name)};
    if (!protocol.empty()) {
        facts.protocols = static_cast<char>(protocol.size());
        facts.protocols += protocol;
    }
    return facts;
}

std::string_view HelloFacts::first_protocol() const {
    return ByteReader(protocols).field(1);
}

bool HelloFacts::offers(std::string_view protocol) const {
    for (ByteReader list(protocols); !list.empty();) {
        if (list.field(1) == protocol) return true;
    }
    return false;
}

ParseStatus ClientHelloParser::read(std::string_view head) {
    const ParseStatus status = read_records(head);
    if (status != ParseStatus::found) return status;
    return read_message() ? ParseStatus::found : ParseStatus::malformed;
}

// Joins complete records until the message is complete, which is `found`. A message may be cut into
// records anywhere, but no other record may come between, and none may be empty (RFC 8446, 5.1).
ParseStatus ClientHelloParser::read_records(std::string_view head) {
    for (;;) {
        ByteReader record(head.substr(next_record_));
        const auto none_yet = next_record_ == 0 ? ParseStatus::not_tls : ParseStatus::malformed;
        if (!record.empty() && record.number(1) != handshake_record) return none_yet;
        if (!record.empty() && record.number(1) != major_version) return none_yet;
        record.number(1);
        const std::uint32_t size = record.number(2);
        if (!record.ok()) return ParseStatus::more;
        if (size == 0 || size > record_bytes_max) return ParseStatus::malformed;
        const auto fragment = record.bytes(size);
        if (!record.ok()) return ParseStatus::more;
        next_record_ += record_header_bytes + size;
        message_ += fragment;

        ByteReader message(message_);
        if (message.number(1) != client_hello_message) return ParseStatus::malformed;
        message.field(3);
        if (message.ok()) return ParseStatus::found;
    }
}

// False if it is malformed. The rest of the last record is ignored.
bool ClientHelloParser::read_message() {
    ByteReader whole(std::string_view(message_).substr(1));
    ByteReader hello(whole.field(message_header_bytes - 1));
    if (hello.number(1) != major_version) return false;
    hello.number(1);
    hello.bytes(32);  // random
    const auto session = hello.field(1);
    const auto ciphers = hello.field(2);
    const auto compressions = hello.field(1);
    if (!hello.ok() || session.size() > 32 || compressions.empty()) return false;
    if (ciphers.empty() || ciphers.size() % 2 != 0) return false;
    if (hello.empty()) return true;  // before TLS 1.3 there need be no extensions
    const auto extensions = hello.field(2);
    return hello.ok() && hello.empty() && read_extensions(extensions);
}

bool ClientHelloParser::read_extensions(std::string_view extensions) {
    bool has_server_name = false;
    bool has_protocols = false;
    ByteReader reader(extensions);
    while (!reader.empty()) {
        const auto type = reader.number(2);
        const auto extension = reader.field(2);
        if (!reader.ok()) return false;
        if (type == server_name_extension) {
            if (std::exchange(has_server_name, true) || !read_server_name(extension)) return false;
        } else if (type == protocols_extension) {
            if (std::exchange(has_protocols, true) || !read_protocols(extension)) return false;
        }
    }
    return true;
}

// A list that in practice has one entry, the only type there is (RFC 6066, 3; servers
// refuse others as OpenSSL does).
bool ClientHelloParser::read_server_name(std::string_view extension) {
    ByteReader reader(extension);
    ByteReader list(reader.field(2));
    const auto type = list.number(1);
    const auto name = list.field(2);
    if (!reader.ok() || !reader.empty() || !list.ok() || !list.empty()) return false;
    if (type != host_name_type || name.empty() || name.size() > host_name_bytes_max) return false;
    if (name.find('\0') != std::string_view::npos) return false;
    facts_.server_name.resize(name.size());
    std::ranges::transform(name, facts_.server_name.begin(), lower);
    return true;
}

bool ClientHelloParser::read_protocols(std::string_view extension) {
    ByteReader reader(extension);
    const auto names = reader.field(2);
    if (!reader.ok() || !reader.empty() || names.empty()) return false;
    for (ByteReader list(names); !list.empty();) {
        if (list.field(1).empty() || !list.ok()) return false;
    }
    facts_.protocols = names;
    return true;
}

}  // namespace ringway::proxy
