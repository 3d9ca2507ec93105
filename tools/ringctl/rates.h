// The data of `ringctl top`: fields of servers and pools, and rates from two successive answers.
// Pure, one thread; the time is passed in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "tools/ringctl/table.h"

namespace ringway::ringctl {

// Per second; absent before there are two answers.
struct Traffic {
    std::optional<double> connections;
    std::optional<double> bytes_up;
    std::optional<double> bytes_down;

    // Adds a known value; an absent sum stays absent until one is added.
    void add(const Traffic& other);
};

struct ServerRow {
    std::string pool;
    std::string id;
    std::string status;
    std::string detail;
    Tone tone = Tone::plain;
    std::uint64_t active = 0;
    std::uint64_t failures = 0;
    std::optional<double> share;
    Traffic traffic;
};

struct PoolRow {
    std::string name;
    std::size_t servers = 0;
    std::size_t online = 0;
    bool panic = false;
    std::uint64_t active = 0;
    Traffic traffic;
};

class Rates {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // The rows of an answer to `servers` that was received at `now`. A count that has fallen, as
    // after a restart, gives no rate.
    std::vector<ServerRow> take(const boost::json::object& answer, TimePoint now);

private:
    struct Counts {
        std::uint64_t total = 0;
        std::uint64_t up = 0;
        std::uint64_t down = 0;
    };
    using Name = std::pair<std::string, std::string>;

    std::map<Name, Counts> last_;
    TimePoint last_at_{};
};

// The pools of an answer to `status`, with the rates of their servers.
std::vector<PoolRow> pool_rows(const boost::json::object& status,
                               const std::vector<ServerRow>& servers);

}  // namespace ringway::ringctl
