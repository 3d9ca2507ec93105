// Processor time that processes and the machine used between two moments. In
// seconds; one thread.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace ringway::loadgen {

// Processes whose time is reported as one sum.
struct ProcessGroup {
    std::string name;
    std::vector<pid_t> pids;
};

class CpuMeter {
public:
    explicit CpuMeter(std::vector<ProcessGroup> groups) : groups_(std::move(groups)) {}

    void begin() { at_begin_ = read(); }
    void end() { at_end_ = read(); }

    // By group, and "load" for this process, "machine" for all processors
    // without the time that was idle or stolen by the host.
    std::map<std::string, double> used() const;

private:
    std::map<std::string, double> read() const;

    std::vector<ProcessGroup> groups_;
    std::map<std::string, double> at_begin_;
    std::map<std::string, double> at_end_;
};

}  // namespace ringway::loadgen
