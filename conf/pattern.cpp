#include "conf/pattern.h"

#include <re2/re2.h>

namespace ringway::conf {

Result<int> check_pattern(std::string_view pattern) {
    RE2::Options options(RE2::Latin1);  // as the proxy reads bytes
    options.set_log_errors(false);
    const RE2 compiled({pattern.data(), pattern.size()}, options);
    if (!compiled.ok()) return Reason(compiled.error());
    return compiled.NumberOfCapturingGroups();
}

}  // namespace ringway::conf
