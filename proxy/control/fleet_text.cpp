// The values of a fleet's keys, as JSON. What a newer version adds is not looked at.
#include <array>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "proxy/control/fleet_view.h"

namespace ringway::proxy {

namespace {

namespace json = boost::json;

constexpr std::array fleet_words{AdminState::online, AdminState::offline, AdminState::drain};

Result<json::object> parse_object(std::string_view text) {
    json::error_code error;
    json::value value = json::parse(json::string_view(text.data(), text.size()), error);
    if (error) return Reason("not valid JSON: " + error.message());
    if (!value.is_object()) return Reason("expected an object");
    return std::move(value.get_object());
}

Result<std::string> text_in(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) {
        return Reason(fmt::format("expected a text \"{}\"", name));
    }
    return std::string(value->get_string());
}

Result<std::int64_t> number_in(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    if (value == nullptr || !value->is_int64() || value->get_int64() < 0) {
        return Reason(fmt::format("expected a whole number \"{}\"", name));
    }
    return value->get_int64();
}

Result<void> read_ids(const json::object& object, std::string_view name,
                      std::set<std::string, std::less<>>& ids) {
    const json::value* const value = object.if_contains(name);
    if (value == nullptr || !value->is_array()) {
        return Reason(fmt::format("expected a list \"{}\"", name));
    }
    for (const json::value& each : value->get_array()) {
        if (!each.is_string()) return Reason(fmt::format("expected texts in \"{}\"", name));
        ids.emplace(each.get_string());
    }
    return {};
}

json::array list_of(const std::set<std::string, std::less<>>& ids) {
    json::array list;
    for (const std::string& id : ids) list.emplace_back(id);
    return list;
}

Result<ReplicaReport::OfPool> parse_pool(const json::value& value) {
    if (!value.is_object()) return Reason("expected objects in \"pools\"");
    const json::object& object = value.get_object();
    ReplicaReport::OfPool pool;
    auto ring = text_in(object, "ring");
    if (!ring) return ring.error();
    const auto servers = number_in(object, "servers");
    if (!servers) return servers.error();
    const auto online = number_in(object, "online");
    if (!online) return online.error();
    return ReplicaReport::OfPool{std::move(*ring), static_cast<std::uint64_t>(*servers),
                                 static_cast<std::uint64_t>(*online)};
}

}  // namespace

std::string to_text(const ReplicaReport& report) {
    json::object pools;
    for (const auto& [name, pool] : report.pools) {
        pools[name] = {{"ring", pool.ring}, {"servers", pool.servers}, {"online", pool.online}};
    }
    return json::serialize(json::object{{"instance", report.instance},
                                        {"version", report.version},
                                        {"started", report.started_s},
                                        {"generation", report.generation},
                                        {"file", report.file},
                                        {"settings", report.settings},
                                        {"health", report.health},
                                        {"pools", std::move(pools)}});
}

std::string to_text(const ChecksReport& report) {
    return json::serialize(
        json::object{{"down", list_of(report.down)}, {"unknown", list_of(report.unknown)}});
}

std::string to_text(AdminState word) {
    return json::serialize(json::object{{"by_hand", health::to_string(word)}});
}

Result<ReplicaReport> parse_replica_report(std::string_view text) {
    const auto object = parse_object(text);
    if (!object) return object.error();
    ReplicaReport report;
    for (const auto& [name, to] :
         {std::pair("instance", &report.instance), std::pair("version", &report.version),
          std::pair("file", &report.file), std::pair("settings", &report.settings),
          std::pair("health", &report.health)}) {
        auto found = text_in(*object, name);
        if (!found) return found.error();
        *to = std::move(*found);
    }
    const auto started = number_in(*object, "started");
    if (!started) return started.error();
    report.started_s = *started;
    const auto generation = number_in(*object, "generation");
    if (!generation) return generation.error();
    report.generation = static_cast<std::uint64_t>(*generation);
    const json::value* const pools = object->if_contains("pools");
    if (pools == nullptr || !pools->is_object()) return Reason("expected an object \"pools\"");
    for (const auto& [name, value] : pools->get_object()) {
        auto pool = parse_pool(value);
        if (!pool) return pool.error();
        report.pools.emplace(name, std::move(*pool));
    }
    return report;
}

Result<ChecksReport> parse_checks_report(std::string_view text) {
    const auto object = parse_object(text);
    if (!object) return object.error();
    ChecksReport report;
    if (auto read = read_ids(*object, "down", report.down); !read) return read.error();
    if (auto read = read_ids(*object, "unknown", report.unknown); !read) return read.error();
    return report;
}

Result<AdminState> parse_fleet_word(std::string_view text) {
    const auto object = parse_object(text);
    if (!object) return object.error();
    const auto word = text_in(*object, "by_hand");
    if (!word) return word.error();
    for (const AdminState each : fleet_words) {
        if (*word == health::to_string(each)) return each;
    }
    return Reason("by_hand: expected online, offline or drain");
}

}  // namespace ringway::proxy
