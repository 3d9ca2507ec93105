// What a listener's key may be by its other entries, and what the entries of a key need.
#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>

#include "conf/scalar.h"
#include "tests/simulation/config_rules.h"

namespace ringway::simulation {
namespace {

using boost::json::object;
using boost::json::value;
using conf::Duration;

constexpr std::int64_t bytes_by_default = 16 << 10;

bool is_among(std::string_view text, std::initializer_list<std::string_view> some) {
    return std::ranges::find(some, text) != some.end();
}

bool reads_tls(std::string_view from) {
    return is_among(from, {"sni", "alpn"});
}
bool reads_proxy_header(std::string_view from) {
    return is_among(from, {"proxy_tlv", "proxy_authority"});
}
bool reads_address(std::string_view from) {
    return is_among(from, {"source_ip", "source"});
}
bool reads_bytes(std::string_view from) {
    return !reads_address(from) && !reads_proxy_header(from) && from != "destination";
}
// What the client speaks, where its bytes are read; empty where that does not matter.
std::string_view language_of(std::string_view from) {
    if (!reads_bytes(from) || from == "bytes") return {};
    for (const std::string_view word : {"mqtt", "postgres", "rdp"}) {
        if (from.starts_with(word)) return word;
    }
    return reads_tls(from) ? "tls" : "text";
}

// What a key may have, from its listener.
struct Allowed {
    bool address = true;          // clients have one
    bool proxy_header = true;     // of version 2
    std::string_view language{};  // the only one; empty for any

