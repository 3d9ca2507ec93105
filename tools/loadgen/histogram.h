// Counts of durations by size, for percentiles. Log-linear, the idea of Gil
// Tene's HdrHistogram (https://hdrhistogram.org): each power of two is cut into
// equal buckets, so that a value is known within 1/64 of itself at any size.
// Values are nanoseconds up to 2^40 (18 minutes); longer ones count as that.
// One thread; merge() joins what several counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringway::loadgen {

class Histogram {
public:
    void add(std::uint64_t nanoseconds);
    void merge(const Histogram& other);

    std::uint64_t count() const { return count_; }
    std::uint64_t max() const { return max_; }
    double mean() const;

    // The least value that `percent` of all values do not exceed, rounded up to
    // its bucket's end but not beyond the maximum. 0 when nothing was added.
    std::uint64_t percentile(double percent) const;

private:
    static constexpr int sub_bits = 6;  // 64 buckets per power of two
    static constexpr int max_bits = 40;
    static constexpr std::uint64_t max_value = (std::uint64_t{1} << max_bits) - 1;
    static constexpr std::size_t bucket_count = std::size_t{max_bits - sub_bits + 1} << sub_bits;

    static std::size_t bucket_of(std::uint64_t value);
    static std::uint64_t last_of(std::size_t bucket);

    std::array<std::uint64_t, bucket_count> buckets_{};
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
    double sum_ = 0;
};

}  // namespace ringway::loadgen
