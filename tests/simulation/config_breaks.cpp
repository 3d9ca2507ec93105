#include "tests/simulation/config_breaks.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "tests/simulation/config_rules.h"
#include "tests/simulation/config_text.h"

namespace ringway::simulation {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;
using std::string_view;

// Whether the break was possible.
using Break = bool (*)(object&, ConfigDraw&);

PlacedMap some_map(object& root, ConfigDraw& draw) {
    const auto maps = maps_of(root);
    return draw.random().pick(maps);
}

bool add_unknown(object& root, ConfigDraw& draw) {
    some_map(root, draw).map->emplace("unheard_of", 1);
    return true;
}

bool drop_required(object& root, ConfigDraw& draw) {
    const auto place = some_map(root, draw);
    const auto& property = draw.random().pick(place.node->properties);
    return property.required && place.map->erase(property.name) > 0;
}

bool set_wrong_kind(object& root, ConfigDraw& draw) {
    const auto place = some_map(root, draw);
    const auto& property = draw.random().pick(place.node->properties);
    auto& entry = (*place.map)[property.name];
    if (draw.random().one_in(3)) {
        entry = nullptr;
    } else if (property.node.items) {
        entry = object{};
    } else {
        entry = array{};
    }
    return true;
}

// Texts that no entry of a definition may be.
const std::vector<string_view>& wrong_texts_of(string_view definition) {
    static const std::vector<string_view> durations{
        "0s", "25h", "5 s", "-1s", "1.5s", "10", "s", "", "01s", "1d", "99999999999999999999s"};
    static const std::vector<string_view> sizes{"15B", "65KiB", "1GB", "64", "16 KiB", ""};
    static const std::vector<string_view> addresses{
        "localhost:80", "127.0.0.1",     "127.0.0.1:0",   "127.0.0.1:65536", "[::1]",    "::1:80",
        "[::1:80",      "unix:relative", "127.0.0.1:080", "unix:/a\tb",      "1.2.3:80", ""};
    static const std::vector<string_view> names{"a b", "", "ä", "a/b", "a\n"};
    static const std::vector<string_view> none;
    if (definition == "duration") return durations;
    if (definition == "size") return sizes;
    if (definition == "address") return addresses;
    return definition == "name" ? names : none;
}

bool set_out_of_range(object& root, ConfigDraw& draw) {
    const auto place = some_map(root, draw);
    const auto& property = draw.random().pick(place.node->properties);
    const auto& node = property.node;
    auto& random = draw.random();
    if (const auto& range = node.integer ? node.integer : node.number) {
        (*place.map)[property.name] = random.one_in(2) ? range->least - 1 : range->most + 1;
    } else if (const auto& texts = wrong_texts_of(node.definition); !texts.empty()) {
        (*place.map)[property.name] = random.pick(texts);
    } else if (!node.words.empty() && !node.text) {
        (*place.map)[property.name] = "nonsense";
    } else {
        return false;
    }
    return true;
}

// Texts that look right to the schema, or that it knows by a pattern.
struct WrongText {
    string_view path;
    string_view text;
};
constexpr std::array<WrongText, 28> wrong_texts{{{"pools.*.servers.*.id", ""},
                                                 {"pools.*.servers.*.id", "a\nb"},
                                                 {"pools.*.servers.*.id", "\xC2\x85"},
                                                 {"pools.*.hash.seed", ""},
                                                 {"pools.*.hash.seed_hex", "0"},
                                                 {"pools.*.hash.seed_hex", "zz"},
                                                 {"pools.*.hash.balance_factor", "1.5"},
                                                 {"pools.*.hash.vnodes", "8"},
                                                 {"pools.*.connect.source_v4", "::1"},
                                                 {"pools.*.connect.source_v6", "127.0.0.1"},
                                                 {"pools.*.connect.source_v4", "127.0.0.1/8"},
                                                 {"pools.*.health.http.path", "health"},
                                                 {"pools.*.health.http.path", "/a b"},
                                                 {"pools.*.health.http.host", "a b"},
                                                 {"pools.*.health.http.status", "600"},
                                                 {"pools.*.health.http.status", "300-200"},
                                                 {"pools.*.health.http.status", "150"},
                                                 {"pools.*.health.send", "\\q"},
                                                 {"pools.*.health.expect", "\\x0"},
                                                 {"pools.*.passive.early_resets", "true"},
                                                 {"listeners.*.key.pattern", "("},
                                                 {"listeners.*.key.separator", "123456789"},
                                                 {"log.target", "relative"},
                                                 {"log.target", "/folder/"},
                                                 {"log.access", "yes"},
                                                 {"admin.http", "unix:/x.sock"},
                                                 {"admin.http", "localhost:7900"},
                                                 {"admin.socket", ""}}};

bool set_wrong_text(object& root, ConfigDraw& draw) {
    const auto& wrong = draw.random().pick(wrong_texts);
    const auto dot = wrong.path.rfind('.');
    const auto maps = maps_of(root);
    const auto place = std::ranges::find(maps, wrong.path.substr(0, dot), [](const PlacedMap& map) {
        return string_view(map.node->path);
    });
    if (place == maps.end()) return false;
    (*place->map)[wrong.path.substr(dot + 1)] = wrong.text;
    // A pattern is read as one for a regex alone.
    if (wrong.path.ends_with(".pattern")) (*place->map)["from"] = "regex";
    return true;
}

// Entries that contradict each other, put in place of those that are there; null drops one
// (RFC 7396).
constexpr std::array pool_contradictions{
    R"({"hash": {"algorithm": "maglev", "vnodes": 4}})",
    R"({"hash": {"algorithm": "maglev"}, "slow_start": "1s"})",
    R"({"hash": {"seed": "a", "seed_hex": "00"}})",
    R"({"hash": {"vnodes": 65536}, "servers": [{"id": "s", "address": "127.0.0.1:1", "weight": 257}]})",
    R"({"hash": {"balance_factor": 1.1234567}})",
    R"({"proxy_protocol": {"send": "v1", "authority": true}})",
    R"({"proxy_protocol": {"send": "v1", "unique_id": false}})",
    R"({"health": {"send": "PING"}})",
    R"({"health": {"expect": "OK", "http": {}}})",
    R"({"health": {"interval": "1s", "timeout": "1001ms"}})",
    R"({"health": {"fast_interval": "3s"}})",
    R"({"passive": {"retry": "2s", "retry_max": "1s"}})",
    R"({"passive": {"retry_max": "1s"}})",
    R"({"health": null, "servers": [{"id": "s", "address": "127.0.0.1:1", "health": {"port": 2}}]})",
    R"({"health": {}, "servers": [{"id": "s", "address": "127.0.0.1:1", "health": {}}]})",
    R"({"health": {}, "servers": [{"id": "s", "address": "unix:/s", "health": {"port": 2}}]})",
    R"({"health": {}, "servers": [{"id": "s", "address": "127.0.0.1:1",
        "health": {"port": 2, "address": "127.0.0.1:2"}}]})",
    R"({"servers": [{"id": "s", "address": "127.0.0.1:1"}, {"id": "s", "address": "127.0.0.1:2"}]})"};

