// What a mirror does next: whether it takes a snapshot or goes on from where it was, with which
// endpoint, and after which pause. Pure, on a given `now`; one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "proxy/base/clock.h"
#include "proxy/etcd/json_gateway.h"

namespace ringway::proxy {

struct MirrorState {
    enum class Kind : std::uint8_t {
        connecting,  // no attempt has ended yet
        in_sync,     // changes arrive as they are made
        lost,        // the copy is as it was
    };
    Kind kind = Kind::connecting;
    std::string reason{};  // of the last failure, while lost
    TimePoint since{};
    TimePoint last_contact{};   // something of a member was understood; 0: never
    std::int64_t revision = 0;  // that the copy is of; 0: there is none yet
    std::string endpoint{};     // that is used, or tried

    std::uint64_t snapshots = 0;
    std::uint64_t reconnects = 0;   // attempts after the first
    std::uint64_t compactions = 0;  // that cost a snapshot
    std::uint64_t events = 0;
    std::uint64_t errors = 0;  // attempts and watches that failed
};

class MirrorPlan {
public:
    // An attempt that goes on from a revision (not 0) first asks whether it is kept (a probe).
    struct Attempt {
        std::size_t endpoint = 0;
        std::int64_t after = 0;  // 0: takes a snapshot
    };

    MirrorPlan(std::size_t endpoints, std::uint64_t seed) : endpoints_(endpoints), random_(seed) {}

    Attempt begin(TimePoint now);
    // The answer to the probe: whether the watch can go on. Otherwise a snapshot is needed.
    bool on_probe(TimePoint now, const EtcdResult<EtcdHeader>& answer);
    void on_snapshot(TimePoint now, const EtcdHeader& header);
    void on_watching(TimePoint now);
    // Changes and progress of the watch.
    void on_message(TimePoint now, const EtcdWatchMessage& message);
    // The attempt has failed or the watch has ended: how long to wait before the next.
    std::chrono::milliseconds on_failure(TimePoint now, const EtcdError& error);

    const MirrorState& state() const { return state_; }

    static constexpr std::chrono::milliseconds pause_min{100};
    static constexpr std::chrono::milliseconds pause_max{5'000};
    // A watch that lasted so long was a good one: the pauses begin anew.
    static constexpr std::chrono::milliseconds steady{5'000};

private:
    std::chrono::milliseconds pause();

    const std::size_t endpoints_;
    std::mt19937_64 random_;
    MirrorState state_;
    std::size_t endpoint_ = 0;
    std::uint64_t cluster_ = 0;
    std::uint64_t term_ = 0;
    std::size_t failures_ = 0;  // since the last good watch
    bool begun_ = false;
};

}  // namespace ringway::proxy
