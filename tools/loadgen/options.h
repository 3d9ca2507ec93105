// The command line as validated values. Everything is bounded, in count and in
// time. Values; no thread rules.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/loadgen/address.h"
#include "tools/loadgen/clock.h"
#include "tools/loadgen/cpu_meter.h"

namespace ringway::loadgen {

enum class RunMode : std::uint8_t { bulk_up, bulk_down, round_trip, connect, idle, verify };
const char* to_string(RunMode mode);

struct RunOptions {
    Address connect;
    std::vector<Address> sources;  // of the connections in turn; none: the kernel's choice
    RunMode mode = RunMode::round_trip;
    unsigned connections = 64;
    unsigned threads = 1;
    Duration window = std::chrono::seconds(5);   // what is counted
    Duration warmup = std::chrono::seconds(0);   // before it
    Duration timeout = std::chrono::seconds(5);  // of one operation, and of what is left at the end
    std::size_t bytes = 64;         // round_trip, idle: a message. connect: the answer.
                                    // bulk: one write. verify: a direction at the most
    std::size_t request_bytes = 0;  // connect
    std::string request_text;       // connect: sent in place of request_bytes
    double rate = 0;                // operations a second, open loop; 0: closed loop
    std::uint64_t operations = 0;   // end after so many; 0: after the window
    bool key_line = false;          // each connection begins with a line that names it
    std::string tls_name;           // TLS, and the name that is asked for; empty for plain TCP
    bool tls_resumes = false;       // connections resume sessions
    std::uint64_t seed = 1;         // verify
    std::string json_file;          // empty: none
    std::vector<ProcessGroup> cpu_of;
};

enum class ServeMode : std::uint8_t { echo, sink, source, answer, idle, verify };
const char* to_string(ServeMode mode);

struct ServiceOptions {
    Address listen;
    ServeMode mode = ServeMode::echo;
    std::size_t bytes = 0;          // echo: a message, 0: whatever comes. answer: the answer.
                                    // source: all that it sends, 0: until the client ends
    std::size_t request_bytes = 0;  // answer: what it waits for
    bool key_line = false;          // drop the first line of each connection
};

struct ServeOptions {
    std::vector<ServiceOptions> services;
    unsigned threads = 1;
    Duration lifetime = std::chrono::hours(1);  // then it ends by itself
};

// Both throw UsageError.
RunOptions parse_run(const std::vector<std::string>& arguments);
ServeOptions parse_serve(const std::vector<std::string>& arguments);

}  // namespace ringway::loadgen
