// Messages of nameservers. What is read is sorted, each once and usable; where c-ares, an
// independent reader, can read the message, it finds every service too. The same records in the
// additional section say nothing.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <ares.h>

#include "conf/sources.h"
#include "proxy/names/answer.h"
#include "tests/fuzz/mutation.h"
#include "tests/support/dns_message.h"

using namespace ringway;
using fuzz::require;
using proxy::Answer;
using proxy::RecordType;

namespace {

void check_records(const proxy::Records& records, RecordType type) {
    const bool is_srv = type == RecordType::srv;
    require(records.addresses.empty() == is_srv && records.services.empty() != is_srv,
            "an answer has records of the type that was asked for");
    require(std::ranges::adjacent_find(records.services, std::ranges::greater_equal()) ==
                records.services.end(),
            "services are sorted, each once");
    require(records.ttl.count() >= 0 && records.ttl.count() <= 0x7fffffff, "a TTL has 31 bits");
    for (const auto& each : records.services) {
        require(conf::parse_host_name(each.target) == each.target && each.port != 0,
                "a service can be used");
    }
    for (const auto& each : records.addresses) {
        require(each.is_v6 == (type == RecordType::aaaa) && each.port == 0, "of the family");
    }
}

void check_by_cares(const proxy::Records& records, const std::string& message) {
    ares_srv_reply* found = nullptr;
    const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
    const int status = ares_parse_srv_reply(bytes, static_cast<int>(message.size()), &found);
    if (status != ARES_SUCCESS) return;  // it reads records of other names too, which may be bad
    std::vector<proxy::Service> all;
    for (const auto* each = found; each != nullptr; each = each->next) {
        const auto target = conf::parse_host_name(each->host);
        if (target) all.push_back({*target, each->port, each->priority, each->weight});
    }
    ares_free_data(found);
    for (const auto& each : records.services) {
        require(std::ranges::find(all, each) != all.end(), "c-ares finds each service");
    }
}

// Without records in the answer section: they count as additional ones.
std::string without_answers(std::string message) {
    message[6] = message[7] = '\0';
    return message;
}

void check(const std::string& message, RecordType type) {
    const Answer answer = proxy::parse_answer(message, type);
    if (!answer) {
        require(!answer.error().text.empty(), "a failure has a text");
        return;
    }
    check_records(*answer, type);
    if (type == RecordType::srv) check_by_cares(*answer, message);
    require(proxy::parse_answer(message + "more", type) == answer, "what follows does not matter");
    require(!proxy::parse_answer(without_answers(message), type), "only answers count");
    require(text_of(proxy::NoRecords::none_of_type) != nullptr, "reasons have texts");
    const Answer none = proxy::lookup_failure(proxy::NoRecords::none_of_type);
    require(combined(answer, none) == answer && combined(none, answer) == answer,
            "the other family takes nothing away");
    const Answer refused = proxy::lookup_failure(proxy::NoRecords::refused);
    require(combined(answer, refused)->lacks_v6 && combined(refused, answer)->lacks_v4,
            "and is missed where it fails");
}

// Those of one message: each has what the other has not.
void check_both(const Answer& v4, const Answer& v6) {
    const Answer both = combined(v4, v6);
    require(both.has_value() == (v4 || v6), "addresses of one family are addresses");
    if (!both) return;
    const std::size_t all = (v4 ? v4->addresses.size() : 0) + (v6 ? v6->addresses.size() : 0);
    require(both->addresses.size() == all, "no address is lost");
    require(std::ranges::is_sorted(both->addresses, {}, &conf::Endpoint::is_v6), "IPv4 first");
    if (v4 && v6) require(both->ttl == std::min(v4->ttl, v6->ttl), "with the least TTL");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    const std::string message = fuzz::text_of(data, size);
    for (const auto type : {RecordType::a, RecordType::aaaa, RecordType::srv}) check(message, type);
    check_both(proxy::parse_answer(message, RecordType::a),
               proxy::parse_answer(message, RecordType::aaaa));
    return 0;
}

namespace {

std::string any_record(fuzz::Chance& chance) {
    static constexpr std::array<const char*, 6> names{"a.b", "A.B", "c.b", "d", "", "c_1.x.y"};
    const std::string owner = chance.one_in(2) ? "a.b" : chance.any(names);
    const auto ttl = static_cast<std::uint32_t>(chance.number());
    const auto last = static_cast<std::uint8_t>(chance.number());
    switch (chance.below(5)) {
        case 0:
            return test::a_record(owner, ttl, {10, 0, 0, last});
        case 1:
            return test::aaaa_record(owner, ttl, last);
        case 2:
            return test::cname_record(owner, ttl, chance.any(names));
        case 3:
            return test::srv_record(owner, ttl,
                                    {.weight = last, .port = last, .target = chance.any(names)});
        default:
            // A compressed name: a pointer to the question's.
            return std::string("\xC0\x0C") +
                   test::srv_record("", ttl, {.port = 80, .target = "c"}).substr(1);
    }
}

}  // namespace

// Whole messages of records at random, and bytes of them at random.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    fuzz::Chance chance(seed);
    std::string message = fuzz::text_of(data, size);
    const auto at = chance.below(message.size() + 1);
    switch (chance.below(4)) {
        case 0:
            message = chance.mutate(message);
            break;
        case 1:
            message.resize(at);
            break;
        case 2:
            if (message.size() < 12) break;
            message += any_record(chance);
            ++message[7];  // one answer more
            break;
        default:
            std::vector<std::string> records(chance.below(5));
            for (auto& each : records) each = any_record(chance);
            const auto code = static_cast<std::uint16_t>(chance.one_in(8) ? chance.below(16) : 0);
            message = test::dns_answer({.code = code}, "a.b", test::type_srv, records);
    }
    return fuzz::store(message, data, size_max);
}
