// What the reads and writes of workers go through, as the file asks and the kernel allows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conf/config.h"
#include "proxy/data/worker.h"
#include "proxy/net/batch.h"

namespace ringway::proxy {

class EngineChoice {
public:
    explicit EngineChoice(conf::Engine wanted) : wanted_(wanted) {}

    // For the next worker; nullptr for plain calls. Throws std::runtime_error if io_uring is
    // demanded and the kernel refuses it.
    std::unique_ptr<Batch> next();

    struct Status {
        bool io_uring;                      // false once any worker's has failed
        std::optional<std::string> reason;  // why not, where it was wanted

        const char* name() const { return io_uring ? "io_uring" : "epoll"; }
    };
    Status status(const std::vector<std::unique_ptr<Worker>>& workers) const;

private:
    conf::Engine wanted_;
    std::optional<std::string> refusal_;
};

}  // namespace ringway::proxy
