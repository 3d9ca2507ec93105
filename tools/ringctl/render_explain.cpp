#include "tools/ringctl/render_explain.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <fmt/format.h>
#include <boost/json/value.hpp>

#include "tools/ringctl/fields.h"
#include "tools/ringctl/render.h"
#include "tools/ringctl/table.h"

namespace ringway::ringctl {

namespace json = boost::json;

namespace {

std::string walk_table(const json::object& from, bool colours) {
    Table table({{"ORDER", Align::right}, {"ID"}, {"STATUS"}, {"DISTANCE"}, {"DETAIL"}, {""}});
    std::size_t order = 0;
    for (const auto* each : objects(from, "walk")) {
        const bool chosen = flag(*each, "chosen");
        table.add({{std::to_string(++order)},
                   {text(*each, "id"), chosen ? Tone::strong : Tone::plain},
                   {text(*each, "status"), tone_of_server(*each)},
                   {text(*each, "distance")},
                   {text(*each, "detail")},
                   {chosen ? "<- chosen" : "", Tone::good}});
    }
    return order == 0 ? std::string() : '\n' + table.to_string(colours);
}

std::string placement(const json::object& answer, bool colours) {
    const auto walk = objects(answer, "walk");
    const auto chosen = std::find_if(walk.begin(), walk.end(),
                                     [](const auto* each) { return flag(*each, "chosen"); });
    std::string place = walk.empty() ? paint("no server is online", Tone::bad, colours)
                                     : paint("no server has room", Tone::bad, colours);
    if (chosen != walk.end()) {
        const std::string id = text(**chosen, "id");
        place = "goes to " + paint(id, Tone::strong, colours);
        const std::string owner = text(answer, "owner");
        if (owner != id) place += " for now; its owner is " + owner;
    }
    std::string out = fmt::format("key \"{}\" of pool {}, hash {}: {}\n", text(answer, "key"),
                                  text(answer, "pool"), text(answer, "hash"), place);
    out += walk_table(answer, colours);
    if (const json::object& next = object(answer, "fallback"); !next.empty()) {
        out +=
            "\nits pool has none for it; it goes on to the fallback\n" + placement(next, colours);
    }
    // No connection takes this walk now, so it has a heading of its own.
    const json::value* const otherwise = answer.if_contains("if_all_online");
    if (otherwise == nullptr || !otherwise->is_object()) return out;
    const json::object& possible = otherwise->get_object();
    return out +
           fmt::format("\nif all servers were online, its owner would be {}\n",
                       text(possible, "owner")) +
           walk_table(possible, colours);
}

// The way of a client to its pool: the routes that it does not fit, and its own.
std::string way(const json::object& answer, bool colours) {
    const json::object& route = object(answer, "route");
    const bool is_refused = text(answer, "refused") != "none";
    std::string out = "listener " + text(answer, "listener") + ": ";
    if (route.empty()) {
        out += paint("no route fits, the client is refused", Tone::bad, colours) + '\n';
    } else {
        out += fmt::format("route {} ({}) to pool {}, key {}\n", text(route, "number"),
                           text(route, "match"), text(route, "pool"), text(route, "key"));
    }
    for (const auto* each : objects(answer, "passed")) {
        out += fmt::format("  not {} ({}): {} is other\n", text(*each, "number"),
                           text(*each, "match"), text(*each, "misfit"));
    }
    if (route.empty()) return out;
    if (is_refused) {
        return out +
               paint("the client is refused: " + text(answer, "refused"), Tone::bad, colours) +
               '\n';
    }
    if (text(answer, "missing") != "none") {
        out += fmt::format("without a key ({}), placed by {}\n", text(answer, "missing"),
                           text(answer, "placed_by"));
    }
    return out;
}

}  // namespace

std::string render_explain(const json::object& answer, bool colours) {
    if (!answer.contains("listener")) return placement(answer, colours);
    const std::string out = way(answer, colours);
    return answer.contains("walk") ? out + placement(answer, colours) : out;
}

std::string render_routes(const json::object& status, bool colours) {
    Table table({{"LISTENER"}, {"ROUTE", Align::right}, {"FOR"}, {"POOL"}, {"KEY"}});
    bool has_any = false;
    std::string left_out;
    for (const auto* listener : objects(status, "listeners")) {
        if (!listener->contains("routes") || text(*listener, "pool") != nothing) continue;
        std::size_t number = 0;
        for (const auto* each : objects(*listener, "routes")) {
            has_any = true;
            table.add({{text(*listener, "name"), Tone::strong},
                       {std::to_string(++number)},
                       {text(*each, "match")},
                       {text(*each, "pool")},
                       {text(*each, "key")}});
        }
        const std::string more = text(*listener, "routes_left_out");
        if (more == "0" || more == nothing) continue;
        left_out += fmt::format("{} more of {}\n", more, text(*listener, "name"));
    }
    return has_any ? '\n' + table.to_string(colours) + left_out : std::string();
}

}  // namespace ringway::ringctl
