#include "conf/fallbacks.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ringway::conf {
namespace {

using std::string_view;

// The entry `fallback` of a pool, for errors that its neighbours bring up.
void report_fallback(const Value& pool, const std::string& message) {
    const Path path{&pool.path(), "fallback", {}};
    const auto& items = pool.node().items;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
        if (items[i].text == path.name) Value(items[i + 1], path, pool.report()).error(message);
    }
}

// Where the fallback of each pool leads to: chains end. Each pool is visited once.
class Fallbacks {
public:
    explicit Fallbacks(const std::vector<Pool>& pools) : pools_(pools), seen_in_(pools.size()) {
        for (std::size_t i = 0; i < pools.size(); ++i) index_.emplace(pools[i].name, i);
    }

    // What is wrong with the fallback of one of the pools. A cycle is told once.
    std::optional<std::string> check(std::size_t first, const Section& section,
                                     const ListenerChecks& checks) {
        const std::string& fallback = pools_[first].fallback;
        if (fallback.empty()) return std::nullopt;
        if (auto error = checks.why_no_pool(fallback, section)) return error;
        const std::size_t walk = first + 1;
        for (std::size_t at = first; seen_in_[at] == 0;) {
            seen_in_[at] = walk;
            const auto next = index_.find(pools_[at].fallback);
            if (next == index_.end()) return std::nullopt;
            at = next->second;
            if (seen_in_[at] == walk) return "leads back to where it began: " + way_from(at);
        }
        return std::nullopt;
    }

private:
    std::string way_from(std::size_t start) const {
        std::string way = pools_[start].name;
        std::size_t at = start;
        do {
            at = index_.at(pools_[at].fallback);
            way += " -> " + pools_[at].name;
        } while (at != start && way.size() < 256);
        return way;
    }

    const std::vector<Pool>& pools_;
    std::vector<std::size_t> seen_in_;  // the walk that met it, counted from 1
    std::map<string_view, std::size_t> index_;
};

}  // namespace

void check_fallbacks(Section& section, const std::vector<Pool>& pools,
                     const ListenerChecks& checks) {
    if (!checks.pools_known) return;
    Fallbacks fallbacks(pools);
    std::size_t index = 0;
    section.each([&](const Value&, const Value& pool) {
        const auto error = fallbacks.check(index++, section, checks);
        if (error) report_fallback(pool, *error);
    });
}

}  // namespace ringway::conf
