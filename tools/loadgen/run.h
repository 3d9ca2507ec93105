// Whole runs, on the given number of threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tools/loadgen/options.h"
#include "tools/loadgen/result.h"
#include "tools/loadgen/server.h"

namespace ringway::loadgen {

// Returns when the run is over. `progress` gets progress lines. Throws std::system_error if the
// machine lacks a resource.
Result run(const RunOptions& options, const std::function<void(const std::string&)>& progress);
Title title_of(const RunOptions& options);

// Servers on threads of their own, from construction to stop().
class Servers {
public:
    explicit Servers(const ServeOptions& options);
    ~Servers();

    // With the ports that were taken for 0.
    const std::vector<ServiceOptions>& services() const { return servers_.front()->services(); }

    // Ends them and waits for the end. After that the counts are complete.
    void stop();
    std::uint64_t accepted(std::size_t service) const;
    Failures failures(std::size_t service) const;

private:
    std::vector<std::unique_ptr<Server>> servers_;  // one a thread
    std::vector<std::thread> threads_;
};

}  // namespace ringway::loadgen
