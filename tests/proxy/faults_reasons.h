// Which ends of a connection fit a call that failed. Pure.
#pragma once

#include <algorithm>
#include <vector>

#include "proxy/data/close_reason.h"
#include "tests/proxy/faults_calls.h"
#include "tests/proxy/faults_life.h"

namespace ringway::test::faults {

struct Fit {
    std::vector<proxy::CloseReason> ends;
    bool may_blame_server = false;
    bool allows(proxy::CloseReason end) const { return std::ranges::count(ends, end) > 0; }
};

Fit fits(const Hit& hit, const Life& life);

}  // namespace ringway::test::faults
