// What the tests of names share. Test thread.
#pragma once

#include <chrono>
#include <functional>
#include <ostream>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/names/answer.h"
#include "proxy/names/question.h"
#include "tests/support/wait.h"

namespace ringway::test {

using namespace std::chrono_literals;

inline proxy::Question addresses_of(std::string name) {
    return {proxy::Question::Kind::addresses, std::move(name)};
}

inline proxy::Question services_of(std::string name) {
    return {proxy::Question::Kind::services, std::move(name)};
}

// With port 0.
inline conf::Endpoint address(std::string_view text) {
    const std::string bracketed = text.find(':') == std::string_view::npos
                                      ? std::string(text)
                                      : '[' + std::string(text) + ']';
    auto parsed = conf::Endpoint::parse(bracketed + ":1");
    BOOST_REQUIRE_MESSAGE(parsed, "no address: " << text);
    parsed->port = 0;
    return *parsed;
}

// For people who read a failed test: records, or the failure.
inline std::string text_of(const proxy::Answer& answer) {
    if (!answer) return answer.error().text;
    std::string text = "ttl " + std::to_string(answer->ttl.count());
    for (const auto& each : answer->addresses) text += ' ' + each.to_string();
    for (const auto& each : answer->services) {
        text += ' ' + std::to_string(each.priority) + '/' + std::to_string(each.weight) + '/' +
                each.target + ':' + std::to_string(each.port);
    }
    if (answer->lacks_v4) text += " lacks v4";
    if (answer->lacks_v6) text += " lacks v6";
    return text;
}

// A loop that is turned by hand until a state is reached.
struct Loop {
    void run_until(const std::function<bool()>& reached) {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (!reached()) {
            io.restart();
            if (io.run_one_until(deadline) == 0) BOOST_FAIL("the state was never reached");
        }
    }
    // Everything that is ready.
    void turn() {
        io.restart();
        io.poll();
    }

    boost::asio::io_context io{1};
};

}  // namespace ringway::test
