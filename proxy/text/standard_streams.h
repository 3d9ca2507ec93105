// Standard input, output and error of a command: what is written is written, or the exit
// code says that it is not. Main thread only.
#pragma once

#include <optional>
#include <string>

namespace ringway::proxy {

// Has no socket or file get the number of a standard stream that is closed: writes to it go
// on failing. To be called before anything is opened.
void hold_standard_streams();

// Writes out what std::cout and stdout hold. Why not all that they were given was written.
std::optional<std::string> finish_output();

}  // namespace ringway::proxy
