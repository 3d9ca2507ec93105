// The layout of `ringctl top` as lines of coloured text, for a terminal of any size. Pure, one
// thread; widths are columns, of one code point each.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "tools/ringctl/rates.h"
#include "tools/ringctl/table.h"

namespace ringway::ringctl {

using Line = std::vector<Cell>;

// The state of the proxy.
struct TopState {
    boost::json::object status;
    std::vector<PoolRow> pools;
    std::vector<ServerRow> servers;
    boost::json::object events;  // the answer to `events`
    std::string trouble;         // why there is no answer now; empty if there is one
};

enum class SortBy : std::uint8_t { name, status, active, connections, up, down, share, failures };
inline constexpr std::size_t sort_count = 8;

// The user's choices.
struct TopView {
    std::string pool;  // the only pool that is shown; empty for all
    SortBy sort = SortBy::name;
    bool reversed = false;
    std::size_t first = 0;  // of the servers, the one at the top
    std::size_t shown = 0;  // servers there was room for, by the last layout

    enum class Key : std::uint8_t {
        sort_left,
        sort_right,
        reverse,
        pool,
        up,
        down,
        page_up,
        page_down,
        home,
        end
    };
    void press(Key key, const TopState& state);
};

struct ScreenSize {
    std::size_t columns = 80;
    std::size_t rows = 24;
};

// At most `size.rows` lines of at most `size.columns`. Limits `view` to the servers that exist.
std::vector<Line> lay_out(const TopState& state, TopView& view, ScreenSize size, bool utf8);

// Those that `view` shows, in its order.
std::vector<const ServerRow*> chosen(const TopState& state, const TopView& view);

// `text` with "?" for characters that the terminal cannot show.
std::string for_screen(std::string_view text, bool utf8);
// Its first `columns`, the last of them a sign where something was cut off.
std::string cut(std::string_view text, std::size_t columns, bool utf8);

}  // namespace ringway::ringctl
