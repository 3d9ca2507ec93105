// The counts of a run, as JSON and as a line for people. Values; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "tools/loadgen/histogram.h"

namespace ringway::loadgen {

// Why an operation, a stream or a connection failed.
enum class Failure : std::uint8_t {
    refused,      // no connection
    reset,        // reset where it should not have been
    early_end,    // ended before the whole answer
    wrong_bytes,  // not what the other end sent
    bytes_lost,   // the other end counted a different number of bytes
    not_reset,    // a broken stream ended as a clean one
    timeout,      // took longer than --timeout
    unfinished,   // had not ended some time after the end of the run
    local,        // this machine lacked ports, descriptors or memory
};
constexpr std::size_t failure_kinds = 9;
const char* to_string(Failure failure);

class Failures {
public:
    void add(Failure failure, std::uint64_t n = 1) {
        counts_[static_cast<std::size_t>(failure)] += n;
    }
    void merge(const Failures& other);
    std::uint64_t total() const;
    std::uint64_t of(Failure failure) const { return counts_[static_cast<std::size_t>(failure)]; }
    boost::json::object to_json() const;
    std::string to_line() const;  // "none" or "3 (2 reset, 1 timeout)"

private:
    std::array<std::uint64_t, failure_kinds> counts_{};
};

struct Result {
    Histogram latency;             // of the operations that were counted
    std::uint64_t operations = 0;  // within the window
    std::uint64_t bytes_up = 0;    // within the window, client to server
    std::uint64_t bytes_down = 0;
    Failures failures;                          // from first to last, warm-up and end included
    std::vector<std::uint64_t> failed_seeds;    // verify: of the first connections that failed
    double seconds = 0;                         // the window as it was
    std::map<std::string, double> cpu_seconds;  // of the window, by name

    // Keeps the first few.
    void add_failed_seed(std::uint64_t seed);
    // Joins what another thread counted over the same window.
    void merge(const Result& other);
};

// The parameters of the run, for its report.
struct Title {
    std::string mode;
    std::string connect;
    unsigned connections;
    unsigned threads;
    double rate_wanted;  // operations a second; 0 for a closed loop
    std::uint64_t seed;
};

boost::json::object to_json(const Title& title, const Result& result);
std::string to_line(const Title& title, const Result& result);

}  // namespace ringway::loadgen
