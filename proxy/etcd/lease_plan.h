// Keys of ours under one lease: which call to etcd is next, one at a time. Pure, on a given `now`;
// one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/etcd/json_gateway.h"

namespace ringway::proxy {

struct LeaseState {
    enum class Kind : std::uint8_t {
        idle,  // there are no keys to keep
        held,  // the lease is alive; `pending` keys are not there as they should be
        lost,  // or not granted yet: others see no keys of ours, or soon none
    };
    Kind kind = Kind::idle;
    std::string reason{};  // of the last failure, until a call succeeds
    TimePoint since{};
    std::int64_t lease = 0;  // 0: none
    std::size_t keys = 0;
    std::size_t pending = 0;  // of them, and of those to be removed

    std::uint64_t grants = 0;
    std::uint64_t losses = 0;  // leases that ended before their time
    std::uint64_t puts = 0;
    std::uint64_t removals = 0;
    std::uint64_t errors = 0;  // calls that failed
};

class LeasePlan {
public:
    struct Call {
        enum class Kind : std::uint8_t { grant, keep_alive, put, remove, revoke };
        Kind kind = Kind::grant;
        std::string key{};    // of put and remove
        std::string value{};  // of put
        std::int64_t lease = 0;
    };

    // `ttl` is what is asked for; etcd may grant more.
    LeasePlan(std::chrono::seconds ttl, std::uint64_t seed) : ttl_(ttl), random_(seed) {}

    void set(std::string key, std::string value);
    void erase(const std::string& key);
    // It is not known what etcd has of the key.
    void doubt(const std::string& key);
    // From now on the lease is revoked, and with it all keys are removed; nothing else is done.
    void stop() { stopping_ = true; }

    // The call to make now, whose end one of the functions below tells; nothing until due().
    std::optional<Call> next(TimePoint now);
    // When there is something to do without a change; TimePoint::max() for never.
    TimePoint due() const;
    bool is_done() const { return stopping_ && lease_ == 0; }

    // `sent` is when the call was made: a lease lives from then on at least.
    void on_granted(TimePoint now, TimePoint sent, const EtcdLease& lease);
    void on_kept(TimePoint now, TimePoint sent, const EtcdLease& lease);
    void on_put(const Call& call);
    void on_removed(const Call& call);
    void on_revoked();
    void on_failure(TimePoint now, const Call& call, const EtcdError& error);

    // At `now`, when a lease that was not kept alive in time has expired.
    LeaseState state(TimePoint now);

    static constexpr std::chrono::milliseconds pause_min{100};
    static constexpr std::chrono::milliseconds pause_max{5'000};

private:
    void lose(TimePoint now, std::string_view why);
    void note(TimePoint now);
    bool is_alive(TimePoint now) const { return lease_ != 0 && now < expires_; }
    bool is_pending(const std::string& key) const;
    void look_at(const std::string& key);

    const std::chrono::seconds ttl_;
    std::mt19937_64 random_;
    std::map<std::string, std::string> wanted_;
    // What etcd has under the lease; without a value where that is not known, after a failure.
    std::map<std::string, std::optional<std::string>> there_;
    std::set<std::string> pending_;  // keys in which the two differ
    std::int64_t lease_ = 0;
    TimePoint expires_{};       // of the lease
    TimePoint keep_at_{};       // when it is to be kept alive again
    TimePoint retry_at_{};      // nothing is done before, after a failure
    std::size_t failures_ = 0;  // in a row
    bool stopping_ = false;
    LeaseState state_;
};

}  // namespace ringway::proxy
