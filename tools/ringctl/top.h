// `ringctl top`: pools, servers, rates and events on the whole terminal, until the user quits.
#pragma once

#include <iosfwd>

#include "tools/ringctl/repeat.h"

namespace ringway::ringctl {

// `request.words` are "top" and an optional pool. Needs the terminal of the process.
ExitCode top(const Request& request, const Surroundings& surroundings, std::ostream& err);

}  // namespace ringway::ringctl
