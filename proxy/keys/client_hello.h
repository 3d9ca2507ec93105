// Keys from a TLS ClientHello (RFC 8446, 4.1.2, and its older forms) that is read
// and passed on untouched, in as many records and segments as it comes. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "conf/config.h"
#include "proxy/keys/parse_status.h"

namespace ringway::proxy {

// from: sni, alpn. The message is parsed when it is complete.
class ClientHelloParser {
public:
    explicit ClientHelloParser(const conf::KeyPart& part) : part_(&part) {}
    ParseStatus read(std::string_view head, std::string& key);

    // The server name (SNI), in lower case; empty if there is none.
    const std::string& server_name() const { return server_name_; }

private:
    ParseStatus read_records(std::string_view head);
    bool read_message();
    bool read_extensions(std::string_view extensions);
    bool read_server_name(std::string_view extension);
    bool read_protocols(std::string_view extension);

    const conf::KeyPart* part_;
    std::size_t next_record_ = 0;
    std::string message_;  // the handshake message, joined from its records
    std::string server_name_;
    std::string protocol_;  // the first that the client offers
};

}  // namespace ringway::proxy