constexpr std::array listener_contradictions{
    R"({"pool": "nowhere"})",
    R"({"bind": "224.0.0.1:7001"})",
    R"({"bind": "[fe80::1]:7001"})",
    R"({"bind": "127.0.0.1:7301", "proxy_protocol": {"accept": ["v1"]}})",
    R"({"bind": "127.0.0.1:7301", "proxy_protocol": {"accept": [], "trusted": ["::1"]}})",
    R"({"bind": "127.0.0.1:7301", "proxy_protocol": {"accept": ["v1"], "trusted": []}})",
    R"({"bind": "127.0.0.1:7301", "proxy_protocol": {"accept": ["v1"], "trusted": ["127.0.0.1/8"]}})",
    R"({"bind": "unix:/x", "key": "sni", "proxy_protocol": {"accept": ["v1"], "trusted": ["::1"]}})",
    R"({"bind": "unix:/x", "key": null, "proxy_protocol": null})",
    R"({"bind": "unix:/x", "key": {"from": "sni", "on_missing": "source_ip"}, "proxy_protocol": null})",
    R"({"bind": "unix:/x", "key": "sni", "defer_accept": "1s"})",
    R"({"key": "source", "proxy_protocol": null, "defer_accept": "1s"})",
    R"({"key": {"from": "proxy_tlv", "type": 1}, "proxy_protocol": null})",
    R"({"key": "proxy_authority", "bind": "127.0.0.1:7301",
        "proxy_protocol": {"accept": ["v1"], "trusted": ["::1"]}})",
    R"({"key": "header"})",
    R"({"key": {"from": "cookie"}})",
    R"({"key": {"from": "sni", "name": "a"}})",
    R"({"key": {"from": "source_ip", "parts": ["sni", "alpn"]}})",
    R"({"key": {"parts": ["sni"]}})",
    R"({"key": {"parts": ["sni", "target"]}})",
    R"({"key": {"parts": ["postgres_user", "mqtt_username"]}})",
    R"({"key": {"parts": ["rdp_cookie", "alpn"]}})",
    R"({"key": {"max_bytes": "16KiB"}})",
    R"({"key": {"from": "bytes", "length": 17, "max_bytes": "16B"}})",
    R"({"key": {"from": "bytes", "offset": 16384, "length": 1}})",
    R"({"key": {"from": "regex", "pattern": "a"}})",
    R"({"key": {"from": "regex", "pattern": "(a)b", "group": 2}})",
    R"({"key": {"from": "source", "max_bytes": "1KiB"}, "proxy_protocol": null})",
    R"({"key": {"from": "sni", "on_missing": {"policy": "reject", "after": "1s"}}})",
    R"({"key": {"from": "source", "on_missing": {"policy": "random", "after": "1s"}}})",
    R"({"key": {"from": "sni", "on_missing": {"policy": "random", "after": "2s"}},
        "timeouts": {"key": "1s"}})"};

