// Regular expressions of the file. Pure.
#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace ringway::conf {

// How many groups `pattern` has, or RE2's error.
std::variant<int, std::string> check_pattern(std::string_view pattern);

}  // namespace ringway::conf
