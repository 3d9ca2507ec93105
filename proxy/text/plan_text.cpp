#include "proxy/text/plan_text.h"

#include <cmath>
#include <string_view>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "proxy/text/admin_line.h"

namespace ringway::proxy {

namespace json = boost::json;

namespace {

constexpr std::size_t moves_shown = 10;     // of each pool
constexpr std::size_t changes_shown = 100;  // of the file's entries

const json::value& value_of(const json::object& from, std::string_view name) {
    static const json::value nothing;
    const json::value* const value = from.if_contains(name);
    return value == nullptr ? nothing : *value;
}

std::string text_of(const json::value& value) {
    const json::string* const text = value.if_string();
    return text == nullptr ? std::string() : printable(*text);
}

std::string text(const json::object& from, std::string_view name) {
    return text_of(value_of(from, name));
}

double number(const json::object& from, std::string_view name) {
    const json::value& value = value_of(from, name);
    json::error_code error;
    const auto number = value.is_number() ? value.to_number<double>(error) : 0;
    return error ? 0 : number;
}

const json::array& list(const json::object& from, std::string_view name) {
    static const json::array nothing;
    const json::array* const array = value_of(from, name).if_array();
    return array == nullptr ? nothing : *array;
}

// Calls write(object) for the objects among the first `most` of a list; returns how many are left.
template <class Write>
std::size_t first(const json::array& all, std::size_t most, Write write) {
    std::size_t written = 0;
    for (const json::value& each : all) {
        if (written == most) break;
        ++written;
        if (const json::object* const object = each.if_object()) write(*object);
    }
    return all.size() - written;
}

// Never "0 %" for a part that is not zero, nor "100 %" for one that is not all.
std::string percent(double share) {
    if (share > 0 && share < 0.00005) return "less than 0.01 %";
    if (share < 1 && share >= 0.99995) return "more than 99.99 %";
    return fmt::format("{:.2f} %", share * 100);
}

std::string owner(const json::object& move, std::string_view name) {
    const std::string id = text(move, name);
    return id.empty() ? "no server" : id;
}

void write_changes(const json::object& plan, std::string& out) {
    const json::array& changes = list(plan, "changes");
    if (changes.empty()) out += "no entry of the file changes\n";
    const auto left = first(changes, changes_shown, [&](const json::object& change) {
        const std::string path = text(change, "path");
        const std::string before = text(change, "before");
        const std::string after = text(change, "after");
        if (value_of(change, "before").is_null()) {
            out += fmt::format("+ {}: {}\n", path, after);
        } else if (value_of(change, "after").is_null()) {
            out += fmt::format("- {}: {}\n", path, before);
        } else {
            out += fmt::format("~ {}: {} -> {}\n", path, before, after);
        }
    });
    if (left > 0) out += fmt::format("  and {} more\n", left);
}

void write_moves(const json::object& pool, std::string& out) {
    const json::array& moves = list(pool, "moves");
    double written = 0;
    auto left = first(moves, moves_shown, [&](const json::object& move) {
        const double share = number(move, "share");
        written += share;
        out += fmt::format("  {:>8}  {} -> {}\n", percent(share), owner(move, "from"),
                           owner(move, "to"));
    });
    left += static_cast<std::size_t>(number(pool, "moves_left_out"));
    if (left > 0) {
        const double rest = std::max(0.0, number(pool, "moved") - written);
        out += fmt::format("  and {} more, {} together\n", left, percent(rest));
    }
}

void write_ring(const json::object& pool, std::string_view when, std::string& out) {
    const json::object* const ring = value_of(pool, when).if_object();
    if (ring == nullptr) return;
    out += fmt::format(
        "  {:<7} {} of {} servers online, peak {:.3f} and least {:.3f} of the average\n", when,
        number(*ring, "online"), number(*ring, "servers"), number(*ring, "peak_to_average"),
        number(*ring, "least_to_average"));
}

void write_pool(const json::object& pool, std::string& out) {
    const std::string name = text(pool, "pool");
    const std::string state = text(pool, "state");
    const double moved = number(pool, "moved");
    const json::value& comparable = value_of(pool, "comparable");
    if (state != "stays") {
        out += fmt::format("pool {} is {}\n", name, state);
    } else if (comparable.is_bool() && !comparable.get_bool()) {
        out += fmt::format(
            "pool {}: {} of the keys are expected to move: their hash changes, every key is "
            "placed anew\n",
            name, percent(moved));
    } else if (moved == 0) {
        out += fmt::format("pool {}: no key moves\n", name);
    } else {
        out += fmt::format("pool {}: {} of the keys move\n", name, percent(moved));
        write_moves(pool, out);
    }
    write_ring(pool, "before", out);
    write_ring(pool, "after", out);
}

}  // namespace

std::string plan_text(const json::object& plan) {
    std::string out;
    if (const json::value& refused = value_of(plan, "refused"); refused.is_string()) {
        out += fmt::format("a reload would refuse this file: {}\n\n", text_of(refused));
    }
    write_changes(plan, out);
    const json::array& notes = list(plan, "notes");
    for (const json::value& note : notes) out += fmt::format("! {}\n", text_of(note));
    out += '\n';
    for (const json::value& each : list(plan, "listeners")) {
        const json::object* const listener = each.if_object();
        if (listener == nullptr) continue;
        const std::string route = text(*listener, "route");
        out += fmt::format("listener {}{}: {} of its keys move: {}\n", text(*listener, "listener"),
                           route.empty() || route == "all" ? "" : ", " + route,
                           percent(number(*listener, "moved")), text(*listener, "why"));
    }
    for (const json::value& pool : list(plan, "pools")) {
        if (pool.is_object()) write_pool(pool.get_object(), out);
    }
    return out;
}

}  // namespace ringway::proxy
