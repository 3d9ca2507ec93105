// How many processors this process may use, which is what `workers: auto` makes threads for:
// those of the machine, of its affinity mask (taskset(1), a cpuset), and of the quota of its
// control groups. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace ringway::proxy {

struct Processors {
    unsigned online = 1;          // of the machine
    unsigned allowed = 1;         // by sched_getaffinity(2), within what a cpuset allows
    std::optional<double> quota;  // processor time per time of control groups; absent: no limit

    // One for each that is allowed, and no more than the quota keeps busy; at least 1.
    unsigned usable() const;
    // The three, for people.
    std::string to_string() const;
};

// As they are now.
Processors processors();

// The text of a file; nothing where it cannot be read.
using ReadText = std::function<std::optional<std::string>(const std::string& path)>;

// The least quota of the control groups that this process is in, of version 1
// (cpu.cfs_quota_us) or 2 (cpu.max): its own group's and those of the groups around it, as far
// as they are mounted. Pure but for `read`.
std::optional<double> cgroup_quota(const ReadText& read);

}  // namespace ringway::proxy
