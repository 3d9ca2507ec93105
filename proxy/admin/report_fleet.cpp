// What this replica knows of its fleet, for reports.
#include <chrono>
#include <map>
#include <set>

#include "proxy/admin/fleet_commands.h"
#include "proxy/admin/times.h"
#include "proxy/base/presentable.h"

namespace ringway::proxy {

namespace json = boost::json;

namespace {

std::int64_t seconds_since(TimePoint time) {
    return std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - time).count();
}

const char* to_string(MirrorState::Kind kind) {
    switch (kind) {
        case MirrorState::Kind::connecting:
            return "connecting";
        case MirrorState::Kind::in_sync:
            return "in_sync";
        case MirrorState::Kind::lost:
            return "lost";
    }
    return "unknown";
}

json::array describe_replicas(const Fleet& fleet) {
    std::map<std::string_view, json::array> differences;
    const auto all = fleet.view().differences(fleet.settings().name);
    for (const FleetDifference& each : all) {
        differences[each.replica].emplace_back(each.pool.empty() ? "file" : "pool " + each.pool);
    }
    json::array replicas;
    for (const auto& [name, report] : fleet.view().replicas()) {
        json::object pools;
        for (const auto& [pool, of_pool] : report.pools) {
            pools[pool] = {{"fingerprint", of_pool.ring},
                           {"servers", of_pool.servers},
                           {"online", of_pool.online}};
        }
        json::value differs_since_s;
        if (const auto since = fleet.differs_since(name)) differs_since_s = seconds_since(*since);
        const std::chrono::system_clock::time_point started{std::chrono::seconds(report.started_s)};
        replicas.push_back({{"name", name},
                            {"here", report.instance == fleet.instance()},
                            {"version", presentable(report.version)},
                            {"started_at", rfc3339(started)},
                            {"generation", report.generation},
                            {"file", presentable(report.file)},
                            {"health", presentable(report.health)},
                            {"pools", std::move(pools)},
                            {"differs_in", std::move(differences[name])},
                            {"differs_since_s", std::move(differs_since_s)}});
    }
    return replicas;
}

json::array describe_words(const FleetView& view) {
    json::array words;
    for (const auto& [pool, servers] : view.words()) {
        for (const auto& [id, word] : servers) {
            words.push_back(
                {{"pool", pool}, {"id", id}, {"override", health::to_string(word.admin_state)}});
        }
    }
    return words;
}

}  // namespace

json::object report_fleet(const Control& control) {
    const auto& fleet = control.fleet();
    if (!fleet) return {{"fleet", nullptr}};
    const MirrorState& state = fleet->state();
    const bool majority = fleet->settings().health == conf::FleetSettings::Health::majority;
    json::value reason;
    if (state.kind == MirrorState::Kind::lost) reason = presentable(state.reason);
    const LeaseState lease = fleet->lease();
    json::value not_published;
    if (lease.kind == LeaseState::Kind::lost || !lease.reason.empty()) {
        not_published = lease.reason.empty() ? "not yet" : presentable(lease.reason);
    }
    json::array problems;
    for (const auto& [key, why] : fleet->view().problems()) {
        problems.emplace_back(presentable(key + ": " + why));
    }
    return {{"fleet",
             {{"name", fleet->settings().name},
              {"prefix", fleet->settings().prefix},
              {"state", to_string(state.kind)},
              {"state_since_s", seconds_since(state.since)},
              {"reason", std::move(reason)},
              {"endpoint", presentable(state.endpoint)},
              {"not_published", std::move(not_published)},
              {"health", majority ? "majority" : "own"},
              {"health_in_force", fleet->is_in_force() ? "majority" : "own"},
              {"agrees", fleet->agrees()},
              {"agrees_since_s", seconds_since(fleet->agrees_since())},
              {"name_is_taken", fleet->has_double()},
              {"replicas", describe_replicas(*fleet)},
              {"overrides", describe_words(fleet->view())},
              {"problems", std::move(problems)}}}};
}

}  // namespace ringway::proxy
