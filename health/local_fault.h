// Failures of this machine that keep connections to servers from leaving it, and whether
// they hit every connection of a pool. Pure: no clock, no I/O; the caller keeps one
// LocalFaults per pool and uses it from one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "health/schedule.h"

namespace ringway::health {

enum class LocalFault : std::uint8_t {
    none,
    no_address,    // the source address that is configured is not on this machine
    no_port,       // every port that could be dialled from is taken
    no_resources,  // descriptors or memory
};
inline constexpr std::size_t local_fault_count = 4;

inline const char* to_string(LocalFault fault) {
    switch (fault) {
        case LocalFault::none:
            return "none";
        case LocalFault::no_address:
            return "no_address";
        case LocalFault::no_port:
            return "no_port";
        case LocalFault::no_resources:
            return "no_resources";
    }
    return "unknown";
}

// Counts of a pool at one moment.
struct LocalSigns {
    std::uint64_t dials_out = 0;                            // ever: that left this machine
    std::array<std::uint64_t, local_fault_count> failed{};  // ever: dials, by fault
    std::size_t checks_out = 0;         // servers whose last check left this machine
    std::size_t checks_no_address = 0;  // servers whose last check found no source address
};

class LocalFaults {
public:
    // The fault is cleared this long after the last dial that failed locally, if neither dials nor
    // checks have shown anything since: a replica that clients avoid because of it would otherwise
    // never find out that it can dial again.
    static constexpr std::chrono::seconds kept_for{10};

    // The fault that hits every connection of the pool now; none if some connections leave. Checks
    // use the source address of traffic: if none of them finds it, no connection does.
    LocalFault judge(const LocalSigns& signs, Clock::time_point now) {
        const LocalSigns before = last_;
        last_ = signs;
        if (signs.checks_no_address > 0 && signs.checks_out == 0) {
            return fault_ = LocalFault::no_address;
        }
        if (signs.dials_out > before.dials_out) return fault_ = LocalFault::none;
        const LocalFault failed = most_often(signs, before);
        if (failed != LocalFault::none) {
            failed_at_ = now;
            return fault_ = failed;
        }
        const bool address_is_back = fault_ == LocalFault::no_address && signs.checks_out > 0;
        if (address_is_back || now - failed_at_ >= kept_for) fault_ = LocalFault::none;
        return fault_;
    }

    // The way out (source address) has changed: the counts until now, `signs`, do not apply to it.
    void forgive(const LocalSigns& signs) {
        last_ = signs;
        fault_ = LocalFault::none;
    }

    LocalFault fault() const { return fault_; }

private:
    static LocalFault most_often(const LocalSigns& now, const LocalSigns& before) {
        auto most = LocalFault::none;
        std::uint64_t times = 0;
        for (std::size_t i = 1; i < local_fault_count; ++i) {
            const std::uint64_t since = now.failed[i] - before.failed[i];
            if (since > times) {
                times = since;
                most = static_cast<LocalFault>(i);
            }
        }
        return most;
    }

    LocalSigns last_;
    Clock::time_point failed_at_{};
    LocalFault fault_ = LocalFault::none;
};

}  // namespace ringway::health
