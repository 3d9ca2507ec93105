// What a TLS ClientHello shows (RFC 8446, 4.1.2, and its older forms) that is read
// and passed on untouched, in as many records and segments as it comes. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/keys/parse_status.h"

namespace ringway::proxy {

struct HelloFacts {
    std::string server_name;  // SNI, in lower case; empty if there is none
    std::string protocols;    // ALPN's list: each behind a byte that has its length (RFC 7301, 3.1)

    // Where TLS has ended here: of one protocol, which was agreed on; empty for none.
    static HelloFacts of_agreed(std::string server_name, std::string_view protocol);

    std::string_view first_protocol() const;  // empty for none
    bool offers(std::string_view protocol) const;
};

// Never `missing`: the message is parsed when it is complete.
class ClientHelloParser {
public:
    ParseStatus read(std::string_view head);

    // Once found.
    const HelloFacts& facts() const { return facts_; }

private:
    ParseStatus read_records(std::string_view head);
    bool read_message();
    bool read_extensions(std::string_view extensions);
    bool read_server_name(std::string_view extension);
    bool read_protocols(std::string_view extension);

    std::size_t next_record_ = 0;
    std::string message_;  // the handshake message, joined from its records
    HelloFacts facts_;
};

}  // namespace ringway::proxy
