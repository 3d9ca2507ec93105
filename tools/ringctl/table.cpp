#include "tools/ringctl/table.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include <fmt/format.h>

namespace ringway::ringctl {

namespace {

std::string_view escape_code(Tone tone) {
    switch (tone) {
        case Tone::strong:
            return "\x1b[1m";
        case Tone::faint:
            return "\x1b[2m";
        case Tone::good:
            return "\x1b[32m";
        case Tone::warning:
            return "\x1b[33m";
        case Tone::bad:
            return "\x1b[31m";
        case Tone::plain:
            break;
    }
    return "";
}

}  // namespace

std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string paint(std::string_view text, Tone tone, bool colours) {
    if (!colours || tone == Tone::plain || text.empty()) return std::string(text);
    return fmt::format("{}{}\x1b[0m", escape_code(tone), text);
}

void Table::add(std::vector<Cell> row) {
    assert(row.size() == columns_.size());
    rows_.push_back(std::move(row));
}

std::string Table::to_string(bool colours) const {
    std::vector<std::size_t> widths;
    std::vector<Cell> titles;
    for (const Column& column : columns_) {
        widths.push_back(columns_of(column.title));
        titles.push_back({column.title, Tone::faint});
    }
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], columns_of(row[i].text));
        }
    }
    std::string out = line(titles, widths, colours);
    for (const auto& row : rows_) out += line(row, widths, colours);
    return out;
}

std::string Table::line(const std::vector<Cell>& cells, const std::vector<std::size_t>& widths,
                        bool colours) const {
    std::string out;
    std::size_t owed = 0;  // blanks that are written only if something follows them
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::size_t padding = widths[i] - columns_of(cells[i].text);
        const bool right = columns_[i].align == Align::right;
        if (!cells[i].text.empty()) {
            out.append(owed + (right ? padding : 0), ' ');
            out += paint(cells[i].text, cells[i].tone, colours);
            owed = right ? 0 : padding;
        } else {
            owed += padding;
        }
        owed += 2;
    }
    return out + '\n';
}

std::string human_seconds(std::uint64_t seconds) {
    const std::uint64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
    if (days > 0) return fmt::format("{}d {}h", days, hours % 24);
    if (hours > 0) return fmt::format("{}h {}m", hours, minutes % 60);
    if (minutes > 0) return fmt::format("{}m {}s", minutes, seconds % 60);
    return fmt::format("{}s", seconds);
}

std::string human_bytes(std::uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double size = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    // 1023.95 would be printed as 1024.0.
    while (size >= 1023.95 && unit + 1 < units.size()) {
        size /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", size, units[unit]);
}

}  // namespace ringway::ringctl
