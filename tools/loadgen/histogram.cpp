#include "tools/loadgen/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ringway::loadgen {

// Below 2^sub_bits a bucket holds one value. Above, a bucket is named by the
// exponent and by the sub_bits bits after the leading one.
std::size_t Histogram::bucket_of(std::uint64_t value) {
    value = std::min(value, max_value);
    const int extra = std::max(0, static_cast<int>(std::bit_width(value)) - 1 - sub_bits);
    return (static_cast<std::size_t>(extra) << sub_bits) + static_cast<std::size_t>(value >> extra);
}

std::uint64_t Histogram::last_of(std::size_t bucket) {
    const std::size_t per_power = std::size_t{1} << sub_bits;
    if (bucket < 2 * per_power) return bucket;
    const std::size_t extra = (bucket >> sub_bits) - 1;
    const std::uint64_t leading = bucket - (extra << sub_bits);
    return ((leading + 1) << extra) - 1;
}

void Histogram::add(std::uint64_t nanoseconds) {
    ++buckets_[bucket_of(nanoseconds)];
    ++count_;
    max_ = std::max(max_, nanoseconds);
    sum_ += static_cast<double>(nanoseconds);
}

void Histogram::merge(const Histogram& other) {
    for (std::size_t i = 0; i < bucket_count; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
    sum_ += other.sum_;
}

double Histogram::mean() const {
    return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::uint64_t Histogram::percentile(double percent) const {
    if (count_ == 0) return 0;
    const double rank = std::ceil(percent / 100 * static_cast<double>(count_));
    const auto wanted = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, count_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < bucket_count; ++i) {
        seen += buckets_[i];
        if (seen < wanted) continue;
        return i + 1 == bucket_count ? max_ : std::min(last_of(i), max_);
    }
    return max_;
}

}  // namespace ringway::loadgen
