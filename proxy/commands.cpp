#include "proxy/commands.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "proxy/access_log.h"
#include "proxy/control.h"
#include "proxy/version.h"
#include "proxy/words.h"
#include "ring/analysis.h"
#include "ring/explain.h"

namespace ringway::proxy {

namespace {

namespace json = boost::json;
using Words = std::span<const std::string>;

// Thrown within a command; its text is the answer's error.
struct Refused {
    std::string reason;
};

std::string hex(std::uint64_t value) {
    return fmt::format("{:#018x}", value);
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text.data();
}

std::int64_t ms_since(TimePoint time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - time).count();
}

const char* to_string(ring::Status status) {
    return status == ring::Status::online ? "online" : "offline";  // finer words beside it
}

// "source_ip", or "source_ip+header" for a composite.
std::string describe(const conf::KeySettings& key) {
    std::string text;
    for (const conf::KeyPart& part : key.parts) {
        if (!text.empty()) text += '+';
        text += conf::to_string(part.from);
    }
    return text;
}

// How connections of the listener ended, by the words of the access log.
json::object describe_ends(const PerWorker<ListenerCounts>& counts) {
    json::object ends;
    for (std::size_t i = 1; i < end_count; ++i) {
        std::uint64_t times = 0;
        for (const ListenerCounts& of_worker : counts) times += of_worker.ends[i].value();
        if (times > 0) ends[to_string(static_cast<End>(i))] = times;
    }
    return ends;
}

const Pool& pool_of(Control& control, const std::string& name) {
    const Pool* pool = control.pools().find(name);
    if (pool == nullptr) throw Refused{fmt::format("no pool {}", escaped(name))};
    return *pool;
}

json::object describe(const Pools& pools, const std::string& pool, const std::string& id,
                      const WantedServer& server) {
    json::value last_check;
    if (const auto view = pools.health(pool, id); view && view->checked) {
        last_check = {{"result", view->last_result},
                      {"ago_ms", ms_since(view->last_probe)},
                      {"successes", view->successes},
                      {"failures", view->failures},
                      {"not_run", view->not_run}};
    }
    const auto& counts = *server.counts;
    const bool is_runtime = server.source == WantedServer::Source::runtime;
    return {{"pool", pool},
            {"id", id},
            {"address", server.address.to_string()},
            {"weight", server.weight},
            {"status", server.online ? "online" : "offline"},
            {"detail", pools.detail(pool, id)},
            {"override", to_string(server.by_hand)},
            {"ramp_percent", server.ramp / 10},
            {"since_s", ms_since(server.since) / 1000},
            {"active", sum(counts, &ServerCounts::active)},
            {"total", sum(counts, &ServerCounts::total)},
            {"bytes_up", sum(counts, &ServerCounts::bytes_up)},
            {"bytes_down", sum(counts, &ServerCounts::bytes_down)},
            {"connect_failures", sum(counts, &ServerCounts::connect_failures)},
            {"source", is_runtime ? "runtime" : "file"},
            {"last_check", std::move(last_check)}};
}

json::object status(Control& control, Words /*arguments*/) {
    json::array listeners;
    for (const auto& [name, listener] : control.listeners().all()) {
        const auto& counts = *listener.counts;
        listeners.push_back(
            {{"name", name},
             {"bind", listener.settings.bind.to_string()},
             {"pool", listener.settings.pool},
             {"key", describe(listener.settings.key)},
             {"accepted", sum(counts, &ListenerCounts::accepted)},
             {"active", sum(counts, &ListenerCounts::active)},
             {"refused", sum(counts, &ListenerCounts::refused)},
             {"placed_by_source_ip", sum(counts, &ListenerCounts::placed_by_source_ip)},
             {"placed_at_random", sum(counts, &ListenerCounts::placed_at_random)},
             {"ends", describe_ends(counts)}});
    }
    json::array pools;
    for (const auto& [name, pool] : control.pools().all()) {
        const auto snapshot = pool.balancer->snapshot();
        std::uint64_t online = 0;
        std::uint64_t active = 0;
        for (const auto& [id, server] : pool.servers) {
            online += server.online ? 1 : 0;
            active += sum(*server.counts, &ServerCounts::active);
        }
        pools.push_back({{"name", name},
                         {"servers", pool.servers.size()},
                         {"online", online},
                         {"panic", pool.panics},
                         {"points", snapshot->point_count()},
                         {"active", active},
                         {"fingerprint", ring::fingerprint(*snapshot)}});
    }
    const ConfigStatus& config = control.config_status();
    return {{"version", version},
            {"pid", ::getpid()},
            {"uptime_s", control.uptime().count()},
            {"workers", control.worker_count()},
            {"max_connections", control.max_connections()},
            {"generation", config.generation},
            {"log_lines_dropped", control.log_lines_dropped()},
            {"config",
             {{"file", config.file},
              {"loaded_at", rfc3339(config.loaded_at)},
              {"result", config.last_result},
              {"reloads", config.reloads},
              {"failed_reloads", config.failed_reloads}}},
            {"listeners", std::move(listeners)},
            {"pools", std::move(pools)}};
}

json::object servers(Control& control, Words arguments) {
    json::array all;
    if (!arguments.empty()) pool_of(control, arguments[0]);
    for (const auto& [name, pool] : control.pools().all()) {
        if (!arguments.empty() && name != arguments[0]) continue;
        for (const auto& [id, server] : pool.servers) {
            all.push_back(describe(control.pools(), name, id, server));
        }
    }
    return {{"servers", std::move(all)}};
}

json::object server(Control& control, Words arguments) {
    const Pool& pool = pool_of(control, arguments[0]);
    const auto found = pool.servers.find(arguments[1]);
    if (found == pool.servers.end()) {
        throw Refused{fmt::format("pool {} has no server {}", arguments[0], escaped(arguments[1]))};
    }
    return {{"server", describe(control.pools(), arguments[0], found->first, found->second)}};
}

std::uint32_t parse_weight(const std::string& text) {
    std::uint32_t weight = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, weight);
    if (error != std::errc() || rest != end) {
        throw Refused{fmt::format("a weight is a whole number, not \"{}\"", escaped(text))};
    }
    return weight;
}

