// `ringctl top`: pools, servers, rates and events on a whole terminal, until somebody quits.
#pragma once

#include <iosfwd>

#include "tools/ringctl/repeat.h"

namespace ringway::ringctl {

// `request.words` are "top" and perhaps a pool. Needs the terminal of the process.
ExitCode top(const Request& request, const Surroundings& surroundings, std::ostream& err);

}  // namespace ringway::ringctl
