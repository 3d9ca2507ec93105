// Targets of HTTP requests. A question that is spelled again, with every byte escaped, is the same
// question; a refusal has a status and a printable reason.
#include <algorithm>
#include <array>
#include <string>
#include <variant>

#include "proxy/admin/http_routes.h"
#include "tests/fuzz/mutation.h"

using namespace ringway;
using fuzz::require;
using proxy::HttpPage;
using proxy::HttpQuestion;
using proxy::HttpRefusal;

namespace {

std::string escaped(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return out;
}

// The target that asks it.
std::string spelled(const HttpQuestion& question) {
    const std::string pool = "/v1/pools/" + escaped(question.pool);
    switch (question.page) {
        case HttpPage::server:
            return pool + "/servers/" + escaped(question.server);
        case HttpPage::servers:
            return pool + "/servers";
        case HttpPage::explain:
            return pool + "/explain?key=" + escaped(question.key);
        case HttpPage::ring:
            return pool + "/ring";
        case HttpPage::events:
            if (question.count == 0) return question.file;
            return question.file + "?n=" + std::to_string(question.count);
        default:
            return question.file;
    }
}

bool same(const HttpQuestion& a, const HttpQuestion& b) {
    return a.page == b.page && a.file == b.file && a.pool == b.pool && a.server == b.server &&
           a.key == b.key && a.count == b.count;
}

void check_question(const HttpQuestion& question) {
    const std::string target = spelled(question);
    for (const auto& each : {target, "http://proxy.example:80" + target}) {
        const auto again = proxy::route_http(each);
        require(again && same(*again, question), "a question asked again is the same");
    }
}

void check_refusal(const HttpRefusal& refusal) {
    require(refusal.status == 400 || refusal.status == 404, "a refusal has a status");
    require(!refusal.reason.empty() && refusal.reason.size() < 1024, "and a short reason");
    require(std::ranges::all_of(refusal.reason, [](char c) { return c >= ' ' && c <= '~'; }),
            "that is printable");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    const std::string target = fuzz::text_of(data, size);
    const auto routed = proxy::route_http(target);
    if (routed) {
        check_question(*routed);
    } else {
        check_refusal(routed.error());
    }
    if (target.starts_with('/')) {
        require(proxy::route_http("http://a" + target).has_value() == routed.has_value(),
                "a scheme and an authority change nothing");
    }
    return 0;
}

// Paths and queries of known parts.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    static constexpr std::array<std::string_view, 30> pieces{
        "/",       "?",        "&",        "=",       "key=",     "n=",       "n=0",     "n=10",
        "%00",     "%2f",      "%",        "%zz",     "%fF",      "/v1",      "/pools/", "/servers",
        "/ring",   "/healthz", "/metrics", "/readyz", "/explain", "/events",  "/status", "main",
        "http://", "//",       "/page.js", "..",      "+",        "http://h?"};
    fuzz::Chance chance(seed);
    std::string target = fuzz::text_of(data, size);
    const auto at = chance.below(target.size() + 1);
    switch (chance.below(4)) {
        case 0:
            target = chance.mutate(target);
            break;
        case 1:
            target.erase(at, chance.below(12));
            break;
        default:
            target.insert(at, chance.any(pieces));
    }
    return fuzz::store(target, data, size_max);
}
