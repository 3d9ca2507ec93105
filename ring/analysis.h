// What a ring is worth and what a change would cost, computed from the arcs of the
// circle and not from samples: exact up to the rounding of the last division. Takes
// time in proportion to the points. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "ring/snapshot.h"

namespace ringway::ring {

// One server's part of all hashes.
struct Share {
    const Member* member;  // of the snapshot
    double share;          // 0 to 1
    double fair;           // its weight, ramped, of that on the ring; 0 while not on it
};

// Every member, in order of id.
std::vector<Share> shares(const Snapshot& snapshot);

// How even the shares of the servers on the ring are, each divided by its fair one.
// All 0 where no server is on the ring.
struct Balance {
    double peak = 0;       // the greatest
    double least = 0;      // the least
    double deviation = 0;  // standard deviation; the mean is about 1
};

Balance balance(const std::vector<Share>& shares);

// A part of all hashes that changes hands.
struct Move {
    std::string from;  // empty: no server had it
    std::string to;    // empty: no server will have it
    double share;
};

struct KeyMoves {
    double moved = 0;  // of all hashes
    // By descending share.
    std::vector<Move> moves;
    // The two hash keys alike. If not, every key is placed afresh: `moved` is what is
    // to be expected then, and `moves` is empty.
    bool same_hash = true;
};

KeyMoves key_moves(const Snapshot& before, const Snapshot& after);

// KeyMoves::moved alone, for less time and memory.
double moved(const Snapshot& before, const Snapshot& after);

// A SHA-256 in hexadecimal over everything that decides where keys go: equal for two replicas that
// place all keys alike, however they reached their state. ring/README.md lists the bytes.
std::string fingerprint(const Snapshot& snapshot);

}  // namespace ringway::ring
