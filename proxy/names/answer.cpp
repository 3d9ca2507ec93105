#include "proxy/names/answer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "conf/sources.h"

namespace ringway::proxy {
namespace {

constexpr std::size_t name_bytes_max = 255;  // RFC 1035, 2.3.4
constexpr int pointers_max = 128;            // of one name; a name has at most 127 labels
constexpr std::uint32_t class_internet = 1;
constexpr std::uint32_t type_alias = 5;  // CNAME

// Reads a message from its beginning. After the first piece that does not fit, ok() is false and
// everything reads as zero or empty.
class MessageReader {
public:
    explicit MessageReader(std::string_view message) : message_(message) {}

    bool ok() const { return ok_; }

    std::uint32_t number(std::size_t size) {
        std::uint32_t value = 0;
        for (const char c : bytes(size)) value = value << 8 | static_cast<unsigned char>(c);
        return value;
    }
    std::string_view bytes(std::size_t size) {
        ok_ = ok_ && size <= message_.size() - at_;
        if (!ok_) return {};
        const auto taken = message_.substr(at_, size);
        at_ += size;
        return taken;
    }
    // In lower case, without a dot at its end; empty for the root. A dot or backslash within a
    // label has a backslash before it.
    std::string name();
    std::size_t at() const { return at_; }
    void go_to(std::size_t at) { at_ = at; }

private:
    std::string fail() {
        ok_ = false;
        return {};
    }
    void append_label(std::string& name, std::string_view label);

