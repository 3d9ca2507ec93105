// What terminfo says of the terminal. In a file of its own: <term.h> defines macros with
// the names of half of everything.
#pragma once

namespace ringway::ringctl {

// Whether TERM names a terminal that is known. To be asked beforehand, since newterm(3X)
// keeps the memory that it took for one that is not.
bool is_known_terminal();

}  // namespace ringway::ringctl
