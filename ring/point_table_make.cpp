// Making tables: from points in any order, or from another table.
#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <limits>

#include "ring/point_table.h"

namespace ringway::ring {
namespace {

// By the top byte first, so that what follows stays within a cache.
void partition_by_top_byte(std::vector<Point>& points) {
    std::array<std::size_t, 257> start{};
    for (const Point& point : points) ++start[(point.position >> 56) + 1];
    for (std::size_t i = 1; i < start.size(); ++i) start[i] += start[i - 1];
    std::vector<Point> out(points.size());
    for (const Point& point : points) out[start[point.position >> 56]++] = point;
    points.swap(out);
}

}  // namespace

PointTable PointTable::build(std::vector<Point> points, Geometry geometry,
                             std::span<const std::uint32_t> rank) {
    PointTable table(points.size(), geometry);
    constexpr std::size_t fits_a_cache = 1 << 14;
    if (points.size() > fits_a_cache) partition_by_top_byte(points);

    // Counting sort by as many bits as give about one point a run. While it runs,
    // next[r + 1] is where the next point of run r goes; in the end, where r + 1 begins.
    const std::uint32_t bits = std::max(
        geometry.bucket_bits, static_cast<std::uint32_t>(std::bit_width(points.size() / 2)));
    const auto run = [bits](const Point& point) { return point.position >> (64 - bits); };
    const std::size_t runs = std::size_t{1} << bits;
    std::vector<std::uint32_t> next(runs + 1);
    for (const Point& point : points) ++next[run(point) + 1];
    std::uint32_t sum = 0;
    for (std::size_t r = 1; r <= runs; ++r) sum += std::exchange(next[r], sum);
    for (const Point& point : points) table.entries_[next[run(point) + 1]++] = table.entry(point);
    for (std::size_t r = 0; r < runs; ++r) table.sort_run(next[r], next[r + 1], rank);

    const std::size_t stride = runs / table.bucket_count();
    std::vector<std::uint32_t> starts(table.bucket_count() + 1);
    for (std::size_t b = 0; b < starts.size(); ++b) starts[b] = next[b * stride];
    table.set_starts(std::move(starts));
    table.finish();
    return table;
}

// By insertion: a run holds one or two points. All of one bucket.
void PointTable::sort_run(std::size_t begin, std::size_t end, std::span<const std::uint32_t> rank) {
    for (std::size_t i = begin + 1; i < end; ++i) {
        const std::uint64_t moving = entries_[i];
        std::size_t hole = i;
        for (; hole > begin && before(moving, entries_[hole - 1], rank); --hole)
            entries_[hole] = entries_[hole - 1];
        entries_[hole] = moving;
    }
}

// The order of two entries of one bucket.
bool PointTable::before(std::uint64_t a, std::uint64_t b,
                        std::span<const std::uint32_t> rank) const {
    const std::uint64_t position_a = a >> geometry_.seat_bits;
    const std::uint64_t position_b = b >> geometry_.seat_bits;
    if (position_a != position_b) return position_a < position_b;
    return rank[a & seat_mask_] < rank[b & seat_mask_];
}

void PointTable::set_starts(std::vector<std::uint32_t> starts) {
    for (std::size_t b = 0; b < starts.size(); ++b) {
        if (b % group == 0) bases_[b / group] = starts[b];
        const std::uint32_t offset = starts[b] - bases_[b / group];
        if (offset > std::numeric_limits<std::uint8_t>::max()) {
            starts_ = std::move(starts);
            return;
        }
        offsets_[b] = static_cast<std::uint8_t>(offset);
    }
}

// Sets what follows from entries and index.
void PointTable::finish() {
    if (size_ == 0) return;
    *(entries_ - 1) = entries_[size_ - 1];
    for (std::size_t i = 0; i < window; ++i) entries_[size_ + i] = entries_[i % size_];
    // The first test is quick and nearly always enough.
    dense_ = starts_.empty() && size_ > window && geometry_.bucket_bits > geometry_.seat_bits &&
             (every_cell_has(window, std::size_t{4} << geometry_.seat_bits) || spans_are_short());
}

// Whether each of so many equal parts of the circle, a power of two, has so many
// points. If each of 2^(seat_bits + 2) has 8, any 8 in a row lie within two.
bool PointTable::every_cell_has(std::size_t points, std::size_t cells) const {
    if (cells > bucket_count()) return false;
    const std::size_t stride = bucket_count() / cells;
    for (std::size_t b = 0; b < bucket_count(); b += stride)
        if (start(b + stride) - start(b) < points) return false;
    return true;
}

bool PointTable::spans_are_short() const {
    const std::uint64_t limit = std::uint64_t{1} << (63 - geometry_.seat_bits);
    PointReader behind(*this), ahead(*this);
    for (std::size_t i = 0; i < window; ++i) ahead.next();
    for (std::size_t i = 0; i < size_; ++i) {
        if (ahead.done()) ahead = PointReader(*this);
        if (ahead.next().position - behind.next().position >= limit) return false;
    }
    return true;
}

// A change at one place of the old table: a point is dropped, or one is added before it.
struct PointTable::Edit {
    std::size_t index;
    std::size_t bucket;
    std::uint64_t entry;
    bool insert;
};

// In order of place; at the same place additions come first.
std::vector<PointTable::Edit> PointTable::edits(std::span<const std::uint8_t> dropped,
                                                std::span<const Point> added,
                                                std::span<const std::uint32_t> rank) const {
    std::vector<Edit> inserts;
    inserts.reserve(added.size());
    for (const Point& point : added) {
        const std::size_t b = bucket(point.position);
        std::size_t i = start(b);
        for (const std::size_t end = start(b + 1); i < end; ++i)
            if (!before(entries_[i], entry(point), rank)) break;
        inserts.push_back({i, b, entry(point), true});
    }
    if (std::find(dropped.begin(), dropped.end(), 1) == dropped.end()) return inserts;

    std::vector<Edit> deletes;
    for (std::size_t i = 0; i < size_; ++i)
        if (dropped[entries_[i] & seat_mask_] != 0) [[unlikely]]
            deletes.push_back({i, bucket_of_point(i), entries_[i], false});

    std::vector<Edit> all(inserts.size() + deletes.size());
    std::merge(inserts.begin(), inserts.end(), deletes.begin(), deletes.end(), all.begin(),
               [](const Edit& a, const Edit& b) { return a.index < b.index; });
    return all;
}

std::optional<PointTable> PointTable::edit(std::span<const std::uint8_t> dropped,
                                           std::span<const Point> added,
                                           std::span<const std::uint32_t> rank,
                                           std::vector<std::vector<std::uint64_t>>& parked) const {
    const std::vector<Edit> changes = edits(dropped, added, rank);
    if (!offsets_hold(changes)) return std::nullopt;
    PointTable table(size_ + 2 * added.size() - changes.size(), geometry_);

    std::uint64_t* out = table.entries_;
    std::size_t copied = 0;  // entries of this table that are done
    const auto copy_until = [&](std::size_t end) {
        out = std::copy(entries_ + copied, entries_ + end, out);
        copied = end;
    };
    for (const Edit& change : changes) {
        copy_until(change.index);
        if (change.insert) {
            *out++ = change.entry;
        } else {
            parked[change.entry & seat_mask_].push_back(position_in(change.bucket, change.entry));
            ++copied;
        }
    }
    copy_until(size_);
    assert(out == table.entries_ + table.size_);
    table.copy_index(*this, changes);
    table.finish();
    return table;
}

// Whether a byte can still count the points of every group if none is dropped.
bool PointTable::offsets_hold(std::span<const Edit> edits) const {
    if (!starts_.empty()) return false;
    std::size_t at = bucket_count(), more = 0;
    for (const Edit& edit : edits) {
        if (edit.bucket / group != at) more = 0;
        at = edit.bucket / group;
        more += edit.insert ? 1 : 0;
        const std::size_t last = std::min((at + 1) * group - 1, bucket_count());
        if (offsets_[last] + more > std::numeric_limits<std::uint8_t>::max()) return false;
    }
    return true;
}

// An edit moves the starts of all buckets above its own: offsets as far as its
// group goes, bases from there on.
void PointTable::copy_index(const PointTable& old, std::span<const Edit> edits) {
    std::copy(old.offsets_, old.offsets_ + bucket_count() + 1, offsets_);
    const std::size_t bases = bucket_count() / group + 1;
    std::uint32_t shift = 0;  // modulo 2^32
    std::size_t next = 0;
    const auto shift_until = [&](std::size_t end) {
        for (; next < end; ++next) bases_[next] = old.bases_[next] + shift;
    };
    for (const Edit& edit : edits) {
        const std::size_t at = edit.bucket / group;
        shift_until(at + 1);
        shift += edit.insert ? 1U : ~0U;
        for (std::size_t b = edit.bucket + 1; b < (at + 1) * group && b <= bucket_count(); ++b)
            offsets_[b] = static_cast<std::uint8_t>(offsets_[b] + (edit.insert ? 1 : 255));
    }
    shift_until(bases);
}

}  // namespace ringway::ring
