#include "proxy/admin/commands.h"

#include <array>
#include <charconv>
#include <exception>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "conf/scalar.h"
#include "proxy/admin/fleet_commands.h"
#include "proxy/admin/reports.h"
#include "proxy/control/control.h"
#include "proxy/text/admin_line.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using Words = std::span<const std::string>;

constexpr conf::Duration log_level_time_max{24 * 3'600'000};

Report status(Control& control, Words /*arguments*/) {
    return report_status(control);
}

Report servers(Control& control, Words arguments) {
    return report_servers(control, arguments.empty() ? nullptr : &arguments[0]);
}

Report server(Control& control, Words arguments) {
    return report_server(control, arguments[0], arguments[1]);
}

Report explain(Control& control, Words arguments) {
    if (arguments[0].starts_with("--")) return report_explain_client(control, arguments);
    if (arguments.size() != 2) return Reason("usage: explain POOL KEY");
    return report_explain(control, arguments[0], arguments[1]);
}

Report certificates(Control& control, Words /*arguments*/) {
    return report_certificates(control);
}

Report overrides(Control& control, Words /*arguments*/) {
    return report_overrides(control);
}

constexpr std::string_view register_usage =
    "register POOL ID ADDRESS [--weight N] [ID ADDRESS [--weight N]]... [--fleet]";

Reason usage(std::string_view text) {
    return Reason(fmt::format("usage: {}", text));
}

Result<std::uint32_t> parse_weight(const std::string& text) {
    std::uint32_t weight = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, weight);
    if (error != std::errc() || rest != end) {
        return Reason(fmt::format("a weight must be a whole number, not \"{}\"", escaped(text)));
    }
    return weight;
}

Result<conf::ServerAddress> parse_address(const std::string& text) {
    const auto address = conf::ServerAddress::parse(text);
    if (address) return *address;
    return Reason(
        fmt::format("an address must be like 192.0.2.1:80, [2001:db8::1]:80, host.example:80 or "
                    "unix:/path, not "
                    "\"{}\"",
                    escaped(text)));
}

Result<void> check(const Result<void>& change) {
    if (!change) return Reason(escaped(change.error().text));
    return {};
}

// `answer`, and whether the override survives a restart.
Report kept(Control& control, Report answer) {
    if (!answer) return answer;
    const auto saved = control.save_overrides();
    (*answer)["kept"] = saved.has_value();
    if (!saved) (*answer)["not_kept"] = escaped(saved.error().text);
    return answer;
}

// ID ADDRESS [--weight N], once or more.
Result<std::vector<Pools::Registration>> parse_registrations(Words words) {
    std::vector<Pools::Registration> all;
    while (!words.empty()) {
        if (words.size() < 2 || words[0].starts_with("--") || words[1].starts_with("--")) {
            return usage(register_usage);
        }
        Pools::Registration& next = all.emplace_back();
        next.id = words[0];
        auto address = parse_address(words[1]);
        if (!address) return address.error();
        next.address = std::move(*address);
        words = words.subspan(2);
        if (words.empty() || words[0] != "--weight") continue;
        if (words.size() < 2) return usage(register_usage);
        const auto weight = parse_weight(words[1]);
        if (!weight) return weight.error();
        next.weight = *weight;
        words = words.subspan(2);
    }
    return all;
}

Report register_servers(Control& control, Words arguments) {
    const std::string& pool = arguments[0];
    const auto servers = parse_registrations(arguments.subspan(1));
    if (!servers) return servers.error();
    const auto checked = check(control.pools().register_servers(pool, *servers));
    if (!checked) return checked.error();
    if (servers->size() == 1) return kept(control, report_change(control, pool, (*servers)[0].id));
    json::array ids;
    for (const Pools::Registration& server : *servers) ids.emplace_back(server.id);
    return kept(control, json::object{{"registered", std::move(ids)}});
}

Report set(Control& control, Words arguments) {
    const auto& [pool, id, what, value] =
        std::tie(arguments[0], arguments[1], arguments[2], arguments[3]);
    Result<void> checked;
    if (what == "weight") {
        const auto weight = parse_weight(value);
        if (!weight) return weight.error();
        checked = check(control.pools().set_weight(pool, id, *weight));
    } else if (what == "address") {
        const auto address = parse_address(value);
        if (!address) return address.error();
        checked = check(control.pools().set_address(pool, id, *address));
    } else {
        return usage("set POOL ID weight N, or set POOL ID address ADDRESS");
    }
    if (!checked) return checked.error();
    return kept(control, report_change(control, pool, id));
}

Report clear(Control& control, Words arguments) {
    const auto checked = check(control.pools().clear(arguments[0], arguments[1]));
    if (!checked) return checked.error();
    return report_change(control, arguments[0], arguments[1]);
}

