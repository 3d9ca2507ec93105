// Reads a configuration file and prints its errors, as `ringway --check` does:
// for tests that are not written in C++. Exits with 1 where there are any.
#include <cstdio>

#include "conf/config.h"

namespace conf = ringway::conf;

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const auto file = conf::read_file(argv[1]);
    if (!file) {
        std::puts(file.error().to_string(argv[1]).c_str());
        return 1;
    }
    const auto result = conf::parse(*file);
    if (result) return 0;
    for (const auto& error : result.error()) std::puts(error.to_string(argv[1]).c_str());
    return 1;
}
