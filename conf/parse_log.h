// The entries of the log. conf/section.h documents the calls.
#pragma once

#include "conf/config.h"
#include "conf/section.h"

namespace ringway::conf {

void read_log(Section& section, LogSettings& log);

}  // namespace ringway::conf
