#include "tools/ringctl/render.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "proxy/text/admin_line.h"
#include "proxy/text/plan_text.h"
#include "tools/ringctl/fields.h"
#include "tools/ringctl/render_certificates.h"
#include "tools/ringctl/render_explain.h"
#include "tools/ringctl/render_fleet.h"
#include "tools/ringctl/render_ring.h"
#include "tools/ringctl/render_sources.h"
#include "tools/ringctl/table.h"

namespace ringway::ringctl {

namespace {

std::string count_of(const json::object& from, std::string_view field, std::string_view noun) {
    const std::string count = text(from, field);
    return fmt::format("{} {}{}", count, noun, count == "1" ? "" : "s");
}

std::string pools(const json::object& answer, bool colours) {
    const auto all = objects(answer, "pools");
    const auto any_has = [&](std::string_view field) {
        return std::any_of(all.begin(), all.end(),
                           [&](const auto* each) { return each->contains(field); });
    };
    const bool with_shares = any_has("peak_to_average");
    const bool with_fingerprint = any_has("fingerprint");
    std::vector<Column> columns{{"POOL"},
                                {"SERVERS", Align::right},
                                {"ONLINE", Align::right},
                                {"POINTS", Align::right},
                                {"ACTIVE", Align::right}};
    if (with_shares) {
        columns.insert(
            columns.end(),
            {{"PEAK/MEAN", Align::right}, {"SPILLS", Align::right}, {"MOVED", Align::right}});
    }
    if (with_fingerprint) columns.push_back({"FINGERPRINT"});
    Table table(std::move(columns));
    for (const auto* each : all) {
        const std::string online = text(*each, "online");
        const bool all_online = online == text(*each, "servers");
        const Tone tone = online == "0" ? Tone::bad : all_online ? Tone::good : Tone::warning;
        std::vector<Cell> row{{text(*each, "name"), Tone::strong},
                              {text(*each, "servers")},
                              {flag(*each, "panic") ? online + " (panic)" : online, tone},
                              {text(*each, "points")},
                              {text(*each, "active")}};
        if (with_shares) {
            const auto peak = decimal(*each, "peak_to_average");
            row.push_back({peak ? fmt::format("{:.2f}", *peak) : std::string(nothing)});
            row.push_back({text(*each, "spills")});
            row.push_back({percent(*each, "moved_last_change")});
        }
        if (with_fingerprint) row.push_back({text(*each, "fingerprint")});
        table.add(std::move(row));
    }
    return table.to_string(colours);
}

// "debug for another 4m 12s; in the file: info".
std::string log_level(const json::object& answer) {
    const std::string level = text(answer, "level");
    const std::string of_file = text(answer, "file_level");
    const bool timed = text(answer, "left_s") != nothing;
    if (!timed && level == of_file) return level + ", as in the file";
    return fmt::format("{} {}; in the file: {}", level,
                       timed ? "for another " + seconds(answer, "left_s") : "until the next reload",
                       of_file);
}

std::string status(const json::object& answer, bool colours) {
    const json::object& config = object(answer, "config");
    const std::string result = text(config, "result");
    std::string out = fmt::format(
        "ringway {}, pid {}, up {}, {}, engine {}, generation {}\n", text(answer, "version"),
        text(answer, "pid"), seconds(answer, "uptime_s"), count_of(answer, "workers", "worker"),
        text(object(answer, "engine"), "name"), text(answer, "generation"));
    out += fmt::format("configuration {}, loaded {}, {} ({} failed)\n", text(config, "file"),
                       text(config, "loaded_at"), count_of(config, "reloads", "reload"),
                       text(config, "failed_reloads"));
    if (result != "ok") out += paint("last reload failed: " + result, Tone::bad, colours) + '\n';
    if (const std::string reason = text(answer, "not_ready"); reason != nothing) {
        out += paint("not ready: " + reason, Tone::warning, colours) + '\n';
    }
    if (const std::string problem = text(object(answer, "state"), "problem"); problem != nothing) {
        out += paint("overrides are not saved:  " + problem, Tone::bad, colours) + '\n';
    }
    const json::object& log = object(answer, "log");
    if (text(log, "left_s") != nothing || text(log, "level") != text(log, "file_level")) {
        out += paint("log level " + log_level(log), Tone::warning, colours) + '\n';
    }
    if (const auto dropped = number(answer, "log_lines_dropped"); dropped.value_or(0) > 0) {
        out += paint(fmt::format("{} log lines dropped", *dropped), Tone::warning, colours) + '\n';
    }

    Table listeners({{"LISTENER"},
                     {"BIND"},
                     {"POOL"},
                     {"KEY"},
                     {"ACCEPTED", Align::right},
                     {"ACTIVE", Align::right},
                     {"REFUSED", Align::right}});
    for (const auto* each : objects(answer, "listeners")) {
        const bool routes = text(*each, "pool") == nothing && each->contains("routes");
        listeners.add({{text(*each, "name"), Tone::strong},
                       {text(*each, "bind")},
                       {routes ? "(routes)" : text(*each, "pool")},
                       {text(*each, "key")},
                       {text(*each, "accepted")},
                       {text(*each, "active")},
                       {text(*each, "refused")}});
    }
    return out + '\n' + listeners.to_string(colours) + render_routes(answer, colours) + '\n' +
           pools(answer, colours) + render_sources(answer, colours);
}

std::string server_table(const std::vector<const json::object*>& servers, bool colours) {
    const bool with_share = std::any_of(servers.begin(), servers.end(),
                                        [](const auto* each) { return each->contains("share"); });
    const bool with_source = std::any_of(servers.begin(), servers.end(), is_of_other_source);
    std::vector<Column> columns{{"POOL"}, {"ID"}, {"ADDRESS"}};
    if (with_source) columns.push_back({"SOURCE"});
    columns.push_back({"WEIGHT", Align::right});
    if (with_share) columns.push_back({"SHARE", Align::right});
    columns.insert(columns.end(), {{"STATUS"},
                                   {"SINCE", Align::right},
                                   {"ACTIVE", Align::right},
                                   {"TOTAL", Align::right},
                                   {"UP", Align::right},
                                   {"DOWN", Align::right},
                                   {"FAILED", Align::right},
                                   {"DETAIL"}});
    Table table(std::move(columns));
    for (const auto* each : servers) {
        std::vector<Cell> row{
            {text(*each, "pool")}, {text(*each, "id"), Tone::strong}, address_of(*each)};
        if (with_source) row.push_back({text(*each, "source")});
        row.push_back({text(*each, "weight")});
        if (with_share) row.push_back({percent(*each, "share")});
        row.insert(row.end(), {{text(*each, "status"), tone_of_server(*each)},
                               {seconds(*each, "since_s")},
                               {text(*each, "active")},
                               {text(*each, "total")},
                               {bytes(*each, "bytes_up")},
                               {bytes(*each, "bytes_down")},
                               {text(*each, "connect_failures")},
                               {text(*each, "detail")}});
        table.add(std::move(row));
    }
    return table.to_string(colours);
}

std::string servers(const json::object& answer, bool colours) {
    const auto all = objects(answer, "servers");
    return all.empty() ? "no servers\n" : server_table(all, colours);
}

std::string last_check(const json::object& server) {
    const json::value* value = server.if_contains("last_check");
    if (!value || !value->is_object()) return std::string(nothing);
    const json::object& check = value->get_object();
    return fmt::format("{}, {} ms ago, in a row: {} passed, {} failed", text(check, "result"),
                       text(check, "ago_ms"), text(check, "successes"), text(check, "failures"));
}

std::string server(const json::object& answer, bool colours) {
    const json::object& s = object(answer, "server");
    NamedLines lines{
        {"pool", text(s, "pool")},
        {"id", paint(text(s, "id"), Tone::strong, colours)},
        {"address", text(s, "address")},
        {"weight", text(s, "weight")},
        {"source", text(s, "source")},
        {"status",
         fmt::format("{} for {}, {}", paint(text(s, "status"), tone_of_server(s), colours),
                     seconds(s, "since_s"), text(s, "detail"))},
        {"override", text(s, "override")},
        {"last check", last_check(s)},
        {"connections",
         fmt::format("{} active, {} in total, {} failed to connect", text(s, "active"),
                     text(s, "total"), text(s, "connect_failures"))},
        {"bytes", fmt::format("{} up, {} down", bytes(s, "bytes_up"), bytes(s, "bytes_down"))}};
    if (number(s, "local_dial_failures").value_or(0) > 0) {
        lines.push_back({"failed here", count_of(s, "local_dial_failures", "dial")});
    }
    if (const auto* problem = s.if_contains("check_problem"); problem && problem->is_string()) {
        lines.push_back({"not checked", text(s, "check_problem")});
    }
    if (s.contains("share")) lines.push_back({"share", percent(s, "share") + " of the keys"});
    if (number(s, "max_connections").value_or(0) > 0) {
        lines.push_back({"limit", count_of(s, "max_connections", "connection")});
    }
    add_source_lines(s, lines, colours);
    std::string out;
    for (const auto& [name, value] : lines) out += fmt::format("{:<13}{}\n", name, value);
    return out;
}

std::string changed_server(const json::object& answer, bool colours) {
    const json::object& s = object(answer, "server");
    std::string out = s.empty() ? "ok\n" : server_table({&s}, colours);
    if (const auto* all = answer.if_contains("registered"); all && all->is_array()) {
        const std::size_t count = all->get_array().size();
        out = fmt::format("{} server{} registered\n", count, count == 1 ? "" : "s");
    }
    if (answer.contains("not_kept")) {
        const auto reason = "not kept over a restart: " + text(answer, "not_kept");
        out += paint(reason, Tone::warning, colours) + '\n';
    }
    return out;
}

std::string overrides(const json::object& answer, bool colours) {
    Table table({{"POOL"}, {"ID"}, {"SAID"}, {"ADDRESS"}, {"WEIGHT", Align::right}, {""}});
    const auto all = objects(answer, "overrides");
    for (const auto* each : all) {
        std::string said;
        const auto add = [&said](bool is_said, const std::string& word) {
            if (is_said) said += (said.empty() ? "" : ", ") + word;
        };
        const json::object& registered = object(*each, "registered");
        add(flag(*each, "unregistered"), "unregistered");
        add(!registered.empty(), "registered");
        // A registration has its weight and address itself.
        const bool has_weight = text(*each, "weight") != nothing;
        const bool has_address = text(*each, "address") != nothing;
        add(has_weight, "weight");
        add(has_address, "address");
        add(text(*each, "override") != "auto", text(*each, "override"));
        table.add({{text(*each, "pool")},
                   {text(*each, "id"), Tone::strong},
                   {said},
                   {text(has_address ? *each : registered, "address")},
                   {text(has_weight ? *each : registered, "weight")},
                   {flag(*each, "active") ? "" : "no such pool", Tone::warning}});
    }
    return all.empty() ? "no overrides\n" : table.to_string(colours);
}

std::string reload(const json::object& answer) {
    std::string out = fmt::format("reloaded, generation {}\n", text(answer, "generation"));
    const json::value* changes = answer.if_contains("changes");
    if (!changes || !changes->is_array()) return out;
    if (changes->get_array().empty()) return out + "  nothing has changed\n";
    for (const json::value& change : changes->get_array()) {
        out += fmt::format("  {}\n", text_of(change));
    }
    return out;
}

// For answers to commands that this ringctl does not know.
std::string any(const json::object& answer) {
    std::string out;
    for (const auto& [name, value] : answer) {
        if (name == "ok") continue;
        out += fmt::format("{}: {}\n", proxy::printable(name), text_of(value));
    }
    return out.empty() ? "ok\n" : out;
}

}  // namespace

Tone tone_of_server(const json::object& server) {
    if (text(server, "status") == "online") return Tone::good;
    // Set by an administrator: not an error.
    const std::string detail = text(server, "detail");
    const bool is_override =
        detail.starts_with("draining") || detail.starts_with("offline by hand");
    return is_override ? Tone::warning : Tone::bad;
}

std::string render(std::string_view command, const json::object& answer, bool colours, bool utf8) {
    if (command == "status") return status(answer, colours);
    if (command == "servers") return servers(answer, colours);
    if (command == "server") return server(answer, colours);
    if (command == "explain") return render_explain(answer, colours);
    if (command == "reload") return reload(answer);
    if (command == "plan") return proxy::plan_text(answer) + render_plan_fleet(answer, colours);
    if (command == "fleet") return render_fleet(answer, colours);
    if (command == "events") return render_events(answer, colours);
    if (command == "ring") return render_ring(answer, colours, utf8);
    if (command == "log") return "log level " + log_level(answer) + '\n';
    if (command == "overrides") return overrides(answer, colours);
    if (command == "certificates") return render_certificates(answer, colours);
    for (const std::string_view each : {"register", "set", "unregister", "drain", "offline",
                                        "online", "auto", "clear", "forget"}) {
        if (command == each) return changed_server(answer, colours);
    }
    return any(answer);
}

std::string render_error(const json::object& answer) {
    std::string out = text(answer, "error") + '\n';
    const json::value* errors = answer.if_contains("errors");
    if (!errors || !errors->is_array()) return out;
    for (const json::value& error : errors->get_array())
        out += fmt::format("  {}\n", text_of(error));
    return out;
}

}  // namespace ringway::ringctl
