#include "tests/simulation/questions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "proxy/admin/fleet_commands.h"
#include "proxy/admin/http_answers.h"
#include "proxy/admin/metrics_snapshot.h"
#include "proxy/admin/reports.h"
#include "tests/simulation/violation.h"

namespace ringway::simulation {

namespace {

namespace json = boost::json;
using Names = std::span<const std::string_view>;

// Exactly the fields, besides "ok", that docs/ringctl.md and docs/monitoring.md have readers rely
// on.
constexpr std::array<std::string_view, 15> status_fields{"version",
                                                         "pid",
                                                         "uptime_s",
                                                         "workers",
                                                         "engine",
                                                         "processors",
                                                         "max_connections",
                                                         "generation",
                                                         "not_ready",
                                                         "log",
                                                         "log_lines_dropped",
                                                         "config",
                                                         "state",
                                                         "listeners",
                                                         "pools"};
constexpr std::array<std::string_view, 13> listener_fields{"name",
                                                           "bind",
                                                           "pool",
                                                           "key",
                                                           "routes",
                                                           "routes_left_out",
                                                           "accepted",
                                                           "active",
                                                           "refused",
                                                           "placed_by_source_ip",
                                                           "placed_at_random",
                                                           "tls",
                                                           "ends"};
constexpr std::array<std::string_view, 15> pool_fields{
    "name",        "algorithm", "servers", "online", "panic",           "local_fault",
    "tls",         "points",    "active",  "spills", "peak_to_average", "moved_last_change",
    "fingerprint", "sources",   "fallback"};
constexpr std::array<std::string_view, 22> server_fields{"pool",
                                                         "id",
                                                         "address",
                                                         "weight",
                                                         "max_connections",
                                                         "share",
                                                         "status",
                                                         "detail",
                                                         "override",
                                                         "ramp_percent",
                                                         "since_s",
                                                         "active",
                                                         "total",
                                                         "bytes_up",
                                                         "bytes_down",
                                                         "connect_failures",
                                                         "local_dial_failures",
                                                         "source",
                                                         "last_check",
                                                         "check_problem",
                                                         "host",
                                                         "layers"};
constexpr std::array<std::string_view, 7> explain_fields{
    "pool", "key", "hash", "owner", "walk", "if_all_online", "fallback"};
constexpr std::array<std::string_view, 5> ring_fields{"pool", "servers", "shares", "points",
                                                      "slices"};
constexpr std::array<std::string_view, 8> override_fields{
    "pool", "id", "registered", "unregistered", "override", "weight", "address", "active"};

constexpr std::array<std::string_view, 3> log_fields{"level", "file_level", "left_s"};

void has_exactly(const json::object& object, Names names, const char* what) {
    std::size_t known = object.contains("ok") ? 1 : 0;
    for (const std::string_view name : names) {
        if (name.empty()) continue;
        ++known;
        expect(object.contains(name), "fields", [&] {
            return fmt::format("{} has no {}: {}", what, name, json::serialize(object));
        });
    }
    expect(object.size() == known, "fields", [&] {
        return fmt::format("{} has fields beyond those: {}", what, json::serialize(object));
    });
}

std::string_view text_of(const json::object& object, std::string_view name) {
    return object.at(name).as_string();
}

json::object found(proxy::Report report) {
    expect(report.has_value(), "answers", [&] { return report.error().text; });
    return std::move(*report);
}

// As somebody reads it from the HTTP endpoint.
json::object read_page(const proxy::Control& control, std::string_view target) {
    const auto page = proxy::answer_http(control, target);
    expect(page.status == 200, "page", [&] { return page.body; });
    json::object answer = json::parse(page.body).as_object();
    expect(answer.at("ok") == true, "page", [&] { return page.body; });
    return answer;
}

// A state and its reason do not contradict one another.
void check_detail(const json::object& server) {
    const std::string_view detail = text_of(server, "detail");
    const bool online = server.at("status") == "online";
    const bool is_moving = detail.find("on its way") != std::string_view::npos;
    const std::string_view by_hand = text_of(server, "override");
    const bool down = detail.find("down: ") != std::string_view::npos;
    bool fits = !detail.empty();
    if (!is_moving && by_hand == "auto") {
        const bool ignored = detail.find("ignored in a panic") != std::string_view::npos;
        fits = fits && (online ? !down || ignored : down);
    }
    if (by_hand == "drain") fits = fits && detail.starts_with("draining");
    if (by_hand == "offline") fits = fits && detail.starts_with("offline by hand");
    if (by_hand == "online") fits = fits && detail.starts_with("online by hand");
    if (!is_moving && by_hand == "online") fits = fits && online;
    if (!is_moving && (by_hand == "drain" || by_hand == "offline")) fits = fits && !online;
    expect(fits, "reason", [&] { return json::serialize(server); });
}

void check_server(const json::object& server) {
    has_exactly(server, server_fields, "a server");
    check_detail(server);
    const auto percent = server.at("ramp_percent").to_number<int>();
    expect(percent >= 0 && percent <= 100, "ramp", [&] { return json::serialize(server); });
}

void check_status(const json::object& status) {
    has_exactly(status, status_fields, "status");
    for (const json::value& each : status.at("listeners").as_array()) {
        has_exactly(each.as_object(), listener_fields, "a listener");
    }
    for (const json::value& each : status.at("pools").as_array()) {
        has_exactly(each.as_object(), pool_fields, "a pool");
    }
}

void check_sources(const proxy::MetricsSnapshot& metrics, const json::array& pools) {
    std::size_t seen = 0;
    for (const json::value& pool : pools) {
        for (const json::value& each : pool.at("sources").as_array()) {
            const json::object& source = each.as_object();
            const bool equal =
                seen < metrics.sources.size() &&
                text_of(pool.as_object(), "name") == metrics.sources[seen].pool &&
                text_of(source, "source") == metrics.sources[seen].source &&
                source.at("servers").to_number<std::uint64_t>() == metrics.sources[seen].servers &&
                source.at("problem").is_null() == metrics.sources[seen].up &&
                source.at("age_s").is_null() != metrics.sources[seen].age_s.has_value();
            expect(equal, "metrics",
                   [&] { return "metrics differ from " + json::serialize(each); });
            ++seen;
        }
    }
    expect(seen == metrics.sources.size(), "metrics",
           [] { return std::string("other sources in metrics than in status"); });
}

// Numbers of the metrics beside those of the reports, at the same moment.
void check_metrics(const proxy::MetricsSnapshot& metrics, const json::object& status,
                   const json::object& servers) {
    const auto& rows = servers.at("servers").as_array();
    expect(rows.size() == metrics.servers.size(), "metrics",
           [] { return std::string("other servers in metrics than in servers"); });
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const json::object& row = rows[i].as_object();
        const auto& numbers = metrics.servers[i];
        const double share = row.at("share").is_null() ? 0 : row.at("share").to_number<double>();
        const bool equal =
            text_of(row, "pool") == numbers.pool &&
            (row.at("status") == "online") == numbers.online &&
            row.at("weight").to_number<std::uint32_t>() == numbers.weight &&
            row.at("max_connections").to_number<std::uint32_t>() == numbers.max_connections &&
            row.at("active").to_number<std::uint64_t>() == numbers.active &&
            row.at("total").to_number<std::uint64_t>() == numbers.total &&
            std::abs(share - numbers.share) < 1e-9;
        expect(equal, "metrics", [&] { return "metrics differ from " + json::serialize(row); });
    }
    const auto& pools = status.at("pools").as_array();
    for (std::size_t i = 0; i < pools.size(); ++i) {
        const json::object& pool = pools[i].as_object();
        const auto& numbers = metrics.pools.at(i);
        const bool equal = text_of(pool, "name") == numbers.pool &&
                           pool.at("servers").to_number<std::uint64_t>() == numbers.servers &&
                           pool.at("online").to_number<std::uint64_t>() == numbers.online &&
                           pool.at("points").to_number<std::uint64_t>() == numbers.points &&
                           pool.at("panic").as_bool() == numbers.panics;
        expect(equal, "metrics", [&] { return "metrics differ from " + json::serialize(pool); });
    }
    check_sources(metrics, pools);
    expect(metrics.ready == status.at("not_ready").is_null(), "metrics",
           [] { return std::string("ready differs"); });
}

void check_overrides(const json::object& answer) {
    for (const json::value& each : answer.at("overrides").as_array()) {
        has_exactly(each.as_object(), override_fields, "an override");
    }
}

void check_event(const json::object& event) {
    for (const std::string_view name : {"id", "time", "kind", "text"}) {
        expect(event.contains(name), "fields", [&] { return json::serialize(event); });
    }
}

void check_explain(const json::object& answer, const std::shared_ptr<const ring::Snapshot>& ring) {
    has_exactly(answer, explain_fields, "explain");
    const auto owner = ring->owner(ring->hash(text_of(answer, "key")));
    const bool same =
        owner == nullptr ? answer.at("owner").is_null() : text_of(answer, "owner") == owner->id;
    const json::value& otherwise = answer.at("if_all_online");
    const bool has_all =
        otherwise.is_null() ||
        otherwise.as_object().at("walk").as_array().size() == ring->members().size();
    expect(same && has_all, "explain", [&] { return json::serialize(answer); });
}

}  // namespace

