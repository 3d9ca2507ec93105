#include "tools/ringctl/screen.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "tools/ringctl/fields.h"
#include "tools/ringctl/render_ring.h"

namespace ringway::ringctl {

namespace {

// A column of numbers or names, as wide as it is.
struct Place {
    std::string_view title;
    std::size_t width;
    Align align;
    std::optional<SortBy> sort;
};

std::size_t bytes_of_character(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead >= 0x80 && (lead < 0xc2 || lead > 0xf4 || text.size() < size)) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
    }
    return size;
}

std::string padded(std::string_view text, const Place& place, bool utf8) {
    std::string out = cut(text, place.width, utf8);
    const std::string blanks(place.width - std::min(place.width, columns_of(out)), ' ');
    return place.align == Align::right ? blanks + out : out + blanks;
}

std::string per_second(const std::optional<double>& rate) {
    if (!rate) return std::string(nothing);
    return *rate < 100 ? fmt::format("{:.1f}", *rate) : fmt::format("{:.0f}", *rate);
}

std::string bytes_per_second(const std::optional<double>& rate) {
    if (!rate) return std::string(nothing);
    return human_bytes(static_cast<std::uint64_t>(std::llround(*rate)));
}

constexpr Place status_place{"STATUS", 7, Align::left, SortBy::status};
constexpr Place active_place{"ACTIVE", 7, Align::right, SortBy::active};
constexpr Place connections_place{"CONN/S", 7, Align::right, SortBy::connections};
constexpr Place up_place{"UP/S", 10, Align::right, SortBy::up};
constexpr Place down_place{"DOWN/S", 10, Align::right, SortBy::down};
constexpr Place share_place{"SHARE", 7, Align::right, SortBy::share};
constexpr Place failures_place{"FAILED", 7, Align::right, SortBy::failures};
constexpr std::size_t name_least = 8;
constexpr std::size_t name_most = 32;
constexpr std::size_t detail_least = 14;

// The name gets the width that it needs; the reason why a server is down is more important than its
// share.
std::vector<Place> places_for(std::size_t columns, std::size_t longest_name) {
    std::vector<Place> places{{"SERVER", name_least, Align::left, SortBy::name}, status_place};
    if (columns >= 36) places.insert(places.end(), {active_place, connections_place});
    if (columns >= 60) places.insert(places.end(), {up_place, down_place});
    if (columns >= 100) places.insert(places.end(), {share_place, failures_place});
    std::size_t used = 0;
    for (const Place& place : places) used += place.width + 1;
    const bool has_detail = columns >= used + detail_least;
    std::size_t spare = columns - std::min(columns, used + (has_detail ? detail_least : 0));
    const std::size_t wanted = std::clamp(longest_name, name_least, name_most) - name_least;
    const std::size_t more = std::min(spare, wanted);
    places.front().width += more;
    spare -= more;
    if (has_detail) places.push_back({"DETAIL", detail_least + spare, Align::left, {}});
    return places;
}

std::string name_of(const ServerRow& row, const TopView& view) {
    return view.pool.empty() ? row.pool + '/' + row.id : row.id;
}

Cell cell_of(const ServerRow& row, const Place& place, const TopView& view) {
    if (!place.sort) return {row.detail};
    switch (*place.sort) {
        case SortBy::name:
            return {name_of(row, view), Tone::strong};
        case SortBy::status:
            return {row.status, row.tone};
        case SortBy::active:
            return {std::to_string(row.active)};
        case SortBy::connections:
            return {per_second(row.traffic.connections)};
        case SortBy::up:
            return {bytes_per_second(row.traffic.bytes_up)};
        case SortBy::down:
            return {bytes_per_second(row.traffic.bytes_down)};
        case SortBy::share:
            return {row.share ? fmt::format("{:.1f} %", *row.share * 100) : std::string(nothing)};
        case SortBy::failures:
            return {std::to_string(row.failures), row.failures > 0 ? Tone::warning : Tone::plain};
    }
    return {};
}

// Greater values come first, unknown ones last.
double measure(const ServerRow& row, SortBy sort) {
    switch (sort) {
        case SortBy::status:
            return row.status == "online" ? 0 : 1;
        case SortBy::active:
            return static_cast<double>(row.active);
        case SortBy::connections:
            return row.traffic.connections.value_or(-1);
        case SortBy::up:
            return row.traffic.bytes_up.value_or(-1);
        case SortBy::down:
            return row.traffic.bytes_down.value_or(-1);
        case SortBy::share:
            return row.share.value_or(-1);
        case SortBy::failures:
            return static_cast<double>(row.failures);
        case SortBy::name:
            break;
    }
    return 0;
}

// Draws into lines of one size.
class Page {
public:
    Page(const TopState& state, TopView& view, ScreenSize size, bool utf8)
        : state_(state), view_(view), size_(size), utf8_(utf8) {}

