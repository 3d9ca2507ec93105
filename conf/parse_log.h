// The entries of the log. conf/section.h says what the calls do.
#pragma once

#include <cstddef>

#include "conf/config.h"
#include "conf/section.h"

namespace ringway::conf {

inline constexpr std::size_t socket_path_bytes_max = 107;  // unix(7): sun_path less its NUL
inline constexpr std::size_t path_bytes_max = 4'095;       // PATH_MAX less its NUL

void read_log(Section& section, LogSettings& log);

}  // namespace ringway::conf