void MetricsReader::read_on(const proxy::Control& control) {
    constexpr int families = 4;
    if (!more_) {
        proxy::HttpAnswer answer = proxy::answer_http(control, "/metrics");
        expect(answer.status == 200 && answer.more, "metrics", [&] { return answer.body; });
        more_ = std::move(answer.more);
        text_.clear();
        servers_ = 0;
        for (const auto& [name, pool] : control.pools().all()) servers_ += pool.servers.size();
    }
    for (int i = 0; i < families; ++i) {
        const std::size_t begin = text_.size();
        const bool goes_on = more_(text_);
        const auto family = std::string_view(text_).substr(begin);
        const bool fits =
            family.empty() || (family.starts_with("# HELP ") && family.ends_with('\n'));
        expect(fits, "metrics", [&] { return std::string(family); });
        if (goes_on) continue;
        more_ = nullptr;
        std::size_t rows = 0;
        for (auto at = text_.find("\nringway_server_up{"); at != std::string::npos;
             at = text_.find("\nringway_server_up{", at + 1)) {
            ++rows;
        }
        return expect(rows == servers_, "metrics",
                      [&] { return fmt::format("{} servers, of {}", rows, servers_); });
    }
}

void ask_everything(const proxy::Control& control, MetricsReader& metrics_reader, Random& random) {
    const json::object status = read_page(control, "/v1/status");
    const json::object servers = found(proxy::report_servers(control, nullptr));
    check_answer("status", status);
    check_answer("servers", servers);
    const proxy::MetricsSnapshot metrics = proxy::metrics_snapshot(control);
    check_metrics(metrics, status, servers);
    metrics_reader.read_on(control);
    check_answer("overrides", proxy::report_overrides(control));
    check_answer("certificates", proxy::report_certificates(control));
    check_answer("fleet", proxy::report_fleet(control));
    check_answer("events", proxy::report_events(control, 1 + random.below(20)));
    const auto& pools = control.pools().all();
    if (pools.empty()) return;
    const auto& [name, pool] =
        *std::next(pools.begin(), static_cast<std::ptrdiff_t>(random.below(pools.size())));
    const std::string key = fmt::format("key-{}", random.below(1'000));
    check_explain(found(proxy::report_explain(control, name, key)), pool.ring->snapshot());
    check_answer("ring", found(proxy::report_ring(control, name)));
    if (pool.servers.empty()) return;
    const std::string& id = pool.servers.begin()->first;
    check_answer("server", found(proxy::report_server(control, name, id)));
}

void check_answer(std::string_view command, const json::object& answer) {
    if (command == "status") return check_status(answer);
    if (command == "explain") return has_exactly(answer, explain_fields, "explain");
    if (command == "ring") return has_exactly(answer, ring_fields, "ring");
    if (command == "log") return has_exactly(answer, log_fields, "log");
    if (command == "server") return check_server(answer.at("server").as_object());
    if (command == "overrides") return check_overrides(answer);
    // No proxy of a history is in a fleet.
    if (command == "fleet") {
        return expect(answer.at("fleet").is_null(), "fields",
                      [&] { return json::serialize(answer); });
    }
    // No listener of a history terminates TLS.
    if (command == "certificates") {
        return expect(answer.at("certificates").as_array().empty(), "fields",
                      [&] { return json::serialize(answer); });
    }
    if (command == "events") {
        for (const json::value& each : answer.at("events").as_array())
            check_event(each.as_object());
    }
    if (command == "servers") {
        for (const json::value& each : answer.at("servers").as_array())
            check_server(each.as_object());
    }
}

void check_refusal(const json::object& answer) {
    const bool fits = answer.at("ok") == false && !answer.at("error").as_string().empty();
    expect(fits, "refusal", [&] { return json::serialize(answer); });
}

void check_plan_answer(const boost::json::object& answer) {
    constexpr std::array<std::string_view, 5> fields{"changes", "listeners", "pools", "refused",
                                                     "notes"};
    expect(answer.at("ok") == true, "plan", [&] { return json::serialize(answer); });
    has_exactly(answer, fields, "plan");
}

}  // namespace ringway::simulation
