#include "proxy/control/engine.h"

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
    if (wanted_ == conf::Engine::epoll || refusal_) return {false, refusal_};
    for (const auto& worker : workers) {
        if (const int error = worker->io_uring_failure(); error != 0) {
            return {false, "io_uring has failed: " + std::generic_category().message(error)};
        }
    }
    return {true, std::nullopt};
}

}  // namespace ringway::proxy
