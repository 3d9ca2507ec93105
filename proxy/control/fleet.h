// This replica among the others of its fleet: publishes what its checks find, and judges servers by
// what most replicas find. They meet in etcd; while that is lost for longer than a lease, each goes
// by its own checks. Control thread only.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "conf/config.h"
#include "health/condition.h"
#include "proxy/base/clock.h"
#include "proxy/control/events.h"
#include "proxy/control/fleet_view.h"
#include "proxy/etcd/client.h"
#include "proxy/etcd/leased_keys.h"
#include "proxy/etcd/mirror.h"

namespace ringway::proxy {

class Fleet {
public:
    // Without a sign of life a replica counts as dead after this time.
    static constexpr std::chrono::seconds lease_time{5};

    struct Told {
        // The fleet may judge servers of these pools otherwise; of all pools for nullptr.
        std::function<void(const std::set<std::string>* pools)> verdicts;
        std::function<void(const Overrides& words)> words;
    };

    // `events` outlives this.
    Fleet(boost::asio::io_context& io, const conf::FleetSettings& settings, EtcdTools tools,
          Events& events, Told told);

    // What `before` knows counts until a member of etcd has answered this one.
    void inherit(const Fleet& before);

    const conf::FleetSettings& settings() const { return settings_; }

    // What this replica has for the others; nothing happens where they have it already.
    void publish(ReplicaReport report);
    void publish_checks(const std::string& pool, ChecksReport report);
    // Of pools other than these nothing is said any more.
    void keep_pools(const std::set<std::string, std::less<>>& pools);

    // A server's condition for the whole fleet, where `own` is what is known of it here.
    health::Condition condition(std::string_view pool, std::string_view id,
                                health::Condition own) const;
    // Whether a member of etcd has answered, or all have been tried.
    bool is_settled() const {
        return has_answered_ || state().errors >= settings_.etcd.endpoints.size();
    }
    // Whether condition() goes by the others.
    bool is_in_force() const;

    // Sets an administrator's word for all replicas, or takes it back (automatic). Returns once
    // etcd has it, and this replica has heard of it or a second has passed.
    boost::asio::awaitable<Result<void>> say(std::string pool, std::string id, AdminState word);

    const FleetView& view() const { return view_; }
    const MirrorState& state() const { return mirror_->state(); }
    LeaseState lease() const { return keys_.state(); }
    // Whether the others have all that this replica has for them.
    bool is_published() const {
        const LeaseState state = lease();
        return state.kind == LeaseState::Kind::held && state.keys > 0 && state.pending == 0;
    }
    const std::string& instance() const { return instance_; }
    // Another process that has this replica's name.
    bool has_double() const;
    // Whether all that are alive agree with this one, and since when that is so or not.
    bool agrees() const { return agrees_; }
    TimePoint agrees_since() const { return agrees_since_; }
    // Since when a replica differs from this one; nothing where it does not.
    std::optional<TimePoint> differs_since(const std::string& replica) const;

    // Has the others know at once that this replica goes.
    boost::asio::awaitable<void> leave(std::chrono::milliseconds limit) {
        return keys_.stop(limit);
    }

private:
    void on_change(std::span<const std::string> keys);
    void on_state(const MirrorState& state);
    void put_again(std::span<const std::string> keys);
    void compare();
    void when_lost_for_long();

    const conf::FleetSettings settings_;
    const Told told_;
    const std::string instance_;
    boost::asio::io_context& io_;
    Events& events_;
    EtcdClient client_;
    LeasedKeys keys_;
    FleetView view_;
    std::optional<ReplicaReport> published_;
    std::map<std::string, ChecksReport, std::less<>> published_checks_;  // by pool
    boost::asio::steady_timer lost_;  // runs from a loss until lease_time later
    std::optional<MirrorState::Kind> last_;
    bool has_answered_ = false;  // a member, to this one
    bool is_lost_ = true;        // for long enough, or not heard of yet
    bool agrees_ = true;
    TimePoint agrees_since_ = Clock::now();
    std::map<std::string, TimePoint> differs_since_;  // by replica
    std::unique_ptr<EtcdMirror> mirror_;
};

}  // namespace ringway::proxy
