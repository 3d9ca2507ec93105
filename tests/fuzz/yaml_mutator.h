// Changes text that is indented as YAML is, and leaves it so for the most part: whole entries move,
// double and vanish, names and values are replaced by those that the configuration knows. Pure.
#pragma once

#include <string>
#include <string_view>

#include "tests/fuzz/mutation.h"

namespace ringway::fuzz {

// One change of `text`.
std::string mutate_yaml(std::string_view text, Chance& chance);
// `text` with an entry of `other` in it.
std::string cross_yaml(std::string_view text, std::string_view other, Chance& chance);

}  // namespace ringway::fuzz
