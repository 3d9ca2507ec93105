// When a target is probed. Pure functions of its key, its interval and the
// steady clock; any thread.
//
// Each key has its own place on the interval, from a hash of its bytes. Probes
// stand at that place in every interval counted from the clock's epoch, so they
// neither drift nor gather: targets that were added at one moment, or that
// share an interval, stay spread over it.
#pragma once

#include <cassert>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace ringway::health {

using Clock = std::chrono::steady_clock;

// New targets get their first probe within this time, or within their interval
// where that is shorter.
inline constexpr std::chrono::seconds first_probe_within{1};

class Schedule {
public:
    // `interval` is longer than zero.
    Schedule(std::string_view key, Clock::duration interval)
        : hash_(hash_of(key)), interval_(interval) {
        assert(interval > Clock::duration::zero());
    }

    // The first probe of a target that is added at `now`.
    Clock::time_point first(Clock::time_point now) const {
        const Clock::duration within = first_probe_within;
        return now + place_in(interval_ < within ? interval_ : within);
    }

    // The first of the key's places after `now`; at most one interval away.
    // Places that passed while a probe was late or under way are skipped.
    Clock::time_point next(Clock::time_point now) const {
        const Clock::duration since_place = now.time_since_epoch() - place_in(interval_);
        Clock::duration into_interval = since_place % interval_;
        if (into_interval < Clock::duration::zero()) into_interval += interval_;
        return now + (interval_ - into_interval);
    }

private:
    // 64-bit FNV-1a, then the finalizer of MurmurHash3 so that keys which differ
    // in their last byte only lie far apart.
    static std::uint64_t hash_of(std::string_view key) {
        std::uint64_t hash = 0xcbf29ce484222325;
        for (const char c : key) {
            hash ^= static_cast<unsigned char>(c);
            hash *= 0x100000001b3;
        }
        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
        return hash ^ (hash >> 33);
    }

    Clock::duration place_in(Clock::duration span) const {
        const auto ticks = static_cast<std::uint64_t>(span.count());
        return Clock::duration(static_cast<Clock::rep>(hash_ % ticks));
    }

    std::uint64_t hash_;
    Clock::duration interval_;
};

}  // namespace ringway::health
