// What the settings of all parts of the file are made of. Values.
#pragma once

#include <chrono>

namespace ringway::conf {

using Duration = std::chrono::milliseconds;

// Where an entry begins. Both count from 1; 0 means "nowhere in the file".
struct Position {
    int line = 0;
    int column = 0;
};

}  // namespace ringway::conf
