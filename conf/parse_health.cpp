#include "conf/parse_health.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "conf/parse_tls.h"
#include "conf/scalar.h"
#include "conf/text.h"

namespace ringway::conf {
namespace {

using std::string_view;

constexpr std::size_t send_bytes_max = 1'024;
constexpr std::size_t expect_bytes_max = 255;

bool read_bytes(const Value& value, std::string& out, std::size_t bytes_max) {
    const auto spelling = value.text("bytes");
    if (!spelling) return false;
    auto bytes = parse_bytes(*spelling);
    if (!bytes) {
        value.error(R"(expected bytes, with no escapes but \r \n \t \0 \\ \" and \xNN, found )" +
                    quoted(*spelling));
        return false;
    }
    if (bytes->empty() || bytes->size() > bytes_max) {
        value.error("expected 1 to " + std::to_string(bytes_max) + " bytes, found " +
                    std::to_string(bytes->size()));
        return false;
    }
    out = std::move(*bytes);
    return true;
}

// The short form is the bytes that an answer begins with, the long form a map.
void read_expect(const Value& value, HealthSettings& health) {
    if (value.node().kind != Node::Kind::map) {
        read_bytes(value, health.expect, expect_bytes_max);
        return;
    }
    Section section(value);
    health.expect_anywhere = section.value("anywhere", [&](const Value& bytes) {
        read_bytes(bytes, health.expect, expect_bytes_max);
    });
    section.need({"anywhere"});
    section.finish();
}

// "200" or "200-399"
void read_status(const Value& value, HttpCheck& http) {
    const std::string what = "a status from 100 to 599, or a range of them as 200-399";
    const auto spelling = value.text(what);
    if (!spelling) return;
    const auto dash = spelling->find('-');
    const auto least = parse_integer(spelling->substr(0, dash));
    const auto greatest =
        dash == string_view::npos ? least : parse_integer(spelling->substr(dash + 1));
    if (!least || !greatest || *least < 100 || *greatest > 599 || *least > *greatest) {
        return value.expected(what);
    }
    // 1xx but 101 come before the answer, never as it (RFC 9110, section 15.2).
    if (*greatest < 200 && (*least > 101 || *greatest < 101)) {
        return value.error("no answer has such a status: 100 and 102 to 199 come before it");
    }
    http.least_status = static_cast<std::uint16_t>(*least);
    http.greatest_status = static_cast<std::uint16_t>(*greatest);
}

// A token of a request: neither blanks nor control characters.
void read_word(Section& section, string_view name, std::string& out) {
    if (!section.text(name, out)) return;
    if (out.find(' ') != std::string::npos) section.error(name, "expected no blanks");
}

void read_http(Section& section, HttpCheck& http) {
    section.text("method", http.method, name_rule);
    read_word(section, "path", http.path);
    if (!http.path.starts_with('/')) section.error("path", "expected a path that begins with /");
    read_word(section, "host", http.host);
    section.value("status", [&](const Value& status) { read_status(status, http); });
}

}  // namespace

void read_health(Section& section, HealthSettings& health, bool pool_has_tls) {
    section.duration("interval", health.interval);
    health.timeout = std::min(health.timeout, health.interval);
    section.duration("timeout", health.timeout);
    section.integer("rise", health.rise, 1, 100);
    section.integer("fall", health.fall, 1, 100);
    section.duration("fast_interval", health.fast_interval);
    section.value("initial", [&](const Value& initial) {
        const auto word = initial.keyword({"up", "down"});
        if (word) health.initial = static_cast<HealthSettings::Initial>(*word);
    });
    section.value("send",
                  [&](const Value& send) { read_bytes(send, health.send, send_bytes_max); });
    section.value("expect", [&](const Value& expect) { read_expect(expect, health); });
    section.section("http", [&](Section& inner) { read_http(inner, health.http.emplace()); });
    section.value("tls", [&](const Value& tls) { read_check_tls(tls, health, pool_has_tls); });
    const auto at_most_the_interval = [&](string_view name, Duration value) {
        if (value <= health.interval) return;
        section.error(
            name, "expected no more than the interval, at " + to_string(section.where("interval")));
    };
    at_most_the_interval("timeout", health.timeout);
    at_most_the_interval("fast_interval", health.fast_interval);
    if (section.has("send") && !section.has("expect")) {
        section.error("send", "has a meaning only with expect");
    }
    if (section.has("http") && section.has("expect")) {
        section.error("http", "contradicts expect, at " + to_string(section.where("expect")));
    }
}

void read_passive(Section& section, PassiveSettings& passive) {
    section.integer("failures", passive.failures, 1, 1'000);
    section.duration("within", passive.within);
    section.boolean("early_resets", passive.early_resets);
    section.duration("retry", passive.retry);
    passive.retry_max = std::max(passive.retry_max, passive.retry);
    section.duration("retry_max", passive.retry_max);
    if (passive.retry_max < passive.retry) {
        section.error("retry_max",
                      "expected no less than retry, at " + to_string(section.where("retry")));
    }
}

void read_leaving(const Value& value, Leaving& leaving) {
    using Way = Leaving::Way;
    if (value.node().kind == Node::Kind::map) {
        Section section(value);
        leaving.way = Way::drain;
        section.duration("drain", leaving.over);
        section.need({"drain"});
        return section.finish();
    }
    if (const auto way = value.keyword({"keep", "reset", "drain"})) {
        leaving.way = static_cast<Way>(*way);
    }
}

void read_check_address(Section& section, Server& server, bool checked) {
    std::uint16_t port = 0;
    Endpoint address;
    if (section.integer("port", port, 1, 65'535)) {
        server.check_address = server.address.endpoint;
        server.check_address->port = port;
    }
    if (section.has("port") && server.address.endpoint.is_unix) {
        section.error("port", "a unix socket has none: give an address");
    }
    if (section.endpoint("address", address)) server.check_address = address;
    if (section.has("port") && section.has("address")) {
        section.error("port", "contradicts address, at " + to_string(section.where("address")));
    }
    if (!section.has("port") && !section.has("address")) {
        section.error("expected port or address");
    }
    if (!checked) section.error("has a meaning only where the pool has health");
}

}  // namespace ringway::conf
