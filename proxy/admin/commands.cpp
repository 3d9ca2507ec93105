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
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "conf/scalar.h"
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

json::object status(Control& control, Words /*arguments*/) {
    return report_status(control);
}

json::object servers(Control& control, Words arguments) {
    return report_servers(control, arguments.empty() ? nullptr : &arguments[0]);
}

json::object server(Control& control, Words arguments) {
    return report_server(control, arguments[0], arguments[1]);
}

json::object explain(Control& control, Words arguments) {
    return report_explain(control, arguments[0], arguments[1]);
}

json::object overrides(Control& control, Words /*arguments*/) {
    return report_overrides(control);
}

constexpr std::string_view register_usage =
    "register POOL ID ADDRESS [--weight N] [ID ADDRESS [--weight N]]...";

std::uint32_t parse_weight(const std::string& text) {
    std::uint32_t weight = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, weight);
    if (error != std::errc() || rest != end) {
        throw RequestError{
            fmt::format("a weight must be a whole number, not \"{}\"", escaped(text))};
    }
    return weight;
}

conf::Endpoint parse_address(const std::string& text) {
    const auto address = conf::Endpoint::parse(text);
    if (address) return *address;
    throw RequestError{fmt::format(
        "an address must be like 192.0.2.1:80, [2001:db8::1]:80 or unix:/path, not \"{}\"",
        escaped(text))};
}

void check(const Pools::Refusal& refusal) {
    if (refusal) throw RequestError{escaped(*refusal)};
}

// `answer`, and whether the override survives a restart.
json::object kept(Control& control, json::object answer) {
    const auto reason = control.save_overrides();
    answer["kept"] = !reason;
    if (reason) answer["not_kept"] = escaped(*reason);
    return answer;
}

// ID ADDRESS [--weight N], once or more.
std::vector<Pools::Registration> parse_registrations(Words words) {
    std::vector<Pools::Registration> all;
    while (!words.empty()) {
        if (words.size() < 2 || words[0].starts_with("--") || words[1].starts_with("--")) {
            throw RequestError{fmt::format("usage: {}", register_usage)};
        }
        Pools::Registration& next = all.emplace_back();
        next.id = words[0];
        next.address = parse_address(words[1]);
        words = words.subspan(2);
        if (words.empty() || words[0] != "--weight") continue;
        if (words.size() < 2) throw RequestError{fmt::format("usage: {}", register_usage)};
        next.weight = parse_weight(words[1]);
        words = words.subspan(2);
    }
    return all;
}

json::object register_servers(Control& control, Words arguments) {
    const std::string& pool = arguments[0];
    const auto servers = parse_registrations(arguments.subspan(1));
    check(control.pools().register_servers(pool, servers));
    if (servers.size() == 1) return kept(control, report_change(control, pool, servers[0].id));
    json::array ids;
    for (const Pools::Registration& server : servers) ids.emplace_back(server.id);
    return kept(control, {{"registered", std::move(ids)}});
}

json::object set(Control& control, Words arguments) {
    const auto& [pool, id, what, value] =
        std::tie(arguments[0], arguments[1], arguments[2], arguments[3]);
    if (what == "weight") {
        check(control.pools().set_weight(pool, id, parse_weight(value)));
    } else if (what == "address") {
        check(control.pools().set_address(pool, id, parse_address(value)));
    } else {
        throw RequestError{"usage: set POOL ID weight N, or set POOL ID address ADDRESS"};
    }
    return kept(control, report_change(control, pool, id));
}

json::object clear(Control& control, Words arguments) {
    check(control.pools().clear(arguments[0], arguments[1]));
    return report_change(control, arguments[0], arguments[1]);
}

json::object unregister_server(Control& control, Words arguments) {
    check(control.pools().unregister_server(arguments[0], arguments[1]));
    return kept(control, {});
}

template <AdminState admin_state>
json::object set_admin_state(Control& control, Words arguments) {
    check(control.pools().set_admin_state(arguments[0], arguments[1], admin_state));
    return kept(control, report_change(control, arguments[0], arguments[1]));
}

json::object ring_of(Control& control, Words arguments) {
    return report_ring(control, arguments[0]);
}

json::object events(Control& control, Words arguments) {
    std::size_t count = Events::kept;
    if (!arguments.empty()) {
        const std::string& text = arguments[0];
        const char* const end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, count);
        if (error != std::errc() || rest != end || count == 0) {
            throw RequestError{fmt::format(
                "a count must be a whole number of at least 1, not \"{}\"", escaped(text))};
        }
    }
    return report_events(control, count);
}

json::object forget(Control& control, Words arguments) {
    check(control.pools().forget(arguments[0], arguments[1]));
    return kept(control, {});
}

using Answer = asio::awaitable<json::object>;

Answer plan(Control& control, Words arguments) {
    const auto planned = co_await control.plan(arguments[0]);
    if (const auto* errors = std::get_if<std::vector<std::string>>(&planned)) {
        co_return json::object{{"ok", false},
                               {"error", "the file is not valid"},
                               {"errors", json::value_from(*errors)}};
    }
    const auto& result = std::get<Control::FilePlan>(planned);
    json::object answer = result.plan;
    answer["refused"] = result.refused ? json::value(*result.refused) : json::value();
    answer["notes"] = json::value_from(result.notes);
    co_return answer;
}

