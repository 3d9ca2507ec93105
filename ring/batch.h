// A batch of changes on its way to the next snapshot: validates the changes and computes which
// points to add and drop. Internal to the library. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ring/snapshot.h"
#include "ring/types.h"

namespace ringway::ring {

// Throws Error where a ring cannot be made with `settings`.
void check(const Settings& settings);

// The members after a batch.
struct Membership {
    std::vector<Member> members;  // sorted by id; under Maglev, points are not yet known
    std::vector<Seat> seats;      // of members
    Seat seat_end = 0;            // above every seat
    std::size_t capacity = 0;     // points if every server were online
    // Changes of points. A server whose number of points changes without becoming zero is in both
    // lists: its points are dropped, and added again.
    std::vector<Seat> leaving;
    std::vector<std::size_t> coming;  // indexes into members
    std::vector<std::string> gone;    // ids that are registered no longer
};

class Batch {
public:
    // `base` must outlive the batch.
    explicit Batch(const Snapshot& base);

    // Throws Error if `change` is invalid after those taken before it.
    void take(const Change& change);

    // The members after every change taken, or nothing where they are as before.
    // Throws Error where they are beyond what a ring may grow to.
    std::optional<Membership> result() const;

private:
    // A server that a change names: what it was, and what it is to be.
    struct Touched {
        const Member* before;
        std::optional<ServerSpec> after;
    };

    Touched& touch(std::string_view id);
    ServerSpec& registered(std::string_view id);
    void take(const ServerSpec& server);
    std::shared_ptr<Load> load_of(const Touched& touched, const std::string& id) const;
    std::uint32_t points_of(std::uint32_t weight, Status status, std::uint32_t ramp) const;
    bool differs() const;
    std::size_t check_limits() const;
    Membership merge() const;
    void give_seats(Membership& next) const;

    const Snapshot& base_;
    std::map<std::string, Touched, std::less<>> touched_;
};

}  // namespace ringway::ring
