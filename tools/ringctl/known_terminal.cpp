#include "tools/ringctl/known_terminal.h"

#include <unistd.h>

#include <curses.h>
#include <term.h>

namespace ringway::ringctl {

bool is_known_terminal() {
    int found = 0;
    if (::setupterm(nullptr, STDOUT_FILENO, &found) != OK) return false;
    ::del_curterm(::cur_term);
    return true;
}

}  // namespace ringway::ringctl
