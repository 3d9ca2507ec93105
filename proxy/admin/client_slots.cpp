#include "proxy/admin/client_slots.h"

#include <utility>

namespace ringway::proxy {

Places::Place::Place(std::shared_ptr<Places> all, std::function<void()> close)
    : all_(std::move(all)), close_(std::move(close)) {
    all_->all_.insert(this);
}

Places::Place::~Place() {
    all_->all_.erase(this);
}

void Places::Place::set_answering(bool answering) {
    answering_ = answering;
    since_ = Clock::now();
}

bool Places::Place::gives_way(std::chrono::milliseconds unhurried) const {
    return !leaving_ && (!answering_ || Clock::now() - since_ > unhurried);
}

bool Places::Place::gives_way_before(const Place& other) const {
    return answering_ != other.answering_ ? !answering_ : since_ < other.since_;
}

bool Places::make_room(std::chrono::milliseconds unhurried) {
    Place* first = nullptr;
    for (Place* place : all_) {
        if (!place->gives_way(unhurried)) continue;
        if (first == nullptr || place->gives_way_before(*first)) first = place;
    }
    if (first == nullptr) return false;
    first->leaving_ = true;
    first->close_();
    return true;
}

}  // namespace ringway::proxy
