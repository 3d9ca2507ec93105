// A listener's key settings made ready for use: regular expressions compiled.
// Immutable. Any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "conf/config.h"

namespace re2 {
class RE2;
}

namespace ringway::proxy {

class KeyRecipe {
public:
    // Patterns are valid: conf/ has checked them.
    explicit KeyRecipe(conf::KeySettings settings);

    const conf::KeySettings& settings() const { return settings_; }
    // The part's regular expression; null if it has none.
    const re2::RE2* pattern(std::size_t part) const { return patterns_[part].get(); }
    bool needs_destination() const { return needs_destination_; }

private:
    conf::KeySettings settings_;
    std::vector<std::shared_ptr<const re2::RE2>> patterns_;  // one per part
    bool needs_destination_ = false;
};

}  // namespace ringway::proxy
