// When a target is probed. Pure functions of its key, its interval, a salt and the
// steady clock; any thread.
//
// Each key has its own place on the interval, from a hash of its bytes. Probes are near that place
// in every interval counted from the clock's epoch, so they neither drift nor gather: targets that
// were added at one moment, or that share an interval, stay spread over it. Each starts up to a
// twentieth of the interval after its place, at random, so that no two proxies stay in step; places
// are a twentieth closer than the interval to compensate.
#pragma once

#include <algorithm>
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
    // `interval` is longer than zero. `salt` seeds the random part: it differs between proxies.
    Schedule(std::string_view key, Clock::duration interval, std::uint64_t salt = 0)
        : hash_(hash_of(key)), salt_(salt), interval_(interval), jitter_(interval / 20) {
        assert(interval > Clock::duration::zero());
    }

    // The first probe of a target that is added at `now`.
    Clock::time_point first(Clock::time_point now) const {
        const Clock::duration within = first_probe_within;
        return now + place_in(interval_ < within ? interval_ : within);
    }

    // The key's first probe after `now`; at most one interval away.
    Clock::time_point next(Clock::time_point now) const {
        const Clock::duration period = interval_ - jitter_;
        const Clock::duration since_place = now.time_since_epoch() - place_in(period);
        Clock::rep round = since_place / period - (since_place < Clock::duration::zero() ? 1 : 0);
        // `now` is in this round, before its probe or after it.
        auto probe = probe_of(round);
        while (probe <= now) probe = probe_of(++round);
        return probe;
    }

    // The probe after one that started at `started` and has ended by `now`. One whose time came
    // meanwhile starts at once: so a server whose probes take the whole interval to time out is
    // detected as fast as others.
    Clock::time_point following(Clock::time_point started, Clock::time_point now) const {
        return std::max(next(started), now);
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
        return mixed(hash);
    }

    static std::uint64_t mixed(std::uint64_t hash) {
        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
        return hash ^ (hash >> 33);
    }

    Clock::time_point probe_of(Clock::rep round) const {
        const Clock::duration period = interval_ - jitter_;
        const auto chance = mixed((hash_ ^ salt_) + static_cast<std::uint64_t>(round)) >> 32;
        const auto ticks = (static_cast<std::uint64_t>(jitter_.count()) >> 8) * chance >> 24;
        return Clock::time_point(place_in(period) + round * period +
                                 Clock::duration(static_cast<Clock::rep>(ticks)));
    }

    Clock::duration place_in(Clock::duration span) const {
        const auto ticks = static_cast<std::uint64_t>(span.count());
        return Clock::duration(static_cast<Clock::rep>(hash_ % ticks));
    }

    std::uint64_t hash_;
    std::uint64_t salt_;
    Clock::duration interval_;
    Clock::duration jitter_;  // the longest
};

}  // namespace ringway::health
