// Standard input, output and error of a command: a failed write makes the exit code fail. Main
// thread only.
#pragma once

#include "conf/result.h"

namespace ringway::proxy {

// Keeps the number of a closed standard stream from being given to a socket or file: writes to it
// keep failing. Call it before anything is opened.
void hold_standard_streams();

// Flushes std::cout and stdout. Fails if not all output was written.
Result<void> finish_output();

}  // namespace ringway::proxy
