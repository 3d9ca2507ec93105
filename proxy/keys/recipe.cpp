#include "proxy/keys/recipe.h"

#include <utility>

#include <re2/re2.h>

namespace ringway::proxy {

KeyRecipe::KeyRecipe(conf::KeySettings settings) : settings_(std::move(settings)) {
    re2::RE2::Options options(re2::RE2::Latin1);  // bytes, not UTF-8
    options.set_log_errors(false);
    for (const conf::KeyPart& part : settings_.parts) {
        const bool is_regex = part.from == conf::KeyPart::From::regex;
        patterns_.push_back(is_regex ? std::make_shared<const re2::RE2>(part.pattern, options)
                                     : nullptr);
        needs_destination_ |= part.from == conf::KeyPart::From::destination;
    }
}

}  // namespace ringway::proxy
