// Looks up the terminal in terminfo. In a file of its own: <term.h> defines macros with many common
// names.
#pragma once

namespace ringway::ringctl {

// Whether TERM names a known terminal. Checked before newterm(3X), which leaks memory for an
// unknown one.
bool is_known_terminal();

}  // namespace ringway::ringctl
