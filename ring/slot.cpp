#include "ring/slot.h"

namespace ringway::ring {

std::shared_ptr<Load> Ledger::load(const std::string& id) {
    const std::lock_guard lock(mutex_);
    if (loads_.size() >= sweep_at_) {
        std::erase_if(loads_, [](const auto& entry) { return entry.second.expired(); });
        sweep_at_ = 64 + 2 * loads_.size();
    }
    std::weak_ptr<Load>& known = loads_[id];
    std::shared_ptr<Load> load = known.lock();
    if (load == nullptr) {
        load = std::make_shared<Load>(shared_from_this());
        known = load;
    }
    return load;
}

void Ledger::rename(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    const auto found = loads_.find(from);
    if (found == loads_.end()) return;
    const std::weak_ptr<Load> load = found->second;
    loads_.erase(found);
    loads_.insert_or_assign(to, load);
}

std::uint64_t Ledger::live() const {
    std::uint64_t sum = 0;
    for (const Part& part : parts_) sum += part.live.load(std::memory_order_acquire);
    return sum;
}

std::uint8_t Ledger::part_of_this_thread() {
    static std::atomic<std::uint8_t> threads{0};
    thread_local const auto part =
        static_cast<std::uint8_t>(threads.fetch_add(1, std::memory_order_relaxed) % parts);
    return part;
}

}  // namespace ringway::ring
