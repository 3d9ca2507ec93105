#include "tools/ringctl/rates.h"

#include <utility>

#include "tools/ringctl/fields.h"
#include "tools/ringctl/render.h"

namespace ringway::ringctl {

namespace {

std::optional<double> rate(std::uint64_t before, std::uint64_t now, double seconds) {
    if (now < before) return std::nullopt;
    return static_cast<double>(now - before) / seconds;
}

void add_to(std::optional<double>& sum, const std::optional<double>& more) {
    if (more) sum = sum.value_or(0) + *more;
}

}  // namespace

void Traffic::add(const Traffic& other) {
    add_to(connections, other.connections);
    add_to(bytes_up, other.bytes_up);
    add_to(bytes_down, other.bytes_down);
}

std::vector<ServerRow> Rates::take(const json::object& answer, TimePoint now) {
    const double seconds = std::chrono::duration<double>(now - last_at_).count();
    std::map<Name, Counts> counts;
    std::vector<ServerRow> rows;
    for (const auto* each : objects(answer, "servers")) {
        ServerRow row{.pool = text(*each, "pool"),
                      .id = text(*each, "id"),
                      .status = text(*each, "status"),
                      .detail = text(*each, "detail"),
                      .tone = tone_of_server(*each),
                      .active = number(*each, "active").value_or(0),
                      .failures = number(*each, "connect_failures").value_or(0),
                      .share = decimal(*each, "share")};
        const Counts present{.total = number(*each, "total").value_or(0),
                             .up = number(*each, "bytes_up").value_or(0),
                             .down = number(*each, "bytes_down").value_or(0)};
        const auto before = last_.find({row.pool, row.id});
        if (before != last_.end() && seconds > 0) {
            row.traffic = {.connections = rate(before->second.total, present.total, seconds),
                           .bytes_up = rate(before->second.up, present.up, seconds),
                           .bytes_down = rate(before->second.down, present.down, seconds)};
        }
        counts[{row.pool, row.id}] = present;
        rows.push_back(std::move(row));
    }
    last_ = std::move(counts);
    last_at_ = now;
    return rows;
}

std::vector<PoolRow> pool_rows(const json::object& status, const std::vector<ServerRow>& servers) {
    std::map<std::string, Traffic> traffic;
    for (const ServerRow& server : servers) traffic[server.pool].add(server.traffic);
    std::vector<PoolRow> rows;
    for (const auto* each : objects(status, "pools")) {
        PoolRow row{.name = text(*each, "name"),
                    .servers = number(*each, "servers").value_or(0),
                    .online = number(*each, "online").value_or(0),
                    .panic = flag(*each, "panic"),
                    .active = number(*each, "active").value_or(0)};
        row.traffic = traffic[row.name];
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace ringway::ringctl
