#include "ring/arc_lines.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>
#include <vector>

#include "ring/border.h"

namespace ringway::ring {
namespace {

constexpr std::int16_t never = std::numeric_limits<std::int16_t>::max();  // no step is past it

// Lines first to end - 1.
struct Range {
    std::size_t first, end;
};

}  // namespace

// Writes lines from `first` on, given the arcs' ends in rising order.
class ArcLines::Writer {
public:
    Writer(ArcLines& arcs, std::size_t first, Seat owner)
        : arcs_(arcs), line_(first), owner_(owner) {
        begin_line();
    }

    // From this border on the owner is another.
    void pass(std::uint64_t border, Seat owner) {
        const Place place = arcs_.place_of(border);
        go_on_to(place.line);
        if (owner == owner_) return;
        owner_ = owner;
        Line& line = arcs_.lines_[line_];
        if (++ended_ < line.ends.size()) {
            line.ends[ended_ - 1] = place.step;
            line.seats[ended_] = static_cast<std::uint16_t>(owner);
        } else {
            line.seats.back() = unknown;
        }
    }

    void go_on_to(std::size_t line) {
        while (line_ < line) {
            ++line_;
            begin_line();
        }
    }

private:
    void begin_line() {
        Line& line = arcs_.lines_[line_];
        line.ends.fill(never);
        line.seats.fill(static_cast<std::uint16_t>(owner_));
        ended_ = 0;
    }

    ArcLines& arcs_;
    std::size_t line_;
    Seat owner_;
    std::size_t ended_ = 0;  // arcs, in this line
};

std::size_t ArcLines::count_for(std::size_t points) {
    // At most 9.25 points a line: n x 2^k lines, n from 16 to 31.
    const std::size_t least = std::max<std::size_t>(1, (points * 4 + 36) / 37);
    const auto bits = static_cast<std::uint32_t>(std::bit_width(least));
    if (bits <= 5) return least;
    const std::size_t grain = std::size_t{1} << (bits - 5);
    return (least + grain - 1) / grain * grain;
}

ArcLines::ArcLines(std::size_t count)
    : count_(count), block_(count * sizeof(Line)), lines_(reinterpret_cast<Line*>(block_.data())) {}

ArcLines::ArcLines(const PointTable& points, std::size_t count) : ArcLines(count) {
    fill(points, 0, count);
}

ArcLines ArcLines::edit(const PointTable& points, std::span<const std::uint64_t> changed) const {
    constexpr std::size_t few = 64;  // so few that neighbours may lie half a circle away
    if (points.size() < few) return {points, count_};
    ArcLines edited(count_);
    std::copy(lines_, lines_ + count_, edited.lines_);
    // Borders have moved between the neighbours of each point that changed.
    std::vector<Range> ranges;
    for (const std::uint64_t position : changed) {
        const std::size_t first = place_of(points.before(position).position).line;
        const std::size_t last = place_of(points.after(position).position).line;
        if (first <= last) {
            ranges.push_back({first, last + 1});
        } else {  // over the top
            ranges.push_back({first, count_});
            ranges.push_back({0, last + 1});
        }
    }
    std::sort(ranges.begin(), ranges.end(),
              [](const Range& a, const Range& b) { return a.first < b.first; });
    std::size_t done = 0;
    for (const Range& range : ranges) {
        const std::size_t first = std::max(done, range.first);
        if (first < range.end) edited.fill(points, first, range.end);
        done = std::max(done, range.end);
    }
    return edited;
}

// The first hash of a line: the least whose product reaches it.
std::uint64_t ArcLines::begin_of(std::size_t line) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(((Wide{line} << 64) + count_ - 1) / count_);
}

void ArcLines::fill(const PointTable& points, std::size_t first, std::size_t end) {
    const std::uint64_t begin = begin_of(first);
    const std::uint64_t last =
        end == count_ ? std::numeric_limits<std::uint64_t>::max() : begin_of(end) - 1;
    Writer writer(*this, first, points.size() == 0 ? unknown : points.nearest(begin));
    if (points.size() == 0) return writer.go_on_to(end - 1);

    // Once around at most, each point with the one before it. The first pair has its
    // border on either side of `begin`, and comes again as the last.
    PointReader reader(points, begin);
    Point from = points.before(begin);
    std::uint64_t passed = 0;  // from begin on
    for (std::size_t pair = 0; pair <= points.size(); ++pair) {
        const Point to = reader.next_around();
        const bool is_inner = pair != 0 && pair != points.size();
        const bool is_tie = is_inner && to.position == from.position;
        const std::uint64_t at = is_tie ? to.position + 1 : border(from.position, to.position);
        const std::uint64_t from_position = std::exchange(from, to).position;
        if (pair == 0 && (to.position == begin || begin - from_position >= at - from_position))
            continue;
        if (at - begin > last - begin || at - begin < passed) break;
        passed = at - begin;
        writer.pass(at, to.seat);
    }
    writer.go_on_to(end - 1);
}

}  // namespace ringway::ring