    const std::string_view message_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

void MessageReader::append_label(std::string& name, std::string_view label) {
    if (!name.empty()) name += '.';
    for (const char c : label) {
        if (c == '.' || c == '\\') name += '\\';
        name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
}

// RFC 1035, 4.1.4. A pointer leads to what is before the labels that it ends, so that each name
// has an end.
std::string MessageReader::name() {
    std::string name;
    std::size_t size = 1;  // as it is sent
    std::optional<std::size_t> rest;
    std::size_t begin = at_;
    for (int pointers = 0; pointers <= pointers_max;) {
        const std::uint32_t length = number(1);
        if (!ok_) return {};
        if (length == 0) {
            if (rest) at_ = *rest;
            return name;
        }
        if (length >= 0xC0) {
            const std::size_t target = (length & 0x3F) << 8 | number(1);
            if (!rest) rest = at_;
            if (!ok_ || target >= begin) return fail();
            begin = at_ = target;
            ++pointers;
            continue;
        }
        size += 1 + length;
        if (length > 63 || size > name_bytes_max) return fail();
        append_label(name, bytes(length));
    }
    return fail();
}

struct Record {
    std::string owner;
    std::uint32_t type = 0;
    std::uint32_t of_class = 0;
    std::chrono::seconds ttl{0};
    std::size_t data_at = 0;
    std::string_view data;
};

Record read_record(MessageReader& reader) {
    Record record{.owner = reader.name()};
    record.type = reader.number(2);
    record.of_class = reader.number(2);
    const std::uint32_t ttl = reader.number(4);
    record.ttl = std::chrono::seconds(ttl >> 31 != 0 ? 0 : ttl);  // RFC 2181, 8
    const std::uint32_t size = reader.number(2);
    record.data_at = reader.at();
    record.data = reader.bytes(size);
    return record;
}

LookupFailure malformed(const std::string& what) {
    return {NoRecords::malformed, text_of(NoRecords::malformed) + (": " + what)};
}

// The failure that a response code means; none for 0.
std::optional<LookupFailure> failure_of(std::uint32_t code) {
    switch (code) {
        case 0:
            return std::nullopt;
        case 2:
            return lookup_failure(NoRecords::server_failure);
        case 3:
            return lookup_failure(NoRecords::no_such_name);
        case 5:
            return lookup_failure(NoRecords::refused);
        default:
            return LookupFailure{NoRecords::server_failure,
                                 "server failure (code " + std::to_string(code) + ")"};
    }
}

struct Message {
    std::string name;  // that was asked for
    std::vector<Record> records;
};

Result<Message, LookupFailure> read_message(MessageReader& reader) {
    reader.number(2);  // id
    const std::uint32_t flags = reader.number(2);
    const std::uint32_t questions = reader.number(2);
    const std::uint32_t answers = reader.number(2);
    reader.number(4);  // authority and additional records
    if (!reader.ok() || questions != 1) return malformed("not one question");
    if (const auto failure = failure_of(flags & 15)) return *failure;
    Message message{.name = reader.name(), .records = {}};
    reader.number(4);  // type and class
    for (std::uint32_t i = 0; i < answers && reader.ok(); ++i) {
        Record record = read_record(reader);
        if (record.of_class == class_internet) message.records.push_back(std::move(record));
    }
    if (!reader.ok()) return malformed("it ends too early, or has a bad name");
    return message;
}

// The name at the end of the aliases, and the least TTL on the way there.
struct End {
    std::string name;
    std::chrono::seconds ttl = std::chrono::seconds::max();
};

Result<End, LookupFailure> follow_aliases(MessageReader& reader, const Message& message) {
    std::map<std::string, std::pair<std::string, std::chrono::seconds>> aliases;
    for (const Record& record : message.records) {
        if (record.type != type_alias) continue;
        reader.go_to(record.data_at);
        aliases.try_emplace(record.owner, reader.name(), record.ttl);
        if (!reader.ok()) return malformed("a bad alias (CNAME)");
    }
    End end{.name = message.name};
    for (std::size_t steps = 0; steps <= aliases.size(); ++steps) {
        const auto found = aliases.find(end.name);
        if (found == aliases.end()) return end;
        end.name = found->second.first;
        end.ttl = std::min(end.ttl, found->second.second);
    }
    return malformed("its aliases (CNAME) go in a circle");
}

// False if it is malformed.
bool add_address(Records& records, const Record& record, RecordType type) {
    conf::Endpoint endpoint;
    endpoint.is_v6 = type == RecordType::aaaa;
    if (record.data.size() != (endpoint.is_v6 ? 16U : 4U)) return false;
    std::ranges::transform(record.data, endpoint.address.begin(),
                           [](char c) { return static_cast<std::uint8_t>(c); });
    records.addresses.push_back(endpoint);
    return true;
}

// The same. One that cannot be used is left out.
bool add_service(Records& records, const Record& record, MessageReader& reader) {
    reader.go_to(record.data_at);
    Service service;
    service.priority = static_cast<std::uint16_t>(reader.number(2));
    service.weight = static_cast<std::uint16_t>(reader.number(2));
    service.port = static_cast<std::uint16_t>(reader.number(2));
    const std::string target = reader.name();
    if (!reader.ok() || reader.at() != record.data_at + record.data.size()) return false;
    auto host = conf::parse_host_name(target);
    if (!host || service.port == 0) return true;
    service.target = std::move(*host);
    records.services.push_back(std::move(service));
    return true;
}

bool is_less(const conf::Endpoint& a, const conf::Endpoint& b) {
    return std::tie(a.is_v6, a.address) < std::tie(b.is_v6, b.address);
}

bool says_none(const LookupFailure& failure) {
    return failure.reason == NoRecords::no_such_name || failure.reason == NoRecords::none_of_type;
}

// Those of one family, where the other has none to add.
Answer alone(const Answer& records, const Answer& other, bool other_is_v4) {
    Records all = *records;
    if (!says_none(other.error())) (other_is_v4 ? all.lacks_v4 : all.lacks_v6) = true;
    return all;
}

}  // namespace

const char* text_of(NoRecords reason) {
    switch (reason) {
        case NoRecords::no_such_name:
            return "no such name (NXDOMAIN)";
        case NoRecords::none_of_type:
            return "the name has no such records (NODATA)";
        case NoRecords::server_failure:
            return "server failure (SERVFAIL)";
        case NoRecords::refused:
            return "refused by the nameserver (REFUSED)";
        case NoRecords::timed_out:
            return "no nameserver answered in time";
        case NoRecords::unreachable:
            return "no nameserver could be reached";
        case NoRecords::malformed:
            return "malformed answer";
    }
    return "unknown";
}

void sort_addresses(std::vector<conf::Endpoint>& addresses) {
    std::ranges::sort(addresses, is_less);
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

LookupFailure lookup_failure(NoRecords reason) {
    return {reason, text_of(reason)};
}

Answer parse_answer(std::string_view message, RecordType type) {
    MessageReader reader(message);
    const auto read = read_message(reader);
    if (!read) return read.error();
    const auto end = follow_aliases(reader, *read);
    if (!end) return end.error();
    Records records;
    records.ttl = end->ttl;
    bool has_any = false;
    for (const Record& record : read->records) {
        if (record.type != static_cast<std::uint32_t>(type) || record.owner != end->name) continue;
        const bool is_good = type == RecordType::srv ? add_service(records, record, reader)
                                                     : add_address(records, record, type);
        if (!is_good) return malformed("a bad record");
        records.ttl = std::min(records.ttl, record.ttl);
        has_any = true;
    }
    if (records.addresses.empty() && records.services.empty()) {
        if (!has_any) return lookup_failure(NoRecords::none_of_type);
        return LookupFailure{NoRecords::none_of_type,
                             "the service is not available: no SRV record has a target"};
    }
    sort_addresses(records.addresses);
    auto& services = records.services;
    std::ranges::sort(services);
    services.erase(std::unique(services.begin(), services.end()), services.end());
    return records;
}

Answer combined(const Answer& v4, const Answer& v6) {
    if (v4 && v6) {
        Records all = *v4;
        all.addresses.insert(all.addresses.end(), v6->addresses.begin(), v6->addresses.end());
        all.ttl = std::min(v4->ttl, v6->ttl);
        return all;
    }
    if (v4) return alone(v4, v6, false);
    if (v6) return alone(v6, v4, true);
    if (!says_none(v4.error())) return v4;
    if (!says_none(v6.error())) return v6;
    return v4.error().reason == NoRecords::none_of_type ? v4 : v6;
}

}  // namespace ringway::proxy
