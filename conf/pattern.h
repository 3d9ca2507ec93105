// Regular expressions of the file. Pure.
#pragma once

#include <string_view>

#include "conf/result.h"

namespace ringway::conf {

// How many groups `pattern` has; fails with RE2's error.
Result<int> check_pattern(std::string_view pattern);

}  // namespace ringway::conf
