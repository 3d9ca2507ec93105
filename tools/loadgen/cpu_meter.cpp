#include "tools/loadgen/cpu_meter.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace ringway::loadgen {

namespace {

// The scheduler's own nanoseconds, of all threads, ended ones too: the sum of
// /proc/PID/task/*/schedstat, but brought up to now for a thread that is running.
double process_seconds(pid_t pid) {
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid(pid, &clock) != 0) return 0;
    if (::clock_gettime(clock, &used) != 0) return 0;
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// proc(5), /proc/stat: user nice system idle iowait irq softirq, in ticks.
double machine_seconds() {
    std::ifstream stat("/proc/stat");
    std::string cpu;
    double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0;
    stat >> cpu >> user >> nice >> system >> idle >> iowait >> irq >> softirq;
    return (user + nice + system + irq + softirq) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

std::map<std::string, double> CpuMeter::read() const {
    std::map<std::string, double> seconds;
    for (const ProcessGroup& group : groups_) {
        for (const pid_t pid : group.pids) seconds[group.name] += process_seconds(pid);
    }
    seconds["load"] = process_seconds(::getpid());
    seconds["machine"] = machine_seconds();
    return seconds;
}

std::map<std::string, double> CpuMeter::used() const {
    std::map<std::string, double> seconds = at_end_;
    // Less than at the beginning: a process ended in between, and its time is no longer counted.
    for (auto& [name, used] : seconds) used = std::max(0.0, used - at_begin_.at(name));
    return seconds;
}

}  // namespace ringway::loadgen
