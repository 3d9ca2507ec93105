// The engine that a test's reads and writes go through: plain calls, or io_uring where
// RINGWAY_TEST_ENGINE says so (tests/CMakeLists.txt).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <system_error>

#include "proxy/data/worker.h"
#include "proxy/net/batch.h"

namespace ringway::test {

// What ctest takes for a skipped test.
inline constexpr int skipped = 77;

// Ends the program as skipped where the kernel refuses what is wanted.
inline std::unique_ptr<proxy::Batch> batch_of_engine() {
    const char* const engine = std::getenv("RINGWAY_TEST_ENGINE");
    if (engine == nullptr || std::string_view(engine) != "io_uring") return nullptr;
    try {
        return std::make_unique<proxy::Batch>(proxy::Worker::buffer_bytes);
    } catch (const std::system_error& error) {
        std::printf("skipped, the kernel refuses io_uring: %s\n", error.what());
        std::exit(skipped);
    }
}

}  // namespace ringway::test
