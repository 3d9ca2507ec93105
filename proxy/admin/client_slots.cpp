#include "proxy/admin/client_slots.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace ringway::proxy {

ClientSlots::ClientSlot::ClientSlot(std::shared_ptr<ClientSlots> all, std::function<void()> close)
    : all_(std::move(all)), close_(std::move(close)) {
    all_->all_.insert(this);
}

ClientSlots::ClientSlot::~ClientSlot() {
    all_->all_.erase(this);
}

void ClientSlots::ClientSlot::enter(ClientPhase phase) {
    phase_ = phase;
    since_ = Clock::now();
}

bool ClientSlots::ClientSlot::may_be_closed(std::chrono::milliseconds grace) const {
    return !leaving_ && (phase_ != ClientPhase::answering || Clock::now() - since_ > grace);
}

bool ClientSlots::ClientSlot::closes_before(const ClientSlot& other) const {
    return std::tie(phase_, since_) < std::tie(other.phase_, other.since_);
}

std::size_t ClientSlots::taken() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(all_, [](const ClientSlot* slot) { return !slot->leaving_; }));
}

bool ClientSlots::free_one(std::chrono::milliseconds grace) {
    ClientSlot* first = nullptr;
    for (ClientSlot* slot : all_) {
        if (!slot->may_be_closed(grace)) continue;
        if (first == nullptr || slot->closes_before(*first)) first = slot;
    }
    if (first == nullptr) return false;
    first->leaving_ = true;
    first->close_();
    return true;
}

}  // namespace ringway::proxy
