#include "proxy/control/state_text.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

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

Reason wrong(const std::string& place, std::string_view what) {
    return Reason(fmt::format("{}: {}", place, what));
}

Result<std::string_view> text_in(const json::object& object, std::string_view name,
                                 const std::string& place) {
    const json::value* const value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) {
        return wrong(place, fmt::format("expected a text \"{}\"", name));
    }
    return std::string_view(value->get_string());
}

// Fails for an object with other entries than these, and for what is no object.
Result<void> expect_only(const json::value& value, std::initializer_list<std::string_view> names,
                         const std::string& place) {
    if (!value.is_object()) return wrong(place, "expected an object");
    for (const auto& [name, unused] : value.get_object()) {
        if (std::ranges::find(names, std::string_view(name)) != names.end()) continue;
        return wrong(place, fmt::format("unknown entry \"{}\"", escaped(name)));
    }
    return {};
}

Result<conf::ServerAddress> address_in(const json::object& object, const std::string& place) {
    const auto text = text_in(object, "address", place);
    if (!text) return text.error();
    const auto address = conf::ServerAddress::parse(*text);
    if (!address)
        return wrong(place + ".address", "expected an address, as 192.0.2.1:80 or host.example:80");
    return *address;
}

Result<std::uint32_t> weight_in(const json::object& object, const std::string& place) {
    const json::value* const weight = object.if_contains("weight");
    if (weight == nullptr || !weight->is_int64() || weight->get_int64() < 0 ||
        weight->get_int64() > ring::Limits::weight) {
        return wrong(place + ".weight", "expected a whole number from 0 to 1000");
    }
    return static_cast<std::uint32_t>(weight->get_int64());
}

Result<ServerOverrides::Registration> parse_registration(const json::value& value,
                                                         const std::string& place) {
    if (auto known = expect_only(value, {"address", "weight"}, place); !known) return known.error();
    const auto address = address_in(value.get_object(), place);
    if (!address) return address.error();
    const auto weight = weight_in(value.get_object(), place);
    if (!weight) return weight.error();
    return ServerOverrides::Registration{*address, *weight};
}

Result<AdminState> by_hand_in(const json::object& entry, const std::string& place) {
    const auto word = text_in(entry, "by_hand", place);
    if (!word) return word.error();
    const auto* const found = std::ranges::find_if(
        by_hand_words, [&](AdminState each) { return health::to_string(each) == *word; });
    if (found == by_hand_words.end()) {
        return wrong(place + ".by_hand", "expected online, offline or drain");
    }
    return *found;
}

// The overrides as they are written, whether they agree or not.
Result<ServerOverrides> parse_entries(const json::object& entry, const std::string& place) {
    ServerOverrides overrides;
    if (const json::value* const registered = entry.if_contains("registered")) {
        auto parsed = parse_registration(*registered, place + ".registered");
        if (!parsed) return parsed.error();
        overrides.registered = std::move(*parsed);
    }
    if (const json::value* const unregistered = entry.if_contains("unregistered")) {
        if (!unregistered->is_bool()) {
            return wrong(place + ".unregistered", "expected true or false");
        }
        overrides.unregistered = unregistered->get_bool();
    }
    if (entry.contains("by_hand")) {
        const auto state = by_hand_in(entry, place);
        if (!state) return state.error();
        overrides.admin_state = *state;
    }
    if (entry.contains("weight")) {
        const auto weight = weight_in(entry, place);
        if (!weight) return weight.error();
        overrides.weight = *weight;
    }
    if (entry.contains("address")) {
        auto address = address_in(entry, place);
        if (!address) return address.error();
        overrides.address = std::move(*address);
    }
    return overrides;
}

Result<void> check_agreement(const ServerOverrides& overrides, const std::string& place) {
    const bool set = overrides.weight || overrides.address;
    const bool there =
        overrides.registered || set || overrides.admin_state != AdminState::automatic;
    if (overrides.is_nothing() || (overrides.unregistered && there)) {
        return wrong(place, "expected either unregistered, or other overrides");
    }
    if (overrides.registered && set) {
        return wrong(place, "a registered server has its weight and address in registered");
    }
    return {};
}

Result<void> parse_server(const json::value& value, const std::string& place, Overrides& all) {
    if (!value.is_object()) return wrong(place, "expected an object");
    const json::object& entry = value.get_object();
    const auto pool = text_in(entry, "pool", place);
    if (!pool) return pool.error();
    const auto id = text_in(entry, "id", place);
    if (!id) return id.error();
    if (pool->empty() || conf::has_control(*pool)) {
        return wrong(place + ".pool", "expected the name of a pool");
    }
    if (id->empty() || id->size() > ring::Limits::id_bytes || conf::has_control(*id)) {
        return wrong(place + ".id", "expected the id of a server");
    }
    const auto known = expect_only(
        value, {"pool", "id", "registered", "unregistered", "by_hand", "weight", "address"}, place);
    if (!known) return known;
    const auto overrides = parse_entries(entry, place);
    if (!overrides) return overrides.error();
    if (auto agree = check_agreement(*overrides, place); !agree) return agree;
    const auto [at, added] = all[std::string(*pool)].try_emplace(std::string(*id), *overrides);
    if (!added) return wrong(place, "given twice");
    return {};
}

// "line:column" of a byte.
std::string place_of(std::string_view text, std::size_t offset) {
    const auto before = text.substr(0, offset);
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto column = before.size() - (before.rfind('\n') + 1) + 1;
    return fmt::format("{}:{}", line, column);
}

Result<json::value> parse_json(std::string_view text) {
    json::stream_parser parser;
    json::error_code error;
    const std::size_t read = parser.write_some(text, error);
    const auto rest = text.substr(std::min(read, text.size()));
    if (!error && rest.find_first_not_of(" \t\r\n") != std::string_view::npos) {
        return wrong(place_of(text, read), "expected the end, found more");
    }
    if (!error) parser.finish(error);
    if (error) return wrong(place_of(text, read), "not valid JSON: " + error.message());
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

Result<Overrides> parse_state(std::string_view text) {
    const auto value = parse_json(text);
    if (!value) return value.error();
    if (auto known = expect_only(*value, {"version", "servers"}, "the file"); !known) {
        return known.error();
    }
    const json::object& root = value->get_object();
    const json::value* const version = root.if_contains("version");
    if (version == nullptr || *version != 1) return wrong("version", "expected 1");
    const json::value* const servers = root.if_contains("servers");
    if (servers == nullptr || !servers->is_array()) return wrong("servers", "expected a list");
    Overrides all;
    std::size_t index = 0;
    for (const json::value& each : servers->get_array()) {
        const auto parsed = parse_server(each, fmt::format("servers[{}]", index++), all);
        if (!parsed) return parsed.error();
    }
    return all;
}

}  // namespace ringway::proxy
