#include "ring/arcs.h"

#include "ring/border.h"
#include "ring/snapshot_access.h"

namespace ringway::ring {
ArcReader::ArcReader(const Snapshot& snapshot) : snapshot_(snapshot) {
    if (snapshot.point_count() != 0 && SnapshotAccess::placement(snapshot).ring) start();
}

std::optional<Arc> ArcReader::next() {
    if (!reader_) return next_entry();
    if (ready_begin_ == ready_end_) {
        if (ended_) return std::nullopt;
        ready_begin_ = ready_end_ = 0;
        step();
        if (ready_end_ == 0) return std::nullopt;
    }
    return ready_[ready_begin_++];
}

std::optional<Arc> ArcReader::next_entry() {
    if (snapshot_.point_count() == 0)
        return entry_++ == 0 ? std::optional(Arc{0, nullptr}) : std::nullopt;
    const MaglevTable& table = *SnapshotAccess::placement(snapshot_).maglev;
    if (entry_ == table.size()) return std::nullopt;
    const Arc arc{table.begin(entry_), &SnapshotAccess::member(snapshot_, table.seat(entry_))};
    ++entry_;
    return arc;
}

void ArcReader::push(std::uint64_t begin, Seat owner) {
    ready_[ready_end_++] = {begin, &SnapshotAccess::member(snapshot_, owner)};
}

ArcReader::Group ArcReader::read_group() {
    Group group{ahead_->position, ahead_->seat, ahead_->seat};
    ahead_.reset();
    while (!reader_->done()) {
        const Point point = reader_->next();
        if (point.position != group.position) {
            ahead_ = point;
            break;
        }
        group.last = point.seat;
    }
    return group;
}

// What comes before the first position: the seam may lie below it, or above the last.
void ArcReader::start() {
    const PointTable& table = SnapshotAccess::table(snapshot_);
    reader_.emplace(table);
    ahead_ = reader_->next();
    first_ = group_ = read_group();
    const std::size_t last = table.size() - 1;
    seam_ = border(table.position(last), first_.position);
    if (seam_ != 0 && seam_ <= first_.position) {
        push(0, table.seat(last));
        push(seam_, first_.first);
    } else {
        push(0, first_.first);
    }
}

// From one group to the next, or to the top.
void ArcReader::step() {
    const std::uint64_t above = group_.position + 1;
    const bool split = group_.first != group_.last;
    if (ahead_) {
        const Group next = read_group();
        const std::uint64_t takes_over = border(group_.position, next.position);
        if (split && above < takes_over) push(above, group_.last);
        push(takes_over, next.first);
        group_ = next;
        return;
    }
    ended_ = true;
    const bool seam_above = seam_ > group_.position;
    if (split && above != 0 && !(seam_above && above == seam_)) push(above, group_.last);
    if (seam_above) push(seam_, first_.first);
}

}  // namespace ringway::ring
