#include "proxy/control/ring_figures.h"

#include <utility>

namespace ringway::proxy {

void RingFigures::publish(std::shared_ptr<const ring::Snapshot> now) {
    if (now == now_) return;
    before_ = std::exchange(now_, std::move(now));
    moved_.reset();
    shares_.clear();
    if_all_online_.reset();
}

std::optional<double> RingFigures::share(std::string_view id) const {
    const ring::Member* const member = now_ ? now_->find(id) : nullptr;
    if (member == nullptr || member->points == 0) return std::nullopt;
    work_out();
    return shares_[static_cast<std::size_t>(member - now_->members().data())].share;
}

double RingFigures::peak_to_average() const {
    work_out();
    return shares_.empty() ? 0 : peak_to_average_;
}

std::optional<double> RingFigures::moved_last_change() const {
    if (before_) {
        moved_ = ring::moved(*before_, *now_);
        before_.reset();
    }
    return moved_;
}

std::vector<ring::ExplainStep> RingFigures::explain_if_all_online(
    const std::shared_ptr<const ring::Snapshot>& ring, std::uint64_t hash) const {
    if (!if_all_online_ || if_all_online_->snapshot() != ring) if_all_online_.emplace(ring);
    return if_all_online_->explain(hash, ring->members().size());
}

void RingFigures::work_out() const {
    if (!now_ || !shares_.empty()) return;
    shares_ = ring::shares(*now_);
    peak_to_average_ = ring::balance(shares_).peak;
}

}  // namespace ringway::proxy
