#include "tools/ringctl/render_fleet.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "proxy/text/admin_line.h"
#include "tools/ringctl/fields.h"
#include "tools/ringctl/table.h"

namespace ringway::ringctl {

namespace {

constexpr std::string_view of_pool = "pool ";

std::string line(std::string_view name, std::string_view value, Tone tone, bool colours) {
    return fmt::format("{:<10}{}\n", name, paint(value, tone, colours));
}

std::string etcd(const json::object& fleet, bool colours) {
    const std::string state = text(fleet, "state");
    const std::string time = seconds(fleet, "state_since_s");
    if (state == "in_sync") {
        const std::string member = text(fleet, "endpoint");
        return line("etcd", fmt::format("in sync for {}, member {}", time, member), Tone::good,
                    colours);
    }
    if (state == "lost") {
        return line("etcd", fmt::format("lost for {}: {}", time, text(fleet, "reason")), Tone::bad,
                    colours);
    }
    return line("etcd", fmt::format("{} for {}", state, time), Tone::warning, colours);
}

std::string checks(const json::object& fleet, bool colours) {
    if (text(fleet, "health_in_force") == "majority") {
        return line("checks", "what most replicas find decides", Tone::plain, colours);
    }
    if (text(fleet, "health") == "majority") {
        return line("checks", "this replica's own decide, for want of etcd", Tone::warning,
                    colours);
    }
    return line("checks", "this replica's own decide, as in its file", Tone::plain, colours);
}

std::string agreement(const json::object& fleet, bool colours) {
    const bool agree = flag(fleet, "agrees");
    return line("replicas",
                fmt::format("{} for {}", agree ? "all agree" : "disagree",
                            seconds(fleet, "agrees_since_s")),
                agree ? Tone::good : Tone::bad, colours);
}

std::string warnings(const json::object& fleet, bool colours) {
    std::string out;
    if (flag(fleet, "name_is_taken")) {
        out +=
            line("warning", fmt::format("another process has the name {} too", text(fleet, "name")),
                 Tone::bad, colours);
    }
    if (const std::string why = text(fleet, "not_published"); why != nothing) {
        out += line("warning", "the other replicas do not know this one's state: " + why, Tone::bad,
                    colours);
    }
    for (const std::string& problem : strings(fleet, "problems")) {
        out += line("warning", "not understood: " + problem, Tone::warning, colours);
    }
    return out;
}

// "agree", or the pools in which the replica differs.
Cell pools_of(const std::vector<std::string>& differences) {
    std::string pools;
    for (const std::string& each : differences) {
        if (!each.starts_with(of_pool)) continue;
        pools += (pools.empty() ? "" : ", ") + each.substr(of_pool.size());
    }
    return pools.empty() ? Cell{"agree", Tone::good} : Cell{std::move(pools), Tone::bad};
}

Cell file_of(const std::vector<std::string>& differences) {
    const bool differs =
        std::find(differences.begin(), differences.end(), "file") != differences.end();
    return differs ? Cell{"differs", Tone::warning} : Cell{"agrees", Tone::good};
}

// "5/6", over all pools.
Cell servers_of(const json::object& replica) {
    std::uint64_t all = 0;
    std::uint64_t online = 0;
    for (const auto& [name, value] : object(replica, "pools")) {
        if (!value.is_object()) continue;
        all += number(value.get_object(), "servers").value_or(0);
        online += number(value.get_object(), "online").value_or(0);
    }
    return {fmt::format("{}/{}", online, all), online == all ? Tone::good : Tone::warning};
}

std::string replica_table(const json::object& fleet, bool colours) {
    Table table({{"REPLICA"},
                 {""},
                 {"VERSION"},
                 {"UP SINCE"},
                 {"GENERATION", Align::right},
                 {"FILE"},
                 {"POOLS"},
                 {"DIFFERS FOR", Align::right},
                 {"ONLINE", Align::right}});
    const auto all = objects(fleet, "replicas");
    for (const auto* each : all) {
        const auto differences = strings(*each, "differs_in");
        table.add({{text(*each, "name"), Tone::strong},
                   {flag(*each, "here") ? "*" : ""},
                   {text(*each, "version")},
                   {text(*each, "started_at")},
                   {text(*each, "generation")},
                   file_of(differences),
                   pools_of(differences),
                   {seconds(*each, "differs_since_s")},
                   servers_of(*each)});
    }
    return all.empty() ? "no replicas\n" : table.to_string(colours);
}

std::string override_table(const json::object& fleet, bool colours) {
    Table table({{"POOL"}, {"ID"}, {"OVERRIDE OF THE FLEET"}});
    const auto all = objects(fleet, "overrides");
    for (const auto* each : all) {
        table.add({{text(*each, "pool")},
                   {text(*each, "id"), Tone::strong},
                   {text(*each, "override"), Tone::warning}});
    }
    return all.empty() ? std::string() : '\n' + table.to_string(colours);
}

}  // namespace

std::string render_fleet(const json::object& answer, bool colours) {
    const json::object& fleet = object(answer, "fleet");
    if (fleet.empty()) return "this proxy is in no fleet\n";
    return etcd(fleet, colours) + checks(fleet, colours) + agreement(fleet, colours) +
           warnings(fleet, colours) + '\n' + replica_table(fleet, colours) +
           override_table(fleet, colours);
}

std::string render_plan_fleet(const json::object& answer, bool colours) {
    const json::object& fleet = object(answer, "fleet");
    if (fleet.empty()) return {};
    // The one asked, though the others may not know it yet.
    std::vector<std::string> same{text(fleet, "name")};
    std::string others;
    for (const auto* each : objects(fleet, "replicas")) {
        const std::string name = text(*each, "name");
        const auto differences = strings(*each, "differs_in");
        if (name == same.front()) continue;
        if (differences.empty()) {
            same.push_back(name);
            continue;
        }
        const std::string what =
            fmt::format("{}: it differs in {}", name, fmt::join(differences, ", "));
        others += paint("not for " + what, Tone::warning, colours) + '\n';
    }
    std::string out = fmt::format("\nthe plan holds for {}\n{}", fmt::join(same, ", "), others);
    if (text(fleet, "state") != "in_sync") {
        out += paint("etcd is not in sync: the other replicas are shown as last known",
                     Tone::warning, colours) +
               '\n';
    }
    return out;
}

}  // namespace ringway::ringctl
