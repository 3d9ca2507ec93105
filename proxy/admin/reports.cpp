#include "proxy/admin/reports.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "proxy/admin/report_parts.h"
#include "proxy/admin/report_sources.h"
#include "proxy/admin/times.h"
#include "proxy/control/control.h"
#include "proxy/text/escape.h"
#include "proxy/version.h"
#include "ring/analysis.h"

namespace ringway::proxy {

namespace json = boost::json;

namespace {

constexpr std::uint64_t ring_slices = 1'440;

// With milliseconds.
std::string rfc3339_ms(std::chrono::system_clock::time_point time) {
    const auto since_epoch = time.time_since_epoch();
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(since_epoch).count() % 1'000;
    std::string text = rfc3339(time);
    text.insert(text.size() - 1, fmt::format(".{:03}", ms));
    return text;
}

double to_ms(Clock::duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

json::value time_or_null(std::optional<std::chrono::system_clock::time_point> time) {
    return time ? json::value(rfc3339(*time)) : json::value();
}

// Of the state file.
json::object describe_state(const Control& control) {
    const StateFile& file = control.state_file();
    std::size_t servers = 0;
    for (const auto& [pool, overrides] : control.pools().layers().overrides())
        servers += overrides.size();
    json::value path, problem;
    if (!file.path().empty()) path = file.path();
    if (file.problem()) problem = *file.problem();
    return {{"file", std::move(path)},
            {"servers", servers},
            {"written_at", time_or_null(file.written_at())},
            {"problem", std::move(problem)}};
}

json::value name_or_null(const std::string& name) {
    return name.empty() ? json::value() : json::value(name);
}

std::int64_t ms_since(TimePoint time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - time).count();
}

// The first of a listener's routes, in their order.
constexpr std::size_t routes_shown = 100;
json::array describe(const std::vector<conf::ListenerRoute>& routes) {
    json::array shown;
    for (const conf::ListenerRoute& route : routes) {
        if (shown.size() == routes_shown) break;
        shown.push_back(describe_route(route));
    }
    return shown;
}

// How connections of the listener ended, by close reason.
json::object describe_ends(const PerWorker<ListenerCounts>& counts) {
    json::object ends;
    for (std::size_t i = 1; i < close_reason_count; ++i) {
        std::uint64_t times = 0;
        for (const ListenerCounts& of_worker : counts) times += of_worker.ends[i].value();
        if (times > 0) ends[to_string(static_cast<CloseReason>(i))] = times;
    }
    return ends;
}

struct FoundServer {
    const Pool& pool;
    const PoolServer& server;
};

Result<FoundServer> server_of(const Control& control, const std::string& pool_name,
                              const std::string& id) {
    const auto pool = pool_of(control, pool_name);
    if (!pool) return pool.error();
    const PoolServer* const server = (*pool)->find(id);
    if (server == nullptr) {
        return Reason(fmt::format("pool {} has no server {}", escaped(pool_name), escaped(id)));
    }
    return FoundServer{**pool, *server};
}

template <class T>
json::value or_null(const std::optional<T>& value) {
    return value ? json::value(*value) : json::value();
}

// Everything about a server but its share.
json::object describe(const Control& control, const std::string& pool, const std::string& id,
                      const PoolServer& server, std::optional<double> share) {
    const Pools& pools = control.pools();
    const bool online = pools.find(pool)->ring->is_online(id);
    json::value last_check, check_problem;
    const auto view = server.health.checks();
    if (view && !view->not_run_why.empty()) check_problem = view->not_run_why;
    if (view && view->checked) {
        last_check = {{"result", view->last_result},        {"ago_ms", ms_since(view->last_probe)},
                      {"check_ms", to_ms(view->last_took)}, {"successes", view->successes},
                      {"failures", view->failures},         {"not_run", view->not_run}};
    }
    const auto& counts = *server.counts;
    return {{"pool", pool},
            {"id", id},
            {"address", server.desired.awaits_address()
                            ? json::value()
                            : json::value(server.desired.address.to_string())},
            {"host", report_host(control, server.desired)},
            {"weight", server.desired.weight},
            {"max_connections", server.desired.max_connections},
            {"share", or_null(share)},
            {"status", online ? "online" : "offline"},
            {"detail", pools.detail(pool, id)},
            {"override", to_string(server.desired.admin_state)},
            {"ramp_percent", server.health.ramp() / 10},
            {"since_s", ms_since(server.health.since()) / 1000},
            {"active", sum(counts, &ServerCounts::active)},
            {"total", sum(counts, &ServerCounts::total)},
            {"bytes_up", sum(counts, &ServerCounts::bytes_up)},
            {"bytes_down", sum(counts, &ServerCounts::bytes_down)},
            {"connect_failures", sum(counts, &ServerCounts::connect_failures)},
            {"local_dial_failures", sum(counts, &ServerCounts::local_failures)},
            {"source", to_string(server.desired.source)},
            {"layers", report_layers(server.desired)},
            {"last_check", std::move(last_check)},
            {"check_problem", std::move(check_problem)}};
}

}  // namespace

// "source_ip", or "source_ip+header" for a composite.
std::string describe_key(const conf::KeySettings& key) {
    std::string text;
    for (const conf::KeyPart& part : key.parts) {
        if (!text.empty()) text += '+';
        text += conf::to_string(part.from);
    }
    return text;
}

json::object describe_route(const conf::ListenerRoute& route) {
    return {
        {"match", route.match.summary()}, {"pool", route.pool}, {"key", describe_key(route.key)}};
}

Result<const Pool*> pool_of(const Control& control, const std::string& name) {
    const Pool* const pool = control.pools().find(name);
    if (pool == nullptr) return Reason(fmt::format("no pool {}", escaped(name)));
    return pool;
}

json::object report_engine(const Control& control) {
    const auto engine = control.engine();
    return {{"name", engine.name()}, {"reason", or_null(engine.reason)}};
}

json::object report_log(const Control& control) {
    const LogLevel& level = control.log_level();
    json::value left;
    if (const auto time = level.left()) {
        left = std::chrono::ceil<std::chrono::seconds>(*time).count();
    }
    return {{"level", to_string(level.level())},
            {"file_level", to_string(level.of_file())},
            {"left_s", std::move(left)}};
}

namespace {

json::array report_listeners(const Control& control) {
    json::array listeners;
    for (const auto& [name, listener] : control.listeners().all()) {
        const auto& counts = *listener.counts;
        const auto& routes = listener.settings.routes;
        const std::string* const only = listener.settings.only_pool();
        listeners.push_back(
            {{"name", name},
             {"bind", listener.settings.bind_text()},
             {"pool", only != nullptr ? json::value(*only) : json::value()},
             {"key",
              only != nullptr ? json::value(describe_key(routes.front().key)) : json::value()},
             {"routes", describe(routes)},
             {"routes_left_out", routes.size() - std::min(routes.size(), routes_shown)},
             {"accepted", sum(counts, &ListenerCounts::accepted)},
             {"active", sum(counts, &ListenerCounts::active)},
             {"refused", sum(counts, &ListenerCounts::refused)},
             {"placed_by_source_ip", sum(counts, &ListenerCounts::placed_by_source_ip)},
             {"placed_at_random", sum(counts, &ListenerCounts::placed_at_random)},
             {"tls", report_tls(listener)},
             {"ends", describe_ends(counts)}});
    }
    return listeners;
}

}  // namespace

json::object report_status(const Control& control) {
    json::array pools;
    for (const auto& [name, pool] : control.pools().all()) {
        const auto snapshot = pool.ring->snapshot();
        std::uint64_t active = 0;
        for (const auto& [id, server] : pool.servers) {
            active += sum(*server.counts, &ServerCounts::active);
        }
        const auto& counts = pool.counts();
        const bool is_maglev = snapshot->settings().algorithm == ring::Algorithm::maglev;
        pools.push_back({{"name", name},
                         {"algorithm", is_maglev ? "maglev" : "ring"},
                         {"servers", pool.servers.size()},
                         {"online", pool.online()},
                         {"panic", pool.panics},
                         {"local_fault", or_null(pool.local.cause(pool.settings))},
                         {"tls", report_tls(pool)},
                         {"sources", report_sources(control, pool)},
                         {"points", snapshot->point_count()},
                         {"active", active},
                         {"fallback", name_or_null(pool.settings.fallback)},
                         {"spills", sum(counts, &PoolCounts::spills_full) +
                                        sum(counts, &PoolCounts::spills_failed) +
                                        sum(counts, &PoolCounts::fallbacks_down) +
                                        sum(counts, &PoolCounts::fallbacks_full)},
                         {"peak_to_average", pool.ring->figures().peak_to_average()},
                         {"moved_last_change", or_null(pool.ring->figures().moved_last_change())},
                         {"fingerprint", ring::fingerprint(*snapshot)}});
    }
    const ConfigStatus& config = control.config_status();
    const auto not_ready = control.why_not_ready();
    return {{"version", version},
            {"pid", ::getpid()},
            {"uptime_s", control.uptime().count()},
            {"workers", control.worker_count()},
            {"engine", report_engine(control)},
            {"processors", control.usable_processors().to_string()},
            {"max_connections", control.max_connections()},
            {"generation", config.generation},
            {"not_ready", not_ready ? json::value(*not_ready) : json::value()},
            {"log", report_log(control)},
            {"log_lines_dropped", control.log_lines_dropped()},
            {"config",
             {{"file", config.file},
              {"fingerprint", config.fingerprint},
              {"loaded_at", rfc3339(config.loaded_at)},
              {"reloaded_at", time_or_null(config.reloaded_at)},
              {"result", config.last_result},
              {"reloads", config.reloads},
              {"failed_reloads", config.failed_reloads}}},
            {"state", describe_state(control)},
            {"listeners", report_listeners(control)},
            {"pools", std::move(pools)}};
}

Report report_servers(const Control& control, const std::string* only) {
    json::array all;
    if (only != nullptr) {
        if (const auto pool = pool_of(control, *only); !pool) return pool.error();
    }
    for (const auto& [name, pool] : control.pools().all()) {
        if (only != nullptr && name != *only) continue;
        for (const auto& [id, server] : pool.servers) {
            all.push_back(describe(control, name, id, server, pool.ring->figures().share(id)));
        }
    }
    return json::object{{"servers", std::move(all)}};
}

Report report_server(const Control& control, const std::string& pool, const std::string& id) {
    const auto found = server_of(control, pool, id);
    if (!found) return found.error();
    const auto share = found->pool.ring->figures().share(id);
    return json::object{{"server", describe(control, pool, id, found->server, share)}};
}

Report report_change(const Control& control, const std::string& pool, const std::string& id) {
    const auto found = server_of(control, pool, id);
    if (!found) return found.error();
    const PublishedRing& ring = *found->pool.ring;
    const auto share = ring.is_current() ? ring.figures().known_share(id) : std::nullopt;
    return json::object{{"server", describe(control, pool, id, found->server, share)}};
}

Report report_ring(const Control& control, const std::string& pool_name) {
    const auto found = pool_of(control, pool_name);
    if (!found) return found.error();
    const Pool& pool = **found;
    const auto snapshot = pool.ring->snapshot();
    json::array ids;
    json::array shares;
    json::array points;
    for (const ring::Member& member : snapshot->members()) {
        ids.emplace_back(member.id);
        shares.emplace_back(pool.ring->figures().share(member.id).value_or(0));
        points.emplace_back(member.points);
    }
    json::array slices;
    for (std::uint64_t i = 0; i < ring_slices; ++i) {
        // The middle of the slice: so many halves of slices of the circle.
        __extension__ using Wide = unsigned __int128;
        const auto middle =
            static_cast<std::uint64_t>(((2 * i + 1) * (Wide{1} << 63)) / ring_slices);
        const ring::Member* const owner = snapshot->owner(middle);
        slices.emplace_back(owner != nullptr ? owner - snapshot->members().data() : -1);
    }
    return json::object{{"pool", pool_name},
                        {"servers", std::move(ids)},
                        {"shares", std::move(shares)},
                        {"points", std::move(points)},
                        {"slices", std::move(slices)}};
}

json::object report_events(const Control& control, std::size_t count) {
    const auto& all = control.events().all();
    json::array events;
    for (std::size_t i = all.size() - std::min(count, all.size()); i < all.size(); ++i) {
        const Event& event = all[i];
        json::object entry{
            {"id", event.id}, {"time", rfc3339_ms(event.time)}, {"kind", to_string(event.kind)}};
        if (!event.pool.empty()) entry["pool"] = event.pool;
        if (!event.server.empty()) entry["server"] = event.server;
        entry["text"] = event.text;
        events.push_back(std::move(entry));
    }
    return {{"events", std::move(events)}};
}

json::object report_overrides(const Control& control) {
    json::array all;
    for (const auto& [pool, servers] : control.pools().layers().overrides()) {
        const bool active = control.pools().find(pool) != nullptr;
        for (const auto& [id, overrides] : servers) {
            json::value registered;
            if (overrides.registered) {
                registered = {{"address", overrides.registered->address.to_string()},
                              {"weight", overrides.registered->weight}};
            }
            all.push_back(
                {{"pool", pool},
                 {"id", id},
                 {"registered", std::move(registered)},
                 {"unregistered", overrides.unregistered},
                 {"override", to_string(overrides.admin_state)},
                 {"weight", or_null(overrides.weight)},
                 {"address",
                  overrides.address ? json::value(overrides.address->to_string()) : json::value()},
                 {"active", active}});
        }
    }
    return {{"overrides", std::move(all)}};
}

}  // namespace ringway::proxy
