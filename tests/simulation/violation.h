// What a law says when it is broken.
#pragma once

#include <string>
#include <utility>

namespace ringway::simulation {

struct Violation {
    std::string law;   // a short name: a shrunk history must break the same
    std::string what;  // for people
};

// Throws where `holds` is false. `what` is called only then.
template <class What>
void expect(bool holds, const char* law, What&& what) {
    if (!holds) throw Violation{law, std::forward<What>(what)()};
}

}  // namespace ringway::simulation
