#include "proxy/commands.h"

#include <array>
#include <charconv>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "conf/scalar.h"
#include "proxy/access_log.h"
#include "proxy/control.h"
#include "proxy/reports.h"
#include "proxy/words.h"

namespace ringway::proxy {

namespace {

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

// `answer`, and whether what was said holds over a restart.
json::object kept(Control& control, json::object answer) {
    const auto reason = control.keep_said();
    answer["kept"] = !reason;
    if (reason) answer["not_kept"] = escaped(*reason);
    return answer;
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
    return kept(control, report_server(control, arguments[0], arguments[1]));
}

json::object unregister_server(Control& control, Words arguments) {
    check(control.pools().unregister_server(arguments[0], arguments[1]));
    return kept(control, {});
}

template <Override by_hand>
json::object set_override(Control& control, Words arguments) {
    check(control.pools().set_override(arguments[0], arguments[1], by_hand));
    return kept(control, report_server(control, arguments[0], arguments[1]));
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
            throw Refused{
                fmt::format("a count is a whole number from 1 up, not \"{}\"", escaped(text))};
        }
    }
    return report_events(control, count);
}

json::object forget(Control& control, Words arguments) {
    check(control.pools().forget(arguments[0], arguments[1]));
    return kept(control, {});
}

json::object plan(Control& control, Words arguments) {
    auto planned = control.plan(arguments[0]);
    if (const auto* errors = std::get_if<std::vector<std::string>>(&planned)) {
        return {{"ok", false},
                {"error", "the file is not valid"},
                {"errors", json::value_from(*errors)}};
    }
    const auto& result = std::get<Control::FilePlan>(planned);
    json::object answer = to_json(result.plan);
    answer["refused"] = result.refused ? json::value(*result.refused) : json::value();
    answer["notes"] = json::value_from(result.notes);
    return answer;
}

json::object reload(Control& control, Words arguments) {
    double max_moved = 1;
    if (!arguments.empty()) {
        const auto share = arguments.size() == 2 && arguments[0] == "--max-moved"
                               ? parse_share(arguments[1])
                               : std::nullopt;
        if (!share) throw Refused{"usage: reload [--max-moved N%], as 10% or 2.5%"};
        max_moved = *share;
    }
    const ReloadResult result = control.reload(max_moved);
    if (result.ok) {
        return {{"generation", control.config_status().generation},
                {"changes", json::value_from(result.changes)}};
    }
    return {{"ok", false},
            {"error", "the configuration was refused; nothing has changed"},
            {"errors", json::value_from(result.errors)}};
}

json::object log(Control& control, Words arguments) {
    if (arguments[0] != "level" || arguments.size() == 3) {
        throw Refused{"usage: log level [LEVEL [for TIME]]"};
    }
    if (arguments.size() == 1) return report_log(control);
    const auto level = parse_log_level(arguments[1]);
    if (!level) {
        throw Refused{fmt::format("a level is debug, info, warn or error, not \"{}\"",
                                  escaped(arguments[1]))};
    }
    std::optional<conf::Duration> time;
    if (arguments.size() > 2) {
        time = conf::parse_duration(arguments[3]);
        if (arguments[2] != "for" || !time || time->count() < 1 || *time > log_level_time_max) {
            throw Refused{"for how long is a time from 1ms to 24h, as 30s or 5m"};
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
    Command{"forget", "forget POOL ID", 2, 2, forget},
    Command{"overrides", "overrides", 0, 0, overrides},
    Command{"plan", "plan FILE", 1, 1, plan},
    Command{"ring", "ring POOL", 1, 1, ring_of},
    Command{"events", "events [N]", 0, 1, events},
    Command{"log", "log level [LEVEL [for TIME]]", 1, 4, log},
    Command{"reload", "reload [--max-moved N%]", 0, 2, reload},
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
