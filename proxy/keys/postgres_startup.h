// What a client of PostgreSQL sends first (PostgreSQL's manual, "Message Formats" and "Message
// Flow": start-up). Pure.
#pragma once

#include <string>
#include <string_view>

#include "conf/config.h"
#include "proxy/keys/parse_status.h"

namespace ringway::proxy {

// from: postgres_user, postgres_database, which is the user where there is none. In the
// StartupMessage of protocol 3. A CancelRequest has neither.
class PostgresStartupParser {
public:
    explicit PostgresStartupParser(const conf::KeyPart& part) : part_(&part) {}
    ParseStatus read(std::string_view head, std::string& key) const;

private:
    ParseStatus find(std::string_view settings, std::string& key) const;

    const conf::KeyPart* part_;
};

}  // namespace ringway::proxy
