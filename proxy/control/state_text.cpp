#include "proxy/control/state_text.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "conf/text.h"
#include "proxy/text/escape.h"
#include "ring/types.h"

namespace ringway::proxy {

namespace {

namespace json = boost::json;

constexpr std::array by_hand_words{AdminState::online, AdminState::offline, AdminState::drain};

json::object describe(const std::string& pool, const std::string& id,
                      const ServerOverrides& overrides) {
    json::object entry{{"pool", pool}, {"id", id}};
    if (overrides.registered) {
        entry["registered"] = {{"address", overrides.registered->address.to_string()},
                               {"weight", overrides.registered->weight}};
    }
    if (overrides.unregistered) entry["unregistered"] = true;
    if (overrides.admin_state != AdminState::automatic)
        entry["by_hand"] = health::to_string(overrides.admin_state);
    if (overrides.weight) entry["weight"] = *overrides.weight;
    if (overrides.address) entry["address"] = overrides.address->to_string();
    return entry;
}

// What is wrong, behind the place of it.
struct Wrong {
    std::string what;
};

const json::object& object_in(const json::value& value, const std::string& place) {
    if (!value.is_object()) throw Wrong{place + ": expected an object"};
    return value.get_object();
}

const std::string_view text_in(const json::object& object, std::string_view name,
                               const std::string& place) {
    const json::value* const value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) {
        throw Wrong{fmt::format("{}: expected a text \"{}\"", place, name)};
    }
    return value->get_string();
}

void expect_only(const json::object& object, std::initializer_list<std::string_view> names,
                 const std::string& place) {
    for (const auto& [name, value] : object) {
        if (std::ranges::find(names, std::string_view(name)) != names.end()) continue;
        throw Wrong{fmt::format("{}: unknown entry \"{}\"", place, escaped(name))};
    }
}

conf::Endpoint address_in(const json::object& object, const std::string& place) {
    const auto address = conf::Endpoint::parse(text_in(object, "address", place));
    if (!address) throw Wrong{place + ".address: expected an address, as 192.0.2.1:80"};
    return *address;
}

std::uint32_t weight_in(const json::object& object, const std::string& place) {
    const json::value* const weight = object.if_contains("weight");
    if (weight == nullptr || !weight->is_int64() || weight->get_int64() < 0 ||
        weight->get_int64() > ring::Limits::weight) {
        throw Wrong{place + ".weight: expected a whole number from 0 to 1000"};
    }
    return static_cast<std::uint32_t>(weight->get_int64());
}

ServerOverrides::Registration parse_registration(const json::value& value,
                                                 const std::string& place) {
    const json::object& object = object_in(value, place);
    expect_only(object, {"address", "weight"}, place);
    return {address_in(object, place), weight_in(object, place)};
}

ServerOverrides parse_said(const json::object& entry, const std::string& place) {
    expect_only(entry, {"pool", "id", "registered", "unregistered", "by_hand", "weight", "address"},
                place);
    ServerOverrides overrides;
    if (const json::value* const registered = entry.if_contains("registered")) {
        overrides.registered = parse_registration(*registered, place + ".registered");
    }
    if (const json::value* const unregistered = entry.if_contains("unregistered")) {
        if (!unregistered->is_bool()) throw Wrong{place + ".unregistered: expected true or false"};
        overrides.unregistered = unregistered->get_bool();
    }
    if (entry.contains("by_hand")) {
        const auto word = text_in(entry, "by_hand", place);
        const auto* const found = std::ranges::find_if(
            by_hand_words, [&](AdminState each) { return health::to_string(each) == word; });
        if (found == by_hand_words.end()) {
            throw Wrong{place + ".by_hand: expected online, offline or drain"};
        }
        overrides.admin_state = *found;
    }
    if (entry.contains("weight")) overrides.weight = weight_in(entry, place);
    if (entry.contains("address")) overrides.address = address_in(entry, place);
    const bool set = overrides.weight || overrides.address;
    const bool there =
        overrides.registered || set || overrides.admin_state != AdminState::automatic;
    if (overrides.is_nothing() || (overrides.unregistered && there)) {
        throw Wrong{place + ": expected either unregistered, or other overrides"};
    }
    if (overrides.registered && set) {
        throw Wrong{place + ": a registered server has its weight and address in registered"};
    }
    return overrides;
}

void parse_server(const json::value& value, const std::string& place, Overrides& all) {
    const json::object& entry = object_in(value, place);
    const auto pool = text_in(entry, "pool", place);
    const auto id = text_in(entry, "id", place);
    if (pool.empty() || conf::has_control(pool))
        throw Wrong{place + ".pool: expected the name of a pool"};
    if (id.empty() || id.size() > ring::Limits::id_bytes || conf::has_control(id)) {
        throw Wrong{place + ".id: expected the id of a server"};
    }
    const ServerOverrides overrides = parse_said(entry, place);
    const auto [at, added] = all[std::string(pool)].try_emplace(std::string(id), overrides);
    if (!added) throw Wrong{fmt::format("{}: given twice", place)};
}

// "line:column" of a byte.
std::string place_of(std::string_view text, std::size_t offset) {
    const auto before = text.substr(0, offset);
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto column = before.size() - (before.rfind('\n') + 1) + 1;
    return fmt::format("{}:{}", line, column);
}

json::value parse_json(std::string_view text) {
    json::stream_parser parser;
    json::error_code error;
    const std::size_t read = parser.write_some(text, error);
    const auto rest = text.substr(std::min(read, text.size()));
    if (!error && rest.find_first_not_of(" \t\r\n") != std::string_view::npos) {
        throw Wrong{place_of(text, read) + ": expected the end, found more"};
    }
    if (!error) parser.finish(error);
    if (error) throw Wrong{place_of(text, read) + ": not valid JSON: " + error.message()};
    return parser.release();
}

}  // namespace

std::string state_line(const std::string& pool, const std::string& id,
                       const ServerOverrides& overrides) {
    return json::serialize(describe(pool, id, overrides));
}

std::string state_text(const Overrides& overrides) {
    return state_text_of_lines(overrides, state_line);
}

std::variant<Overrides, std::string> parse_state(std::string_view text) {
    try {
        const json::value value = parse_json(text);
        const json::object& root = object_in(value, "the file");
        expect_only(root, {"version", "servers"}, "the file");
        const json::value* const version = root.if_contains("version");
        if (version == nullptr || *version != 1) throw Wrong{"version: expected 1"};
        const json::value* const servers = root.if_contains("servers");
        if (servers == nullptr || !servers->is_array()) throw Wrong{"servers: expected a list"};
        Overrides all;
        std::size_t index = 0;
        for (const json::value& each : servers->get_array()) {
            parse_server(each, fmt::format("servers[{}]", index++), all);
        }
        return all;
    } catch (const Wrong& wrong) {
        return wrong.what;
    }
}

}  // namespace ringway::proxy
