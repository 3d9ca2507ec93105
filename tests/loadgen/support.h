// Servers of the load generator for tests of its clients. Test thread only.
#pragma once

#include <string>
#include <vector>

#include "tools/loadgen/run.h"

// One service on a free port of 127.0.0.1, until the end of the test.
class Served {
public:
    explicit Served(ringway::loadgen::ServiceOptions options, unsigned threads = 1)
        : servers_({.services = {with_address(options)}, .threads = threads}) {}

    std::string address() const { return servers_.services().front().listen.to_string(); }
    void stop() { servers_.stop(); }
    ringway::loadgen::Failures failures() const { return servers_.failures(0); }
    std::uint64_t accepted() const { return servers_.accepted(0); }

private:
    static ringway::loadgen::ServiceOptions with_address(ringway::loadgen::ServiceOptions options) {
        options.listen = ringway::loadgen::parse_address("127.0.0.1:0");
        return options;
    }

    ringway::loadgen::Servers servers_;
};

// Runs the clients with a command line; the window ends with its operations or after ten seconds,
// unless the line sets another end.
inline ringway::loadgen::Result run_load(const std::vector<std::string>& arguments) {
    return ringway::loadgen::run(ringway::loadgen::parse_run(arguments), [](const std::string&) {});
}