    std::vector<Line> draw();

private:
    void add(std::string_view text, Tone tone = Tone::plain) {
        lines_.push_back({{cut(for_screen(text, utf8_), size_.columns, utf8_), tone}});
    }
    void add_heading();
    void add_pools(std::size_t most);
    void add_servers(std::size_t rows);
    void add_events(std::size_t most);
    void add_keys(std::size_t all);
    Line title_line(const std::vector<Place>& places) const;

    const TopState& state_;
    TopView& view_;
    const ScreenSize size_;
    const bool utf8_;
    std::vector<Line> lines_;
};

void Page::add_heading() {
    const json::object& status = state_.status;
    if (status.empty()) {
        add("ringctl top", Tone::strong);
    } else {
        add(fmt::format("ringway {}  up {}  generation {}  {} workers", text(status, "version"),
                        seconds(status, "uptime_s"), text(status, "generation"),
                        text(status, "workers")),
            Tone::strong);
    }
    const std::string result = text(object(status, "config"), "result");
    if (!state_.trouble.empty()) {
        add("no answer: " + state_.trouble, Tone::bad);
    } else if (!status.empty() && result != "ok" && result != nothing) {
        add("last reload failed: " + result, Tone::bad);
    } else {
        Traffic sum;
        std::uint64_t active = 0;
        for (const PoolRow& pool : state_.pools) {
            sum.add(pool.traffic);
            active += pool.active;
        }
        add(fmt::format("{} active  {} conn/s  up {}/s  down {}/s", active,
                        per_second(sum.connections), bytes_per_second(sum.bytes_up),
                        bytes_per_second(sum.bytes_down)));
    }
}

void Page::add_pools(std::size_t most) {
    if (most < 2) return;
    std::size_t width = name_least;
    for (const PoolRow& pool : state_.pools) width = std::max(width, columns_of(pool.name));
    const Place name{"POOL", std::min(width, name_most), Align::left, {}};
    const Place online{"ONLINE", 11, Align::right, {}};
    add(fmt::format(
            "{} {} {} {} {} {}", padded(name.title, name, utf8_),
            padded(online.title, online, utf8_), padded(active_place.title, active_place, utf8_),
            padded(connections_place.title, connections_place, utf8_),
            padded(up_place.title, up_place, utf8_), padded(down_place.title, down_place, utf8_)),
        Tone::faint);
    const std::size_t room = most - 1;
    const bool all_fit = state_.pools.size() <= room;
    const std::size_t count = all_fit ? state_.pools.size() : room - 1;
    for (std::size_t i = 0; i < count; ++i) {
        const PoolRow& pool = state_.pools[i];
        const bool all_online = pool.online == pool.servers;
        const Tone tone = pool.panic || pool.online == 0 ? Tone::bad
                          : all_online                   ? Tone::good
                                                         : Tone::warning;
        add(fmt::format(
                "{} {} {} {} {} {}", padded(pool.name, name, utf8_),
                padded(fmt::format("{}/{}{}", pool.online, pool.servers, pool.panic ? "!" : ""),
                       online, utf8_),
                padded(std::to_string(pool.active), active_place, utf8_),
                padded(per_second(pool.traffic.connections), connections_place, utf8_),
                padded(bytes_per_second(pool.traffic.bytes_up), up_place, utf8_),
                padded(bytes_per_second(pool.traffic.bytes_down), down_place, utf8_)),
            tone);
    }
    if (!all_fit) add(fmt::format("and {} more", state_.pools.size() - count), Tone::faint);
}

Line Page::title_line(const std::vector<Place>& places) const {
    Line line;
    for (const Place& place : places) {
        const bool sorts = place.sort == view_.sort;
        const std::string_view down = utf8_ ? "▼" : "v";
        const std::string_view up = utf8_ ? "▲" : "^";
        std::string title(place.title);
        // Names rise and numbers fall, unless reversed.
        const bool rises = (view_.sort == SortBy::name) != view_.reversed;
        if (sorts) title += rises ? up : down;
        if (!line.empty()) line.push_back({" "});
        line.push_back({padded(title, place, utf8_), sorts ? Tone::strong : Tone::faint});
    }
    return line;
}

void Page::add_servers(std::size_t rows) {
    view_.shown = rows > 0 ? rows - 1 : 0;
    const auto servers = chosen(state_, view_);
    const std::size_t most_first = servers.size() - std::min(servers.size(), view_.shown);
    view_.first = std::min(view_.first, most_first);
    if (rows == 0) return;
    std::size_t longest = 0;
    for (const auto* row : servers) longest = std::max(longest, columns_of(name_of(*row, view_)));
    const auto places = places_for(size_.columns, longest);
    lines_.push_back(title_line(places));
    for (std::size_t i = view_.first; i < servers.size() && i < view_.first + view_.shown; ++i) {
        Line line;
        for (const Place& place : places) {
            const Cell cell = cell_of(*servers[i], place, view_);
            if (!line.empty()) line.push_back({" "});
            line.push_back({padded(for_screen(cell.text, utf8_), place, utf8_), cell.tone});
        }
        lines_.push_back(std::move(line));
    }
}

