// Reads the messages of nameservers (RFC 1035, RFC 2782). Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/names/question.h"

namespace ringway::proxy {

enum class RecordType : std::uint16_t { a = 1, aaaa = 28, srv = 33 };

// For people: "no such name (NXDOMAIN)".
const char* text_of(NoRecords reason);
LookupFailure lookup_failure(NoRecords reason);

// The records of `type` that `message` answers its question with: those of the name, or of the end
// of its chain of aliases (CNAME). Services that cannot be used are left out: those whose target is
// no host name, "." included ("not available", RFC 2782), or whose port is 0. Where no record is
// left, the answer is NoRecords::none_of_type.
Answer parse_answer(std::string_view message, RecordType type);

// As Records has them: IPv4 before IPv6, then by their bytes, and nothing twice.
void sort_addresses(std::vector<conf::Endpoint>& addresses);

// One answer of the A and AAAA records of one name. A query that has failed takes nothing from the
// other: its addresses are then lacking. Without records the reason is that of a failed query if
// there is one; else the name exists if one of them says so.
Answer combined(const Answer& v4, const Answer& v6);

}  // namespace ringway::proxy
