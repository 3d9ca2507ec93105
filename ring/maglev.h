// The lookup table of Maglev: A Fast and Reliable Software Network Load Balancer,
// Eisenbud et al., NSDI 2016, section 3.4, with weights. Internal to the library.
// Immutable once made: any thread may call const members without locking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ring/point_table.h"
#include "ring/types.h"

namespace ringway::ring {

struct MaglevServer {
    std::string_view id;
    std::uint32_t weight;  // at least 1
    Seat seat;
};

class MaglevTable {
public:
    // The number of entries for so many registered servers, online or not: a prime,
    // at least 65,537 and at least 100 a server. It doubles from step to step, for
    // most keys move when it changes.
    static std::size_t size_for(std::size_t servers);

    // A table without servers.
    explicit MaglevTable(std::size_t size) : size_(size) {}
    // `servers` in the order of their ids.
    MaglevTable(std::size_t size, std::span<const MaglevServer> servers);

    std::size_t size() const { return size_; }
    std::size_t bytes() const { return entries_.size() * sizeof(std::uint16_t); }

    // The entry that a hash falls upon: floor(hash x size / 2^64), so that every entry
    // has one arc of the circle.
    std::size_t index(std::uint64_t hash) const {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::size_t>(Wide{hash} * size_ >> 64);
    }
    // The least hash that falls upon entry i.
    std::uint64_t begin(std::size_t i) const;

    // Of a table with servers.
    Seat seat(std::size_t i) const { return entries_[i]; }

private:
    std::size_t size_;
    std::vector<std::uint16_t> entries_;  // seats; empty without servers
};

// Reads how many hashes fall upon each entry of a table of so many, from the first entry on:
// begin(i + 1) - begin(i), without a division for each. One thread.
class MaglevWidths {
public:
    // No size of a table divides 2^64.
    explicit MaglevWidths(std::size_t size)
        : size_(size), least_(~std::uint64_t{0} / size), rest_(0 - least_ * size) {}

    std::uint64_t next() {
        const bool is_longer = ahead_ < rest_;
        ahead_ += (is_longer ? size_ : 0) - rest_;
        return least_ + (is_longer ? 1 : 0);
    }

private:
    const std::uint64_t size_;
    const std::uint64_t least_;  // floor(2^64 / size)
    const std::uint64_t rest_;   // 2^64 mod size
    std::uint64_t ahead_ = 0;    // begin(i) lies this many size-ths of a hash above i x 2^64 / size
};

// Visits the servers of a table in the order of its entries, from the one that a
// hash falls upon, going up and round. Servers come again and again. One thread.
class MaglevCursor {
public:
    MaglevCursor(const MaglevTable& table, std::uint64_t hash)
        : table_(&table), next_(table.index(hash)) {}

    Seat next() {
        const Seat seat = table_->seat(next_);
        if (++next_ == table_->size()) next_ = 0;
        return seat;
    }

private:
    const MaglevTable* table_;
    std::size_t next_;
};

}  // namespace ringway::ring