Answer reload(Control& control, Words arguments) {
    double max_moved = 1;
    if (!arguments.empty()) {
        const auto share = arguments.size() == 2 && arguments[0] == "--max-moved"
                               ? parse_share(arguments[1])
                               : std::nullopt;
        if (!share) throw RequestError{"usage: reload [--max-moved N%], as 10% or 2.5%"};
        max_moved = *share;
    }
    const ReloadResult result = co_await control.reload(max_moved);
    if (result.ok) {
        co_return json::object{{"generation", control.config_status().generation},
                               {"changes", json::value_from(result.changes)}};
    }
    co_return json::object{{"ok", false},
                           {"error", "the configuration was refused; nothing has changed"},
                           {"errors", json::value_from(result.errors)}};
}

// A command that is answered at once; most are.
template <json::object (*run)(Control&, Words)>
Answer now(Control& control, Words arguments) {
    co_return run(control, arguments);
}

json::object log(Control& control, Words arguments) {
    if (arguments[0] != "level" || arguments.size() == 3) {
        throw RequestError{"usage: log level [LEVEL [for TIME]]"};
    }
    if (arguments.size() == 1) return report_log(control);
    const auto level = parse_log_level(arguments[1]);
    if (!level) {
        throw RequestError{fmt::format("a level must be debug, info, warn or error, not \"{}\"",
                                       escaped(arguments[1]))};
    }
    std::optional<conf::Duration> time;
    if (arguments.size() > 2) {
        time = conf::parse_duration(arguments[3]);
        if (arguments[2] != "for" || !time || time->count() < 1 || *time > log_level_time_max) {
            throw RequestError{"TIME must be from 1ms to 24h, as 30s or 5m"};
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
};

constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

constexpr std::array commands{
    Command{"status", "status", 0, 0, now<status>},
    Command{"servers", "servers [POOL]", 0, 1, now<servers>},
    Command{"server", "server POOL ID", 2, 2, now<server>},
    Command{"register", register_usage, 3, any_number, now<register_servers>, true},
    Command{"set", "set POOL ID weight N | address ADDRESS", 4, 4, now<set>, true},
    Command{"unregister", "unregister POOL ID", 2, 2, now<unregister_server>, true},
    Command{"drain", "drain POOL ID", 2, 2, now<set_admin_state<AdminState::drain>>, true},
    Command{"offline", "offline POOL ID", 2, 2, now<set_admin_state<AdminState::offline>>, true},
    Command{"online", "online POOL ID", 2, 2, now<set_admin_state<AdminState::online>>, true},
    Command{"auto", "auto POOL ID", 2, 2, now<set_admin_state<AdminState::automatic>>, true},
    Command{"clear", "clear POOL ID", 2, 2, now<clear>, true},
    Command{"explain", "explain POOL KEY", 2, 2, now<explain>},
    Command{"forget", "forget POOL ID", 2, 2, now<forget>, true},
    Command{"overrides", "overrides", 0, 0, now<overrides>},
    Command{"plan", "plan FILE", 1, 1, plan},
    Command{"ring", "ring POOL", 1, 1, now<ring_of>},
    Command{"events", "events [N]", 0, 1, now<events>},
    Command{"log", "log level [LEVEL [for TIME]]", 1, 4, now<log>},
    Command{"reload", "reload [--max-moved N%]", 0, 2, reload},
};

Answer run(Control& control, std::vector<std::string> words) {
    if (words.empty()) throw RequestError{"the line is empty"};
    for (const Command& command : commands) {
        if (command.name != words[0]) continue;
        const std::size_t arguments = words.size() - 1;
        if (arguments < command.min_arguments || arguments > command.max_arguments) {
            throw RequestError{fmt::format("usage: {}", command.usage)};
        }
        co_await control.may_change();
        if (!command.changes) co_await control.published(nullptr);
        json::object answer = co_await command.run(control, Words(words).subspan(1));
        // A ring that is built quickly is published before the answer.
        if (!command.changes || !control.pools().is_small(words[1])) co_return answer;
        co_await control.published(&words[1]);
        if (auto* const server = answer.if_contains("server")) {
            *server = report_server(control, words[1], words[2]).at("server");
        }
        co_return answer;
    }
    std::string known;
    for (const Command& command : commands) known += fmt::format(" {}", command.name);
    throw RequestError{fmt::format("unknown command \"{}\"; the commands are:{}",
                                   escaped(words[0].substr(0, 64)), known)};
}

std::vector<std::string> words_of(const std::string& line) {
    auto split = split_admin_line(line);
    if (const auto* error = std::get_if<AdminLineError>(&split)) throw RequestError{error->message};
    return std::get<std::vector<std::string>>(std::move(split));
}

}  // namespace

asio::awaitable<std::string> run_command(Control& control, std::string line) {
    json::object answer;
    try {
        json::object found = co_await run(control, words_of(line));
        answer["ok"] = true;
        for (auto& [name, value] : found) answer[name] = std::move(value);
    } catch (const RequestError& refused) {
        answer = {{"ok", false}, {"error", refused.reason}};
    } catch (const std::exception& error) {
        answer = {{"ok", false}, {"error", fmt::format("internal error: {}", error.what())}};
    }
    co_return json::serialize(answer);
}

}  // namespace ringway::proxy
