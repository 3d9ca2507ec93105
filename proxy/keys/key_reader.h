// Finds a connection's key: the parts of its listener's recipe in order. Pure; the
// same answer however the bytes were cut into segments.
//
// The bytes of a key of one part are those of the part. A composite is the
// netstrings of its parts, one after the other, as "9:192.0.2.7,3:ann," (D. J.
// Bernstein, "Netstrings"): whatever the parts hold, no two lists give one key.
//
//     source_ip        the address as text without its port, masked; RFC 5952 for IPv6
//     source,
//     destination      "192.0.2.7:4711", "[2001:db8::7]:4711", "unix:/path"; an abstract name
//                     of a unix socket follows "unix:" as it is, with its leading NUL
//     first_line, field, header, target, cookie, bytes, regex, alpn, proxy_tlv,
//     proxy_authority  the bytes as they came
//     mqtt_client_id, mqtt_username, postgres_user, postgres_database, rdp_cookie  the same
//     sni              the name in lower case
//     client_cert      the field's text; the fingerprint in hexadecimal digits
//
// Where the listener has ended TLS, sni and alpn are what was agreed there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "conf/config.h"
#include "proxy/keys/client_hello.h"
#include "proxy/keys/http_head.h"
#include "proxy/keys/lines.h"
#include "proxy/keys/mqtt_connect.h"
#include "proxy/keys/parse_status.h"
#include "proxy/keys/postgres_startup.h"
#include "proxy/keys/rdp_request.h"
#include "proxy/keys/recipe.h"
#include "proxy/tls/facts.h"

namespace ringway::proxy {

// Facts about a connection other than its bytes: from its socket, or from the PROXY header.
struct Origin {
    conf::Endpoint source;
    std::optional<conf::Endpoint> destination;  // only if the key or the server gets it
    bool is_datagram = false;                   // by the PROXY header
    std::string tlvs;                           // of the PROXY header, their form checked
    std::optional<TlsFacts> tls;                // where the listener has ended TLS
    std::optional<HelloFacts> hello;            // of a client whose TLS is passed through, if read
};

class KeyReader {
public:
    explicit KeyReader(const KeyRecipe& recipe) : recipe_(&recipe) {}

    // `head` is all that has been received of the client's own bytes; it only grows between calls,
    // and `origin` does not change.
    ParseStatus read(std::string_view head, const Origin& origin);

    ParseStatus status() const { return status_; }
    // The key's bytes, once found.
    const std::string& key() const { return key_; }
    // The server name of a TLS client, if a part has read its ClientHello.
    const std::string& server_name() const { return server_name_; }

private:
    using Parser =
        std::variant<std::monostate, LineParser, BytesParser, HttpHeadParser, ClientHelloParser,
                     MqttConnectParser, PostgresStartupParser, RdpRequestParser>;

    Parser parser_of(std::size_t part) const;
    ParseStatus read_part(std::string_view head, const Origin& origin, std::string& value);

    const KeyRecipe* recipe_;
    ParseStatus status_ = ParseStatus::more;
    std::size_t part_ = 0;  // that is being read
    Parser parser_;         // of that part, if it reads bytes
    std::string key_;
    std::string server_name_;
};

// The fallback key of a client without one: its source address; `missing` if there is no address.
ParseStatus source_key(const conf::KeyPart& part, const conf::Endpoint& source, std::string& key);

}  // namespace ringway::proxy
