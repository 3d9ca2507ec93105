// Aligned tables and human-sized numbers for terminals. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::ringctl {

enum class Tone : std::uint8_t { plain, strong, faint, good, warning, bad };

// The width of `text`: its UTF-8 code points.
std::size_t columns_of(std::string_view text);

// `text` in the colour of `tone`, or as it is where `colours` is false.
std::string paint(std::string_view text, Tone tone, bool colours);

struct Cell {
    std::string text;
    Tone tone = Tone::plain;
};

enum class Align : std::uint8_t { left, right };

struct Column {
    std::string title;
    Align align = Align::left;
};

// Columns as wide as their widest cell, two blanks between them, no blanks at
// the ends of lines. Width is counted in UTF-8 code points.
class Table {
public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    // One cell per column.
    void add(std::vector<Cell> row);

    // Ends with a newline; the titles stand in the first line.
    std::string to_string(bool colours) const;

private:
    std::string line(const std::vector<Cell>& cells, const std::vector<std::size_t>& widths,
                     bool colours) const;

    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

// "42s", "3m 12s", "2h 5m", "9d 4h".
std::string human_seconds(std::uint64_t seconds);

// "512 B", "1.5 KiB", "20.0 GiB".
std::string human_bytes(std::uint64_t bytes);

}  // namespace ringway::ringctl