void Page::add_events(std::size_t most) {
    const auto events = objects(state_.events, "events");
    for (std::size_t i = events.size() - std::min(most, events.size()); i < events.size(); ++i) {
        add(render_event(*events[i], false), tone_of_event(*events[i]));
    }
}

void Page::add_keys(std::size_t all) {
    const std::size_t last = std::min(all, view_.first + view_.shown);
    add(fmt::format("{}-{} of {}  q quit  <> sort  r reverse  p pool: {}",
                    std::min(all, view_.first + 1), last, all,
                    view_.pool.empty() ? "all" : view_.pool),
        Tone::faint);
}

std::vector<Line> Page::draw() {
    const std::size_t rows = size_.rows;
    add_heading();
    // Heading and keys take three lines; servers come first, then pools, then events.
    const std::size_t room = rows > 3 ? rows - 3 : 0;
    const std::size_t servers_wanted = chosen(state_, view_).size() + 1;
    const std::size_t pools_wanted = state_.pools.empty() ? 0 : state_.pools.size() + 1;
    const std::size_t pools =
        std::min(pools_wanted, room >= 8 ? std::max(room / 4, std::size_t{2}) : 0);
    std::size_t left = room - pools;
    const std::size_t events_most = left >= 10 ? std::min<std::size_t>(left / 3, 6) : 0;
    const std::size_t events = std::min(objects(state_.events, "events").size(), events_most);
    left -= events;
    add_pools(pools);
    add_servers(std::min(left, servers_wanted));
    while (rows > 0 && lines_.size() + events + 1 < rows) lines_.emplace_back();
    add_events(events);
    add_keys(servers_wanted - 1);
    if (lines_.size() > rows) lines_.resize(rows);
    return std::move(lines_);
}

}  // namespace

void TopView::press(Key key, const TopState& state) {
    const auto move_sort = [this](std::size_t by) {
        sort = static_cast<SortBy>((static_cast<std::size_t>(sort) + by) % sort_count);
        reversed = false;
    };
    const std::size_t page = std::max<std::size_t>(shown, 1);
    switch (key) {
        case Key::sort_left:
            return move_sort(sort_count - 1);
        case Key::sort_right:
            return move_sort(1);
        case Key::reverse:
            reversed = !reversed;
            return;
        case Key::pool: {
            // All, each in turn, all again.
            const auto at = std::find_if(state.pools.begin(), state.pools.end(),
                                         [this](const PoolRow& row) { return row.name == pool; });
            const auto next = at == state.pools.end() ? state.pools.begin() : at + 1;
            const bool wraps = !pool.empty() && at == state.pools.end();
            pool = next == state.pools.end() || wraps ? "" : next->name;
            first = 0;
            return;
        }
        case Key::up:
            first -= std::min<std::size_t>(first, 1);
            return;
        case Key::down:
            ++first;
            return;
        case Key::page_up:
            first -= std::min(first, page);
            return;
        case Key::page_down:
            first += page;
            return;
        case Key::home:
            first = 0;
            return;
        case Key::end:
            first = state.servers.size();
            return;
    }
}

std::vector<Line> lay_out(const TopState& state, TopView& view, ScreenSize size, bool utf8) {
    return Page(state, view, size, utf8).draw();
}

std::vector<const ServerRow*> chosen(const TopState& state, const TopView& view) {
    std::vector<const ServerRow*> rows;
    for (const ServerRow& row : state.servers) {
        if (view.pool.empty() || row.pool == view.pool) rows.push_back(&row);
    }
    std::sort(rows.begin(), rows.end(), [&](const ServerRow* a, const ServerRow* b) {
        const double left = measure(*a, view.sort);
        const double right = measure(*b, view.sort);
        if (left != right) return view.reversed ? left < right : left > right;
        const bool before = std::tie(a->pool, a->id) < std::tie(b->pool, b->id);
        const bool after = std::tie(b->pool, b->id) < std::tie(a->pool, a->id);
        return view.sort == SortBy::name && view.reversed ? after : before;
    });
    return rows;
}

std::string for_screen(std::string_view text, bool utf8) {
    std::string out;
    while (!text.empty()) {
        const std::size_t size = bytes_of_character(text);
        const bool shows = size == 1 || (size > 1 && utf8);
        if (shows) {
            out += text.substr(0, size);
        } else {
            out += '?';
        }
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return out;
}

std::string cut(std::string_view text, std::size_t columns, bool utf8) {
    if (columns_of(text) <= columns) return std::string(text);
    if (columns == 0) return {};
    std::size_t end = 0;
    for (std::size_t i = 0; i + 1 < columns; ++i) {
        end += std::max<std::size_t>(bytes_of_character(text.substr(end)), 1);
    }
    return std::string(text.substr(0, end)) + (utf8 ? "…" : "~");
}

}  // namespace ringway::ringctl