void check(const Pools::Refusal& refusal) {
    if (refusal) throw Refused{escaped(*refusal)};
}

json::object register_server(Control& control, Words arguments) {
    std::uint32_t weight = 1;
    if (arguments.size() > 3) {
        if (arguments.size() != 5 || arguments[3] != "--weight") {
            throw Refused{"usage: register POOL ID ADDRESS [--weight N]"};
        }
        weight = parse_weight(arguments[4]);
    }
    const auto address = conf::Endpoint::parse(arguments[2]);
    if (!address) {
        throw Refused{
            fmt::format("an address is as 192.0.2.1:80, [2001:db8::1]:80 or unix:/path, not \"{}\"",
                        escaped(arguments[2]))};
    }
    check(control.pools().register_server(arguments[0], arguments[1], *address, weight));
    return server(control, arguments.first(2));
}

json::object unregister_server(Control& control, Words arguments) {
    check(control.pools().unregister_server(arguments[0], arguments[1]));
    return {};
}

template <Override by_hand>
json::object set_override(Control& control, Words arguments) {
    check(control.pools().set_override(arguments[0], arguments[1], by_hand));
    return server(control, arguments);
}

json::object explain(Control& control, Words arguments) {
    const Pool& pool = pool_of(control, arguments[0]);
    const auto snapshot = pool.balancer->snapshot();
    const std::uint64_t hash = snapshot->hash(arguments[1]);
    const ring::Member* owner = snapshot->owner(hash);
    json::array walk;
    bool found = false;
    for (const auto& step : ring::explain(*snapshot, hash, snapshot->members().size())) {
        const ring::Member& member = *step.member;
        json::value distance;  // null for a server without points
        if (step.point) distance = hex(step.point->distance);
        const bool busy =
            step.verdict == ring::Verdict::full || step.verdict == ring::Verdict::over_bound;
        const bool chosen = !found && step.verdict == ring::Verdict::takes;
        found = found || chosen;
        walk.push_back({{"id", member.id},
                        {"status", to_string(member.status)},
                        {"detail", busy ? std::string(ring::to_string(step.verdict))
                                        : control.pools().detail(arguments[0], member.id)},
                        {"distance", std::move(distance)},
                        {"chosen", chosen}});
    }
    json::value owner_id;
    if (owner != nullptr) owner_id = owner->id;
    return {{"pool", arguments[0]},
            {"key", escaped(arguments[1])},
            {"hash", hex(hash)},
            {"owner", std::move(owner_id)},
            {"walk", std::move(walk)}};
}

json::object reload(Control& control, Words /*arguments*/) {
    const ReloadResult result = control.reload();
    if (result.ok) {
        return {{"generation", control.config_status().generation},
                {"changes", json::value_from(result.changes)}};
    }
    return {{"ok", false},
            {"error", "the configuration was refused; nothing has changed"},
            {"errors", json::value_from(result.errors)}};
}

struct Command {
    std::string_view name;
    std::string_view usage;
    std::size_t min_arguments;
    std::size_t max_arguments;
    json::object (*run)(Control&, Words);
};

constexpr std::array commands{
    Command{"status", "status", 0, 0, status},
    Command{"servers", "servers [POOL]", 0, 1, servers},
    Command{"server", "server POOL ID", 2, 2, server},
    Command{"register", "register POOL ID ADDRESS [--weight N]", 3, 5, register_server},
    Command{"unregister", "unregister POOL ID", 2, 2, unregister_server},
    Command{"drain", "drain POOL ID", 2, 2, set_override<Override::drain>},
    Command{"offline", "offline POOL ID", 2, 2, set_override<Override::offline>},
    Command{"online", "online POOL ID", 2, 2, set_override<Override::online>},
    Command{"auto", "auto POOL ID", 2, 2, set_override<Override::automatic>},
    Command{"explain", "explain POOL KEY", 2, 2, explain},
    Command{"reload", "reload", 0, 0, reload},
};

json::object run(Control& control, const std::string& line) {
    const auto split = split_words(line);
    if (const auto* error = std::get_if<WordsError>(&split)) throw Refused{error->message};
    const auto& words = std::get<std::vector<std::string>>(split);
    if (words.empty()) throw Refused{"an empty line is no command"};
    for (const Command& command : commands) {
        if (command.name != words[0]) continue;
        const std::size_t arguments = words.size() - 1;
        if (arguments < command.min_arguments || arguments > command.max_arguments) {
            throw Refused{fmt::format("usage: {}", command.usage)};
        }
        return command.run(control, Words(words).subspan(1));
    }
    std::string known;
    for (const Command& command : commands) known += fmt::format(" {}", command.name);
    throw Refused{
        fmt::format("no command \"{}\"; there are:{}", escaped(words[0].substr(0, 64)), known)};
}

}  // namespace

std::string run_command(Control& control, const std::string& line) {
    json::object answer;
    try {
        json::object found = run(control, line);
        answer["ok"] = true;
        for (auto& [name, value] : found) answer[name] = std::move(value);
    } catch (const Refused& refused) {
        answer = {{"ok", false}, {"error", refused.reason}};
    } catch (const std::exception& error) {
        answer = {{"ok", false}, {"error", fmt::format("internal error: {}", error.what())}};
    }
    return json::serialize(answer);
}

}  // namespace ringway::proxy
