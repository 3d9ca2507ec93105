// One line in a sample file, and the exact text of its error.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/conf/sample.h"

namespace ringway::conf::tests {

struct Case {
    Extra extra;
    std::string error;
};

inline void check(const std::vector<Case>& cases) {
    for (const auto& [extra, error] : cases) {
        const auto text = sample(extra);
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(errors_of(text) == error + '\n');
        }
    }
}

inline Case top(std::string_view line, std::string error) {
    return {{line, {}, {}, {}}, std::move(error)};
}
inline Case listener(std::string_view line, std::string error) {
    return {{{}, line, {}, {}}, std::move(error)};
}
inline Case pool(std::string_view line, std::string error) {
    return {{{}, {}, line, {}}, std::move(error)};
}
inline Case server(std::string_view line, std::string error) {
    return {{{}, {}, {}, line}, std::move(error)};
}

}  // namespace ringway::conf::tests