Report unregister_server(Control& control, Words arguments) {
    const auto checked = check(control.pools().unregister_server(arguments[0], arguments[1]));
    if (!checked) return checked.error();
    return kept(control, {});
}

template <AdminState admin_state>
Report set_admin_state(Control& control, Words arguments) {
    const auto checked =
        check(control.pools().set_admin_state(arguments[0], arguments[1], admin_state));
    if (!checked) return checked.error();
    return kept(control, report_change(control, arguments[0], arguments[1]));
}

Report ring_of(Control& control, Words arguments) {
    return report_ring(control, arguments[0]);
}

Report events(Control& control, Words arguments) {
    std::size_t count = Events::kept;
    if (!arguments.empty()) {
        const std::string& text = arguments[0];
        const char* const end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, count);
        if (error != std::errc() || rest != end || count == 0) {
            return Reason(fmt::format("a count must be a whole number of at least 1, not \"{}\"",
                                      escaped(text)));
        }
    }
    return report_events(control, count);
}

Report forget(Control& control, Words arguments) {
    const auto checked = check(control.pools().forget(arguments[0], arguments[1]));
    if (!checked) return checked.error();
    return kept(control, {});
}

using Answer = asio::awaitable<Report>;

Answer plan(Control& control, Words arguments) {
    const auto planned = co_await control.plan(arguments[0]);
    if (!planned) {
        co_return json::object{{"ok", false},
                               {"error", "the file is not valid"},
                               {"errors", json::value_from(planned.error().lines)}};
    }
    json::object answer = planned->plan;
    answer["refused"] = planned->refused ? json::value(*planned->refused) : json::value();
    answer["notes"] = json::value_from(planned->notes);
    co_return answer;
}

Answer reload(Control& control, Words arguments) {
    double max_moved = 1;
    if (!arguments.empty()) {
        const auto share = arguments.size() == 2 && arguments[0] == "--max-moved"
                               ? parse_share(arguments[1])
                               : std::nullopt;
        if (!share) co_return usage("reload [--max-moved N%], as 10% or 2.5%");
        max_moved = *share;
    }
    const ReloadResult result = co_await control.reload(max_moved);
    if (result) {
        co_return json::object{{"generation", control.config_status().generation},
                               {"changes", json::value_from(*result)}};
    }
    co_return json::object{{"ok", false},
                           {"error", "the configuration was refused; nothing has changed"},
                           {"errors", json::value_from(result.error().lines)}};
}

// A command that is answered at once; most are.
template <Report (*run)(Control&, Words)>
Answer now(Control& control, Words arguments) {
    co_return run(control, arguments);
}

// The same for all replicas.

Answer register_fleet(Control& control, Words arguments) {
    const auto servers = parse_registrations(arguments.subspan(1));
    if (!servers) co_return servers.error();
    co_return co_await register_with_fleet(control, arguments[0], *servers);
}

Answer unregister_fleet(Control& control, Words arguments) {
    co_return co_await unregister_with_fleet(control, arguments[0], arguments[1]);
}

template <AdminState word>
Answer say(Control& control, Words arguments) {
    co_return co_await say_to_fleet(control, arguments[0], arguments[1], word);
}

// Beside the plan, which replicas it holds for: whose file is this one's.
Answer plan_fleet(Control& control, Words arguments) {
    if (!control.fleet()) co_return Reason("this proxy is in no fleet");
    Report answer = co_await plan(control, arguments);
    if (answer) (*answer)["fleet"] = report_fleet(control)["fleet"];
    co_return answer;
}

Report fleet(Control& control, Words /*arguments*/) {
    return report_fleet(control);
}

Report log(Control& control, Words arguments) {
    if (arguments[0] != "level" || arguments.size() == 3) {
        return usage("log level [LEVEL [for TIME]]");
    }
    if (arguments.size() == 1) return report_log(control);
    const auto level = parse_log_level(arguments[1]);
    if (!level) {
        return Reason(fmt::format("a level must be debug, info, warn or error, not \"{}\"",
                                  escaped(arguments[1])));
    }
    std::optional<conf::Duration> time;
    if (arguments.size() > 2) {
        time = conf::parse_duration(arguments[3]);
        if (arguments[2] != "for" || !time || time->count() < 1 || *time > log_level_time_max) {
            return Reason("TIME must be from 1ms to 24h, as 30s or 5m");
        }
    }
    control.log_level().set(*level, time);
    return report_log(control);
}