    bool has(std::string_view from) const {
        const auto spoken = language_of(from);
        return (address || !reads_address(from)) && (proxy_header || !reads_proxy_header(from)) &&
               (language.empty() || spoken.empty() || spoken == language);
    }
};

std::int64_t groups_of(std::string_view pattern) {
    std::int64_t groups = 0;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        if (pattern[at] == '\\') {
            ++at;
        } else if (pattern[at] == '(' && pattern.substr(at, 2) != "(?") {
            ++groups;
        }
    }
    return groups;
}

void mend_group(object& part) {
    const auto groups = groups_of(text_at(part, "pattern"));
    const auto* group = part.if_contains("group");
    if ((group == nullptr ? 1 : group->as_int64()) > groups) part["group"] = groups;
}

void mend_entries(object& part, const SchemaNode& node, ConfigDraw& draw) {
    const auto from = std::string(text_at(part, "from"));
    const auto keep = [&](std::string_view name, std::initializer_list<std::string_view> sources,
                          std::initializer_list<std::string_view> needed_by) {
        if (!is_among(from, sources)) part.erase(name);
        if (is_among(from, needed_by)) draw.need(part, node, name);
    };
    keep("prefix_v4", {"source_ip"}, {});
    keep("prefix_v6", {"source_ip"}, {});
    keep("name", {"header", "cookie"}, {"header", "cookie"});
    keep("number", {"field"}, {"field"});
    keep("separator", {"field"}, {});
    keep("offset", {"bytes"}, {});
    keep("length", {"bytes", "regex"}, {"bytes"});
    keep("pattern", {"regex"}, {"regex"});
    keep("group", {"regex"}, {});
    keep("type", {"proxy_tlv"}, {"proxy_tlv"});
    if (from == "regex") mend_group(part);
}

// A part of a key, or a key of one part: a word or a map.
void mend_part(value& part, const SchemaNode& node, const Allowed& allowed, ConfigDraw& draw) {
    if (part.is_string()) {
        if (!allowed.has(part.get_string())) part = "destination";
        return;
    }
    auto& map = part.as_object();
    if (!allowed.has(text_at(map, "from"))) map["from"] = "destination";
    mend_entries(map, node, draw);
}

std::string_view from_of(const value& part) {
    return part.is_string() ? std::string_view(part.get_string())
                            : text_at(part.get_object(), "from");
}

void mend_parts(boost::json::array& parts, const SchemaNode& node, Allowed allowed,
                ConfigDraw& draw) {
    std::vector<std::string_view> spoken;
    for (const auto& part : parts) {
        const auto language = language_of(from_of(part));
        if (!language.empty()) spoken.push_back(language);
    }
    if (!spoken.empty()) allowed.language = spoken[draw.random().below(spoken.size())];
    for (auto& part : parts) mend_part(part, node, allowed, draw);
}

// The bytes that make the key are read.
void mend_length(object& part, std::int64_t bytes_most) {
    auto* length = part.if_contains("length");
    if (length == nullptr) return;
    if (length->as_int64() > bytes_most) *length = bytes_most;
    auto* offset = part.if_contains("offset");
    if (offset == nullptr) return;
    const auto left = bytes_most - length->as_int64();
    if (offset->as_int64() > left) *offset = left;
}

void mend_lengths(object& key, bool after_proxy_header, bool reads) {
    if (!reads && !after_proxy_header) key.erase("max_bytes");
    const auto size = conf::parse_size_bytes(text_at(key, "max_bytes"));
    const auto bytes = size ? static_cast<std::int64_t>(*size) : bytes_by_default;
    mend_length(key, bytes);
    auto* parts = key.if_contains("parts");
    if (parts == nullptr) return;
    for (auto& part : parts->as_array()) {
        if (part.is_object()) mend_length(part.get_object(), bytes);
    }
}

void mend_missing(object& key, bool nameless, bool reads, Duration timeout) {
    auto* missing = key.if_contains("on_missing");
    if (missing == nullptr) return;
    if (missing->is_string()) {
        if (nameless && missing->get_string() == "source_ip") *missing = "random";
        return;
    }
    auto& map = missing->as_object();
    if (nameless && text_at(map, "policy") == "source_ip") map["policy"] = "random";
    if (!reads || text_at(map, "policy") == "reject") map.erase("after");
    at_most(map, "after", timeout);
}

// Whether bytes of the client are read for the key.
bool reads_any(const value& key) {
    if (key.is_object() && key.get_object().contains("parts")) {
        return std::ranges::any_of(key.get_object().at("parts").as_array(),
                                   [](const value& part) { return reads_bytes(from_of(part)); });
    }
    return reads_bytes(from_of(key));
}

bool accepts_v2(const object* proxy) {
    if (proxy == nullptr) return false;
    const auto& accept = proxy->at("accept").as_array();
    return std::ranges::find(accept, value("v2")) != accept.end();
}

void mend_sources(value& key, const SchemaNode& node, const Allowed& allowed, ConfigDraw& draw) {
    auto* map = key.if_object();
    if (map == nullptr || !map->contains("parts")) {
        if (map != nullptr) draw.need(*map, node, "from");
        return mend_part(key, node, allowed, draw);
    }
    const auto& part_node = *node.at("parts").items;
    for (const auto& property : part_node.properties) map->erase(property.name);
    mend_parts(map->at("parts").as_array(), part_node, allowed, draw);
}

}  // namespace

void mend_key(object& listener, const SchemaNode& node, ConfigDraw& draw) {
    const bool on_unix_socket = text_at(listener, "bind").starts_with("unix:");
    const auto* proxy = map_at(listener, "proxy_protocol");
    const bool nameless = on_unix_socket && proxy == nullptr;
    if (nameless) draw.need(listener, node, "key");
    bool reads = false;
    if (auto* key = listener.if_contains("key")) {
        const Allowed allowed{.address = !nameless, .proxy_header = accepts_v2(proxy)};
        mend_sources(*key, node.at("key"), allowed, draw);
        reads = reads_any(*key);
        if (auto* map = key->if_object()) {
            const Duration by_default{5'000};
            const auto* timeouts = map_at(listener, "timeouts");
            mend_lengths(*map, proxy != nullptr, reads);
            mend_missing(
                *map, nameless, reads,
                timeouts == nullptr ? by_default : duration_at(*timeouts, "key", by_default));
        }
    }
    if (on_unix_socket || (!reads && proxy == nullptr)) listener.erase("defer_accept");
}

}  // namespace ringway::simulation