constexpr std::array root_contradictions{
    R"({"listeners": []})",
    R"({"version": 2})",
    R"({"pools": {}})",
    R"({"admin": {"ready": ["nowhere"]}})",
    R"({"pools": {"a b": {}}, "listeners": [{"name": "l", "bind": "127.0.0.1:1", "pool": "a b"}]})",
    R"({"pools": {"a": {}}, "admin": {"ready": ["a", "a"]},
        "listeners": [{"name": "l", "bind": "127.0.0.1:1", "pool": "a"}]})",
    R"({"pools": {"a": {}}, "admin": {"http": "127.0.0.1:7301"},
        "listeners": [{"name": "l", "bind": "0.0.0.0:7301", "pool": "a"}]})",
    R"({"pools": {"a": {}}, "admin": {"socket": "/run/x"},
        "listeners": [{"name": "l", "bind": "unix:/run/./x", "pool": "a", "key": "sni"}]})"};

template <class Some>
void contradict(object& map, const Some& contradictions, ConfigDraw& draw) {
    const value patch = boost::json::parse(draw.random().pick(contradictions));
    for (const auto& [name, entry] : patch.get_object()) {
        if (entry.is_null()) {
            map.erase(name);
        } else {
            map[name] = entry;
        }
    }
}

bool contradict_pool(object& root, ConfigDraw& draw) {
    auto& pools = root.at("pools").as_object();
    contradict((pools.begin() + draw.random().below(pools.size()))->value().as_object(),
               pool_contradictions, draw);
    return true;
}

bool contradict_listener(object& root, ConfigDraw& draw) {
    auto& listeners = root.at("listeners").as_array();
    contradict(draw.random().pick(listeners).as_object(), listener_contradictions, draw);
    return true;
}

bool contradict_root(object& root, ConfigDraw& draw) {
    contradict(root, root_contradictions, draw);
    return true;
}

// A listener as another, but for one of its name and its address.
bool repeat_listener(object& root, ConfigDraw& draw) {
    auto& listeners = root.at("listeners").as_array();
    auto copy = draw.random().pick(listeners);
    if (draw.random().one_in(2)) {
        copy.as_object()["name"] = "another";
    } else {
        copy.as_object()["bind"] = "127.0.0.1:7301";
        copy.as_object()["key"] = "destination";
        copy.as_object().erase("proxy_protocol");
        copy.as_object().erase("defer_accept");
    }
    listeners.push_back(copy);
    return true;
}

void replace_first(std::string& text, string_view from, string_view to) {
    text.replace(text.find(from), from.size(), to);
}

// Breaks the text, whatever it says.
void break_text(std::string& text, RandomSource& random) {
    static constexpr std::array<string_view, 14> no_configurations{"",
                                                                   "\n",
                                                                   "{",
                                                                   "}",
                                                                   "[]",
                                                                   "null",
                                                                   "a: b: c",
                                                                   "- a\nb",
                                                                   "version",
                                                                   "\t- a",
                                                                   "%YAML 9",
                                                                   "{\"version\": 1",
                                                                   "# nothing\n",
                                                                   "\xFF\xFE"};
    static constexpr std::array<string_view, 6> no_versions{
        "\"version\": &a 1",  "\"version\": *a",  "\"version\": !x 1",
        "\"version\": \"1\"", "\"version\": 1.0", "\"version\": 1, \"version\": 1"};
    static constexpr std::array<string_view, 4> bad_bytes{"\x01", "\xFF", "\xC0\x80", {"\0", 1}};
    switch (random.below(6)) {
        case 0:
            text = random.pick(no_configurations);
            return;
        case 1:
            return replace_first(text, "\"version\": 1", random.pick(no_versions));
        case 2:
            return void(text.insert(random.below(text.size() + 1), random.pick(bad_bytes)));
        case 3:
            return void(text += "---\n{}\n");
        default:  // as a crash of the program that writes the file leaves it
            text.resize(random.below(text.rfind('}')));
    }
}

}  // namespace

std::string break_config(object root, ConfigDraw& draw) {
    static constexpr std::array<Break, 12> breaks{
        add_unknown,     add_unknown,         drop_required,    set_wrong_kind,
        set_wrong_kind,  set_out_of_range,    set_out_of_range, set_wrong_text,
        contradict_pool, contradict_listener, contradict_root,  repeat_listener};
    auto& random = draw.random();
    if (random.one_in(4)) {
        auto text = write_config(root);
        break_text(text, random);
        return text;
    }
    while (!random.pick(breaks)(root, draw)) {
    }
    return write_config(root);
}

}  // namespace ringway::simulation