struct Command {
    std::string_view name;
    std::string_view usage;
    std::size_t min_arguments;
    std::size_t max_arguments;
    Answer (*run)(Control&, Words);
    // Whether it changes servers of the pool in its first argument. Queries wait until earlier
    // changes are published.
    bool changes = false;
    // The same with --fleet behind it; nullptr where there is no such thing.
    Answer (*run_for_fleet)(Control&, Words) = nullptr;
};

constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

constexpr std::array commands{
    Command{"status", "status", 0, 0, now<status>},
    Command{"servers", "servers [POOL]", 0, 1, now<servers>},
    Command{"server", "server POOL ID", 2, 2, now<server>},
    Command{"register", register_usage, 3, any_number, now<register_servers>, true, register_fleet},
    Command{"set", "set POOL ID weight N | address ADDRESS", 4, 4, now<set>, true},
    Command{"unregister", "unregister POOL ID [--fleet]", 2, 2, now<unregister_server>, true,
            unregister_fleet},
    Command{"drain", "drain POOL ID [--fleet]", 2, 2, now<set_admin_state<AdminState::drain>>, true,
            say<AdminState::drain>},
    Command{"offline", "offline POOL ID [--fleet]", 2, 2, now<set_admin_state<AdminState::offline>>,
            true, say<AdminState::offline>},
    Command{"online", "online POOL ID [--fleet]", 2, 2, now<set_admin_state<AdminState::online>>,
            true, say<AdminState::online>},
    Command{"auto", "auto POOL ID [--fleet]", 2, 2, now<set_admin_state<AdminState::automatic>>,
            true, say<AdminState::automatic>},
    Command{"clear", "clear POOL ID", 2, 2, now<clear>, true},
    Command{"explain", "explain POOL KEY | --listener NAME [--source ADDRESS] [--sni NAME] ...", 2,
            any_number, now<explain>},
    Command{"forget", "forget POOL ID [--fleet]", 2, 2, now<forget>, true,
            say<AdminState::automatic>},
    Command{"fleet", "fleet", 0, 0, now<fleet>},
    Command{"certificates", "certificates", 0, 0, now<certificates>},
    Command{"overrides", "overrides", 0, 0, now<overrides>},
    Command{"plan", "plan FILE [--fleet]", 1, 1, plan, false, plan_fleet},
    Command{"ring", "ring POOL", 1, 1, now<ring_of>},
    Command{"events", "events [N]", 0, 1, now<events>},
    Command{"log", "log level [LEVEL [for TIME]]", 1, 4, now<log>},
    Command{"reload", "reload [--max-moved N%]", 0, 2, reload},
};

Answer run(Control& control, std::string line) {
    const auto split = split_admin_line(line);
    if (!split) co_return Reason(split.error().message);
    const auto& words = *split;
    if (words.empty()) co_return Reason("the line is empty");
    for (const Command& command : commands) {
        if (command.name != words[0]) continue;
        Words given = Words(words).subspan(1);
        const bool for_fleet =
            command.run_for_fleet != nullptr && !given.empty() && given.back() == "--fleet";
        if (for_fleet) given = given.first(given.size() - 1);
        const std::size_t arguments = given.size();
        if (arguments < command.min_arguments || arguments > command.max_arguments) {
            co_return usage(command.usage);
        }
        co_await control.may_change();
        if (!command.changes) co_await control.published(nullptr);
        Report answer = co_await (for_fleet ? command.run_for_fleet : command.run)(control, given);
        // A ring that is built quickly is published before the answer.
        if (!answer || !command.changes || !control.pools().is_small(words[1])) co_return answer;
        co_await control.published(&words[1]);
        if (auto* const server = answer->if_contains("server")) {
            // It may have left meanwhile: the change was made all the same.
            const auto now_published = report_server(control, words[1], words[2]);
            if (now_published) *server = now_published->at("server");
        }
        co_return answer;
    }
    co_return Reason(fmt::format("unknown command \"{}\"; the commands are: {}",
                                 escaped(words[0].substr(0, 64)), fmt::join(command_names(), " ")));
}

}  // namespace

std::vector<std::string_view> command_names() {
    std::vector<std::string_view> names;
    for (const Command& command : commands) names.push_back(command.name);
    return names;
}

asio::awaitable<std::string> run_command(Control& control, std::string line) {
    json::object answer;
    try {
        auto found = co_await run(control, std::move(line));
        answer["ok"] = found.has_value();
        if (!found) answer["error"] = found.error().text;
        if (found) {
            for (auto& [name, value] : *found) answer[name] = std::move(value);
        }
    } catch (const std::exception& error) {
        answer = {{"ok", false}, {"error", fmt::format("internal error: {}", error.what())}};
    }
    co_return json::serialize(answer);
}

}  // namespace ringway::proxy
