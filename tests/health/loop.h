// A loop that a test turns by hand until a state is reached. Test thread.
#pragma once

#include <chrono>
#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

namespace ringway::tests {

struct Loop {
    void run_until(const std::function<bool()>& reached) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!reached()) {
            io.restart();
            if (io.run_one_until(deadline) == 0) BOOST_FAIL("the state was never reached");
        }
    }

    boost::asio::io_context io{1};
};

}  // namespace ringway::tests
