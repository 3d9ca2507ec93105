#include "ring/balancer.h"

#include <array>

#include "ring/batch.h"
#include "ring/rebuild.h"
#include "ring/snapshot_access.h"

namespace ringway::ring {

Balancer::Balancer(const Settings& settings, std::shared_ptr<Ledger> ledger) {
    check(settings);
    if (ledger == nullptr) ledger = std::make_shared<Ledger>();
    current_ = SnapshotAccess::make(settings, {}, {}, empty_placement(settings.algorithm),
                                    std::move(ledger), 1);
}

void Balancer::register_server(ServerSpec server) {
    apply(std::array<Change, 1>{std::move(server)});
}

void Balancer::unregister_server(std::string_view id) {
    apply(std::array<Change, 1>{Unregister{std::string(id)}});
}

void Balancer::set_status(std::string_view id, Status status) {
    apply(std::array<Change, 1>{SetStatus{std::string(id), status}});
}

void Balancer::apply(std::span<const Change> changes) {
    const std::lock_guard lock(change_mutex_);
    const std::shared_ptr<const Snapshot> base = snapshot();
    Batch batch(*base);
    for (const Change& change : changes) batch.take(change);
    std::optional<Membership> next = batch.result();
    if (!next) return;

    Rebuilt rebuilt = rebuild(*base, *next, parked_);
    auto snapshot = SnapshotAccess::make(base->settings(), next->members, next->seats,
                                         std::move(rebuilt.placement),
                                         SnapshotAccess::ledger(*base), base->generation() + 1);

    // Nothing below can fail.
    publish(std::move(snapshot));
    for (const std::size_t i : next->coming) parked_.erase(next->members[i].id);
    for (const std::string& id : next->gone) parked_.erase(id);
    parked_.merge(rebuilt.parked);
}

void Balancer::publish(std::shared_ptr<const Snapshot> next) {
    const std::uint64_t generation = next->generation();
    const std::lock_guard lock(publish_mutex_);
    current_.swap(next);
    generation_.store(generation, std::memory_order_release);
}

std::optional<std::string> Balancer::server_for_key(std::string_view key) const {
    const auto state = snapshot();
    const Member* const member = state->owner(state->hash(key));
    return member != nullptr ? std::optional(member->id) : std::nullopt;
}

std::optional<Status> Balancer::server_status(std::string_view id) const {
    const auto state = snapshot();
    const Member* const member = state->find(id);
    return member != nullptr ? std::optional(member->status) : std::nullopt;
}

std::shared_ptr<const Snapshot> Balancer::snapshot() const {
    const std::lock_guard lock(publish_mutex_);
    return current_;
}

std::shared_ptr<const Snapshot> preview(const std::shared_ptr<const Snapshot>& base,
                                        std::span<const Change> changes) {
    Batch batch(*base);
    for (const Change& change : changes) batch.take(change);
    std::optional<Membership> next = batch.result();
    if (!next) return base;
    Rebuilt rebuilt = rebuild(*base, *next, {});
    return SnapshotAccess::make(base->settings(), next->members, next->seats,
                                std::move(rebuilt.placement), SnapshotAccess::ledger(*base),
                                base->generation());
}

Reader::Reader(const Balancer& balancer) : balancer_(&balancer) {
    refresh();
}

void Reader::refresh() {
    snapshot_ = balancer_->snapshot();
    generation_ = snapshot_->generation();
}

}  // namespace ringway::ring
