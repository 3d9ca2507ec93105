#include "proxy/control/engine.h"

#include <algorithm>
#include <stdexcept>
#include <system_error>

namespace ringway::proxy {

std::unique_ptr<Batch> EngineChoice::next() {
    if (wanted_ == conf::Engine::epoll || refusal_) return nullptr;
    try {
        return std::make_unique<Batch>(Worker::buffer_bytes);
    } catch (const std::system_error& error) {
        if (wanted_ == conf::Engine::io_uring) {
            throw std::runtime_error(std::string("engine: io_uring: ") + error.what());
        }
        refusal_ = error.what();
        return nullptr;
    }
}

EngineChoice::Status EngineChoice::status(
    const std::vector<std::unique_ptr<Worker>>& workers) const {
    if (wanted_ == conf::Engine::epoll || refusal_) return {conf::Engine::epoll, refusal_};
    const bool all = std::ranges::all_of(workers, &Worker::uses_io_uring);
    if (all) return {conf::Engine::io_uring, std::nullopt};
    return {conf::Engine::epoll, "it failed while running: the log has the reason"};
}

}  // namespace ringway::proxy
