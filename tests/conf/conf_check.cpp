// Reads a configuration file and prints its errors, as `ringway --check` does:
// for tests that are not written in C++. Exits with 1 where there are any.
#include <cstdio>
#include <variant>

#include "conf/config.h"

namespace conf = ringway::conf;

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const auto file = conf::read_file(argv[1]);
    if (const auto* error = std::get_if<conf::Error>(&file)) {
        std::puts(error->to_string(argv[1]).c_str());
        return 1;
    }
    const auto result = conf::parse(std::get<std::string>(file));
    const auto* errors = std::get_if<conf::Errors>(&result);
    if (errors == nullptr) return 0;
    for (const auto& error : *errors) std::puts(error.to_string(argv[1]).c_str());
    return 1;
}
