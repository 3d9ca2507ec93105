#include "proxy/admin/client_slots.h"

#include <utility>

namespace ringway::proxy {

ClientSlots::ClientSlot::ClientSlot(std::shared_ptr<ClientSlots> all, std::function<void()> close)
    : all_(std::move(all)), close_(std::move(close)) {
    all_->all_.insert(this);
}

ClientSlots::ClientSlot::~ClientSlot() {
    all_->all_.erase(this);
}

void ClientSlots::ClientSlot::set_answering(bool answering) {
    answering_ = answering;
    since_ = Clock::now();
}

bool ClientSlots::ClientSlot::gives_way(std::chrono::milliseconds unhurried) const {
    return !leaving_ && (!answering_ || Clock::now() - since_ > unhurried);
}

bool ClientSlots::ClientSlot::gives_way_before(const ClientSlot& other) const {
    return answering_ != other.answering_ ? !answering_ : since_ < other.since_;
}

bool ClientSlots::make_room(std::chrono::milliseconds unhurried) {
    ClientSlot* first = nullptr;
    for (ClientSlot* place : all_) {
        if (!place->gives_way(unhurried)) continue;
        if (first == nullptr || place->gives_way_before(*first)) first = place;
    }
    if (first == nullptr) return false;
    first->leaving_ = true;
    first->close_();
    return true;
}

}  // namespace ringway::proxy
