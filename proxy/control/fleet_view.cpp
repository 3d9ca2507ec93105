#include "proxy/control/fleet_view.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "conf/text.h"

namespace ringway::proxy {

namespace {

constexpr std::string_view replicas_part = "replicas/";
constexpr std::string_view checks_part = "checks/";
constexpr std::string_view words_part = "words/";

// "a/b": names of pools and replicas have no slash, ids may have.
std::optional<std::pair<std::string_view, std::string_view>> split(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) {
        return std::nullopt;
    }
    return std::pair(text.substr(0, slash), text.substr(slash + 1));
}

std::size_t count_in(const std::map<std::string, std::size_t, std::less<>>& counts,
                     std::string_view id) {
    const auto found = counts.find(id);
    return found == counts.end() ? 0 : found->second;
}

}  // namespace

std::string replica_key(std::string_view name) {
    return std::string(replicas_part).append(name);
}

std::string checks_key(std::string_view name, std::string_view pool) {
    return std::string(checks_part).append(name).append("/").append(pool);
}

std::string word_key(std::string_view pool, std::string_view id) {
    return std::string(words_part).append(pool).append("/").append(id);
}

void FleetView::take(const std::string& key, const std::optional<std::string>& value,
                     Change& change) {
    const std::string_view text = key;
    Result<void> taken;
    if (text.starts_with(replicas_part)) {
        taken = take_replica(text.substr(replicas_part.size()), value, change);
    } else if (text.starts_with(checks_part)) {
        taken = take_checks(text.substr(checks_part.size()), value, change);
    } else if (text.starts_with(words_part)) {
        taken = take_word(text.substr(words_part.size()), value, change);
    } else if (value) {
        taken = Reason("no key of a fleet");
    }
    problems_.erase(key);
    if (!taken) problems_.emplace(key, taken.error().text);
}

Result<void> FleetView::take_replica(std::string_view name, const std::optional<std::string>& value,
                                     Change& change) {
    change.replicas = true;
    if (const auto found = replicas_.find(name); found != replicas_.end()) replicas_.erase(found);
    if (!value) return {};
    if (name.empty() || conf::has_control(name)) return Reason("expected replicas/REPLICA");
    auto report = parse_replica_report(*value);
    if (!report) return report.error();
    replicas_.emplace(name, std::move(*report));
    return {};
}

Result<void> FleetView::take_checks(std::string_view rest, const std::optional<std::string>& value,
                                    Change& change) {
    const auto names = split(rest);
    if (!names) return Reason("expected checks/REPLICA/POOL");
    const auto& [replica, pool] = *names;
    change.pools.emplace(pool);
    OfPool& of_pool = checks_[std::string(pool)];
    if (const auto found = of_pool.reports.find(replica); found != of_pool.reports.end()) {
        of_pool.reports.erase(found);
    }
    Result<ChecksReport> report;
    if (value) {
        report = parse_checks_report(*value);
        if (report) of_pool.reports.emplace(replica, *report);
    }
    count(of_pool);
    if (of_pool.reports.empty()) checks_.erase(checks_.find(pool));
    if (!report) return report.error();
    return {};
}

Result<void> FleetView::take_word(std::string_view rest, const std::optional<std::string>& value,
                                  Change& change) {
    const auto names = split(rest);
    if (!names) return Reason("expected words/POOL/ID");
    const auto& [pool, id] = *names;
    change.words = true;
    PoolOverrides& of_pool = words_[std::string(pool)];
    of_pool.erase(std::string(id));
    Result<AdminState> word;
    if (value) {
        word = parse_fleet_word(*value);
        if (word) of_pool.emplace(id, ServerOverrides{.admin_state = *word});
    }
    if (of_pool.empty()) words_.erase(words_.find(pool));
    if (!word) return word.error();
    return {};
}

void FleetView::count(OfPool& pool) {
    pool.down.clear();
    pool.unknown.clear();
    for (const auto& [replica, report] : pool.reports) {
        for (const std::string& id : report.down) ++pool.down[id];
        for (const std::string& id : report.unknown) ++pool.unknown[id];
    }
}

std::vector<std::string> FleetView::down(std::string_view pool) const {
    std::vector<std::string> ids;
    const auto found = checks_.find(pool);
    if (found == checks_.end()) return ids;
    for (const auto& [id, reports] : found->second.down) ids.push_back(id);
    return ids;
}

std::size_t FleetView::voters(std::string_view pool) const {
    const auto found = checks_.find(pool);
    return found == checks_.end() ? 0 : found->second.reports.size();
}

Votes FleetView::votes(std::string_view pool, std::string_view id) const {
    const auto found = checks_.find(pool);
    if (found == checks_.end()) return {};
    const OfPool& of_pool = found->second;
    return {.known = of_pool.reports.size() - count_in(of_pool.unknown, id),
            .down = count_in(of_pool.down, id)};
}

std::vector<FleetDifference> FleetView::differences(std::string_view name) const {
    std::vector<FleetDifference> differences;
    const auto own = replicas_.find(name);
    if (own == replicas_.end()) return differences;
    for (const auto& [replica, report] : replicas_) {
        if (report.settings != own->second.settings) differences.push_back({replica, ""});
        for (const auto& [pool, of_pool] : report.pools) {
            const auto ours = own->second.pools.find(pool);
            if (ours == own->second.pools.end() || ours->second.ring == of_pool.ring) continue;
            differences.push_back({replica, pool});
        }
    }
    return differences;
}

}  // namespace ringway::proxy
