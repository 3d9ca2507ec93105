// What a pool's ring is worth, and what its last change moved: exact, and worked out
// when somebody asks for the first time since a change, for it takes time in proportion
// to the points. Control thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "ring/analysis.h"
#include "ring/explain.h"
#include "ring/snapshot.h"

namespace ringway::proxy {

class RingFigures {
public:
    // `now` is the state published last. The state before it is kept until somebody
    // asks what moved.
    void publish(std::shared_ptr<const ring::Snapshot> now);

    // A server's part of all keys, 0 to 1; nothing where it has no points.
    std::optional<double> share(std::string_view id) const;

    // The same, as far as it has been worked out for a question before.
    std::optional<double> known_share(std::string_view id) const {
        return shares_.empty() ? std::nullopt : share(id);
    }

    // The greatest part of a server, divided by its fair one; 0 where none has points.
    double peak_to_average() const;

    // The part of all keys that the last change moved; nothing before there was one.
    std::optional<double> moved_last_change() const;

    // The whole walk of a hash on `ring`, which may be newer, if all its servers were online.
    std::vector<ring::ExplainStep> explain_if_all_online(
        const std::shared_ptr<const ring::Snapshot>& ring, std::uint64_t hash) const;

private:
    void work_out() const;

    std::shared_ptr<const ring::Snapshot> now_;
    // Answers, where they have been worked out.
    mutable std::shared_ptr<const ring::Snapshot> before_;
    mutable std::optional<double> moved_;
    mutable std::vector<ring::Share> shares_;  // of the members of now_, in their order
    mutable double peak_to_average_ = 0;
    mutable std::optional<ring::IfAllOnline> if_all_online_;
};

}  // namespace ringway::proxy
