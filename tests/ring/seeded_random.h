// The random generator of all tests, by the name that the ring's tests have for it.
#pragma once

#include "tests/support/random.h"

namespace ringway::ring::test {

using ringway::test::SeededRandom;

}  // namespace ringway::ring::test
