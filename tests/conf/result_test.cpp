// The one way to fail.
#include "conf/result.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <boost/test/unit_test.hpp>

using ringway::Reason;
using ringway::Result;

namespace {

Result<std::string> text_or_reason(bool fails) {
    if (fails) return Reason("no text");
    return std::string("a text");
}

Result<std::unique_ptr<int>> moved() {
    auto local = std::make_unique<int>(7);
    return local;
}

struct Refusal {
    int status = 0;
};

Result<void, Refusal> refused() {
    return Refusal{404};
}

// A text is a value; it never becomes a reason unseen.
static_assert(std::is_convertible_v<std::string, Result<std::string>>);
static_assert(!std::is_convertible_v<std::string, Result<int>>);
static_assert(!std::is_convertible_v<std::string, Result<void>>);

}  // namespace

BOOST_AUTO_TEST_SUITE(result)

BOOST_AUTO_TEST_CASE(a_result_is_a_value_or_an_error) {
    BOOST_TEST(*text_or_reason(false) == "a text");
    BOOST_TEST(text_or_reason(false).error().text == "");
    BOOST_TEST(!text_or_reason(true).has_value());
    BOOST_TEST(text_or_reason(true).error().text == "no text");
    BOOST_TEST(**moved() == 7);
    BOOST_TEST(refused().error().status == 404);
    BOOST_TEST(Result<void>().has_value());
}

BOOST_AUTO_TEST_CASE(the_value_of_a_failure_is_misuse) {
    const auto is_named = [](const std::logic_error& error) {
        return error.what() == std::string("no text");
    };
    BOOST_CHECK_EXCEPTION(text_or_reason(true).value(), std::logic_error, is_named);
}

BOOST_AUTO_TEST_SUITE_END()
