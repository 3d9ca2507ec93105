#include "conf/key.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/pattern.h"
#include "conf/text.h"

namespace ringway::conf {
namespace {

using std::string_view;
using From = KeyPart::From;

constexpr std::size_t max_bytes_max = 64 << 10;
constexpr std::size_t parts_max = 8;

// In the order of KeyPart::From.
const std::vector<string_view> kinds{"source_ip",
                                     "source",
                                     "destination",
                                     "first_line",
                                     "field",
                                     "header",
                                     "target",
                                     "cookie",
                                     "bytes",
                                     "regex",
                                     "sni",
                                     "alpn",
                                     "proxy_tlv",
                                     "proxy_authority",
                                     "client_cert",
                                     "mqtt_client_id",
                                     "mqtt_username",
                                     "postgres_user",
                                     "postgres_database",
                                     "rdp_cookie"};

// In the order of KeyPart::CertField.
const std::vector<string_view> cert_fields{"subject_cn", "san_uri", "san_dns", "san_email",
                                           "fingerprint"};

// An entry of a part, the kinds for which it has a meaning, and those that need it.
struct Rule {
    string_view name;
    std::vector<From> kinds;
    std::vector<From> needed_by;
};
const std::vector<Rule> rules{
    {"prefix_v4", {From::source_ip}, {}},
    {"prefix_v6", {From::source_ip}, {}},
    {"name", {From::header, From::cookie}, {From::header, From::cookie}},
    {"number", {From::field}, {From::field}},
    {"separator", {From::field}, {}},
    {"offset", {From::bytes}, {}},
    {"length", {From::bytes, From::regex}, {From::bytes}},
    {"pattern", {From::regex}, {From::regex}},
    {"group", {From::regex}, {}},
    {"type", {From::proxy_tlv}, {From::proxy_tlv}},
    {"field", {From::client_cert}, {From::client_cert}},
};

constexpr std::array<string_view, 12> single_entries{"from",    "prefix_v4", "prefix_v6", "name",
                                                     "number",  "separator", "offset",    "length",
                                                     "pattern", "group",     "type",      "field"};

bool is_among(From from, const std::vector<From>& some) {
    return std::ranges::find(some, from) != some.end();
}

bool read_kind(const Value& value, KeyPart& part) {
    const auto kind = value.keyword(kinds);
    if (kind) part.from = static_cast<From>(*kind);
    return kind.has_value();
}

// Entries that have no meaning with this kind of key, and those that it lacks.
void check_entries(const Section& section, const KeyPart& part) {
    for (const Rule& rule : rules) {
        if (section.has(rule.name) && !is_among(part.from, rule.kinds)) {
            std::string where;
            for (const From kind : rule.kinds) {
                where += (where.empty() ? "from: " : " and from: ") + std::string(to_string(kind));
            }
            section.error(rule.name, "has a meaning only for " + where);
        }
        if (is_among(part.from, rule.needed_by)) section.need({rule.name});
    }
}

void check_regex(const Section& section, const KeyPart& part) {
    if (part.from != From::regex || part.pattern.empty()) return;
    const auto checked = check_pattern(part.pattern);
    if (!checked) {
        section.error("pattern", "no regular expression of RE2: " + quoted(checked.error().text));
    } else if (part.group > *checked) {
        section.error("group", "the pattern has " + std::to_string(*checked) + " groups, found " +
                                   std::to_string(part.group));
    }
}

// The short form is one keyword.
void read_word(const Value& value, KeyPart& part) {
    if (!read_kind(value, part)) return;
    for (const Rule& rule : rules) {
        if (is_among(part.from, rule.needed_by)) {
            const std::string entry(rule.name);
            value.error("a key from " + std::string(to_string(part.from)) + " needs a " + entry +
                        ": {from: " + std::string(to_string(part.from)) + ", " + entry + ": ...}");
        }
    }
}

// The entries of a part. Those of the composite itself are already reported.
void read_part(Section& section, KeyPart& part, bool is_composite = false) {
    bool good = false;
    section.value("from", [&](const Value& from) { good = read_kind(from, part); });
    section.integer("prefix_v4", part.prefix_v4, 1, 32);
    section.integer("prefix_v6", part.prefix_v6, 1, 128);
    section.text("name", part.name, name_rule);
    section.integer("number", part.number, 1, 64);
    section.text("separator", part.separator, {.bytes_max = 8, .may_have_controls = true});
    section.integer("offset", part.offset, 0, max_bytes_max);
    section.integer("length", part.length, 1, max_bytes_max);
    section.text("pattern", part.pattern, {.bytes_max = 1024});
    part.group = part.from == From::regex ? 1 : 0;
    section.integer("group", part.group, 0, 32);
    section.integer("type", part.type, 1, 255);
    section.value("field", [&](const Value& field) {
        const auto word = field.keyword(cert_fields);
        if (word) part.cert_field = static_cast<KeyPart::CertField>(*word);
    });
    if (!good || is_composite) return;
    check_entries(section, part);
    check_regex(section, part);
}

// A composite; false where the key is a single part.
bool read_parts(Section& section, KeySettings& key) {
    std::vector<KeyPart> parts;
    const bool composite = section.list("parts", [&](const Value& value) {
        KeyPart& part = parts.emplace_back();
        if (value.node().kind != Node::Kind::map) return read_word(value, part);
        Section inner(value);
        read_part(inner, part);
        inner.need({"from"});
        inner.finish();
    });
    if (!composite) return false;
    for (const string_view name : single_entries) {
        if (section.has(name)) section.error(name, "belongs into one of the parts");
    }
    if (parts.size() < 2 || parts.size() > parts_max) {
        section.error("parts", "expected 2 to " + std::to_string(parts_max) + " parts, found " +
                                   std::to_string(parts.size()));
    } else {
        key.parts = std::move(parts);
    }
    return true;
}

// What a client speaks in whose bytes a part is found; empty where that is not known.
string_view language_of(const KeyPart& part) {
    switch (part.from) {
        case From::sni:
        case From::alpn:
            return "TLS";
        case From::mqtt_client_id:
        case From::mqtt_username:
            return "MQTT";
        case From::postgres_user:
        case From::postgres_database:
            return "PostgreSQL";
        case From::rdp_cookie:
            return "RDP";
        default:
            return part.reads_bytes() && part.from != From::bytes ? "text" : "";
    }
}

void check_languages(const Section& section, const KeySettings& key, bool terminates_tls) {
    string_view first;
    for (const KeyPart& part : key.parts) {
        const string_view language = language_of(part);
        if (language.empty() || (terminates_tls && part.reads_tls())) continue;
        if (first.empty()) first = language;
        if (language == first) continue;
        return section.error("parts", "a client sends " + std::string(first) + " or " +
                                          std::string(language) + ", not both");
    }
}

// Rules between the parts of a key.
void check_whole(const Section& section, const KeySettings& key, const KeyNeighbours& neighbours) {
    const bool reads_bytes = key.reads_bytes(neighbours.terminates_tls);
    if (section.has("max_bytes") && !reads_bytes && !neighbours.after_proxy_header) {
        section.error("max_bytes", "has a meaning only where bytes of the client are read");
    }
    if (key.silent_after.count() > 0 && !reads_bytes) {
        section.error("on_missing", "after has a meaning only where bytes of the client are read");
    }
    check_languages(section, key, neighbours.terminates_tls);
    for (const KeyPart& part : key.parts) {
        const std::size_t end = std::size_t{part.offset} + part.length;
        if (end > key.max_bytes) {
            section.error("a key of " + std::to_string(end) + " bytes can never be read within " +
                          std::to_string(key.max_bytes) + " (max_bytes)");
        }
    }
}

// A keyword, or a map of the keyword and how long to wait for a key.
void read_on_missing(const Value& value, KeySettings& key, const KeyNeighbours& neighbours) {
    using OnMissing = KeySettings::OnMissing;
    const std::vector<string_view> policies{"reject", "source_ip", "random"};
    if (value.node().kind != Node::Kind::map) {
        if (const auto policy = value.keyword(policies)) {
            key.on_missing = static_cast<OnMissing>(*policy);
        }
        return;
    }
    Section section(value);
    section.value("policy", [&](const Value& word) {
        if (const auto policy = word.keyword(policies)) {
            key.on_missing = static_cast<OnMissing>(*policy);
        }
    });
    section.need({"policy"});
    if (section.duration("after", key.silent_after)) {
        const bool by_default = neighbours.timeout_position.line == 0;
        if (section.has("policy") && key.on_missing == OnMissing::reject) {
            section.error("after",
                          "has a meaning only for policy: source_ip and random; "
                          "timeouts.key bounds what is waited for all others");
        } else if (key.silent_after > neighbours.timeout) {
            section.error("after",
                          "expected no more than timeouts.key, " +
                              (by_default ? "5s by default"
                                          : "at " + to_string(neighbours.timeout_position)));
        }
    }
    section.finish();
}

}  // namespace

std::string_view to_string(KeyPart::From from) {
    return kinds[static_cast<std::size_t>(from)];
}

std::string_view to_string(KeyPart::CertField field) {
    return cert_fields[static_cast<std::size_t>(field)];
}

bool KeySettings::reads_bytes(bool terminates_tls) const {
    return std::ranges::any_of(parts, [&](const KeyPart& part) {
        return part.reads_bytes() && !(terminates_tls && part.reads_tls());
    });
}

void read_key(const Value& value, KeySettings& key, const KeyNeighbours& neighbours) {
    if (value.node().kind != Node::Kind::map) return read_word(value, key.parts.front());
    Section section(value);
    KeyPart single;
    const bool composite = read_parts(section, key);
    read_part(section, single, composite);
    if (!composite) {
        if (!section.has("from")) section.error("expected from, or parts for a composite");
        key.parts.assign(1, single);
    }
    section.size_bytes("max_bytes", key.max_bytes, 16, max_bytes_max);
    section.value("on_missing",
                  [&](const Value& inner) { read_on_missing(inner, key, neighbours); });
    check_whole(section, key, neighbours);
    section.finish();
}

}  // namespace ringway::conf
