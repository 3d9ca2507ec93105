// A life with one fault in it, beside other connections, and the laws that hold whatever failed.
// Test thread.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proxy/data/close_reason.h"
#include "tests/proxy/faults_calls.h"
#include "tests/proxy/faults_life.h"

namespace ringway::test::faults {

// What came of a connection whose worker had a fault.
struct Outcome {
    std::size_t calls = 0;
    std::size_t allocations = 0;
    std::size_t faults_of_nth = 0;
    std::optional<Hit> hit;
    proxy::CloseReason end = proxy::CloseReason::none;  // none if it was not even counted
    std::vector<std::string> broken;                    // laws
    bool blames_server = false;
    void require(bool holds, const std::string& law) {
        if (!holds) broken.push_back(law);
    }
};

// Plays it; `arm` starts the count.
Outcome run(const Life& life, const std::function<void()>& arm);

}  // namespace ringway::test::faults
