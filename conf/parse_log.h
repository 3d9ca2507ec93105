// The entries of the log. conf/section.h says what the calls do.
#pragma once

#include "conf/config.h"
#include "conf/section.h"

namespace ringway::conf {

void read_log(Section& section, LogSettings& log);

}  // namespace ringway::conf
