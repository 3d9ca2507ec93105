#include "tools/ringctl/render_ring.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tools/ringctl/fields.h"

namespace ringway::ringctl {

namespace {

constexpr std::size_t bar_columns = 30;

std::vector<double> decimals(const json::object& from, std::string_view field) {
    std::vector<double> out;
    const json::value* value = from.if_contains(field);
    if (!value || !value->is_array()) return out;
    for (const json::value& item : value->get_array()) {
        json::error_code error;
        const auto share = item.is_number() ? item.to_number<double>(error) : 0.0;
        out.push_back(std::isfinite(share) ? share : 0.0);
    }
    return out;
}

}  // namespace

Tone tone_of_event(const json::object& event) {
    const std::string kind = text(event, "kind");
    for (const std::string_view each : {"server_down", "panic", "reload_refused", "local_fault"}) {
        if (kind == each) return Tone::bad;
    }
    for (const std::string_view each :
         {"server_up", "panic_over", "reload", "local_fault_over", "names_recover"}) {
        if (kind == each) return Tone::good;
    }
    return Tone::warning;
}

std::string render_event(const json::object& event, bool colours) {
    const std::string pool = text(event, "pool");
    const std::string server = text(event, "server");
    std::string where;
    if (pool != nothing) where = server == nothing ? pool + ": " : pool + '/' + server + ": ";
    return fmt::format(
        "{}  {}  {}{}", text(event, "time"),
        paint(fmt::format("{:<14}", text(event, "kind")), tone_of_event(event), colours), where,
        text(event, "text"));
}

std::string render_events(const json::object& answer, bool colours) {
    std::string out;
    for (const auto* event : objects(answer, "events")) out += render_event(*event, colours) + '\n';
    return out.empty() ? "nothing has happened yet\n" : out;
}

std::string render_ring(const json::object& answer, bool colours, bool utf8) {
    const auto servers = strings(answer, "servers");
    const auto points = strings(answer, "points");
    auto shares = decimals(answer, "shares");
    shares.resize(servers.size(), 0.0);
    std::string out = fmt::format("ring of pool {}, {} server{}\n", text(answer, "pool"),
                                  servers.size(), servers.size() == 1 ? "" : "s");
    if (servers.empty()) return out;

    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < servers.size(); ++i) order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return shares[a] > shares[b]; });
    const double greatest = shares[order.front()];
    Table table({{"SERVER"}, {"POINTS", Align::right}, {"SHARE", Align::right}, {""}});
    for (const std::size_t i : order) {
        const double part = greatest > 0 ? shares[i] / greatest : 0;
        table.add({{servers[i], Tone::strong},
                   {i < points.size() ? points[i] : std::string(nothing)},
                   {fmt::format("{:.2f} %", shares[i] * 100)},
                   {bar(part, bar_columns, utf8), Tone::good}});
    }
    return out + '\n' + table.to_string(colours);
}

std::string bar(double share, std::size_t width, bool utf8) {
    const double columns = std::clamp(share, 0.0, 1.0) * static_cast<double>(width);
    std::string out;
    if (!utf8) return std::string(static_cast<std::size_t>(std::lround(columns)), '#');
    constexpr std::array parts{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const auto eighths = static_cast<std::size_t>(std::lround(columns * 8));
    for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
    return out + parts.at(eighths % 8);
}

}  // namespace ringway::ringctl
