// The owners of a ring's arcs, packed so that a lookup touches one cache line.
// Internal to the library. Immutable once made: any thread may call const members
// without locking.
//
// Layout. The circle is cut into equal parts, a 64-byte line each. A hash times the
// number of lines, as a 128-bit product, has its line in the upper half and its place
// in the line below; the first 16 bits of that place are its step. A line holds
//   1. the steps at which up to 15 arcs end, rising, and
//   2. the seats of their owners, and of the one that owns the rest of the line.
// A hash on the very step at which an arc ends cannot be decided here, nor can one after the
// fifteenth arc of a line with more: less than 0.5 % of all, for lines of 8.7 to 9.25 arcs on
// average. The PointTable decides these.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "ring/page_block.h"
#include "ring/point_table.h"

namespace ringway::ring {

class ArcLines {
public:
    // Instead of a seat: the PointTable decides.
    static constexpr Seat unknown = 0xffff;

    // How many lines suit a ring that may grow to `points` points. Steps by a
    // sixteenth, so that few changes of membership change it.
    static std::size_t count_for(std::size_t points);

    // The arcs of `points`, in `count` lines; without points, nothing but unknowns.
    ArcLines(const PointTable& points, std::size_t count);

    // The arcs of `points`, which differs from the table that these arcs are of by
    // points at the positions `changed` alone, in rising order.
    ArcLines edit(const PointTable& points, std::span<const std::uint64_t> changed) const;

    // The seat of the point nearest to `hash`, or unknown.
    Seat owner(std::uint64_t hash) const {
        const Place place = place_of(hash);
        const Line& line = lines_[place.line];
        const std::size_t past = past_ends(line, place.step);
        if (line.ends.data()[past] == place.step) [[unlikely]]
            return unknown;
        return line.seats.data()[past];
    }

    std::size_t count() const { return count_; }
    // Memory of the lines.
    std::size_t bytes() const { return block_.bytes(); }

private:
    // Steps are kept less 2^15, for SSE2 compares signed numbers.
    struct alignas(64) Line {
        std::array<std::int16_t, 16>
            ends;  // the last of them, and all that are unused, the greatest
        std::array<std::uint16_t, 16> seats;
    };
    struct Place {
        std::size_t line;
        std::int16_t step;
    };

    class Writer;

    explicit ArcLines(std::size_t count);
    // How many ends are less than `step`: 15 at most.
    static std::size_t past_ends(const Line& line, std::int16_t step) {
#if defined(__SSE2__)
        const auto* const ends = reinterpret_cast<const __m128i*>(line.ends.data());
        const __m128i steps = _mm_set1_epi16(step);
        const __m128i past = _mm_packs_epi16(_mm_cmpgt_epi16(steps, _mm_load_si128(ends)),
                                             _mm_cmpgt_epi16(steps, _mm_load_si128(ends + 1)));
        return static_cast<std::size_t>(
            __builtin_ctz(~static_cast<std::uint32_t>(_mm_movemask_epi8(past))));
#else
        std::size_t past = 0;
        for (const std::int16_t end : line.ends) past += end < step ? 1 : 0;
        return past;
#endif
    }
    Place place_of(std::uint64_t hash) const {
        __extension__ using Wide = unsigned __int128;
        const Wide product = Wide{hash} * count_;
        const auto step = static_cast<std::uint16_t>(static_cast<std::uint64_t>(product) >> 48);
        return {static_cast<std::size_t>(product >> 64), static_cast<std::int16_t>(step ^ 0x8000)};
    }
    std::uint64_t begin_of(std::size_t line) const;
    // Rewrites the lines from `first` to `end` - 1.
    void fill(const PointTable& points, std::size_t first, std::size_t end);

    std::size_t count_;
    PageBlock block_;
    Line* lines_;  // in block_
};

}  // namespace ringway::ring
