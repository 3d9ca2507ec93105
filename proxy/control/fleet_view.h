// What the replicas of a fleet say to one another, by the keys below the fleet's prefix in etcd,
// and what follows from it. Every replica that has the same keys comes to the same conclusions.
// Pure; one thread.
//
//     replicas/NAME      {"instance": ..., "version": ..., "started": S, "generation": N,
//                         "file": SHA-256, "settings": SHA-256, "health": "majority",
//                         "pools": {POOL: {"ring": SHA-256, "servers": N, "online": N}}}
//     checks/NAME/POOL   {"down": [ID, ...], "unknown": [ID, ...]}: unknown are servers without a
//                        check so far, and those that others find down and NAME does not have
//     words/POOL/ID      {"by_hand": "drain"}
//
// The first two are there as long as their replica is alive; words stay until they are taken back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/result.h"
#include "proxy/control/overrides.h"

namespace ringway::proxy {

struct ReplicaReport {
    struct OfPool {
        std::string ring;  // its fingerprint
        std::uint64_t servers = 0;
        std::uint64_t online = 0;
        bool operator==(const OfPool&) const = default;
    };
    std::string instance;  // of the process
    std::string version;
    std::int64_t started_s = 0;  // since the epoch
    std::uint64_t generation = 0;
    std::string file;      // its fingerprint
    std::string settings;  // that of all entries but the replica's name
    std::string health;
    std::map<std::string, OfPool, std::less<>> pools;
    bool operator==(const ReplicaReport&) const = default;
};

// Of the servers of one pool; all others are up.
struct ChecksReport {
    std::set<std::string, std::less<>> down;
    std::set<std::string, std::less<>> unknown;  // not checked yet
    bool operator==(const ChecksReport&) const = default;
};

std::string to_text(const ReplicaReport& report);
std::string to_text(const ChecksReport& report);
std::string to_text(AdminState word);
Result<ReplicaReport> parse_replica_report(std::string_view text);
Result<ChecksReport> parse_checks_report(std::string_view text);
Result<AdminState> parse_fleet_word(std::string_view text);

// How many replicas that have checked a server find it down.
struct Votes {
    std::size_t known = 0;
    std::size_t down = 0;
    bool is_down() const { return 2 * down > known; }
};

// In what two replicas differ.
struct FleetDifference {
    std::string replica;
    std::string pool;  // empty: in the file
    bool operator==(const FleetDifference&) const = default;
};

class FleetView {
public:
    // What a key may have changed.
    struct Change {
        std::set<std::string> pools;  // votes on their servers
        bool words = false;
        bool replicas = false;
    };

    // The key has this value now, or is there no more. A value that cannot be understood counts as
    // none; problems() has it.
    void take(const std::string& key, const std::optional<std::string>& value, Change& change);

    const std::map<std::string, ReplicaReport, std::less<>>& replicas() const { return replicas_; }
    const Overrides& words() const { return words_; }
    // By key.
    const std::map<std::string, std::string>& problems() const { return problems_; }
    Votes votes(std::string_view pool, std::string_view id) const;
    std::size_t voters(std::string_view pool) const;
    // The servers that some replica finds down.
    std::vector<std::string> down(std::string_view pool) const;
    // Replicas that differ from `name` in the file or in rings of pools that both have.
    std::vector<FleetDifference> differences(std::string_view name) const;

private:
    struct OfPool {
        std::map<std::string, ChecksReport, std::less<>> reports;  // by replica
        std::map<std::string, std::size_t, std::less<>> down;      // by server: how many reports
        std::map<std::string, std::size_t, std::less<>> unknown;
    };

    Result<void> take_replica(std::string_view name, const std::optional<std::string>& value,
                              Change& change);
    Result<void> take_checks(std::string_view rest, const std::optional<std::string>& value,
                             Change& change);
    Result<void> take_word(std::string_view rest, const std::optional<std::string>& value,
                           Change& change);
    static void count(OfPool& pool);

    std::map<std::string, ReplicaReport, std::less<>> replicas_;
    std::map<std::string, OfPool, std::less<>> checks_;
    Overrides words_;
    std::map<std::string, std::string> problems_;
};

// Of the keys below the prefix.
std::string replica_key(std::string_view name);
std::string checks_key(std::string_view name, std::string_view pool);
std::string word_key(std::string_view pool, std::string_view id);

}  // namespace ringway::proxy
