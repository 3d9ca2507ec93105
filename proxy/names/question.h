// What DNS is asked for, and what it answers. Values.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "conf/endpoint.h"
#include "conf/result.h"

namespace ringway::proxy {

struct Question {
    enum class Kind : std::uint8_t {
        addresses,  // A and AAAA records, /etc/hosts; an IP address is its own answer
        services,   // SRV records (RFC 2782)
    };
    Kind kind = Kind::addresses;
    std::string name;  // as conf::parse_host_name() has it
    auto operator<=>(const Question&) const = default;
};

// A target of an SRV record.
struct Service {
    std::string target;  // as conf::parse_host_name() has it
    std::uint16_t port = 0;
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;
    auto operator<=>(const Service&) const = default;
};

// An answer that has at least one record of the kind that was asked for. Each list is sorted and
// has nothing twice.
struct Records {
    std::vector<conf::Endpoint> addresses;  // with port 0; IPv4 before IPv6, then by their bytes
    std::vector<Service> services;
    std::chrono::seconds ttl{0};  // the least of all records on the way, aliases (CNAME) included
    // Of addresses: the query for those of this family has failed, so that none of them is here,
    // and nothing is known of them. At most one.
    bool lacks_v4 = false;
    bool lacks_v6 = false;
    bool operator==(const Records&) const = default;
};

// Why there are no records.
enum class NoRecords : std::uint8_t {
    no_such_name,    // NXDOMAIN
    none_of_type,    // the name exists, without records of this kind (NODATA)
    server_failure,  // SERVFAIL, or another code of failure
    refused,         // REFUSED
    timed_out,       // no nameserver has answered
    unreachable,     // no nameserver could be asked
    malformed,       // an answer that cannot be understood
};

struct LookupFailure {
    NoRecords reason = NoRecords::server_failure;
    std::string text;  // for people: "no such name (NXDOMAIN)"
    bool operator==(const LookupFailure&) const = default;
};

using Answer = Result<Records, LookupFailure>;

}  // namespace ringway::proxy
